"""Collectives on arrays and bytes, over any transport.

Sums add in one fixed binary tree, see `tree`. Of 2^k ranks, each sends k times the array's bytes.
"""
from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.distributed.slots import SLOT_BYTES
from fastnet.distributed.transport import Transport, as_bytes
from fastnet.distributed.tree import Combine, tree_steps

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["all_gather_arrays", "all_gather_bytes", "all_gather_json", "all_reduce_array", "broadcast_array",
           "broadcast_bytes", "sent_by_all_reduce"]

_SIZE = struct.Struct("<Q")


def all_reduce_array(transport: Transport, array: Array, combine: Combine = np.add) -> None:
    """Combine the arrays of all ranks, in place and with the same bits on all of them.

    Args:
        transport: of this rank.
        array: a contiguous array, of the same shape and dtype on all ranks.
        combine: of two arrays, with `out`.
    """
    steps = list(tree_steps(transport.rank, transport.size))
    flat = array.reshape(-1)
    length = max(1, SLOT_BYTES // flat.itemsize)
    scratch = np.empty(min(flat.size, length), flat.dtype)
    for start in range(0, flat.size, length):
        piece = flat[start:start + length]
        theirs = scratch[:len(piece)]
        for step in steps:
            if step.swaps:
                step.merge(piece, transport.swap(step.partner, piece, theirs), combine)
            elif step.sends:
                transport.send(step.partner, as_bytes(piece))
            else:
                transport.receive(step.partner, as_bytes(theirs))
                step.merge(piece, theirs, combine)


def sent_by_all_reduce(nbytes: int, size: int) -> int:
    """The bytes that each of `size` ranks, a power of two, sends in an `all_reduce` of `nbytes` bytes.

    Args:
        nbytes: of the array.
        size: the number of ranks.

    Example:
        >>> from fastnet.distributed.collectives import sent_by_all_reduce
        >>> [sent_by_all_reduce(100, ranks) for ranks in (1, 2, 4, 8)]
        [0, 100, 200, 300]
    """
    return nbytes * (size.bit_length() - 1)


def broadcast_array(transport: Transport, array: Array, source: int = 0) -> None:
    """Copy the array of one rank to all others, along a binary tree.

    Args:
        transport: of this rank.
        array: a contiguous array, of the same shape and dtype on all ranks; written on all but the source.
        source: the rank whose values are copied.
    """
    data, size = as_bytes(array), transport.size
    place = (transport.rank - source) % size            # counted from the source
    distance = 1
    while distance < size:
        if place < distance and place + distance < size:
            transport.send((place + distance + source) % size, data)
        elif distance <= place < 2 * distance:
            transport.receive((place - distance + source) % size, data)
        distance *= 2


def broadcast_bytes(transport: Transport, data: bytes, source: int = 0) -> bytes:
    """The bytes of one rank, on all ranks.

    Args:
        transport: of this rank.
        data: the bytes; those of other ranks than the source are ignored.
        source: the rank whose bytes are copied.
    """
    length = np.array([len(data)], np.int64)
    broadcast_array(transport, length, source)
    if transport.rank == source:
        found = np.frombuffer(bytearray(data), np.uint8)
    else:
        found = np.empty(int(length[0]), np.uint8)
    broadcast_array(transport, found, source)
    return found.tobytes()


def all_gather_arrays(transport: Transport, array: Array) -> list[Array]:
    """The arrays of all ranks, by rank.

    Args:
        transport: of this rank.
        array: a contiguous array, of the same shape and dtype on all ranks.
    """
    rank, size = transport.rank, transport.size
    found = [array if r == rank else np.empty_like(array) for r in range(size)]
    for step in range(1, size):
        source = (rank - step) % size
        transport.exchange((rank + step) % size, as_bytes(array), source, as_bytes(found[source]))
    return found


def all_gather_bytes(transport: Transport, data: bytes) -> list[bytes]:
    """The bytes of all ranks, by rank; each rank may have another number of them.

    Args:
        transport: of this rank.
        data: the bytes of this rank.
    """
    rank, size = transport.rank, transport.size
    found = [data] * size
    outgoing = memoryview(_SIZE.pack(len(data)) + data)
    for step in range(1, size):
        to, source = (rank + step) % size, (rank - step) % size
        count = memoryview(bytearray(_SIZE.size))
        transport.exchange(to, outgoing[:_SIZE.size], source, count)
        incoming = memoryview(bytearray(_SIZE.unpack(count)[0]))
        transport.exchange(to, outgoing[_SIZE.size:], source, incoming)
        found[source] = bytes(incoming)
    return found


def all_gather_json(transport: Transport, value: Any) -> list[Any]:
    """The values of all ranks, by rank.

    Args:
        transport: of this rank.
        value: for JSON, of this rank.
    """
    return [json.loads(data) for data in all_gather_bytes(transport, json.dumps(value).encode())]
