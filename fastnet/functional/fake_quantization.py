"""Fake quantisation: rounding to the numbers that integers represent, with gradients that pass the rounding."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, empty_like, is_channels_last
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import check_array, check_floating, contiguous, dense
from fastnet.functional.layout import as_volume

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine", "learnable_fake_quantize"]


@op
def learnable_fake_quantize(input: Array, scale: Array, zero_point: Array, quant_min: int, quant_max: int,
                            axis: int = 0) -> Result[Array]:
    """(clamp(round(x / scale) + zero_point, quant_min, quant_max) - zero_point) * scale.

    The gradient of x is g where the integer was not clamped, else 0 (straight-through, Bengio et al. 2013,
    https://arxiv.org/abs/1308.3432). The gradient of the scale is g times the integer minus, where it was not clamped,
    x / scale (learned step size, Esser et al. 2020, https://arxiv.org/abs/1902.08153).

    Args:
        input: floating-point.
        scale: positive, of one element or (input.shape[axis],).
        zero_point: integers, int32, of the shape of the scale.
        quant_min, quant_max: the range of the integers.
        axis: the dimension that several scales belong to.

    Raises:
        RuntimeError: an input that is not floating-point, or another number of scales.

    Example:
        >>> import fastnet
        >>> from fastnet.functional.fake_quantization import learnable_fake_quantize
        >>> scale = fastnet.tensor([0.5], requires_grad=True)
        >>> zero = fastnet.zeros(1, dtype=fastnet.int32)
        >>> y = learnable_fake_quantize(fastnet.tensor([0.6, 9.0]), scale, zero, -7, 7)
        >>> y.sum().backward()
        >>> y, scale.grad
        (tensor([0.5, 3.5], grad_fn=<learnable_fake_quantize backward>), tensor([6.8]))
    """
    for name, x in (("input", input), ("scale", scale), ("zero_point", zero_point)):
        check_array("fake_quantize", name, x)
    check_floating("fake_quantize", input)
    x = contiguous(input) if scale.size != 1 else dense(input)
    shape = _by_channel_shape(x, scale, axis)
    numbers = tuple(contiguous(kernels.cast(a, x.dtype)).reshape(-1) for a in (scale, zero_point))
    if zero_point.size != scale.size:
        numbers = numbers[0], _once_for_each(numbers[1], scale.size)
    out = empty_like(x)
    K.fake_quantize(_in_memory(out, shape), _in_memory(x, shape), *numbers, quant_min, quant_max)
    limits = quant_min, quant_max
    return out, (gradient(_slope_of_input, x, *numbers, *limits, shape),
                 gradient(_slope_of_scale, x, *numbers, *limits, shape, scale.shape), None, None, None, None)


def _by_channel_shape(x: Array, scale: Array, axis: int) -> Shape:
    """(outer, channels, inner) of an array in memory order."""
    if scale.size == 1:
        return 1, 1, x.size
    if scale.ndim != 1 or scale.size != x.shape[axis]:
        raise RuntimeError(f"fake_quantize: expected a scale of one element or of shape ({x.shape[axis]},), got "
                           f"{shape_text(scale)}")
    axis %= x.ndim
    return math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1:])


def _once_for_each(x: Array, count: int) -> Array:
    out = empty((count,), x.dtype)
    K.copy(out, x)
    return out


def _in_memory(x: Array, shape: Shape) -> Array:
    """A dense array as (outer, channels, inner) in the order of its memory, without a copy."""
    return (as_volume(x) if is_channels_last(x) else x).reshape(shape)


def _slope_of_input(g: Array, x: Array, scale: Array, zero: Array, low: int, high: int, shape: Shape) -> Array:
    dx = empty_like(x)
    dy = _in_layout_of(g, x)
    K.fake_quantize_backward(_in_memory(dx, shape), _in_memory(x, shape), _in_memory(dy, shape), scale, zero, low, high)
    return dx


def _in_layout_of(g: Array, x: Array) -> Array:
    """g in the memory layout of x."""
    if g.strides == x.strides:
        return g
    out = empty_like(x)
    K.copy(out, g)
    return out


def _slope_of_scale(g: Array, x: Array, scale: Array, zero: Array, low: int, high: int, shape: Shape,
                    of_scale: Shape) -> Array:
    """The sum of g times the integer less, where it was not clamped, x / scale."""
    dy, values = (_in_memory(a, shape) for a in (_in_layout_of(g, x), x))
    column = (1, -1, 1)
    steps = kernels.binary("div", values, scale.reshape(column))
    clamped, unclamped = empty(shape, x.dtype), empty(shape, x.dtype)
    K.fake_quantize(clamped, values, scale, zero, low, high)
    K.fake_quantize_backward(unclamped, values, steps, scale, zero, low, high)
    slopes = kernels.mul(dy, kernels.sub(kernels.binary("div", clamped, scale.reshape(column)), unclamped))
    outer, channels, inner = shape
    sums = empty((outer * channels, 1), x.dtype)
    K.sum(sums, slopes.reshape(outer * channels, inner, 1))
    if outer == 1:
        return sums.reshape(of_scale)
    total = empty((1, channels), x.dtype)
    K.sum(total, sums.reshape(1, outer, channels))
    return total.reshape(of_scale)


def fake_quantize_per_tensor_affine(input: Tensor, scale: float | Tensor, zero_point: int | Tensor, quant_min: int,
                                    quant_max: int) -> Tensor:
    """(clamp(round(x / scale) + zero_point, quant_min, quant_max) - zero_point) * scale.

    The gradient is that of the identity where the integer was not clamped, and 0 elsewhere.

    Args:
        input: floating-point.
        scale: a number, or a tensor of one element.
        zero_point: an integer, or a tensor of one element.
        quant_min, quant_max: the range of the integers, such as -128 and 127.

    Raises:
        RuntimeError: an input that is not floating-point.

    Example:
        >>> import fastnet
        >>> fastnet.fake_quantize_per_tensor_affine(fastnet.tensor([0.26, 90.0]), 0.5, 0, -128, 127)
        tensor([ 0.5, 63.5])
    """
    scale, zero_point = _as_small_tensor(scale, input), _as_small_tensor(zero_point, input)
    return learnable_fake_quantize(input, scale.detach(), zero_point.detach(), quant_min, quant_max)


def _as_small_tensor(value: float | Tensor, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor._wrap(kernels.full((), value, like.dtype))


def fake_quantize_per_channel_affine(input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int,
                                     quant_max: int) -> Tensor:
    """As `fake_quantize_per_tensor_affine`, with a scale and a zero point for each index along a dimension.

    Args:
        input: floating-point.
        scale, zero_point: (input.shape[axis],).
        axis: the dimension of the channels.
        quant_min, quant_max: the range of the integers.

    Raises:
        RuntimeError: scales or zero points of another shape.

    Example:
        >>> import fastnet
        >>> x, zeros = fastnet.tensor([[0.3, 0.6], [0.3, 0.6]]), fastnet.zeros(2, dtype=fastnet.int32)
        >>> fastnet.fake_quantize_per_channel_affine(x, fastnet.tensor([0.5, 0.1]), zeros, 0, -128, 127)
        tensor([[0.5, 0.5],
                [0.3, 0.6]])
    """
    channels = (input.shape[axis],)
    for name, x in (("scale", scale), ("zero_point", zero_point)):
        if x.shape != channels:
            raise RuntimeError(f"fake_quantize_per_channel_affine: expected a {name} of shape {channels}, got "
                               f"{shape_text(x)}")
    return learnable_fake_quantize(input, scale.detach(), zero_point.detach(), quant_min, quant_max, axis)
