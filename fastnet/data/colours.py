"""Changes of colours, computed for whole batches: blends, hues, and tables of 256 values for images of bytes."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["autocontrast_tables", "blended", "equalize_tables", "grey", "hue_shifted", "mapped", "posterize_tables",
           "sharpness_blurred", "solarize_tables"]

_WEIGHTS = (0.299, 0.587, 0.114)        # of red, green and blue in grey: ITU-R BT.601
_VALUES = 256


def grey(x: Array) -> Array:
    """Brightness of each pixel, 0.299 R + 0.587 G + 0.114 B, float32 (N, H, W).

    Args:
        x: images (N, H, W), (N, H, W, 1) or (N, H, W, 3).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import grey
        >>> grey(np.array([[[[100, 100, 100], [0, 255, 0]]]], np.uint8))
        array([[[100.   , 149.685]]], dtype=float32)
    """
    if x.ndim == 3 or x.shape[-1] == 1:
        return x.reshape(x.shape[:3]).astype(np.float32)
    made: Array = x[..., 0] * np.float32(_WEIGHTS[0])
    for channel in (1, 2):
        made += x[..., channel] * np.float32(_WEIGHTS[channel])
    return made


def blended(x: Array, other: Array | float, factor: Array, highest: float) -> Array:
    """factor * x + (1 - factor) * other, clipped to [0, highest]; x is overwritten.

    Args:
        x: images, floating point, (N, H, W) or (N, H, W, C).
        other: an image for each, or a number.
        factor: (N,).
        highest: the value of white.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import blended
        >>> blended(np.array([[[0.2, 0.4]]]), 0.0, np.array([2.0]), 1.0)
        array([[[0.4, 0.8]]])
    """
    factor = factor.astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
    if not isinstance(other, np.ndarray):
        other = np.full((1,) * x.ndim, other, x.dtype)
    x -= other
    x *= factor
    x += other
    return np.clip(x, 0, highest, out=x)


def hue_shifted(x: Array, shift: Array) -> Array:
    """Turn the hue of each image by a share of the colour circle, as in the HSV colour space; returns a new array.

    With value v = max(R, G, B), chroma c = v - min(R, G, B) and hue h in [0, 6), a colour is
    v - c * clip(min(k, 4 - k), 0, 1), where k = (n + h) mod 6 and n = 5, 3, 1 for red, green, blue.

    Args:
        x: images (N, H, W, 3), floating point.
        shift: (N,), from -0.5 to 0.5.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import hue_shifted
        >>> hue_shifted(np.array([[[[1.0, 0.0, 0.0]]]]), np.array([1 / 3])).round(6) + 0.0
        array([[[[0., 1., 0.]]]])
    """
    red, green, blue = (np.ascontiguousarray(x[..., channel]) for channel in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    inverse = np.divide(1, chroma, out=np.zeros_like(chroma), where=chroma > 0)
    hue = np.where(value == red, (green - blue) * inverse,
                   np.where(value == green, (blue - red) * inverse + 2, (red - green) * inverse + 4))
    hue += 6 * shift.astype(x.dtype)[:, None, None]
    made = np.empty_like(x)
    for channel, start in enumerate((5, 3, 1)):
        k = hue + start
        k -= 6 * np.floor(k / 6)
        np.minimum(k, 4 - k, out=k)
        np.clip(k, 0, 1, out=k)
        k *= chroma
        np.subtract(value, k, out=made[..., channel])
    return made


def sharpness_blurred(x: Array) -> Array:
    """The smooth image that sharpness moves away from: a 3x3 mean, whose middle has the weight 5 of 13; edges stay.

    Args:
        x: images (N, H, W) or (N, H, W, C), floating point.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import sharpness_blurred
        >>> sharpness_blurred(np.pad([[[13.0]]], ((0, 0), (1, 1), (1, 1))))[0, 1]
        array([0., 5., 0.])
    """
    made = x.copy()
    if min(x.shape[1:3]) < 3:
        return made
    rows = x[:, :-2] + x[:, 1:-1]
    rows += x[:, 2:]
    inner: Array = rows[:, :, :-2] + rows[:, :, 1:-1]
    inner += rows[:, :, 2:]
    inner += 4 * x[:, 1:-1, 1:-1]
    inner /= 13
    made[:, 1:-1, 1:-1] = inner
    return made


# ---- tables: the new value of each byte, uint8 (N, C, 256) ----------------------------------------------------------

def mapped(x: Array, tables: Array) -> Array:
    """Replace each byte by its entry in a table.

    Args:
        x: images (N, H, W) or (N, H, W, C), uint8.
        tables: uint8 (N, C, 256), or (N, 1, 256) for all channels of an image alike.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import mapped
        >>> mapped(np.array([[[0, 9]]], np.uint8), np.arange(255, -1, -1, np.uint8).reshape(1, 1, 256))
        array([[[255, 246]]], dtype=uint8)
    """
    return np.take(np.ascontiguousarray(tables).ravel(), _places(x, tables.shape[1]))


def _places(x: Array, channels: int) -> Array:
    """Position of each byte's entry in tables (N, channels, 256)."""
    starts = np.arange(0, len(x) * channels * _VALUES, _VALUES, dtype=np.int32)
    shape = (len(x), 1, 1, channels) if x.ndim == 4 else (len(x), 1, 1)
    return x + starts.reshape(shape)


def _histograms(x: Array) -> Array:
    """How often each channel of each image has each value, (N, C, 256)."""
    channels = x.shape[3] if x.ndim == 4 else 1
    counts = np.bincount(_places(x, channels).ravel(), minlength=len(x) * channels * _VALUES)
    return counts.reshape(len(x), channels, _VALUES)


def posterize_tables(bits: Array) -> Array:
    """Tables that keep the highest bits of a value, (N, 1, 256).

    Args:
        bits: number of bits, integers (N,).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import posterize_tables
        >>> posterize_tables(np.array([2]))[0, 0, [63, 64, 200]]
        array([  0,  64, 192], dtype=uint8)
    """
    masks = (0xFF << (8 - bits)) & 0xFF
    return (np.arange(_VALUES) & masks[:, None, None]).astype(np.uint8)


def solarize_tables(thresholds: Array) -> Array:
    """Tables that invert values from a threshold, (N, 1, 256).

    Args:
        thresholds: (N,).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import solarize_tables
        >>> solarize_tables(np.array([128]))[0, 0, [127, 128, 255]]
        array([127, 127,   0], dtype=uint8)
    """
    values = np.arange(_VALUES)
    return np.where(values >= thresholds[:, None, None], 255 - values, values).astype(np.uint8)


def autocontrast_tables(x: Array) -> Array:
    """Tables that stretch each channel of each image to the values 0 to 255, (N, C, 256).

    Args:
        x: images, uint8.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import autocontrast_tables
        >>> autocontrast_tables(np.array([[[50, 100, 150]]], np.uint8))[0, 0, [50, 100, 150]]
        array([  0, 127, 255], dtype=uint8)
    """
    found = _histograms(x) > 0
    low = found.argmax(2)[..., None]
    high = _VALUES - 1 - found[..., ::-1].argmax(2)[..., None]
    values = np.arange(_VALUES, dtype=np.float64)
    scale = 255 / np.maximum(high - low, 1)
    stretched = np.clip(values * scale - low * scale, 0, 255)
    return np.where(high > low, stretched, values).astype(np.uint8)


def equalize_tables(x: Array) -> Array:
    """Tables that make all values of each channel of each image about equally frequent, (N, C, 256).

    The entry of value v is (step // 2 + number of smaller values) // step, where step is a 255th of the number of
    values below the largest; a channel with too few values is unchanged.

    Args:
        x: images, uint8.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.colours import equalize_tables
        >>> x = np.repeat(np.array([10, 20], np.uint8), [512, 1]).reshape(1, 27, 19)
        >>> equalize_tables(x)[0, 0, [10, 20]]
        array([  0, 255], dtype=uint8)
    """
    counts = _histograms(x)
    largest = _VALUES - 1 - (counts[..., ::-1] > 0).argmax(2)
    total = counts.sum(2)
    last = np.take_along_axis(counts, largest[..., None], 2)[..., 0]
    step = ((total - last) // 255)[..., None]
    smaller = np.cumsum(counts, 2) - counts
    table = np.minimum((step // 2 + smaller) // np.maximum(step, 1), 255)
    return np.where(step > 0, table, np.arange(_VALUES)).astype(np.uint8)
