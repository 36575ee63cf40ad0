"""Offsets of memory blocks in one arena, from their sizes and lifetimes."""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["Block", "live_maximum", "plan_arena"]

_SHUFFLES = 300


class Block(NamedTuple):
    """A block of memory that is in use from one step to another.

    Attributes:
        size: in bytes.
        first, last: the numbers of the first and the last step that use it.
    """

    size: int
    first: int
    last: int

    def overlaps(self, other: Block) -> bool:
        """Whether both are in use at the same time."""
        return self.first <= other.last and other.first <= self.last


def live_maximum(blocks: Sequence[Block]) -> int:
    """The largest total size of blocks that are in use at the same time: no arena can be smaller.

    Example:
        >>> live_maximum([Block(8, 0, 1), Block(4, 1, 2), Block(8, 2, 3)])
        12
    """
    return max((sum(b.size for b in blocks if b.first <= step <= b.last) for step in {b.first for b in blocks}),
               default=0)


def plan_arena(blocks: Sequence[Block]) -> list[int]:
    """Offsets at which blocks that are in use at the same time do not overlap.

    Each block in turn takes the lowest offset that is free during its lifetime, the largest first. If the result
    exceeds `live_maximum`, other orders are tried, and the smallest result is taken. The same blocks give the same
    offsets.

    Args:
        blocks: the blocks; their sizes are multiples of their alignment.

    Example:
        >>> plan_arena([Block(8, 0, 1), Block(4, 1, 2), Block(8, 2, 3)])
        [0, 8, 0]
    """
    least, numbers = live_maximum(blocks), list(range(len(blocks)))
    orders: list[Callable[[int], object]] = [
        lambda i: (-blocks[i].size, blocks[i].first), lambda i: (blocks[i].first, -blocks[i].size),
        lambda i: (blocks[i].first - blocks[i].last, -blocks[i].size), lambda i: (-blocks[i].last, -blocks[i].size),
        lambda i: -blocks[i].size * (blocks[i].last - blocks[i].first + 1)]
    best: list[int] = []
    smallest = None
    draw = random.Random(0)
    for attempt in range(len(orders) + _SHUFFLES):
        if attempt < len(orders):
            numbers.sort(key=orders[attempt])           # type: ignore[arg-type]
        else:
            draw.shuffle(numbers)
        offsets = _placed(blocks, numbers)
        end = max((offset + block.size for offset, block in zip(offsets, blocks)), default=0)
        if smallest is None or end < smallest:
            best, smallest = offsets, end
        if smallest <= least:
            break
    return best


def _placed(blocks: Sequence[Block], order: Sequence[int]) -> list[int]:
    offsets = [0] * len(blocks)
    done: list[int] = []
    for i in order:
        taken = sorted((offsets[j], offsets[j] + blocks[j].size) for j in done if blocks[i].overlaps(blocks[j]))
        for start, end in taken:
            if start >= offsets[i] + blocks[i].size:
                break
            offsets[i] = max(offsets[i], end)
        done.append(i)
    return offsets
