"""The binary tree in which the values of all ranks are combined.

Ranks 0+1, 2+3, ..., then (0+1)+(2+3), and so on, by pairwise exchange (recursive doubling; Thakur, Rabenseifner and
Gropp 2005, https://doi.org/10.1177/1094342005051521). Both ranks of a pair combine the same two values in the same
order, so all ranks end with the same bits. Ranks beyond the largest power of two first give their values to a rank
below it, and receive the result at the end.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Combine", "TreeStep", "tree_steps"]

Combine: TypeAlias = "Callable[..., Any]"       # a NumPy ufunc of two arguments, such as np.add


class TreeStep(NamedTuple):
    """One exchange of a rank with another one.

    Attributes:
        rank: this rank.
        partner: the other rank.
        sends: whether this rank sends its values.
        combines: whether it combines its values with the partner's. A step that neither sends nor combines replaces the
            values by the partner's.
    """

    rank: int
    partner: int
    sends: bool
    combines: bool

    @property
    def receives(self) -> bool:
        """Whether this rank receives the partner's values."""
        return self.combines or not self.sends

    @property
    def swaps(self) -> bool:
        """Whether both ranks send and receive."""
        return self.sends and self.combines

    def merge(self, values: Array, theirs: Array, combine: Combine) -> None:
        """Update the values of this rank with those that it received; those of the lower rank are the first operand.

        Args:
            values: of this rank, changed in place.
            theirs: the partner's.
            combine: of two arrays, with `out`.
        """
        if not self.combines:
            np.copyto(values, theirs)
        elif self.rank < self.partner:
            combine(values, theirs, out=values)
        else:
            combine(theirs, values, out=values)


def tree_steps(rank: int, size: int) -> Iterator[TreeStep]:
    """The exchanges of a rank, in their order.

    Args:
        rank: its number.
        size: the number of ranks.

    Example:
        >>> from fastnet.distributed.tree import tree_steps
        >>> [(step.partner, step.sends, step.receives) for step in tree_steps(0, 3)]
        [(2, False, True), (1, True, True), (2, True, False)]
    """
    power = 1 << (size.bit_length() - 1)
    if rank >= power:
        yield TreeStep(rank, rank - power, sends=True, combines=False)
        yield TreeStep(rank, rank - power, sends=False, combines=False)
        return
    if rank + power < size:
        yield TreeStep(rank, rank + power, sends=False, combines=True)
    distance = 1
    while distance < power:
        yield TreeStep(rank, rank ^ distance, sends=True, combines=True)
        distance *= 2
    if rank + power < size:
        yield TreeStep(rank, rank + power, sends=True, combines=False)
