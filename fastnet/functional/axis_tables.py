"""Tables of indices and weights along an axis, computed from sizes alone, in memory that recordings may read."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from fastnet._core.memory import persistent

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__ = ["Lists", "WeightTable", "cached_table", "constant", "inverse_lists", "weight_table"]

_F = TypeVar("_F", bound=Callable[..., Any])
_CACHED = 512                           # tables of each kind that are kept

cached_table: Callable[[_F], _F] = functools.lru_cache(_CACHED)        # type: ignore[assignment]


class Lists(NamedTuple):
    """A list of positions for each entry of an axis.

    Attributes:
        positions: the lists, one after the other, int64.
        starts: where each list starts in `positions`, and the end of the last, int64.
    """

    positions: Array
    starts: Array


def constant(values: Array) -> Array:
    """A copy of an array in memory that a recording keeps and every replay reads."""
    kept = persistent(values.shape, values.dtype)
    kept[...] = values
    return kept


def inverse_lists(index: Array, n: int) -> Lists:
    """For each of n entries the positions at which `index` holds it, in ascending order.

    Args:
        index: int64; entries below 0 are in no list.
        n: the number of lists.

    Example:
        >>> import numpy as np
        >>> from fastnet.functional.axis_tables import inverse_lists
        >>> [part.tolist() for part in inverse_lists(np.array([0, 0, 1, -1]), 2)]
        [[0, 1, 2], [0, 2, 3]]
    """
    kept = np.flatnonzero(index >= 0)
    order = kept[np.argsort(index[kept], kind="stable")]
    return Lists(constant(order), constant(np.searchsorted(index[order], np.arange(n + 1))))


class WeightTable(NamedTuple):
    """A weighted sum over entries of an axis for each entry of another, as the kernel `resample` takes it.

    Attributes:
        starts: where each list starts in `entries`, and the end of the last, int64.
        entries: those that are summed, int64.
        weights: of the entries.
    """

    starts: Array
    entries: Array
    weights: Array


def weight_table(rows: Array, index: Array, weights: Array, count: int, dtype: DType) -> WeightTable:
    """The table of out[rows[k]] += weights[k] * x[index[k]], summed in the order of k.

    Args:
        rows, index: int64, as long as the weights.
        weights: float64, rounded to `dtype`.
        count: the length of `out`. With rows and index exchanged and the length of x, the table is transposed.
        dtype: of the arrays that the table is for.

    Example:
        >>> import numpy as np
        >>> from fastnet.functional.axis_tables import weight_table
        >>> table = weight_table(np.array([1, 0, 1]), np.array([5, 6, 7]), np.ones(3), 2, np.dtype("float32"))
        >>> table.starts.tolist(), table.entries.tolist()
        ([0, 1, 3], [6, 5, 7])
    """
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(count + 1))
    return WeightTable(constant(starts), constant(index[order]), constant(weights[order].astype(dtype)))
