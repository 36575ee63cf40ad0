"""The wire format of protocol buffers, https://protobuf.dev/programming-guides/encoding: fields of bytes.

A message is a sequence of fields, and each field is a tag (the number of the field and a wire type) and a payload. The
module reads and writes payloads; `forms` knows which fields there are. Payloads of a message stay views of its buffer,
so nothing is copied, and every length is compared with the buffer before it is used.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["BYTES", "FIXED32", "FIXED64", "VARINT", "DamagedFileError", "Payload", "fields", "packed_varints",
           "signed", "tag_bytes", "varint_bytes", "varints_bytes"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5            # wire types
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
_MOST_BYTES = 10                                        # of a varint: 64 bits, 7 in a byte
_BLOCK = 1 << 16                                        # bytes of packed numbers that are decoded together

Payload = Any                                           # an int of a VARINT, a memoryview of the other wire types


class DamagedFileError(ValueError):
    """The bytes are not an ONNX model: not a protocol buffer, truncated, damaged, or with contents that conflict.

    Example:
        >>> from fastnet.onnx.wire import DamagedFileError, fields
        >>> try:
        ...     list(fields(memoryview(b"\\x0a\\x05abc")))
        ... except DamagedFileError as e:
        ...     print(e)
        field 1 is truncated: expected 5 bytes, got 3
    """


def fields(data: memoryview) -> Iterator[tuple[int, int, Payload]]:
    """Iterate over (number, wire type, payload) of the fields of a message.

    Args:
        data: the bytes of the message.

    Raises:
        DamagedFileError: the bytes are not a message.

    Example:
        >>> from fastnet.onnx.wire import fields
        >>> [(number, wire) for number, wire, _ in fields(memoryview(b"\\x08\\x96\\x01\\x12\\x01a"))]
        [(1, 0), (2, 2)]
    """
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise DamagedFileError(f"expected the number of a field, 1 to {(1 << 29) - 1}, got {number}")
        if wire == VARINT:
            payload, place = _varint(data, place)
            yield number, wire, payload
            continue
        if wire == BYTES:
            size, place = _varint(data, place)
        elif wire in _FIXED_SIZES:
            size = _FIXED_SIZES[wire]
        else:
            raise DamagedFileError(f"field {number} has the wire type {wire}, expected one of 0, 1, 2 and 5")
        if size > end - place:
            raise DamagedFileError(f"field {number} is truncated: expected {size} bytes, got {end - place}")
        yield number, wire, data[place:place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """(unsigned number of at most 64 bits, the place after it)."""
    number = shift = 0
    for byte in data[place:place + _MOST_BYTES]:
        number |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, place
        shift += 7
    if shift < 7 * _MOST_BYTES:
        raise DamagedFileError("a number is truncated")
    raise DamagedFileError(f"expected a number of at most {_MOST_BYTES} bytes, got a longer one")


def signed(number: int) -> int:
    """The int64 with the bits of an unsigned number.

    Args:
        number: of 64 bits.

    Example:
        >>> from fastnet.onnx.wire import signed
        >>> signed(2**64 - 1)
        -1
    """
    return number - (1 << 64) if number >> 63 else number


def packed_varints(data: memoryview) -> Array:
    """The numbers in a payload of packed varints, as uint64.

    Args:
        data: the payload.

    Raises:
        DamagedFileError: the last number is truncated, or one is longer than 10 bytes.

    Example:
        >>> from fastnet.onnx.wire import packed_varints
        >>> packed_varints(memoryview(b"\\x01\\x96\\x01"))
        array([  1, 150], dtype=uint64)
    """
    contents = np.frombuffer(data, np.uint8)
    if contents.size and contents[-1] >= 0x80:
        raise DamagedFileError("a list of numbers is truncated")
    numbers, begin = [], 0
    while begin < contents.size:                        # blocks, since the temporary arrays are 20 times as large
        ends = np.flatnonzero(contents[begin:begin + _BLOCK] < 0x80)
        if not ends.size:
            raise DamagedFileError(f"expected numbers of at most {_MOST_BYTES} bytes, got a longer one")
        numbers.append(_block_of_varints(contents[begin:begin + ends[-1] + 1], ends))
        begin += int(ends[-1]) + 1
    return np.concatenate(numbers) if numbers else np.zeros(0, np.uint64)


def _block_of_varints(contents: Array, ends: Array) -> Array:
    """The numbers that end at these places."""
    begins = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - begins + 1
    longest = int(sizes.max())
    if longest > _MOST_BYTES:
        raise DamagedFileError(f"expected numbers of at most {_MOST_BYTES} bytes, got one of {longest}")
    numbers = np.zeros(ends.size, np.uint64)
    for i in range(longest):                            # byte i of all numbers that have one
        longer = sizes > i
        numbers[longer] |= (contents[begins[longer] + i] & np.uint64(0x7F)) << np.uint64(7 * i)
    return numbers


def varint_bytes(number: int) -> bytes:
    """The bytes of a varint.

    Args:
        number: an int64 or a uint64.

    Example:
        >>> from fastnet.onnx.wire import varint_bytes
        >>> varint_bytes(150), len(varint_bytes(-1))
        (b'\\x96\\x01', 10)
    """
    number &= 0xFFFF_FFFF_FFFF_FFFF
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def varints_bytes(numbers: Array) -> bytes:
    """The bytes of packed varints.

    Args:
        numbers: integers.

    Example:
        >>> import numpy as np
        >>> from fastnet.onnx.wire import varints_bytes
        >>> varints_bytes(np.array([1, 150]))
        b'\\x01\\x96\\x01'
    """
    return b"".join(map(varint_bytes, numbers.tolist()))


def tag_bytes(number: int, wire: int) -> bytes:
    """The bytes of a tag.

    Args:
        number: of the field.
        wire: its wire type.

    Example:
        >>> from fastnet.onnx.wire import BYTES, tag_bytes
        >>> tag_bytes(1, BYTES)
        b'\\n'
    """
    return varint_bytes(number << 3 | wire)
