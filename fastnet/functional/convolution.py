"""Convolutions and transposed convolutions over one to three spatial dimensions."""
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet.autograd import gradient, on_tensors, op, writes_out
from fastnet.backend import K
from fastnet.functional.conv_arrays import (
    Geometry,
    Paddings,
    as_filters,
    pixel_rows,
    run_conv,
    run_conv_input,
    run_conv_weight,
    same_padding,
)
from fastnet.functional.conv_slopes import convolved, filter_slope, volume_slope
from fastnet.functional.dims import as_tuple
from fastnet.functional.integers import are_integers, computed_in_float64
from fastnet.functional.kernel_calls import call_like, check_floating
from fastnet.functional.layout import as_volume, from_volume, images_of, volume_of, volume_to_images
from fastnet.functional.linear import check_one_dtype

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size
    from fastnet._core.tensor import Tensor

__all__ = ["Padding", "conv1d", "conv2d", "conv3d", "conv_activated", "conv_normed", "conv_transpose1d",
           "conv_transpose2d", "conv_transpose3d", "filter_gradient", "sum_over_pixels", "transposed_filter_gradient",
           "window_count"]

Padding: TypeAlias = "Size | Literal['valid', 'same'] | Paddings"


# ---- operations ------------------------------------------------------------------------------------------------------

@op
def _conv(x: Array, weight: Array, bias: Array | None, geometry: Geometry, sizes: Shape,
          activation: str) -> Result[Array]:
    """Convolution with an activation; `sizes` are those of the output's spatial dimensions."""
    v, w = as_volume(x), as_filters(weight)
    out = empty((v.shape[0], *sizes, w.shape[0]), x.dtype)
    run_conv(out, v, w, bias, geometry, activation)
    y = from_volume(out, x.ndim)
    first = gradient(as_volume) if activation == "none" else gradient(_relu_gradient, out)
    return y, first.then(gradient(_input_gradient, weight, v.shape, x.ndim, *geometry),
                         gradient(filter_gradient, v, weight.shape, *geometry),
                         None if bias is None else sum_over_pixels, None, None, None)


@op
def _conv_normed(x: Array, weight: Array, bias: Array | None, mean: Array | None, var: Array | None,
                 scale: Array | None, shift: Array | None, residual: Array | None, eps: float, geometry: Geometry,
                 sizes: Shape, activation: str) -> Result[Array]:
    v, w = as_volume(x), as_filters(weight)
    out, affine = empty((v.shape[0], *sizes, w.shape[0]), x.dtype), None
    if mean is not None:
        affine = empty((3, w.shape[0]), x.dtype)
        K.channel_affine(affine, mean, var, scale, shift, eps)
    run_conv(out, v, w, bias, geometry, activation, affine, None if residual is None else as_volume(residual))
    return from_volume(out, x.ndim), None


@on_tensors(lambda g, out: volume_of(g) * (out > 0).to(out.dtype), None)
def _relu_gradient(g: Array, out: Array) -> Array:
    return call_like("relu_backward", out, as_volume(g))


@on_tensors(lambda g, weight, shape, ndim, *geometry: images_of(volume_slope(g, weight, shape, geometry), ndim), 1)
def _input_gradient(g: Array, weight: Array, shape: Shape, ndim: int, *geometry: Any) -> Array:
    dx = empty(shape, g.dtype)
    run_conv_input(dx, g, as_filters(weight), None, Geometry(*geometry))
    return from_volume(dx, ndim)


@on_tensors(lambda g, v, shape, *geometry: filter_slope(v, g, shape, geometry), (0, volume_to_images))
@writes_out
def filter_gradient(g: Array, v: Array, shape: Shape, *geometry: Any, out: Array | None = None) -> Array:
    """The gradient of the filters of a convolution, for g and v as (N, D, H, W, C)."""
    dw = empty(shape, g.dtype) if out is None or out.shape != shape else out
    run_conv_weight(as_filters(dw), v, g, Geometry(*geometry))
    return dw


@on_tensors(lambda g: g.sum((0, 1, 2, 3)))
def sum_over_pixels(g: Array) -> Array:
    """The gradient of the bias of a convolution."""
    out = empty((1, g.shape[-1]), g.dtype)
    K.sum(out, pixel_rows(g)[None])
    return out.reshape(-1)


@op
def _conv_transposed(x: Array, weight: Array, bias: Array | None, geometry: Geometry, sizes: Shape) -> Result[Array]:
    """Transposed convolution: the gradient of a convolution for its input."""
    v, w = as_volume(x), as_filters(weight)
    out = empty((v.shape[0], *sizes, w.shape[1] * geometry.groups), x.dtype)
    run_conv_input(out, v, w, bias, geometry)
    return from_volume(out, x.ndim), gradient(as_volume).then(
        gradient(_transposed_of_input, weight, v.shape, x.ndim, *geometry),
        gradient(transposed_filter_gradient, v, weight.shape, *geometry),
        None if bias is None else sum_over_pixels, None, None)


@on_tensors(lambda g, weight, shape, ndim, *geometry: images_of(convolved(g, weight, shape, geometry), ndim), 1)
def _transposed_of_input(g: Array, weight: Array, shape: Shape, ndim: int, *geometry: Any) -> Array:
    dx = empty(shape, g.dtype)
    run_conv(dx, g, as_filters(weight), None, Geometry(*geometry))
    return from_volume(dx, ndim)


@on_tensors(lambda g, v, shape, *geometry: filter_slope(g, v, shape, geometry), (0, volume_to_images))
@writes_out
def transposed_filter_gradient(g: Array, v: Array, shape: Shape, *geometry: Any, out: Array | None = None) -> Array:
    """The gradient of the filters of a transposed convolution."""
    dw = empty(shape, g.dtype) if out is None or out.shape != shape else out
    run_conv_weight(as_filters(dw), g, v, Geometry(*geometry))
    return dw


# ---- on tensors -----------------------------------------------------------------------------------------------------

def window_count(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """The windows along a dimension.

    Example:
        >>> window_count(224, kernel=3, stride=2, padding=1, dilation=1)
        112
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _with_batch(name: str, input: Tensor, n: int, channels: int) -> Tensor:
    """The input with a batch dimension: an input without one gets one of length 1.

    Raises:
        RuntimeError: another number of dimensions, or another number of channels; both forms are named.
    """
    if input.ndim not in (n + 1, n + 2):
        sizes = ", ".join("LHWDHW"[n * (n - 1) // 2:][:n])
        raise RuntimeError(f"{name}: expected an input of shape (N, C, {sizes}), or (C, {sizes}) without a batch, got "
                           f"shape {shape_text(input)}")
    if input.shape[-n - 1] != channels:
        raise RuntimeError(f"{name}: expected an input with {channels} channels for this weight and these groups, got "
                           f"{input.shape[-n - 1]} (shape {shape_text(input)})")
    return input if input.ndim == n + 2 else input.unsqueeze(0)


def _check_filters(name: str, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, n: int) -> None:
    """Refuse arguments of other dtypes, a weight of another rank, and channels that do not divide into groups."""
    check_one_dtype(name, ("input", "weight", "bias"), input, weight, *(() if bias is None else (bias,)))
    check_floating(name, input)
    if not isinstance(groups, int) or isinstance(groups, bool) or groups < 1:
        raise RuntimeError(f"{name}: expected groups to be an integer of 1 or more, got {groups!r}")
    if weight.ndim != n + 2:
        raise RuntimeError(f"{name}: expected a weight with {n + 2} dimensions, got shape {shape_text(weight)}")
    if weight.shape[0] % groups:
        raise RuntimeError(f"{name}: expected the first dimension of the weight to be a multiple of groups={groups}, "
                           f"got a weight of shape {shape_text(weight)}")


def _check_filter_bias(name: str, bias: Tensor | None, filters: int) -> None:
    if bias is not None and bias.shape != (filters,):
        raise RuntimeError(f"{name}: expected a bias of shape ({filters},), got {shape_text(bias)}")


def _sizes_from(name: str, argument: str, value: Size, n: int, least: int) -> Shape:
    """One size for each spatial dimension, each at least `least`."""
    sizes = as_tuple(name, argument, value, n)
    if min(sizes) < least:
        raise RuntimeError(f"{name}: expected {argument} of {least} or more, got {value}")
    return sizes


def _geometry_of(stride: Shape, padding: Shape, dilation: Shape, groups: int) -> Geometry:
    """The geometry over (D, H, W); dimensions that are missing come first."""
    missing = 3 - len(stride)
    return Geometry((1,) * missing + stride, (0,) * missing + padding, (1,) * missing + dilation, groups)


def _planned(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Padding, dilation: Size,
             groups: int) -> tuple[Tensor, Geometry, Shape]:
    """Check the arguments of a convolution: (the input with a batch, the windows, the sizes of the output)."""
    name = f"conv{n}d"
    _check_filters(name, input, weight, bias, groups, n)
    _check_filter_bias(name, bias, weight.shape[0])
    x = _with_batch(name, input, n, weight.shape[1] * groups)
    sizes: list[Any] = [tuple(s) if isinstance(s, list) else s for s in (stride, padding, dilation)]
    return x, *_windows_of_images(name, x.shape[2:], weight.shape[2:], *sizes, groups)


@functools.lru_cache(512, typed=True)              # True is no size, though it equals 1
def _windows_of_images(name: str, size: Shape, kernel: Shape, stride: Size, padding: Padding, dilation: Size,
             groups: int) -> tuple[Geometry, Shape]:
    """The windows of a convolution over images of a size, and the sizes of the output."""
    n = len(size)
    steps, spread = _sizes_from(name, "stride", stride, n, 1), _sizes_from(name, "dilation", dilation, n, 1)
    before, after = _paddings(name, padding, kernel, steps, spread)
    padded = [length + b + a for length, b, a in zip(size, before, after)]
    sizes = tuple(map(window_count, padded, kernel, steps, (0,) * n, spread))
    if any(length < d * (k - 1) + 1 for length, k, d in zip(padded, kernel, spread)) or 0 in kernel:
        raise RuntimeError(f"{name}: expected a kernel of 1 or more, no larger than the padded input, got a kernel of "
                           f"size {shape_text(kernel)} with dilation {shape_text(spread)} for a padded input of size "
                           f"{shape_text(tuple(padded))}")
    return _geometry_of(steps, before, spread, groups), (1,) * (3 - n) + sizes


def _convolve(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Padding,
              dilation: Size, groups: int, activation: str = "none") -> Tensor:
    if are_integers(input, weight, bias):
        return computed_in_float64(
            lambda x, w, b: _convolve(n, x, w, b, stride, padding, dilation, groups, activation), input, weight, bias)
    x, geometry, sizes = _planned(n, input, weight, bias, stride, padding, dilation, groups)
    out = _conv(x, weight, bias, geometry, sizes, activation)
    return out if x is input else out.squeeze(0)


def _paddings(name: str, padding: Padding, kernel: Shape, stride: Shape, dilation: Shape) -> tuple[Shape, Shape]:
    """The zeros before and after each spatial dimension."""
    if isinstance(padding, Paddings):
        return padding
    if not isinstance(padding, str):
        sizes = _sizes_from(name, "padding", padding, len(kernel), 0)
        return sizes, sizes
    if padding not in ("valid", "same"):
        raise RuntimeError(f"{name}: expected padding to be 'valid', 'same', or numbers, got {padding!r}")
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if max(stride) > 1:
        raise RuntimeError(f"{name}: expected stride 1 with padding 'same', got {stride}")
    return same_padding(kernel, dilation)


def _convolve_transposed(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Size,
                         output_padding: Size, groups: int, dilation: Size) -> Tensor:
    name = f"conv_transpose{n}d"
    if are_integers(input, weight, bias):
        return computed_in_float64(lambda x, w, b: _convolve_transposed(
            n, x, w, b, stride, padding, output_padding, groups, dilation), input, weight, bias)
    _check_filters(name, input, weight, bias, groups, n)
    _check_filter_bias(name, bias, weight.shape[1] * groups)
    x = _with_batch(name, input, n, weight.shape[0])
    steps, spread = _sizes_from(name, "stride", stride, n, 1), _sizes_from(name, "dilation", dilation, n, 1)
    around = _sizes_from(name, "padding", padding, n, 0)
    extra = _sizes_from(name, "output_padding", output_padding, n, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, spread)):
        raise RuntimeError(f"{name}: expected output_padding to be smaller than stride or dilation, got output_padding="
                           f"{extra}, stride={steps} and dilation={spread}")
    sizes = tuple((size - 1) * s - 2 * p + d * (k - 1) + e + 1 for size, s, p, d, k, e in zip(
        x.shape[2:], steps, around, spread, weight.shape[2:], extra))
    if min(sizes) < min(x.shape[0], 1) or 0 in x.shape[2:]:
        raise RuntimeError(f"{name}: expected an output of size 1 or more, got {sizes} for an input of shape "
                           f"{shape_text(input)}")
    out = _conv_transposed(x, weight, bias, _geometry_of(steps, around, spread, groups), (1,) * (3 - n) + sizes)
    return out if input.ndim == n + 2 else out.squeeze(0)


def conv_activated(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Padding, dilation: Size,
                   groups: int, activation: Literal["relu"]) -> Tensor:
    """A convolution and an activation in one pass; the number of dimensions is that of the weight."""
    return _convolve(weight.ndim - 2, input, weight, bias, stride, padding, dilation, groups, activation)


def conv_normed(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Padding, dilation: Size,
                groups: int, statistics: tuple[Any, ...] | None, activation: str = "none",
                residual: Tensor | None = None) -> Tensor:
    """activation(batch norm(convolution) + residual) in one pass, with running statistics and without a gradient.

    Args:
        input, weight, bias, stride, padding, dilation, groups: as in `conv2d`.
        statistics: (running_mean, running_var, weight, bias, eps) of the batch norm, whose weight and bias may be None;
            None for no batch norm.
        activation: one of those of the kernel `matmul`.
        residual: in the shape of the result, or None.
    """
    x, geometry, sizes = _planned(weight.ndim - 2, input, weight, bias, stride, padding, dilation, groups)
    mean, var, scale, shift, eps = statistics or (None, None, None, None, 0.0)
    out = _conv_normed(x, weight, bias, mean, var, scale, shift, residual, eps, geometry, sizes, activation)
    return out if x is input else out.squeeze(0)


def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Padding = 0,
           dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution over the last dimension; `conv2d` describes it and its arguments.

    Shape:
        input (N, C, L) or (C, L), weight (O, C/groups, K) to (N, O, L').

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.conv1d(fastnet.tensor([[1.0, 2.0, 4.0]]), fastnet.tensor([[[1.0, -1.0]]]))
        tensor([[-1., -2.]])
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Padding = 0,
           dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution (cross-correlation) over the last two dimensions.

    out[n, o, p] = bias[o] + sum_{c, t} input[n, c, p * stride + t * dilation - padding] * weight[o, c, t], where p and
    t are positions in the output and in the kernel, and the input is 0 outside of its bounds. The output has
    floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1 positions in each dimension. It lies
    channels-last in memory. Dumoulin and Visin 2016, https://arxiv.org/abs/1603.07285.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        weight: (O, C/groups, KH, KW).
        bias: (O,) or None.
        stride: distance of neighbouring windows, a number or a pair.
        padding: zeros before and after each dimension, a number or a pair; "valid" is 0, "same" keeps the size of the
            input (stride 1 only).
        dilation: distance of neighbouring positions of the kernel, a number or a pair.
        groups: the channels are divided into this many groups, which are convolved separately.

    Raises:
        RuntimeError: shapes or dtypes that do not fit, or a kernel that is larger than the padded input.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(9.0).reshape(1, 1, 3, 3)
        >>> fastnet.nn.functional.conv2d(x, fastnet.ones(1, 1, 2, 2))
        tensor([[[[ 8., 12.],
                  [20., 24.]]]])
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Padding = 0,
           dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution over the last three dimensions; `conv2d` describes it and its arguments.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (O, C/groups, KD, KH, KW) to (N, O, D', H', W').

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.conv3d(fastnet.ones(1, 2, 4, 4, 4), fastnet.ones(3, 2, 2, 2, 2)).shape
        (1, 3, 3, 3, 3)
    """
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Transposed convolution over the last dimension; `conv_transpose2d` describes it and its arguments.

    Shape:
        input (N, C, L) or (C, L), weight (C, O/groups, K) to (N, O, L').

    Example:
        >>> import fastnet
        >>> x, weight = fastnet.tensor([[1.0, 2.0]]), fastnet.tensor([[[1.0, 10.0]]])
        >>> fastnet.nn.functional.conv_transpose1d(x, weight, stride=2)
        tensor([[ 1., 10.,  2., 20.]])
    """
    return _convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Transposed convolution over the last two dimensions: the gradient of `conv2d` for its input.

    Each element of the input adds weight * element to a window of the output. The output has (size - 1) * stride
    - 2 * padding + dilation * (kernel - 1) + output_padding + 1 positions in each dimension. Zeiler et al. 2010,
    "Deconvolutional networks".

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        weight: (C, O/groups, KH, KW).
        bias: (O,) or None.
        stride: distance of the windows, a number or a pair.
        padding: positions that are left out at each end of the output, a number or a pair.
        output_padding: positions added at the end of the output, less than stride or dilation.
        groups: the channels are divided into this many groups, which are convolved separately.
        dilation: distance of neighbouring positions of the kernel, a number or a pair.

    Raises:
        RuntimeError: shapes or dtypes that do not fit, or an output_padding that is too large.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[[[1.0, 2.0]]]])
        >>> fastnet.nn.functional.conv_transpose2d(x, fastnet.ones(1, 1, 1, 2), stride=(1, 2))
        tensor([[[[1., 1., 2., 2.]]]])
    """
    return _convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Transposed convolution over the last three dimensions; `conv_transpose2d` describes it and its arguments.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (C, O/groups, KD, KH, KW) to (N, O, D', H', W').

    Example:
        >>> import fastnet
        >>> x, weight = fastnet.ones(1, 2, 2, 2, 2), fastnet.ones(2, 3, 2, 2, 2)
        >>> fastnet.nn.functional.conv_transpose3d(x, weight, stride=2).shape
        (1, 3, 4, 4, 4)
    """
    return _convolve_transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)
