"""Windows, boxes, rotations, affine maps and other sizes of images, computed for whole batches."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastnet._core.construction import from_numpy
from fastnet.functional.linear import matmul

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, DType, DTypeLike, Number

__all__ = ["computed_in", "inside_boxes", "resampled", "rotated", "warped", "windows"]


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


# ---- boxes, affine maps and other sizes -----------------------------------------------------------------------------

def inside_boxes(starts: Sequence[Array], ends: Sequence[Array], size: Sequence[int]) -> Array:
    """Which pixels lie in the box of each image, bool (N, H, W).

    Args:
        starts, ends: (first rows, first columns) of the boxes and those after them, each (N,).
        size: (H, W).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import inside_boxes
        >>> inside_boxes((np.array([1]), np.array([0])), (np.array([2]), np.array([2])), (2, 3)).astype(int)
        array([[[0, 0, 0],
                [1, 1, 0]]])
    """
    rows, columns = ((np.arange(length) >= start[:, None]) & (np.arange(length) < end[:, None])
                     for start, end, length in zip(starts, ends, size))
    return rows[:, :, None] & columns[:, None, :]


def warped(x: Array, matrices: Array, fill: Number) -> Array:
    """Map each image by an affine transformation, with the nearest pixel; returns a new array.

    The pixel at (row, column) comes from (a*row + b*column + c, d*row + e*column + f), rounded; beyond the edge it is
    `fill`.

    Args:
        x: images (N, H, W) or (N, H, W, C).
        matrices: [[a, b, c], [d, e, f]] of each image, (N, 2, 3).
        fill: a number.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import warped
        >>> warped(np.array([[[1, 2], [3, 4]]]), np.array([[[1.0, 0, 0], [0, 1, 1]]]), fill=9)
        array([[[2, 9],
                [4, 9]]])
    """
    n, height, width = x.shape[:3]
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    m = matrices.astype(np.float32)[..., None, None]
    sources = [np.floor((m[:, i, 0] * rows + m[:, i, 2] + np.float32(0.5)) + m[:, i, 1] * columns).astype(np.int32)
               for i in range(2)]
    outside = np.zeros((n, height, width), bool)
    for source, length in zip(sources, (height, width)):
        outside |= source.view(np.uint32) >= length             # negative numbers become large
        np.clip(source, 0, max(length - 1, 0), out=source)
    first = sources[0]
    first *= width
    first += sources[1]
    first += np.arange(n, dtype=np.int32)[:, None, None] * (height * width)
    made: Array = x.reshape(-1, *x.shape[3:])[first]
    made[outside] = fill
    return made


def resampled(x: Array, starts: Sequence[Array], lengths: Sequence[Array], size: Sequence[int]) -> Array:
    """Resize a box of each image to one size, in the dtype of `computed_in`.

    Bilinear with antialiasing: each new pixel is the mean of old pixels within `scale` of its centre, weighted by a
    triangle, where scale is the box's length over the new length and at least 1.

    Args:
        x: images (N, H, W) or (N, H, W, C).
        starts, lengths: (rows, columns) of the boxes, each (N,).
        size: (height, width) of the result.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import resampled
        >>> zero, four = np.array([0]), np.array([4])
        >>> resampled(np.array([[[0.0, 4.0, 8.0, 12.0]] * 4]), (zero, zero), (four, four), (1, 2))
        array([[[2.85714286, 9.14285714]]])
    """
    dtype = computed_in(x.dtype)
    n, height, width = x.shape[:3]
    channels = x.shape[3] if x.ndim == 4 else 1
    down, across = (_resampling(start.astype(dtype), length.astype(dtype), old, new)
                    for start, length, old, new in zip(starts, lengths, (height, width), size))
    rows = _matrix_products(down, x.reshape(n, height, width * channels).astype(dtype, copy=False))
    rows = rows.reshape(n, size[0], width, channels)
    columns = np.ascontiguousarray(rows.transpose(0, 2, 1, 3)).reshape(n, width, size[0] * channels)
    made = _matrix_products(across, columns).reshape(n, size[1], size[0], channels)
    return np.ascontiguousarray(made.transpose(0, 2, 1, 3)).reshape(n, *size, *x.shape[3:])


def _resampling(start: Array, length: Array, old: int, new: int) -> Array:
    """The weight of each old pixel in each new one, (N, new, old), in the dtype of the boxes."""
    start, length = start[:, None, None], length[:, None, None]
    half = start.dtype.type(0.5)
    centre = start + (np.arange(new, dtype=start.dtype)[:, None] + half) * (length / new)
    place = np.arange(old, dtype=start.dtype) + half
    weights: Array = place - centre
    np.abs(weights, out=weights)
    weights /= -np.maximum(length / new, 1)
    weights += 1
    np.maximum(weights, 0, out=weights)
    weights *= (place > start) & (place < start + length)
    weights /= weights.sum(2, keepdims=True)
    return weights


def _matrix_products(a: Array, b: Array) -> Array:
    """Products of matrices by fastnet's kernel, which takes as many threads as its caller may use."""
    return matmul(from_numpy(a), from_numpy(b)).numpy()
