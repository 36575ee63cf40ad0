"""Channels-last memory for operations over images: tensors are (N, C, ...), their kernels see (N, ..., C).

The outputs of convolutions, pooling, normalization over channels and resampling have the shape (N, C, H, W) and the
memory of a contiguous (N, H, W, C), so the next operation reads them without a copy.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["as_volume", "channels_first", "channels_last", "from_volume"]

_VOLUME = 5                             # dimensions of (N, D, H, W, C)


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
    y = channels_last(x)
    return y.reshape(y.shape[:1] + (1,) * (_VOLUME - y.ndim) + y.shape[1:])


def from_volume(y: Array, ndim: int) -> Array:
    """The view (N, C, *spatial) with `ndim` dimensions of an array (N, D, H, W, C): the inverse of `as_volume`."""
    return channels_first(y.reshape(y.shape[:1] + y.shape[1 + _VOLUME - ndim:]))
