"""Convolutions and transposed convolutions over one to three spatial dimensions."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastnet._core.memory import empty
from fastnet.autograd import gradient, on_tensors, op, writes_out
from fastnet.backend import K
from fastnet.functional.conv_arrays import Geometry, as_filters, pixel_rows, run_conv, run_conv_input, run_conv_weight
from fastnet.functional.conv_slopes import convolved, filter_slope, volume_slope
from fastnet.functional.conv_windows import plan_conv, plan_conv_transposed
from fastnet.functional.integers import are_integers, computed_in_float64
from fastnet.functional.kernel_calls import call_like
from fastnet.functional.layout import as_volume, from_volume, images_of, volume_of, volume_to_images

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size
    from fastnet._core.tensor import Tensor
    from fastnet.functional.conv_windows import Padding

__all__ = ["conv1d", "conv2d", "conv3d", "conv_activated", "conv_normed", "conv_transpose1d", "conv_transpose2d",
           "conv_transpose3d", "filter_gradient", "sum_over_pixels", "transposed_filter_gradient"]


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
    return y, first.then(gradient(_input_gradient, weight, v.shape, x.ndim, geometry),
                         gradient(filter_gradient, v, weight.shape, geometry),
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


@on_tensors(lambda g, weight, shape, ndim, geometry: images_of(volume_slope(g, weight, shape, geometry), ndim), 1)
def _input_gradient(g: Array, weight: Array, shape: Shape, ndim: int, geometry: Geometry) -> Array:
    dx = empty(shape, g.dtype)
    run_conv_input(dx, g, as_filters(weight), None, geometry)
    return from_volume(dx, ndim)


@on_tensors(lambda g, v, shape, geometry: filter_slope(v, g, shape, geometry), (0, volume_to_images))
@writes_out
def filter_gradient(g: Array, v: Array, shape: Shape, geometry: Geometry, *, out: Array | None = None) -> Array:
    """The gradient of the filters of a convolution, for g and v as (N, D, H, W, C)."""
    dw = empty(shape, g.dtype) if out is None or out.shape != shape else out
    run_conv_weight(as_filters(dw), v, g, geometry)
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
        gradient(_transposed_of_input, weight, v.shape, x.ndim, geometry),
        gradient(transposed_filter_gradient, v, weight.shape, geometry),
        None if bias is None else sum_over_pixels, None, None)


@on_tensors(lambda g, weight, shape, ndim, geometry: images_of(convolved(g, weight, shape, geometry), ndim), 1)
def _transposed_of_input(g: Array, weight: Array, shape: Shape, ndim: int, geometry: Geometry) -> Array:
    dx = empty(shape, g.dtype)
    run_conv(dx, g, as_filters(weight), None, geometry)
    return from_volume(dx, ndim)


@on_tensors(lambda g, v, shape, geometry: filter_slope(g, v, shape, geometry), (0, volume_to_images))
@writes_out
def transposed_filter_gradient(g: Array, v: Array, shape: Shape, geometry: Geometry, *,
                               out: Array | None = None) -> Array:
    """The gradient of the filters of a transposed convolution."""
    dw = empty(shape, g.dtype) if out is None or out.shape != shape else out
    run_conv_weight(as_filters(dw), g, v, geometry)
    return dw


# ---- on tensors -----------------------------------------------------------------------------------------------------

def _convolve(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Padding,
              dilation: Size, groups: int, activation: str = "none") -> Tensor:
    if are_integers(input, weight, bias):
        return computed_in_float64(
            lambda x, w, b: _convolve(n, x, w, b, stride, padding, dilation, groups, activation), input, weight, bias)
    x, geometry, sizes = plan_conv(n, input, weight, bias, stride, padding, dilation, groups)
    out = _conv(x, weight, bias, geometry, sizes, activation)
    return out if x is input else out.squeeze(0)


def _convolve_transposed(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Size,
                         output_padding: Size, groups: int, dilation: Size) -> Tensor:
    if are_integers(input, weight, bias):
        return computed_in_float64(lambda x, w, b: _convolve_transposed(
            n, x, w, b, stride, padding, output_padding, groups, dilation), input, weight, bias)
    x, geometry, sizes = plan_conv_transposed(n, input, weight, bias, stride, padding, output_padding, groups, dilation)
    out = _conv_transposed(x, weight, bias, geometry, sizes)
    return out if x is input else out.squeeze(0)


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
    x, geometry, sizes = plan_conv(weight.ndim - 2, input, weight, bias, stride, padding, dilation, groups)
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
