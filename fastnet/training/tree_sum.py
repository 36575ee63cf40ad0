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

    Args:
        count: the number of lists, a power of two.

    Example:
        >>> import numpy as np
        >>> from fastnet.training.tree_sum import TreeSum
        >>> tree = TreeSum(4)
        >>> for i in range(4):
        ...     total = tree.add([np.full(2, 10.0 ** i)])
        >>> total
        [array([1111., 1111.])]
    """

    def __init__(self, count: int) -> None:
        self._count, self._added = count, 0
        self._levels: dict[int, list[Array]] = {}       # level -> the sum of 2^level lists that waits for its pair

    def begin(self) -> None:
        """Forget the lists of a sum that an exception ended."""
        self._added = 0

    def add(self, arrays: Sequence[Array]) -> list[Array]:
        """Add a list of arrays, which this changes; the last call of `count` returns the sum, in these arrays.

        Args:
            arrays: of the same shapes in each call.
        """
        level, number = 0, self._added
        with np.errstate(all="ignore"):
            while number >> level & 1:
                for low, high in zip(self._levels[level], arrays):
                    np.add(low, high, out=high)
                level += 1
        self._added = (number + 1) % self._count
        if self._added:
            kept = self._levels.setdefault(level, [np.empty_like(a) for a in arrays])
            for place, array in zip(kept, arrays):
                np.copyto(place, array)
        return list(arrays)
