"""Messages of protocol buffers as dataclasses: the metadata of a field states its number and kind, for both directions.

A class of messages is a dataclass whose fields are made by `single` and `repeated`. Fields that a class does not have
are skipped when a message is read, as protocol buffers demand.
"""
from __future__ import annotations

import functools
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import field, fields as dataclass_fields
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fastnet.onnx.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    DamagedFileError,
    Payload,
    fields,
    packed_varints,
    signed,
    tag_bytes,
    varint_bytes,
    varints_bytes,
)

__all__ = ["DOUBLES", "FLOAT", "FLOATS", "INT", "INTS", "MOST_DEPTH", "MOST_MESSAGES", "STRING", "TEXT", "UNSIGNED",
           "VIEW", "Chunk", "Kind", "Message", "decode", "encode", "repeated", "single"]

MOST_DEPTH = 100                    # of messages in messages, as in Google's library
MOST_MESSAGES = 1_000_000           # in a file; each takes up to a kilobyte of memory, but 2 bytes of the file

Chunk = Any                         # bytes, or a memoryview of bytes


class Kind(NamedTuple):
    """How the payload of a field becomes a value, and a value a payload.

    Attributes:
        wire: the wire type that a single value has.
        read: the value of a payload.
        write: the payload of a value: bytes, without the length.
        packed: the values of a payload of several numbers; None if the kind cannot be packed.
        is_array: whether a value is an array of packed numbers. It counts as a message, since it takes more memory than
            its bytes.
    """

    wire: int
    read: Callable[[Payload], Any]
    write: Callable[[Any], Chunk]
    packed: Callable[[memoryview], list[Any]] | None = None
    is_array: bool = False


class _FieldPlace(NamedTuple):
    """A field of a class of messages."""

    name: str
    number: int
    kind: Kind | str                # a string names another class of messages
    repeated: bool


class Message:
    """Base of all classes of messages, which are dataclasses."""

    __slots__ = ()


_MessageT = TypeVar("_MessageT", bound=Message)


def single(number: int, kind: Kind | str, default: Any = None) -> Any:
    """A field that holds one value.

    Args:
        number: of the field.
        kind: of the value; a string names a class of messages of the same module.
        default: the value if the field is absent. A field with this value is not written.
    """
    return field(default=default, metadata={"place": (number, kind, False)})


def repeated(number: int, kind: Kind | str) -> Any:
    """A field that holds a list of values.

    Args:
        number: of the field.
        kind: of each value.
    """
    return field(default_factory=list, metadata={"place": (number, kind, True)})


@functools.cache
def _field_places(cls: Any) -> dict[int, _FieldPlace]:
    """{number: field} of a class of messages."""
    places = [_FieldPlace(entry.name, *entry.metadata["place"]) for entry in dataclass_fields(cls)]
    return {place.number: place for place in places}


def _class_of(place: _FieldPlace, cls: type[Message]) -> type[Message]:
    found: type[Message] = getattr(sys.modules[cls.__module__], str(place.kind))
    return found


# ---- reading ---------------------------------------------------------------------------------------------------------

def decode(cls: type[_MessageT], data: Chunk) -> _MessageT:
    """Read a message.

    Args:
        cls: the class of the message.
        data: its bytes. Values of the kind VIEW stay views of them.

    Raises:
        DamagedFileError: the bytes are not such a message, are nested deeper than 100 messages, or hold more than a
            million.
    """
    message = cls()
    _Decoder().read_into(message, memoryview(data).cast("B"), 0)
    return message


class _Decoder:
    """Reads one message with all that it contains."""

    def __init__(self) -> None:
        self.messages = 0

    def read_into(self, message: Message, data: memoryview, depth: int) -> None:
        """Read the fields of a message. A field that comes again replaces a value, extends a list or message."""
        if depth > MOST_DEPTH:
            raise DamagedFileError(f"expected at most {MOST_DEPTH} levels of messages in messages, got more")
        cls: Any = type(message)
        places = _field_places(cls)
        for number, wire, payload in fields(data):
            place = places.get(number)
            if place is None:
                continue
            if isinstance(place.kind, Kind):
                self._read_value(message, place, place.kind, wire, payload)
            else:
                self._read_message(message, place, wire, payload, depth)

    def _read_message(self, message: Message, place: _FieldPlace, wire: int, payload: Payload, depth: int) -> None:
        self._count()
        _expect_wire(place, wire, BYTES)
        present = None if place.repeated else getattr(message, place.name)
        inner = _class_of(place, type(message))() if present is None else present
        try:
            self.read_into(inner, payload, depth + 1)
        except DamagedFileError as e:
            raise DamagedFileError(f"{place.name}: {e}") from None
        _keep_value(message, place, inner)

    def _read_value(self, message: Message, place: _FieldPlace, kind: Kind, wire: int, payload: Payload) -> None:
        if kind.is_array:
            self._count()
        if kind.packed is not None and place.repeated and wire == BYTES:
            getattr(message, place.name).extend(kind.packed(payload))
            return
        _expect_wire(place, wire, kind.wire)
        _keep_value(message, place, kind.read(payload))

    def _count(self) -> None:
        self.messages += 1
        if self.messages > MOST_MESSAGES:
            raise DamagedFileError(f"expected at most {MOST_MESSAGES} messages, got more")


def _expect_wire(place: _FieldPlace, wire: int, expected: int) -> None:
    if wire != expected:
        raise DamagedFileError(f"{place.name}: expected the wire type {expected}, got {wire}")


def _keep_value(message: Message, place: _FieldPlace, value: Any) -> None:
    if place.repeated:
        getattr(message, place.name).append(value)
    else:
        setattr(message, place.name, value)


# ---- writing ---------------------------------------------------------------------------------------------------------

def encode(message: Message) -> list[Chunk]:
    """Write a message as chunks of bytes, in order. Large values of the kind VIEW are not copied.

    Args:
        message: a message.
    """
    chunks: list[Chunk] = []
    cls: Any = type(message)
    defaults = _default_values(cls)
    for place in _field_places(cls).values():
        for value in _written_values(message, place, defaults):
            if isinstance(place.kind, Kind):
                chunks += _value_chunks(place.number, place.kind, value)
            else:
                inner = encode(value)
                chunks += [_field_header(place.number, sum(map(len, inner))), *inner]
    return chunks


def _written_values(message: Message, place: _FieldPlace, defaults: dict[str, Any]) -> Iterator[Any]:
    value = getattr(message, place.name)
    if place.repeated:
        yield from value
    elif value is not None and value != defaults[place.name]:
        yield value


@functools.cache
def _default_values(cls: Any) -> dict[str, Any]:
    return {entry.name: entry.default for entry in dataclass_fields(cls)}


def _value_chunks(number: int, kind: Kind, value: Any) -> list[Chunk]:
    payload = kind.write(value)
    if kind.wire == BYTES or kind.is_array:
        return [_field_header(number, len(payload)), payload]
    return [tag_bytes(number, kind.wire) + payload]


def _field_header(number: int, size: int) -> bytes:
    return tag_bytes(number, BYTES) + varint_bytes(size)


# ---- kinds -----------------------------------------------------------------------------------------------------------

def _decoded_text(payload: memoryview) -> str:
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError:
        raise DamagedFileError(f"expected text in UTF-8, got {bytes(payload[:40])!r}") from None


def _int_list(payload: memoryview) -> list[int]:
    numbers: list[int] = packed_varints(payload).view(np.int64).tolist()
    return numbers


def _float_list(payload: memoryview) -> list[float]:
    numbers: list[float] = _number_array("<f4", payload).tolist()
    return numbers


def _number_array(dtype: str, payload: memoryview) -> Any:
    size = np.dtype(dtype).itemsize
    if len(payload) % size:
        raise DamagedFileError(f"expected numbers of {size} bytes, got {len(payload)} bytes")
    return np.frombuffer(payload, dtype)


def _packed_kind(dtype: str, wire: int) -> Kind:
    """The kind of an array of packed numbers. A field may come in several parts: its value is a list of arrays."""
    return Kind(wire, lambda payload: _number_array(dtype, payload), lambda array: array.astype(dtype).tobytes(),
                lambda payload: [_number_array(dtype, payload)], is_array=True)


INT = Kind(VARINT, signed, varint_bytes, _int_list)
FLOAT = Kind(FIXED32, lambda payload: struct.unpack("<f", payload)[0], lambda number: struct.pack("<f", number),
             _float_list)
TEXT = Kind(BYTES, _decoded_text, str.encode)
STRING = Kind(BYTES, bytes, bytes)
VIEW = Kind(BYTES, lambda payload: payload, lambda data: data)
FLOATS, DOUBLES = _packed_kind("<f4", FIXED32), _packed_kind("<f8", FIXED64)
UNSIGNED = Kind(VARINT, lambda number: np.array([number], np.uint64), varints_bytes,
                lambda payload: [packed_varints(payload)], is_array=True)
INTS = Kind(VARINT, lambda number: np.array([signed(number)]), varints_bytes,
            lambda payload: [packed_varints(payload).view(np.int64)], is_array=True)
