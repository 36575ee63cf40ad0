"""Rearrangements of pixels and channels: pixel shuffle, its inverse, and channel shuffle."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.layout import channels_first

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def _as_batch(x: Array, split: Shape) -> Array:
    """x with its dimensions before the last three merged, and the last three split."""
    x = x if x.ndim == 4 else contiguous(x)
    return x.reshape(math.prod(x.shape[:-3]), *split)


def _images(out: Array, lead: Shape, height: int, width: int, channels: int) -> Array:
    """Rearranged memory (N, ...) in the order of (N, height, width, channels) as images (*lead, C, H, W)."""
    images = channels_first(out.reshape(out.shape[0], height, width, channels))
    return images.reshape(*lead, channels, height, width)


def _shuffled(x: Array, r: int) -> Array:
    *lead, channels, h, w = x.shape
    c = channels // (r * r)
    blocks = _as_batch(x, (c, r, r, h, w))
    out = empty((blocks.shape[0], h, r, w, r, c), x.dtype)
    K.copy(out, blocks.transpose(0, 4, 2, 5, 3, 1))
    return _images(out, tuple(lead), h * r, w * r, c)


def _unshuffled(x: Array, r: int) -> Array:
    *lead, c, height, width = x.shape
    h, w = height // r, width // r
    blocks = _as_batch(x, (c, h, r, w, r))
    out = empty((blocks.shape[0], h, w, c, r, r), x.dtype)
    K.copy(out, blocks.transpose(0, 2, 4, 1, 3, 5))
    return _images(out, tuple(lead), h, w, c * r * r)


@op
def _pixel_shuffle(x: Array, r: int) -> Result[Array]:
    return _shuffled(x, r), (gradient(_unshuffled, r), None)


@op
def _pixel_unshuffle(x: Array, r: int) -> Result[Array]:
    return _unshuffled(x, r), (gradient(_shuffled, r), None)


def _channels_shuffled(x: Array, groups: int) -> Array:
    n, c, *spatial = x.shape
    parts = x.reshape(n, groups, c // groups, *spatial)
    out = empty((n, *spatial, c // groups, groups), x.dtype)
    K.copy(out, parts.transpose(0, *range(3, parts.ndim), 2, 1))
    return channels_first(out.reshape(n, *spatial, c))


@op
def _channel_shuffle(x: Array, groups: int) -> Result[Array]:
    return _channels_shuffled(x, groups), (gradient(_channels_shuffled, x.shape[1] // groups), None)


transposes(_shuffled, _unshuffled)
transposes(_channels_shuffled, lambda v, groups: _channels_shuffled(v, v.shape[1] // groups))


def _check_factor(name: str, argument: str, input: Tensor, factor: int) -> None:
    """Refuse a factor that is not positive, and an input that is not a batch of images."""
    check_sizes(name, **{argument: factor})
    if factor == 0:
        raise RuntimeError(f"{name}: expected {argument} to be positive, got 0")
    if input.ndim < 3:
        raise RuntimeError(f"{name}: expected an input of shape (..., C, H, W), got {shape_text(input)}")


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Rearrange channels into pixels: (..., C*r*r, H, W) to (..., C, H*r, W*r).

    out[c, h*r + i, w*r + j] = input[(c*r + i)*r + j, h, w]. Shi et al. 2016, https://arxiv.org/abs/1609.05158.

    Args:
        input: (..., C*r*r, H, W).
        upscale_factor: r.

    Raises:
        RuntimeError: channels that r*r does not divide, fewer than three dimensions, or a factor that is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.pixel_shuffle(fastnet.arange(4).reshape(1, 4, 1, 1), 2)
        tensor([[[[0, 1],
                  [2, 3]]]])
    """
    _check_factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    if input.shape[-3] % upscale_factor**2:
        raise RuntimeError(f"pixel_shuffle: expected channels divisible by {upscale_factor}**2, got {input.shape[-3]} "
                           f"in shape {shape_text(input)}")
    return _pixel_shuffle(input, int(upscale_factor))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Rearrange pixels into channels: (..., C, H*r, W*r) to (..., C*r*r, H, W), the inverse of `pixel_shuffle`.

    Args:
        input: (..., C, H*r, W*r).
        downscale_factor: r.

    Raises:
        RuntimeError: a height or width that r does not divide, fewer than three dimensions, or a factor that is not
            positive.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.pixel_unshuffle(fastnet.arange(4).reshape(1, 1, 2, 2), 2).shape
        (1, 4, 1, 1)
    """
    _check_factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    if input.shape[-2] % downscale_factor or input.shape[-1] % downscale_factor:
        raise RuntimeError(f"pixel_unshuffle: expected a height and a width divisible by {downscale_factor}, got shape "
                           f"{shape_text(input)}")
    return _pixel_unshuffle(input, int(downscale_factor))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels: out[:, i*groups + g] = input[:, g*(C/groups) + i].

    Zhang et al. 2017, ShuffleNet, https://arxiv.org/abs/1707.01083.

    Args:
        input: (N, C, ...).
        groups: the number of groups, which divides C.

    Raises:
        RuntimeError: channels that the number of groups does not divide, fewer than three dimensions, or a number of
            groups that is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.channel_shuffle(fastnet.arange(4).reshape(1, 4, 1), 2).reshape(-1)
        tensor([0, 2, 1, 3])
    """
    check_sizes("channel_shuffle", groups=groups)
    if input.ndim < 3 or groups == 0 or input.shape[1] % groups:
        raise RuntimeError(f"channel_shuffle: expected an input (N, C, ...) with C divisible by {groups} groups, got "
                           f"shape {shape_text(input)}")
    return _channel_shuffle(input, int(groups))
