"""Constant folding: kernel calls of a frozen recording whose results are the same in each replay run once.

Constants are the tensors from outside that the recording does not write, and everything that it computes from constants
alone. Packing a constant in the order in which a kernel reads it is one, too. The calls leave the launches of the
recording; their results move to memory that no other launch uses, and live as long as the recording.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.memory import Pool, root
from fastnet._replay.guards import ConstantGuard
from fastnet._runtime.native import guards as native

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor
    from fastnet._runtime.twins.tape import Storage

    Span: TypeAlias = "tuple[int, int]"                 # the lowest address, and the first one above

_NOTHING: frozenset[int] = frozenset()


class _Call:
    """Launches that compute the same in each replay.

    Attributes:
        launches, start, stop: their LaunchList and place in it.
        sources: the ids of the storages that they depend on.
        results: the Blocks of the recording's pool that they write.
        stays: whether they must run in each replay after all.
    """

    def __init__(self, launches: Any, start: int, stop: int, sources: frozenset[int], results: list[Any]) -> None:
        self.launches, self.start, self.stop = launches, start, stop
        self.sources, self.results, self.stays = sources, results, False


class Constants:
    """The constants of a recording that is being made, and the launches that compute them.

    Attributes:
        pool: the memory of folded results and packed constants.
        spans: the memory of all constants so far, in which launches look up their operands.
        blocks: the memory that launches of the recording read, and that must live as long.
    """

    def __init__(self) -> None:
        self.pool = Pool()
        self.spans: list[Span] = []
        self.blocks: list[Any] = []
        self._origins: dict[Span, tuple[frozenset[int], _Call | None]] = {}     # sources, the call unless from outside
        self._calls: list[_Call] = []
        self._written: list[Span] = []
        self._storages: dict[int, tuple[Storage, str]] = {}
        self._changed: set[int] = set()         # storages that the recording writes

    def add(self, tensor: Tensor) -> None:
        """Take a tensor from outside as a constant until it is written."""
        span = native.bounds(tensor._data)
        self._storages[id(tensor._storage)] = tensor._storage, shape_text(tensor)
        if span[0] < span[1] and not any(_share_memory(span, other) for other in self._written):
            known, _ = self._origins.get(span, (_NOTHING, None))
            self._put(span, known | {id(tensor._storage)}, None)

    def _put(self, span, sources, call):
        if span not in self._origins:
            self.spans.append(span)
        self._origins[span] = sources, call

    def note_launches(self, launches: Any, start: int, read: Iterable[Any], written: list[Array],
                      whole: bool) -> None:
        """Note the launches of a kernel call.

        Args:
            launches, start: the call added launches to the end of this LaunchList, from here on.
            read: the arrays that it reads, and None for one whose values may differ from replay to replay.
            written: the arrays that it writes.
            whole: whether it writes all memory of new arrays, without reading it.
        """
        for index, low, high, block in launches.take_packings():
            self.blocks.append(block)
            self._calls.append(_Call(launches, index, index + 1, self._sources((low, high)) or _NOTHING, []))
        sources = self._sources_of(read)
        self.note_writes(written)
        if sources is None or not whole or start == len(launches):
            return
        call = _Call(launches, start, len(launches), sources, [root(a) for a in written])
        self._calls.append(call)
        for a in written:
            self._put(native.bounds(a), sources, call)

    def _sources_of(self, arrays):
        """The sources of all arrays; None if one of them is not a constant."""
        found = _NOTHING
        for a in arrays:
            sources = None if a is None else self._sources(native.bounds(a)) if a.size else _NOTHING
            if sources is None:
                return None
            found |= sources
        return found

    def _sources(self, span):
        for (low, high), (sources, _) in self._origins.items():
            if low <= span[0] and span[1] <= high:
                return sources
        return None

    def note_writes(self, arrays: Iterable[Array]) -> None:
        """Note that arrays are written: they are no constants from here on."""
        for a in arrays:
            span = native.bounds(a)
            self._written.append(span)
            for other in [s for s in self.spans if _share_memory(s, span)]:
                self.spans.remove(other)
                sources, call = self._origins.pop(other)
                if call is None:
                    self._changed |= sources
                else:               # earlier readers read the same in each replay, since the call stays
                    call.stays = True

    def pin(self, array: Array) -> None:
        """Let the memory of an array stay at its address, for readers other than launches."""
        span = native.bounds(array)
        for other, (_, call) in self._origins.items():
            if call is not None and _share_memory(other, span):
                call.stays = True

    # ---- the end of the run ----

    def fold(self, steps: Collection[Any], check_calls: dict[tuple[Any, int], Any],
             changed: Iterable[int]) -> list[ConstantGuard]:
        """Remove the launches that compute constants. Returns the guards of the values that they depend on.

        Args:
            steps: the LaunchLists, and other steps, in order.
            check_calls: the calls of checks by (LaunchList, index); the indices follow.
            changed: ids of storages that the recording writes.
        """
        self._changed.update(changed)
        folded = [call for call in self._calls if not call.stays and not call.sources & self._changed]
        for call in folded:
            for block in call.results:
                self._move(block, call, steps)
        self._calls.clear()
        self._origins.clear()
        for launches in {id(call.launches): call.launches for call in folded}.values():
            _drop(launches, sorted({i for call in folded if call.launches is launches
                                    for i in range(call.start, call.stop)}), check_calls)
        sources = {id: self._storages[id] for call in folded for id in call.sources}
        return [ConstantGuard(*entry) for entry in sources.values()]

    def _move(self, block, call, steps):
        """Let the launches after a call read a copy of its result, in memory that nothing else uses."""
        before = np.frombuffer(block, np.uint8)
        after = np.ndarray(before.shape, np.uint8, self.pool.allocate(before.size))
        after[...] = before
        self.blocks.append(after.base)
        span, address, following = native.bounds(before), native.bounds(after)[0], False
        for step in steps:
            if step is call.launches:
                step.relocate(call.stop, *span, address)
                following = True
            elif following and hasattr(step, "relocate"):
                step.relocate(0, *span, address)


def _share_memory(a, b):
    return a[0] < b[1] and b[0] < a[1]


def _drop(launches, indices, check_calls):
    moved = {(launches, i - sum(j < i for j in indices)): check_calls.pop((launches, i))
             for i in [i for list_, i in check_calls if list_ is launches]}
    check_calls.update(moved)
    launches.drop(indices)
