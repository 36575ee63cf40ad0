"""Quantised convolution and pooling over one to three spatial dimensions."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional.conv_arrays import Geometry, Paddings, as_filters, is_pointwise, pixel_rows, same_padding
from fastnet.functional.conv_windows import Padding, window_count
from fastnet.functional.dims import as_tuple
from fastnet.functional.layout import as_volume, from_volume
from fastnet.functional.quantized_products import check_bytes
from fastnet.functional.windows import Windows, sliding

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Result, Shape, Size

__all__ = ["integer_conv", "quantized_avg_pool", "quantized_conv", "quantized_max_pool"]

_SPATIAL_MOST = 3


@op
def _quantized_conv(x: Array, weight: Array, bias: Array | None, multiplier: Array, shift: Array, geometry: Geometry,
                    sizes: Shape, zero_x: int, zero_out: int, low: int, high: int, dtype: DType) -> Result[Array]:
    v, w = as_volume(x), as_filters(weight)
    out = empty((v.shape[0], *sizes, w.shape[0]), dtype)
    numbers = zero_x, zero_out, low, high
    if is_pointwise(w, v, out, geometry):
        K.quantized_matmul(pixel_rows(out), pixel_rows(v), w.reshape(w.shape[:2]), bias, multiplier, shift, *numbers)
    else:
        K.quantized_conv(out, v, w, bias, multiplier, shift, *geometry.windows(), *numbers)
    return from_volume(out, x.ndim), None


@op
def _integer_conv(x: Array, weight: Array, geometry: Geometry, sizes: Shape, zero_x: int) -> Result[Array]:
    v, w = as_volume(x), as_filters(weight)
    out = empty((v.shape[0], *sizes, w.shape[0]), dtypes.int32)
    K.integer_conv(out, v, w, *geometry.windows(), zero_x)
    return from_volume(out, x.ndim), None


def _padding_pairs(padding: Padding, kernel: Shape, dilation: Shape) -> tuple[Shape, Shape]:
    """The padding before and after each dimension."""
    if padding == "same":
        return same_padding(kernel, dilation)
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if isinstance(padding, Paddings):
        return padding
    if isinstance(padding, tuple | list) and padding and isinstance(padding[0], tuple | list):
        before, after = zip(*padding, strict=True)
        return tuple(before), tuple(after)
    sizes = as_tuple("quantized_conv", "padding", padding, len(kernel))
    return sizes, sizes


def _planned_windows(name: str, input: Tensor, weight: Tensor, stride: Size, padding: Padding, dilation: Size,
                     groups: int) -> tuple[Geometry, Shape]:
    """(the windows, the sizes of the output over (D, H, W))."""
    n = weight.ndim - 2
    if not 1 <= n <= _SPATIAL_MOST or input.ndim != n + 2 or input.shape[1] != weight.shape[1] * groups or (
            weight.shape[0] % groups):
        raise RuntimeError(f"{name}: expected an input (N, C, ...) and a weight (O, C/groups, ...) with as many "
                           f"dimensions, got shapes {shape_text(input)} and {shape_text(weight)} with groups={groups}")
    kernel = weight.shape[2:]
    steps, gaps = as_tuple(name, "stride", stride, n), as_tuple(name, "dilation", dilation, n)
    before, after = _padding_pairs(padding, kernel, gaps)
    padded = tuple(size + b + a for size, b, a in zip(input.shape[2:], before, after, strict=True))
    sizes = tuple(map(window_count, padded, kernel, steps, (0,) * n, gaps))
    if min(sizes) < 1 or min(steps) < 1 or min(gaps) < 1:
        raise RuntimeError(f"{name}: a kernel of size {shape_text(kernel)} does not fit a padded input of size "
                           f"{shape_text(padded)}")
    missing = _SPATIAL_MOST - n
    ones = (1,) * missing
    return Geometry(ones + steps, (0,) * missing + before, ones + gaps, groups), ones + sizes


def quantized_conv(input: Tensor, weight: Tensor, bias: Tensor | None, multiplier: Tensor, shift: Tensor,
                   zero_x: int, zero_out: int, low: int = -128, high: int = 127, stride: Size = 1,
                   padding: Padding = 0, dilation: Size = 1, groups: int = 1,
                   dtype: DTypeLike = dtypes.int8) -> Tensor:
    """Convolution of integers, with the end of `quantized_linear`; the padding holds zero_x.

    Args:
        input: (N, C, ...), int8 or uint8, with one to three spatial dimensions.
        weight: (O, C/groups, ...), int8.
        bias: (O,), int32, or None.
        multiplier, shift: (O,), int32; `quantized_numbers.factors_of` makes them.
        zero_x, zero_out: the integers that stand for 0.
        low, high: limits of the result. A low of zero_out is a ReLU.
        stride, dilation: an integer, or one for each spatial dimension.
        padding: the same, or (before, after) for each spatial dimension, "same" or "valid".
        groups: the channels and filters are divided into as many groups.
        dtype: of the result: int8, uint8 or int16.

    Returns:
        (N, O, ...), channels-last in memory.

    Raises:
        RuntimeError: another dtype or shape, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> x, w = (fastnet.ones(1, 1, n, dtype=fastnet.int8) for n in (3, 2))
        >>> one = fastnet.tensor([1 << 30], dtype=fastnet.int32), fastnet.tensor([1], dtype=fastnet.int32)
        >>> quantized_conv(x, w, None, *one, zero_x=0, zero_out=0, padding=1)
        tensor([[[1, 2, 2, 1]]], dtype=int8)
    """
    check_bytes("quantized_conv", "input", input)
    geometry, sizes = _planned_windows("quantized_conv", input, weight, stride, padding, dilation, groups)
    return _quantized_conv(input, weight, bias, multiplier, shift, geometry, sizes, zero_x, zero_out, low, high,
                           dtypes.as_dtype(dtype))


def integer_conv(input: Tensor, weight: Tensor, zero_x: int = 0, stride: Size = 1, padding: Padding = 0,
                 dilation: Size = 1, groups: int = 1) -> Tensor:
    """Convolution of input - zero_x with an int8 weight, exact: ONNX's ConvInteger for weights whose zero point is 0.

    Args:
        input, weight, stride, padding, dilation, groups: as of `quantized_conv`.

    Returns:
        (N, O, ...), int32.

    Raises:
        RuntimeError: another dtype or shape, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> x, w = (fastnet.ones(1, 1, n, dtype=fastnet.int8) for n in (3, 2))
        >>> integer_conv(x, w, zero_x=-1)
        tensor([[[4, 4]]], dtype=int32)
    """
    check_bytes("integer_conv", "input", input)
    geometry, sizes = _planned_windows("integer_conv", input, weight, stride, padding, dilation, groups)
    return _integer_conv(input, weight, geometry, sizes, zero_x)


# ---- pooling --------------------------------------------------------------------------------------------------------

@op
def _quantized_avg_pool(x: Array, windows: Windows, zero: int, count_include_pad: bool) -> Result[Array]:
    v = as_volume(x)
    out = empty((v.shape[0], *windows.lengths, v.shape[4]), x.dtype)
    kernel, stride, padding, _ = _triples(windows)
    K.quantized_average_pool(out, v, kernel, stride, padding, zero, count_include_pad)
    return from_volume(out, x.ndim), None


@op
def _quantized_max_pool(x: Array, windows: Windows) -> Result[Array]:
    v = as_volume(x)
    out = empty((v.shape[0], *windows.lengths, v.shape[4]), x.dtype)
    K.quantized_max_pool(out, v, *_triples(windows))
    return from_volume(out, x.ndim), None


def _triples(windows: Windows) -> tuple[Shape, ...]:
    """The kernel, stride, padding and dilation over (D, H, W)."""
    return tuple(zip(*windows.axes or (), strict=True))


def quantized_avg_pool(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                       zero_point: int = 0, count_include_pad: bool = True, ceil_mode: bool = False) -> Tensor:
    """Mean of each window of a quantised tensor, halves away from zero; scale and zero point stay.

    Args:
        input: (N, C, ...) with one to three spatial dimensions, int8 or uint8.
        kernel_size, padding: an integer, or one for each spatial dimension.
        stride: the same; None for the kernel size.
        zero_point: of the input and the result.
        count_include_pad: whether the padding, which stands for 0, counts as elements.
        ceil_mode: also pool a last window that is only partly inside the padded input; what exceeds it does not count.

    Returns:
        (N, C, ...), channels-last in memory.

    Raises:
        RuntimeError: another dtype, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> quantized_avg_pool(fastnet.tensor([[[1, 2, 3, 5]]], dtype=fastnet.int8), 2)
        tensor([[[2, 4]]], dtype=int8)
    """
    check_bytes("quantized_avg_pool", "input", input)
    n = input.ndim - 2
    windows = sliding("quantized_avg_pool", input, n, kernel_size, stride, padding, 1, ceil_mode)
    return _quantized_avg_pool(input, windows, zero_point, count_include_pad)


def quantized_max_pool(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                       dilation: Size = 1, ceil_mode: bool = False) -> Tensor:
    """Largest element of each window of a quantised tensor; scale and zero point stay.

    Args:
        input: (N, C, ...) with one to three spatial dimensions, int8 or uint8.
        kernel_size, padding, dilation: an integer, or one for each spatial dimension.
        stride: the same; None for the kernel size.
        ceil_mode: also pool a last window that is only partly inside the input.

    Returns:
        (N, C, ...), channels-last in memory.

    Raises:
        RuntimeError: another dtype, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> quantized_max_pool(fastnet.tensor([[[1, 2, 3, 5]]], dtype=fastnet.int8), 2)
        tensor([[[2, 5]]], dtype=int8)
    """
    check_bytes("quantized_max_pool", "input", input)
    n = input.ndim - 2
    windows = sliding("quantized_max_pool", input, n, kernel_size, stride, padding, dilation, ceil_mode)
    return _quantized_max_pool(input, windows)
