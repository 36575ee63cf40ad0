"""The windows of the input that the filters of a convolution are multiplied with, as rows."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.memory import empty
from fastnet.backend import K
from fastnet.functional.kernel_calls import fill

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["windows_of"]


def windows_of(v: Array, sizes: Shape, shape: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Array:
    """The windows of images, (N, positions, kernel * C).

    Args:
        v: the images, contiguous (N, D, H, W, C).
        sizes: the spatial dimensions of the output, (D, H, W).
        shape: of the filters, (O, C, *kernel); spatial dimensions that are missing come first.
        stride, padding, dilation: over (D, H, W); padding is that before the first element.
    """
    kernel = (1,) * (5 - len(shape)) + tuple(shape[2:])
    least = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(sizes, stride, kernel, dilation)]
    v = _with_zeros_around(v, padding, least)
    images, *spatial, channels = v.strides
    strides = (images, *(a * s for a, s in zip(spatial, stride)), *(a * d for a, d in zip(spatial, dilation)), channels)
    view = np.ndarray((v.shape[0], *sizes, *kernel, v.shape[4]), v.dtype, v, 0, strides)
    out = empty(view.shape, v.dtype)
    K.copy(out, view)
    return out.reshape(v.shape[0], math.prod(sizes), math.prod(kernel) * v.shape[4])


def _with_zeros_around(v: Array, padding: Shape, least: list[int]) -> Array:
    """v with zeros before and after, at least of some spatial sizes; v itself if it needs none."""
    inner = v.shape[1:4]
    whole = [max(n + p, m) for n, p, m in zip(inner, padding, least)]
    if tuple(whole) == inner:
        return v
    out = empty((v.shape[0], *whole, v.shape[4]), v.dtype)
    fill(out, 0)
    K.copy(out[(slice(None), *(slice(p, p + n) for p, n in zip(padding, inner)))], v)
    return out
