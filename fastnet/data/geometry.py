"""Pixels of whole batches moved by indexing: what transforms of pictures are made of."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x, top, left, height, width):
    """A window of each picture, (N, height, width[, C]), in new memory.

    Args:
        x: (N, H, W) or (N, H, W, C).
        top, left: where each begins, integers (N,).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import windows
        >>> windows(np.arange(9).reshape(1, 3, 3), [1], [0], 2, 2)
        array([[[3, 4],
                [6, 7]]])
    """
    shown = sliding_window_view(x, (height, width), axis=(1, 2))
    if x.ndim == 4:
        shown = np.moveaxis(shown, 3, -1)                   # colours behind the window's rows and columns again
    return np.ascontiguousarray(shown[np.arange(len(x)), top, left])


def computed_in(dtype):
    """The floating-point dtype, float32 or float64, that has all numbers of `dtype`: integers of 32 bits need float64.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.geometry import computed_in
        >>> computed_in(np.uint8), computed_in(np.int32)
        (dtype('float32'), dtype('float64'))
    """
    return np.result_type(dtype, np.float32)


def rotated(x, angles, fill):
    """Each picture turned about its centre, counter-clockwise, in the floating-point dtype that it was computed in.

    A pixel of the result lies, turned back, between four of the picture; it is their bilinear interpolation. Around the
    picture lies an edge of `fill`, and what lies farther out than it is taken for the edge.

    Args:
        x: (N, H, W) or (N, H, W, C).
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
    upper = _between(flat[first], flat[first + 1], right)
    lower = _between(flat[first + width + 2], flat[first + width + 3], right)
    return _between(upper, lower, down)


def _sources(height, width, angles, dtype):
    """Where each pixel comes from in the edged picture, rows and columns: the whole number and the rest behind it."""
    y = (np.arange(height) - (height - 1) / 2)[:, None]
    x = np.arange(width) - (width - 1) / 2
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    rows = (x * sin).astype(dtype) + (y * cos + (height + 1) / 2).astype(dtype)
    columns = (x * cos + (width + 1) / 2).astype(dtype) - (y * sin).astype(dtype)
    return _parted(rows, height), _parted(columns, width)


def _parted(places, length):
    np.clip(places, 0, length + 1, out=places)
    whole = np.floor(places)
    np.minimum(whole, length, out=whole)                    # so that there is a next one
    places -= whole
    return whole.astype(np.intp), places


def _between(a, b, share):
    b -= a
    b *= share
    b += a
    return b
