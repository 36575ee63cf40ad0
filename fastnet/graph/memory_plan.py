"""A plan of one arena of memory for all values of a run, from their lifetimes.

Blocks are placed one after the other, the largest first, each at the lowest offset where no placed block is in use at
the same time. If the arena is then larger than the bytes in use at any time, the block at its end is placed earlier in
the next attempt. In a chain, where each block is in use with its neighbours only, blocks lie alternately at the start
and at the end of the arena, which is then as small as possible.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fastnet._core.shapes import ceil_div
from fastnet.graph.form import Graph, Value
from fastnet.graph.lifetime import Lifetime, lifetimes

__all__ = ["Block", "MemoryPlan", "live_bytes", "place", "plan_memory"]

_MOST_COMPARISONS = 200_000            # of pairs of blocks in all attempts


class Block(NamedTuple):
    """Memory of some bytes that is in use from one node to another, both included."""

    size: int
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class MemoryPlan:
    """Where each value of a run lies in one arena.

    Attributes:
        offsets: the first byte of each value that owns memory in the arena, and of each view of such a value the first
            byte of the owner.
        size: of the arena in bytes.
        live: the largest number of bytes in use at any node, before alignment; no plan needs less.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(4, 100), nn.ReLU(), nn.Linear(100, 8), nn.Linear(8, 3))
        >>> graph = fastnet.graph.trace(model, fastnet.ones(1, 4))
        >>> plan = fastnet.graph.plan_memory(graph, align=16)
        >>> plan.size, plan.live
        (432, 432)
        >>> {value.name: offset for value, offset in plan.offsets.items()}
        {'linear_1': 0, 'relu_1': 0, 'linear_2': 400, 'linear_3': 0}
    """

    offsets: dict[Value, int]
    size: int
    live: int


def plan_memory(graph: Graph, align: int = 64, *, in_place: bool = True, outside: Collection[Value] | None = None,
                scratch: Mapping[int, int] | None = None) -> MemoryPlan:
    """Plan one arena for the results of a graph.

    Args:
        graph: the graph.
        align: of each offset, in bytes.
        in_place: let elementwise operations write into the memory of an input that is not read again.
        outside: values with memory elsewhere, such as `graph.inputs` (the default) or also `graph.outputs`.
        scratch: bytes that a node needs while it runs, by its number.

    Returns:
        The plan.

    Raises:
        ValueError: align is not positive.

    Example:
        >>> import fastnet
        >>> graph = fastnet.graph.trace(fastnet.nn.Linear(3, 2), fastnet.ones(5, 3))
        >>> fastnet.graph.plan_memory(graph).size, fastnet.graph.plan_memory(graph, scratch={0: 100}).size
        (64, 192)
    """
    if align < 1:
        raise ValueError(f"plan_memory: expected align to be 1 or more, got {align}")
    owners, spans = _spans(graph, in_place, graph.inputs if outside is None else outside)
    blocks = [*spans.values(), *(Block(size, i, i) for i, size in (scratch or {}).items())]
    offsets = place(blocks, align)
    at = dict(zip(spans, offsets))
    return MemoryPlan({x: at[owner] for x, owner in owners.items() if owner in at},
                      max((offset + ceil_div(block.size, align) * align for offset, block in zip(offsets, blocks)),
                          default=0), _most_in_use(blocks))


def live_bytes(graph: Graph, in_place: bool = False) -> int:
    """The largest total size of results in memory at any node: those that it computes or that are still to be read.

    Args:
        graph: the graph.
        in_place: let elementwise operations write into the memory of an input that is not read again.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> graph = fastnet.graph.trace(nn.Sequential(nn.Linear(4, 100), nn.ReLU(), nn.Linear(100, 8)),
        ...                             fastnet.ones(1, 4))
        >>> fastnet.graph.live_bytes(graph), fastnet.graph.live_bytes(graph, in_place=True)
        (800, 432)
    """
    return _most_in_use([*_spans(graph, in_place, graph.inputs)[1].values()])


def _spans(graph: Graph, in_place: bool, outside: Collection[Value]) -> tuple[dict[Value, Value], dict[Value, Block]]:
    """The owner of each value's memory, and the block of each owner that is not outside."""
    times = lifetimes(graph)
    owners = _owners_in_place(times) if in_place else {x: time.owner for x, time in times.items()}
    elsewhere = {owners[x] for x in outside if x in owners}
    spans: dict[Value, Block] = {}
    for x, owner in owners.items():
        if owner not in elsewhere:
            time, known = times[x], spans.get(owner, Block(owner.nbytes, times[x].first, times[x].last))
            spans[owner] = Block(owner.nbytes, min(known.first, time.first), max(known.last, time.last))
    return owners, spans


def _owners_in_place(times: Mapping[Value, Lifetime]) -> dict[Value, Value]:
    """The owner of each value's memory if elementwise operations write into that of an input."""
    owners: dict[Value, Value] = {}
    for x, time in times.items():       # an owner comes before those that take over its memory
        if time.owner is not x:
            owners[x] = owners[time.owner]
        else:
            owners[x] = x if time.in_place is None else owners[time.in_place]
    return owners


def _most_in_use(blocks: Sequence[Block]) -> int:
    """The largest number of bytes in use at one node."""
    changes: dict[int, int] = {}
    for size, first, last in blocks:
        changes[first] = changes.get(first, 0) + size
        changes[last + 1] = changes.get(last + 1, 0) - size
    used = most = 0
    for number in sorted(changes):
        used += changes[number]
        most = max(most, used)
    return most


def place(blocks: Sequence[Block], align: int = 1) -> list[int]:
    """Offsets of blocks in an arena, such that blocks that are in use at the same time do not overlap.

    Args:
        blocks: with their lifetimes.
        align: of each offset, in bytes.

    Example:
        >>> from fastnet.graph.memory_plan import Block, place
        >>> place([Block(10, 0, 1), Block(30, 1, 2), Block(20, 2, 3)], align=10)
        [0, 20, 0]
    """
    rounded = [Block(ceil_div(size, align) * align, first, last) for size, first, last in blocks]
    least = _most_in_use(rounded)
    return _placed_chain(rounded, least) or _placed_by_size(rounded, least)


def _placed_chain(blocks: Sequence[Block], size: int) -> list[int] | None:
    """Blocks alternately at the start and at the end of an arena; None if that is wrong because they are no chain."""
    order = sorted(range(len(blocks)), key=lambda i: (blocks[i].first, blocks[i].last))
    if any(blocks[i].last >= blocks[j].first for i, j in zip(order, order[2:])):
        return None
    offsets = [0] * len(blocks)
    for i in order[1::2]:
        offsets[i] = size - blocks[i].size
    return offsets


def _placed_by_size(blocks: Sequence[Block], least: int) -> list[int]:
    """The best of several attempts; `least` is the size that no attempt can fall below."""
    order = sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, blocks[i].first))
    together = [[j for j, b in enumerate(blocks) if a.first <= b.last and b.first <= a.last and j != i]
                for i, a in enumerate(blocks)]
    best: tuple[int, list[int]] | None = None
    for _ in range(1 + _MOST_COMPARISONS // (1 + sum(map(len, together)))):
        offsets = _placed_in_order(blocks, order, together)
        ends = [offset + block.size for offset, block in zip(offsets, blocks)]
        size = max(ends, default=0)
        if best is None or size < best[0]:
            best = size, offsets
        if size <= least:
            break
        last = ends.index(size)
        at = order.index(last)
        if at == 0:
            break
        order.insert(at // 2, order.pop(at))
    assert best is not None
    return best[1]


def _placed_in_order(blocks: Sequence[Block], order: Sequence[int], together: Sequence[Sequence[int]]) -> list[int]:
    """Each block at the lowest offset that is free during its lifetime, in the given order."""
    offsets = [-1] * len(blocks)
    for i in order:
        at = 0
        for begin, end in sorted((offsets[j], offsets[j] + blocks[j].size) for j in together[i] if offsets[j] >= 0):
            if begin >= at + blocks[i].size:
                break
            at = max(at, end)
        offsets[i] = at
    return offsets
