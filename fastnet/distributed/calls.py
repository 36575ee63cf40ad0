"""Collectives in which all ranks check that they make the same call, with tensors of one shape and dtype.

Each rank exchanges a digest of its call, in the tree of `collectives.all_reduce_array`. Short values travel in the
same messages and are combined on the way, so the check of a short tensor costs no message. If digests differ, a mark
takes their place, and after the last exchange all ranks know. They then tell each other their calls, and all of them
raise the same error.

A step of DistributedDataParallel or of the Trainer exchanges several arrays; its first exchange compares the calls.
"""
from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.distributed import collectives
from fastnet.distributed.errors import DistError
from fastnet.distributed.transport import EMPTY, Transport, as_bytes
from fastnet.distributed.tree import Combine, TreeStep, tree_steps

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["all_gather", "all_gather_json", "all_reduce", "broadcast", "same_call", "sum_part"]

_DIGEST = 16                            # bytes; a multiple of the alignment of all dtypes
_DIFFERENT = bytes(_DIGEST)             # in place of a digest: ranks make different calls
_SHORT = 1 << 15                        # bytes of values that travel with the digest
_MOST_CALLS = 4                         # calls in an error


def all_reduce(transport: Transport, call: str, array: Array, combine: Combine) -> None:
    """`collectives.all_reduce_array`, after the check.

    Args:
        transport: of this rank.
        call: the call, with the shape and dtype of its tensors.
        array: a contiguous array.
        combine: of two arrays, with `out`.

    Raises:
        DistError: the call of another rank differs.
    """
    if array.nbytes <= _SHORT:
        _combine_checked(transport, call, array, combine)
    else:
        same_call(transport, call)
        collectives.all_reduce_array(transport, array, combine)


def broadcast(transport: Transport, call: str, array: Array, source: int) -> None:
    """`collectives.broadcast_array`, after the check.

    Args:
        transport, call, array: as in `all_reduce`.
        source: the rank whose values are copied.
    """
    if array.nbytes <= _SHORT:          # as the bitwise or of the values and zeros
        data = array.reshape(-1).view(np.uint8)
        if transport.rank != source:
            data = np.zeros_like(data)
        _combine_checked(transport, call, data, np.bitwise_or)
        np.copyto(array.reshape(-1).view(np.uint8), data)
    else:
        same_call(transport, call)
        collectives.broadcast_array(transport, array, source)


def all_gather(transport: Transport, call: str, array: Array) -> list[Array]:
    """`collectives.all_gather_arrays`, after the check.

    Args:
        transport, call, array: as in `all_reduce`.
    """
    if array.nbytes * transport.size > _SHORT:
        same_call(transport, call)
        return collectives.all_gather_arrays(transport, array)
    values = np.zeros((transport.size, *array.shape), array.dtype)
    values[transport.rank] = array
    _combine_checked(transport, call, values.reshape(-1).view(np.uint8), np.bitwise_or)
    return list(values)


def all_gather_json(transport: Transport, call: str, value: Any) -> list[Any]:
    """`collectives.all_gather_json`, after the check.

    Args:
        transport, call: as in `all_reduce`.
        value: for JSON, of this rank.
    """
    same_call(transport, call)
    return collectives.all_gather_json(transport, value)


def sum_part(transport: Transport, call: str, number: int, array: Array) -> None:
    """Add one array of a call that exchanges several, in place; the first one is added after the check.

    Args:
        transport, call, array: as in `all_reduce`.
        number: of the array, from 0.
    """
    if number == 0:
        all_reduce(transport, call, array, np.add)
    else:
        collectives.all_reduce_array(transport, array)


def same_call(transport: Transport, call: str) -> None:
    """Wait until all ranks have made this call.

    Args:
        transport, call: as in `all_reduce`.

    Raises:
        DistError: another rank has made another call.
    """
    _combine_checked(transport, call, np.empty(0, np.uint8), np.bitwise_or)


def _combine_checked(transport: Transport, call: str, array: Array, combine: Combine) -> None:
    """Combine short arrays, in place and in the tree of `all_reduce_array`, if all ranks make the same call."""
    if transport.size == 1:
        return
    message = _Message(transport, call, array)
    for step in tree_steps(transport.rank, transport.size):
        message.take(step, combine)
    if message.differs:
        raise DistError(_different_calls(collectives.all_gather_bytes(transport, call.encode())))
    np.copyto(array, message.values.reshape(array.shape))


class _Message:
    """The digest of a call, and values.

    Args:
        transport: of this rank.
        call: the call.
        array: the values.

    Attributes:
        differs: whether ranks are known to make different calls.
        values: those of this rank, combined with those received.
    """

    def __init__(self, transport: Transport, call: str, array: Array) -> None:
        self._transport = transport
        self._digest = _digest_of(call)
        self._data = bytearray(self._digest + array.tobytes())
        self._received: Array = np.empty(_DIGEST + _SHORT, np.uint8)
        self.differs = False
        self.values = np.frombuffer(self._data, array.dtype, array.size, _DIGEST)

    def take(self, step: TreeStep, combine: Combine) -> None:
        """Take a step of the tree.

        Args:
            step: the step.
            combine: of two arrays, with `out`.
        """
        self._transport.exchange(step.partner, self._outgoing() if step.sends else EMPTY,
                                 step.partner, as_bytes(self._received) if step.receives else EMPTY, exact=False)
        if step.receives:
            self.differs |= self._received[:_DIGEST].tobytes() != self._digest
            if not self.differs:
                theirs = np.frombuffer(self._received, self.values.dtype, self.values.size, _DIGEST)
                step.merge(self.values, theirs, combine)

    def _outgoing(self) -> memoryview:
        return memoryview(_DIFFERENT if self.differs else self._data)


@functools.lru_cache(256)
def _digest_of(call: str) -> bytes:
    return hashlib.blake2b(call.encode(), digest_size=_DIGEST).digest()


def _different_calls(calls: list[bytes]) -> str:
    """The error for calls that differ, with the ranks of each."""
    ranks: dict[str, list[int]] = {}
    for rank, call in enumerate(calls):
        ranks.setdefault(call.decode(), []).append(rank)
    shown = [f"{call} on rank{'s' if len(of_call) > 1 else ''} {', '.join(map(str, of_call))}"
             for call, of_call in list(ranks.items())[:_MOST_CALLS]]
    rest = f"; and {len(ranks) - _MOST_CALLS} more" if len(ranks) > _MOST_CALLS else ""
    return f"expected the same call on all ranks, with tensors of one shape and dtype, got {'; '.join(shown)}{rest}"
