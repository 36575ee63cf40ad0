"""Tables of indices and weights along an axis, computed from sizes alone, in memory that recordings may read."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from fastnet._core.memory import persistent

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Lists", "cached_table", "constant", "inverse_lists"]

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
