"""Nested C loops over the elements of arrays."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet.c_source.names import INDICES

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape

__all__ = ["broadcast_strides", "collapsed", "contiguous_strides", "element", "is_contiguous", "loops"]


def contiguous_strides(shape: Sequence[int]) -> Shape:
    """The strides of a contiguous array, in elements.

    Example:
        >>> contiguous_strides((2, 3, 4))
        (12, 4, 1)
    """
    return tuple(math.prod(shape[i + 1:]) for i in range(len(shape)))


def broadcast_strides(shape: Sequence[int], to: Sequence[int]) -> Shape:
    """The strides of a contiguous array that is broadcast to a shape.

    Example:
        >>> broadcast_strides((3, 1), (2, 3, 4))
        (0, 1, 0)
    """
    own = [0 if n == 1 else stride for n, stride in zip(shape, contiguous_strides(shape))]
    return (0,) * (len(to) - len(own)) + tuple(own)


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether elements with these strides lie one after the other.

    Example:
        >>> is_contiguous((2, 1, 3), (3, 99, 1)), is_contiguous((2, 3), (1, 2))
        (True, False)
    """
    return all(n == 1 or a == b for n, a, b in zip(shape, strides, contiguous_strides(shape)))


def collapsed(shape: Sequence[int], *strides: Sequence[int]) -> tuple[Shape, list[Shape]]:
    """The fewest dimensions that reach the same elements: (shape, strides of each array).

    Example:
        >>> collapsed((2, 3, 1, 4), (12, 4, 4, 1), (0, 4, 9, 1))
        ((2, 12), [(12, 1), (0, 1)])
    """
    kept: list[tuple[int, tuple[int, ...]]] = []
    for n, *steps in zip(shape, *strides):
        if n == 1:
            continue
        if kept and all(outer == inner * n for outer, inner in zip(kept[-1][1], steps)):
            kept[-1] = kept[-1][0] * n, tuple(steps)
        else:
            kept.append((n, tuple(steps)))
    return tuple(n for n, _ in kept), [tuple(steps[i] for _, steps in kept) for i in range(len(strides))]


def element(name: str, strides: Sequence[int], offset: int = 0) -> str:
    """The element of an array at the indices of loops.

    Example:
        >>> element("$x", (12, 1)), element("$x", (0, -1), 5), element("$x", ())
        ('$x[12 * i + j]', '$x[5 - j]', '$x[0]')
    """
    text = str(offset) if offset else ""
    for index, stride in zip(INDICES, strides):
        if stride:
            sign = (" - " if stride < 0 else " + ") if text else "-" if stride < 0 else ""
            text += sign + (index if abs(stride) == 1 else f"{abs(stride)} * {index}")
    return f"{name}[{text or 0}]"


def loops(sizes: Sequence[int], body: str) -> str:
    """A statement in nested loops with the indices i, j, k, ...

    Example:
        >>> print(loops((2, 3), "y[3 * i + j] = 0;"))
        for (int32_t i = 0; i < 2; i++)
            for (int32_t j = 0; j < 3; j++)
                y[3 * i + j] = 0;
    """
    heads = [f"{'    ' * d}for (int32_t {i} = 0; {i} < {n}; {i}++)" for d, (i, n) in enumerate(zip(INDICES, sizes))]
    lines = body.split("\n")
    return "\n".join([*heads, *("    " * len(heads) + line for line in lines)])
