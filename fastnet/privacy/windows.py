"""The windows that the filters of a convolution see, as columns."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.memory import empty
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["windows_of"]


def windows_of(v: Array, sizes: Shape, shape: Shape, stride: Shape, padding: Shape, dilation: Shape,
               groups: int) -> Array | None:
    """The windows of each image, (N, C * kernel, positions); None for volumes and for groups.

    Args:
        v: the images, (N, 1, H, W, C).
        sizes: the spatial dimensions of the output, (1, H, W).
        shape: of the filters.
        stride, padding, dilation: over (D, H, W).
        groups: of channels.
    """
    kernel = (1,) * (5 - len(shape)) + tuple(shape[2:])
    if groups != 1 or kernel[0] != 1 or v.shape[1] != 1:
        return None
    n, channels = v.shape[0], v.shape[4]
    images = v.reshape(n, *v.shape[2:]).transpose(0, 3, 1, 2)
    columns = empty((n, channels, *kernel[1:], *sizes[1:]), v.dtype)
    K.unfold(columns, images, stride[1:], padding[1:], dilation[1:])
    return columns.reshape(n, channels * math.prod(kernel), math.prod(sizes))
