"""The sum of a power of two of lists of arrays, in one binary tree: ((0 + 1) + (2 + 3)) + ..."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["TreeSum"]


class TreeSum:
    """The sum of `count` lists of arrays that are added one after another, with log2(count) lists kept meanwhile.

    `add` takes all lists but the last. The arrays of the last list are added one by one, by any thread.

    Args:
        count: the number of lists, a power of two.

    Example:
        >>> import numpy as np
        >>> from fastnet.training.tree_sum import TreeSum
        >>> tree = TreeSum(4)
        >>> for i in range(3):
        ...     tree.add([np.full(2, 10.0 ** i), np.zeros(1)])
        >>> last = np.full(2, 1000.0)
        >>> tree.finish(0, last)
        >>> last
        array([1111., 1111.])
    """

    def __init__(self, count: int) -> None:
        self._count, self._added = count, 0
        self._levels: dict[int, list[Array]] = {}       # level -> the sum of 2^level lists that waits for its pair

    def begin(self) -> None:
        """Forget the lists of the last sum."""
        self._added = 0

    def add(self, arrays: Sequence[Array]) -> None:
        """Add a list of arrays, which this changes.

        Args:
            arrays: of the same shapes in each call.
        """
        level, number = 0, self._added
        with np.errstate(all="ignore"):
            while number >> level & 1:
                for low, high in zip(self._levels[level], arrays):
                    np.add(low, high, out=high)
                level += 1
        self._added = number + 1
        kept = self._levels.setdefault(level, [np.empty_like(a) for a in arrays])
        for place, array in zip(kept, arrays):
            np.copyto(place, array)

    def finish(self, number: int, array: Array) -> None:
        """Add the sum of the lists so far to an array of the last list, in place.

        Args:
            number: of the array in its list.
            array: the array, of the same shape as in the other lists.
        """
        with np.errstate(all="ignore"):
            for level in range(self._count.bit_length() - 1):
                np.add(self._levels[level][number], array, out=array)
