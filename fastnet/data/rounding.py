"""Checks that rounding to a narrower dtype keeps the differences between values, such as timestamps in float32."""
from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import listed
from fastnet.data.frames import MOST_LISTED

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike

__all__ = ["require_spread", "warn_of_lost"]

_SAMPLED = 1 << 16                      # about so many values of a large matrix are examined
_MOST_LOST = 0.01                       # rounding may move values by this part of their standard deviation


def warn_of_lost(what: str, values: Array, dtype: DType, names: Sequence[str] | None = None) -> None:
    """Warn of columns whose differences are lost by rounding, because their values are large and close together.

    Args:
        what: what the values are, for the warning.
        values: an array. Only matrices of a wider dtype are examined, and of large ones only some rows.
        dtype: the dtype to which the values will be rounded.
        names: names of the columns; by default their numbers.

    Example:
        >>> import warnings, numpy as np
        >>> from fastnet.data.rounding import warn_of_lost
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn_of_lost("x", np.array([[1.7e9, 1.0], [1.7e9 + 5, 2.0]]), np.dtype(np.float32))
        >>> print(str(caught[0].message).partition(",")[0])
        x: float32 rounds away the differences in the columns 0
    """
    if values.ndim != 2 or values.dtype.kind not in "iuf" or np.can_cast(values.dtype, dtype):
        return
    moved, spread = _rounding(values[::max(1, values.size // _SAMPLED)].astype(np.float64), dtype)
    lost = np.flatnonzero((spread > 0) & (moved > _MOST_LOST * spread)).tolist()
    if lost:
        named = listed(lost if names is None else (repr(names[i]) for i in lost), MOST_LISTED)
        warnings.warn(f"{what}: {dtype} rounds away the differences in the columns {named}, whose values are far "
                      "from zero compared with their spread; subtract the mean of each column first, as "
                      "fastnet.data.TablePreparation and scikit-learn's StandardScaler do", stacklevel=2)


def _rounding(values: Array, dtype: DType) -> tuple[Array, Array]:
    """For each column: how far rounding to a dtype moves its values at most, and their standard deviation."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = np.abs(values.astype(dtype).astype(np.float64) - values).max(0)
        return moved, (values - values[:1]).astype(np.float64).std(0)


def require_spread(values: Array, dtype: DTypeLike, what: str) -> None:
    """Raise if rounding to a dtype loses the differences between values, as with timestamps in float32.

    Args:
        values: numbers, (N,) or (N, D).
        dtype: the dtype to which they will be rounded.
        what: what they are, for the error.

    Raises:
        ValueError: rounding moves a value by more than a hundredth of the standard deviation of its column.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.rounding import require_spread
        >>> require_spread(np.array([1e9, 1e9 + 5]), np.float32, "y")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: y: float32 rounds values by up to 5, but their standard deviation is only 2.5, ...
    """
    dtype = np.dtype(dtype)
    if values.dtype.itemsize <= dtype.itemsize and values.dtype.kind == "f":
        return
    moved, spread = _rounding(values, dtype)
    lost = np.argmax(np.ravel((spread > 0) & (moved > _MOST_LOST * spread)))
    moved, spread = np.ravel(moved)[lost], np.ravel(spread)[lost]
    if spread > 0 and moved > _MOST_LOST * spread:
        largest = np.abs(values).reshape(len(values), -1)[:, lost].max()
        raise ValueError(f"{what}: {dtype} rounds values by up to {moved:.3g}, but their standard deviation is only "
                         f"{spread:.3g}, since they are far from zero ({largest:.3g}); standardise them first: "
                         "fastnet.data.TargetPreparation(standardise=True)")
