"""Channels-last memory for operations over images: tensors are (N, C, ...), their kernels see (N, ..., C).

The outputs of convolutions, pooling, normalization over channels and resampling have the shape (N, C, H, W) and the
memory of a contiguous (N, H, W, C), so the next operation reads them without a copy.
"""
from __future__ import annotations

import itertools
import math
import operator
from typing import TYPE_CHECKING

from fastnet._core.memory import view_images, view_volume
from fastnet.autograd import gradient, on_tensors, transposes
from fastnet.autograd.rules import linear_map
from fastnet.functional.dims import filled_in
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["as_volume", "channels_first", "channels_last", "from_volume", "has_view", "images_as_volume", "images_of",
           "volume_of", "volume_to_images"]


def channels_last(x: Array) -> Array:
    """An array (N, C, *spatial) as a contiguous (N, *spatial, C): a view if its memory has this order, else a copy.

    Example:
        >>> import numpy as np
        >>> x = np.zeros((2, 3, 4, 5), np.float32)
        >>> channels_last(x).shape, np.shares_memory(channels_last(x), x)
        ((2, 4, 5, 3), False)
        >>> y = channels_first(channels_last(x))
        >>> np.shares_memory(channels_last(y), y)
        True
    """
    return contiguous(x.transpose(0, *range(2, x.ndim), 1))


def channels_first(x: Array) -> Array:
    """The view (N, C, *spatial) of an array (N, *spatial, C)."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def as_volume(x: Array) -> Array:
    """An array (N, C, L), (N, C, H, W) or (N, C, D, H, W) as a contiguous (N, D, H, W, C).

    Spatial dimensions that it lacks come first and have length 1, so that one kernel serves all three.

    Example:
        >>> import numpy as np
        >>> as_volume(np.zeros((2, 3, 7), np.float32)).shape
        (2, 1, 1, 7, 3)
    """
    return contiguous(view_volume(x))


def from_volume(y: Array, ndim: int) -> Array:
    """The view (N, C, *spatial) with `ndim` dimensions of an array (N, D, H, W, C): the inverse of `as_volume`."""
    return view_images(y, ndim)


def images_as_volume(x: Array, ndim: int) -> Array:
    """`as_volume` of images with `ndim` dimensions."""
    return as_volume(x)


transposes(images_as_volume, from_volume)


def volume_of(x: Tensor) -> Tensor:
    """`as_volume` of a tensor."""
    return linear_map(x, images_as_volume, from_volume, None, x.ndim)


def images_of(volume: Tensor, ndim: int) -> Tensor:
    """`from_volume` of a tensor."""
    return linear_map(volume, from_volume, images_as_volume, None, ndim)


on_tensors(volume_of)(as_volume)


def volume_to_images(volume: Array, shape: Shape) -> gradient:
    """The gradient function from a saved volume to the images, of this shape, that it holds."""
    return gradient(from_volume, len(shape))


def has_view(x: Array, shape: Shape) -> bool:
    """Whether the array x has a view of a shape with as many elements.

    Adjacent dimensions that are contiguous among themselves form a run. A view exists if each run ends where one of the
    dimensions of the shape ends.
    """
    if x.flags.c_contiguous or x.size == 0:
        return True
    dimensions = [(n, stride) for n, stride in zip(x.shape, x.strides) if n != 1]
    ends = [math.prod(n for n, _ in dimensions[:i]) for i in range(1, len(dimensions))
            if dimensions[i - 1][1] != dimensions[i][0] * dimensions[i][1]]
    return set(ends).issubset(itertools.accumulate(filled_in(x.shape, shape), operator.mul))
