"""Average and power-average pooling over windows that slide over images."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.memory import empty
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional.activation import relu
from fastnet.functional.dims import as_tuple
from fastnet.functional.integers import are_integers, computed_in_float64
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.layout import as_volume, from_volume
from fastnet.functional.pointwise import sign
from fastnet.functional.windows import Windows, check_image, on_batch, sliding

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size
    from fastnet._core.tensor import Tensor

    _Axes = tuple[Shape, ...]

__all__ = ["avg_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d"]


# ---- average --------------------------------------------------------------------------------------------------------

@op
def avg_pool(x: Array, windows: Windows, count_include_pad: bool = True,
             divisor_override: float | None = None) -> Result[Array]:
    """Average over windows of a batch of images."""
    volume = as_volume(x)
    slope = gradient(_of_averages, volume.shape, x.ndim, windows.axes, windows.lengths, count_include_pad,
                     divisor_override)
    out = _averages(x, volume.shape, x.ndim, windows.axes, windows.lengths, count_include_pad, divisor_override)
    return out, (slope, None, None, None)


def _averages(x: Array, shape: Shape, ndim: int, axes: _Axes | None, lengths: Shape, count_include_pad: bool,
              divisor: float | None) -> Array:
    out = empty((shape[0], *lengths, shape[4]), x.dtype)
    K.avg_pool(out, as_volume(x), windows=axes, count_include_pad=count_include_pad, divisor=divisor)
    return from_volume(out, ndim)


def _of_averages(g: Array, shape: Shape, ndim: int, axes: _Axes | None, lengths: Shape,
                 count_include_pad: bool, divisor: float | None) -> Array:
    dx = empty(shape, g.dtype)
    K.avg_pool_backward(dx, as_volume(g), windows=axes, count_include_pad=count_include_pad, divisor=divisor)
    return from_volume(dx, ndim)


transposes(_of_averages, _averages)


def _avg_pool_nd(name: str, n: int, input: Tensor, kernel_size: Size, stride: Size | None, padding: Size,
                 ceil_mode: bool, count_include_pad: bool = True, divisor_override: float | None = None) -> Tensor:
    if are_integers(input):
        return computed_in_float64(lambda x: _avg_pool_nd(
            name, n, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override), input)
    check_image(name, input, n)
    check_floating(name, input)
    if divisor_override == 0:
        raise RuntimeError(f"{name}: expected divisor_override not to be 0")
    windows = sliding(name, input, n, kernel_size, stride, padding, 1, ceil_mode)
    return on_batch(input, n, lambda x: (avg_pool(x, windows, bool(count_include_pad), divisor_override),))[0]


def avg_pool1d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """Average of each window: sum of its elements / their number. LeCun et al. 1998, https://doi.org/10.1109/5.726791.

    Args:
        input: (N, C, L), or (C, L) without a batch; floating-point.
        kernel_size: size of a window: an integer.
        stride: distance between windows; None for the kernel size.
        padding: zeros added at both ends of a dimension, at most half the kernel.
        ceil_mode: also pool a last window that is only partly inside the padded input.
        count_include_pad: count the zeros of the padding.

    Returns:
        (N, C, out_L) with out = (size + 2*padding - kernel_size) // stride + 1.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.avg_pool1d(fastnet.tensor([[1.0, 5.0, 2.0, 3.0]]), 2)
        tensor([[3. , 2.5]])
    """
    return _avg_pool_nd("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Tensor:
    """Average of each window: sum of its elements / their number. LeCun et al. 1998, https://doi.org/10.1109/5.726791.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch; floating-point.
        kernel_size: size of a window: an integer, or a pair for H and W.
        stride: distance between windows; None for the kernel size.
        padding: zeros added at both ends of a dimension, at most half the kernel.
        ceil_mode: also pool a last window that is only partly inside the padded input.
        count_include_pad: count the zeros of the padding.
        divisor_override: divide by this number instead.

    Returns:
        (N, C, out_H, out_W) with out = (size + 2*padding - kernel_size) // stride + 1.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(16.0).reshape(1, 4, 4)
        >>> fastnet.nn.functional.avg_pool2d(x, 2)
        tensor([[[ 2.5,  4.5],
                 [10.5, 12.5]]])
    """
    return _avg_pool_nd("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                        divisor_override)


def avg_pool3d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
               ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Tensor:
    """Average of each window: sum of its elements / their number. LeCun et al. 1998, https://doi.org/10.1109/5.726791.

    Args:
        input: (N, C, D, H, W), or (C, D, H, W) without a batch; floating-point.
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        stride: distance between windows; None for the kernel size.
        padding: zeros added at both ends of a dimension, at most half the kernel.
        ceil_mode: also pool a last window that is only partly inside the padded input.
        count_include_pad: count the zeros of the padding.
        divisor_override: divide by this number instead.

    Returns:
        (N, C, out_D, out_H, out_W) with out = (size + 2*padding - kernel_size) // stride + 1.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.avg_pool3d(fastnet.arange(8.0).reshape(1, 2, 2, 2), 2)
        tensor([[[[3.5]]]])
    """
    return _avg_pool_nd("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                        divisor_override)


# ---- power average --------------------------------------------------------------------------------------------------

def _lp_pool_nd(name: str, n: int, input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None,
                ceil_mode: bool) -> Tensor:
    average = _avg_pool_nd(name, n, input ** norm_type, kernel_size, stride, 0, ceil_mode)
    kernel = as_tuple(name, "kernel_size", kernel_size, n)
    return (sign(average) * relu(average.abs()) * math.prod(kernel)) ** (1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None,
              ceil_mode: bool = False) -> Tensor:
    """Power-average pooling: (sum of x^p over each window)^(1/p), the p-norm of windows of positive elements.

    Sermanet et al. 2012, https://arxiv.org/abs/1204.3968.

    Args:
        input: (N, C, L), or (C, L) without a batch; floating-point.
        norm_type: the power p. A window whose sum is 0 has no gradient.
        kernel_size: size of a window: an integer.
        stride: distance between windows; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the input.
        ZeroDivisionError: norm_type is 0.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([3.0, 4.0]).reshape(1, 2)
        >>> fastnet.nn.functional.lp_pool1d(x, 2, 2)
        tensor([[5.]])
    """
    return _lp_pool_nd("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None,
              ceil_mode: bool = False) -> Tensor:
    """Power-average pooling: (sum of x^p over each window)^(1/p), the p-norm of windows of positive elements.

    Sermanet et al. 2012, https://arxiv.org/abs/1204.3968.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch; floating-point.
        norm_type: the power p. A window whose sum is 0 has no gradient.
        kernel_size: size of a window: an integer, or a pair for H and W.
        stride: distance between windows; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the input.
        ZeroDivisionError: norm_type is 0.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([3.0, 4.0]).reshape(1, 1, 2)
        >>> fastnet.nn.functional.lp_pool2d(x, 2, (1, 2))
        tensor([[[5.]]])
    """
    return _lp_pool_nd("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None,
              ceil_mode: bool = False) -> Tensor:
    """Power-average pooling: (sum of x^p over each window)^(1/p), the p-norm of windows of positive elements.

    Sermanet et al. 2012, https://arxiv.org/abs/1204.3968.

    Args:
        input: (N, C, D, H, W), or (C, D, H, W) without a batch; floating-point.
        norm_type: the power p. A window whose sum is 0 has no gradient.
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        stride: distance between windows; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the input.
        ZeroDivisionError: norm_type is 0.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([3.0, 4.0]).reshape(1, 1, 1, 2)
        >>> fastnet.nn.functional.lp_pool3d(x, 2, (1, 1, 2))
        tensor([[[[5.]]]])
    """
    return _lp_pool_nd("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)
