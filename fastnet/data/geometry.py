"""Windows and rotations of images, computed for whole batches by indexing."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Number

__all__ = ["computed_in", "rotated", "windows"]


def windows(x: Array, top: Any, left: Any, height: int, width: int) -> Array:
    """Cut one window out of each image; returns a new array (N, height, width[, C]).

    Args:
        x: images, (N, H, W) or (N, H, W, C).
        top, left: position of each window, integers (N,).
        height, width: size of the windows.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import windows
        >>> windows(np.arange(9).reshape(1, 3, 3), [1], [0], 2, 2)
        array([[[3, 4],
                [6, 7]]])
    """
    shown = sliding_window_view(x, (height, width), axis=(1, 2))
    if x.ndim == 4:
        shown = np.moveaxis(shown, 3, -1)                   # colours last again
    return np.ascontiguousarray(shown[np.arange(len(x)), top, left])


def computed_in(dtype: DTypeLike) -> DType:
    """The floating-point dtype that holds all numbers of a dtype: float32, or float64 for integers of 32 bits.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import computed_in
        >>> computed_in(np.uint8), computed_in(np.int32)
        (dtype('float32'), dtype('float64'))
    """
    return np.result_type(dtype, np.float32)


def rotated(x: Array, angles: Array, fill: Number) -> Array:
    """Rotate each image about its centre, counter-clockwise; the result has the dtype of `computed_in`.

    Each pixel of the result is the bilinear interpolation of the four pixels around its source. The image is surrounded
    by an edge of `fill`; sources beyond this edge are moved onto it.

    Args:
        x: images, (N, H, W) or (N, H, W, C).
        angles: in radians, (N,).
        fill: a number.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import rotated
        >>> rotated(np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([0.0]), 0)
        array([[[1., 2.],
                [3., 4.]]])
    """
    dtype = computed_in(x.dtype)
    n, height, width = x.shape[:3]
    edged = np.full((n, height + 2, width + 2, *x.shape[3:]), fill, dtype)
    edged[:, 1:-1, 1:-1] = x
    flat = edged.reshape(-1, *x.shape[3:])
    (row, down), (column, right) = _sources(height, width, angles.astype(np.float64), dtype)
    first = (row + np.arange(0, n * (height + 2), height + 2)[:, None, None]) * (width + 2)
    first += column
    if x.ndim == 4:
        down, right = down[..., None], right[..., None]
    upper = _interpolated(flat[first], flat[first + 1], right)
    lower = _interpolated(flat[first + width + 2], flat[first + width + 3], right)
    return _interpolated(upper, lower, down)


def _sources(height: int, width: int, angles: Array, dtype: DType) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The source of each pixel in the edged image: (row, its fraction) and (column, its fraction)."""
    y = (np.arange(height) - (height - 1) / 2)[:, None]
    x = np.arange(width) - (width - 1) / 2
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    rows = (x * sin).astype(dtype) + (y * cos + (height + 1) / 2).astype(dtype)
    columns = (x * cos + (width + 1) / 2).astype(dtype) - (y * sin).astype(dtype)
    return _split(rows, height), _split(columns, width)


def _split(places: Array, length: int) -> tuple[Array, Array]:
    """Positions as (integer part, fraction), clipped to the edged image."""
    np.clip(places, 0, length + 1, out=places)
    whole = np.floor(places)
    np.minimum(whole, length, out=whole)                    # so that the next position exists
    places -= whole
    return whole.astype(np.intp), places


def _interpolated(a: Array, b: Array, share: Array) -> Array:
    b -= a
    b *= share
    b += a
    return b
