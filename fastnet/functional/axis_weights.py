"""The entries of an axis and their weights from which each mode of interpolation computes an entry of the new axis.

Everything follows from lengths, in float64. Each function returns (rows, index, weights): entry rows[k] of the new axis
receives weights[k] times entry index[k] of the old one.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__ = ["WEIGHTS", "AxisSizes", "nearest_index"]

AxisSizes: TypeAlias = "tuple[int, int, float | None]"      # old and new length, scale factor if positions follow it
_Entries: TypeAlias = "tuple[Array, Array, Array]"
_CUBIC = -0.75                          # the parameter of Keys's kernel, as OpenCV and PyTorch have it
_CUBIC_ANTIALIAS = -0.5                 # with antialiasing, as Pillow has it


def _step(sizes: AxisSizes) -> float:
    """The distance of two new entries in units of the old axis."""
    n, m, scale = sizes
    return 1 / scale if scale else n / m


def _positions(sizes: AxisSizes, align_corners: bool) -> Array:
    """The positions of the new entries on the old axis."""
    n, m, _ = sizes
    if align_corners:
        return np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    return (np.arange(m) + 0.5) * _step(sizes) - 0.5


def nearest_index(sizes: AxisSizes, exact: bool, dtype: DType) -> Array:
    """The entry of the old axis that each new one copies: that at its left edge, or at its centre if `exact`.

    The index is computed with PyTorch's roundings in the dtype of the images, since they decide some of the indices.
    """
    n, m, scale = sizes
    step = float(dtype.type(1 / scale if scale else n / m))
    at = np.arange(m)
    position = ((at + 0.5) * step - 0.5).astype(dtype) + dtype.type(0.5) if exact else (at * step).astype(dtype)
    return np.minimum(np.floor(position.astype(np.float32)).astype(np.int64), n - 1)


def linear_weights(sizes: AxisSizes, align_corners: bool) -> _Entries:
    """Two neighbours."""
    n, m, _ = sizes
    position = np.arange(m, dtype=float) if n == m else _positions(sizes, align_corners).clip(0)
    first = np.minimum(position.astype(np.int64), n - 1)
    t = (position - first).clip(0, 1)
    return _column_entries(np.stack([first, np.minimum(first + 1, n - 1)]), np.stack([1 - t, t]))


def cubic_weights(sizes: AxisSizes, align_corners: bool) -> _Entries:
    """Four neighbours, by cubic convolution; beyond an end the last entry counts."""
    n = sizes[0]
    position = _positions(sizes, align_corners)
    first = np.minimum(np.floor(position).astype(np.int64), n - 1)
    t = (position - first).clip(0, 1)
    offsets = np.arange(-1, 3)[:, None]
    return _column_entries((first + offsets).clip(0, n - 1), _cubic(t - offsets, _CUBIC))


def area_weights(sizes: AxisSizes, align_corners: bool) -> _Entries:
    """The mean of the entries that a new one covers, as in adaptive average pooling."""
    n, m, _ = sizes
    rows = np.arange(m)
    first, last = rows * n // m, -(-(rows + 1) * n // m)
    return _run_entries(first, last - first, np.repeat(1 / (last - first), last - first))


def linear_antialias_weights(sizes: AxisSizes, align_corners: bool) -> _Entries:
    """A triangle as wide as two new entries, normalized."""
    return _antialiased(sizes, align_corners, 1.0, lambda x: (1 - abs(x)).clip(0))


def cubic_antialias_weights(sizes: AxisSizes, align_corners: bool) -> _Entries:
    """A cubic kernel as wide as four new entries, normalized."""
    return _antialiased(sizes, align_corners, 2.0, lambda x: _cubic(x, _CUBIC_ANTIALIAS))


def _antialiased(sizes: AxisSizes, align_corners: bool, radius: float, kernel: Callable[[Array], Array]) -> _Entries:
    n, m, _ = sizes
    step = ((n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else _step(sizes)
    support = radius * max(step, 1.0)
    centre = step * (np.arange(m) + 0.5)
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    count = np.maximum(np.minimum((centre + support + 0.5).astype(np.int64), n) - first, 0)
    rows, index, _ = _run_entries(first, count, np.empty(count.sum()))
    weights = kernel((index - centre[rows] + 0.5) / max(step, 1.0))
    total = np.bincount(rows, weights, m)[rows]
    return rows, index, np.where(total == 0, weights, weights / np.where(total == 0, 1, total))


def _cubic(x: Array, a: float) -> Array:
    """Keys's cubic convolution kernel. Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711."""
    x = abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _column_entries(index: Array, weights: Array) -> _Entries:
    """Entries from matrices with a column for each new entry."""
    return np.repeat(np.arange(index.shape[1]), index.shape[0]), index.T.reshape(-1), weights.T.reshape(-1)


def _run_entries(first: Array, count: Array, weights: Array) -> _Entries:
    """Entries of runs: count[j] from first[j] on."""
    rows = np.repeat(np.arange(count.size), count)
    return rows, first[rows] + np.arange(rows.size) - (np.cumsum(count) - count)[rows], weights


# by mode, without the words for dimensions
WEIGHTS: dict[str, Callable[[AxisSizes, bool], _Entries]] = {
    "linear": linear_weights,
    "cubic": cubic_weights,
    "area": area_weights,
    "linear antialias": linear_antialias_weights,
    "cubic antialias": cubic_antialias_weights,
}
