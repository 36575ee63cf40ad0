"""The search for NaN and infinity."""
from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnet._core.tensor import Tensor
from fastnet.data import frames
from fastnet.data.arrays import place_text

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["finite"]

_SEARCHED_ROWS = 1 << 16                 # bounds the memory that the search takes
_Data = TypeVar("_Data")


def finite(x: _Data, what: str = "the data") -> _Data:
    """Raise if data contain NaN or infinity; returns x.

    Args:
        x: an array, a tensor, a pandas or polars frame or Series, or one of SciPy's sparse matrices.
        what: what x is, for the error.

    Raises:
        ValueError: naming the number of values that are NaN or infinite, and the row and column of the first one. Rows
            and columns count from 0; columns of a frame are named.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.finite(np.array([[1.0, 2.0], [3.0, np.nan]]), "x")
        Traceback (most recent call last):
            ...
        ValueError: x: 1 value is NaN or infinite: nan in row 1, column 1 (counted from 0)
    """
    given: Any = x
    if frames.is_frame(given):
        for name, column in frames.columns(given).items():
            _check(column, f"{what}, column {name!r}")
    elif hasattr(given, "tocoo"):
        _check_sparse(given.tocoo(), what)
    elif frames.is_series(given):
        _check(frames.column(given), what)
    else:
        _check(given._data if isinstance(given, Tensor) else np.asarray(frames.unmasked(given)), what)
    return x


def _check(array: Array, what: str) -> None:
    if array.dtype == object:
        array = np.array([_as_float(value) for value in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "fc" or not array.size:
        return
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum()):                        # any NaN or infinity would make the sum so
            return
    rows = np.atleast_1d(array)
    count, first = 0, None
    for start in range(0, len(rows), _SEARCHED_ROWS):
        places = np.argwhere(~np.isfinite(rows[start:start + _SEARCHED_ROWS]))
        count += len(places)
        if first is None and len(places):
            first = (start + int(places[0][0]), *map(int, places[0][1:]))
    if first is not None:
        raise _not_finite(what, count, rows[first], first)


def _check_sparse(x: Any, what: str) -> None:
    bad = np.flatnonzero(~np.isfinite(x.data))
    if len(bad):
        row, column, value = min((int(x.row[i]), int(x.col[i]), x.data[i]) for i in bad)
        raise _not_finite(what, len(bad), value, (row, column))


def _not_finite(what: str, count: int, value: Any, place: tuple[int, ...]) -> ValueError:
    several = "values are NaN or infinite, the first" if count > 1 else "value is NaN or infinite:"
    return ValueError(f"{what}: {count} {several} {value} in {place_text(place)} (counted from 0)")


def _as_float(value: object) -> float:
    """A Python object as a float; a missing one as NaN, and one that is not a number as 0."""
    return np.nan if value is None else float(value) if isinstance(value, numbers.Real) else 0.0
