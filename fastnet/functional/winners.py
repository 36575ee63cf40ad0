"""The gradient of max pooling from the largest element of each window, and its transpose."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.memory import empty
from fastnet.autograd import transposes
from fastnet.backend import K
from fastnet.functional.axis_tables import cached_table, constant
from fastnet.functional.kernel_calls import binary, cast
from fastnet.functional.layout import as_volume, from_volume

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["by_position", "of_winners"]

_WINNER_NUMBERS = 256                   # of uint8; the last one means that no element of the window is in the image
_NO_PLACE = -2**62                      # plus any first position, this is below 0


def of_winners(g: Array, winner: Array, shape: Shape, ndim: int, axes: tuple[Shape, ...] | None) -> Array:
    """The gradient of max pooling, (N, C, ...).

    Args:
        g: the gradient of the result.
        winner: (N, D', H', W', C), as the kernel `max_pool` writes it, uint8 or int64.
        shape: (N, D, H, W, C) of the images.
        ndim: of the images and the gradient.
        axes: (kernel, stride, padding, dilation) of D, H and W; None for adaptive pooling.
    """
    dx, dy = empty(shape, g.dtype), as_volume(g)
    if winner.dtype == dtypes.int64:
        K.gather_backward(*(by_position(a) for a in (dx, winner, dy)))
    else:
        K.max_pool_backward(dx, winner, dy, windows=axes)
    return from_volume(dx, ndim)


def _at_winners(v: Array, winner: Array, shape: Shape, ndim: int, axes: tuple[Shape, ...] | None) -> Array:
    """The element of v at the winner of each window."""
    places = winner if winner.dtype == dtypes.int64 else _winner_places(winner, shape, axes)
    out = empty(winner.shape, v.dtype)
    K.gather(*(by_position(a) for a in (out, as_volume(v), places)))
    return from_volume(out, ndim)


def by_position(volume: Array) -> Array:
    """(N, D, H, W, C) as (N, D*H*W, C)."""
    return volume.reshape(volume.shape[0], math.prod(volume.shape[1:4]), volume.shape[4])


transposes(of_winners, _at_winners)


def _winner_places(winner: Array, shape: Shape, axes: tuple[Shape, ...] | None) -> Array:
    """The positions (d*H + h)*W + w of winners of dtype uint8, int64; negative for a window without elements."""
    first, steps = _place_tables(shape[1:4], winner.shape[1:4], axes)
    numbers = cast(winner, dtypes.int64)
    offsets = empty((winner.size, 1), dtypes.int64)
    K.embedding(offsets, steps, numbers.reshape(-1))
    return binary("add", offsets.reshape(winner.shape), first)


@cached_table
def _place_tables(lengths: Shape, outputs: Shape, axes: tuple[Shape, ...] | None) -> tuple[Array, Array]:
    """The position of number 0 of each window, (D', H', W', 1), and what each number adds to it, (256, 1)."""
    first, steps = np.zeros((1, 1, 1), np.int64), np.zeros(1, np.int64)
    for i, (size, count) in enumerate(zip(lengths, outputs)):
        windows = np.arange(count)
        if axes is None:
            taps, starts, dilation = -(-size // count) + (size % count != 0), windows * size // count, 1
        else:
            taps, stride, padding, dilation = axes[i]
            starts = windows * stride - padding
        first = first * size + starts.reshape([-1 if d == i else 1 for d in range(3)])
        steps = (steps[:, None] * size + np.arange(taps) * dilation).reshape(-1)
    table = np.full((_WINNER_NUMBERS, 1), _NO_PLACE)
    table[:len(steps), 0] = steps
    return constant(first[..., None]), constant(table)
