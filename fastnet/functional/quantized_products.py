"""Quantised numbers: conversions, and linear maps with weights of 8 and 4 bits."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, is_channels_last
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim
from fastnet.functional.kernel_calls import check_floating, contiguous
from fastnet.functional.keys import constant
from fastnet.functional.layout import as_volume, from_volume

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Result, Shape

__all__ = ["check_bytes", "dequantize", "dynamic_linear", "integer_matmul", "memory_order", "numbers_for",
           "pixel_shape", "quantize", "quantize_dynamic", "quantized_linear", "weight_only_linear"]

_ROWS_READ_PACKED = 8                   # rows up to which the weight is read packed
_BYTE_DTYPES = dtypes.int8, dtypes.uint8


# ---- conversions ----------------------------------------------------------------------------------------------------

def numbers_for(value: Any, dtype: DType, count: int) -> Array:
    """A number or an array as an array (count,) of `dtype`."""
    if isinstance(value, int | float):
        return constant(np.full(count, value, dtype))
    array = kernels.cast(value, dtype) if isinstance(value, np.ndarray) else kernels.scalar(value, dtype)
    if array.ndim and array.size == count:
        return contiguous(array).reshape(count)
    out = empty((count,), dtype)        # written by a kernel, which a recording repeats
    K.copy(out, array if array.ndim == 0 else array.reshape(-1))
    return out


def memory_order(x: Array) -> tuple[Array, bool]:
    """The elements of x in the order of its memory: (a contiguous array, whether it is x channels-last)."""
    return (as_volume(x), True) if is_channels_last(x) else (contiguous(x), False)


def pixel_shape(x: Array, axis: int | None, is_volume: bool) -> Shape:
    """(outer, channels, inner) of an array in memory order."""
    if axis is None:
        return (1, 1, x.size)
    if is_volume:
        return (math.prod(x.shape[:-1]), x.shape[-1], 1)
    return (math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1:]))


def _with_scales(kernel: str, x: Array, scale: Any, zero_point: Any, axis: int | None, dtype: DType) -> Array:
    flat, is_volume = memory_order(x) if axis in (None, 1) else (contiguous(x), False)
    shape = pixel_shape(flat, axis, is_volume)
    out = empty(flat.shape, dtype)
    getattr(K, kernel)(out.reshape(shape), flat.reshape(shape), numbers_for(scale, dtypes.float32, shape[1]),
                       numbers_for(zero_point, dtypes.int32, shape[1]))
    return from_volume(out, x.ndim) if is_volume else out


@op
def _quantize(x: Array, scale: Any, zero_point: Any, axis: int | None, dtype: DType) -> Result[Array]:
    return _with_scales("quantize", kernels.cast(x, dtypes.float32), scale, zero_point, axis, dtype), None


@op
def _dequantize(q: Array, scale: Any, zero_point: Any, axis: int | None) -> Result[Array]:
    return _with_scales("dequantize", q, scale, zero_point, axis, dtypes.float32), None


def _check_channels(name: str, input: Tensor, scale: Any, zero_point: Any, axis: int | None) -> None:
    for argument, value in (("scale", scale), ("zero_point", zero_point)):
        count = math.prod(value.shape) if isinstance(value, Tensor) else 1
        wanted = 1 if axis is None else input.shape[axis]
        if count not in (1, wanted):
            raise RuntimeError(f"{name}: expected a {argument} with {wanted} elements, got {count}")


def quantize(input: Tensor, scale: Tensor | float, zero_point: Tensor | int, axis: int | None = None,
             dtype: DTypeLike = dtypes.int8) -> Tensor:
    """Quantise a tensor: clamp(input / scale, rounded to nearest even, + zero_point).

    Args:
        input: any shape, floating-point. NaN becomes zero_point.
        scale: a number, or a tensor with one for each index along `axis`.
        zero_point: the integer that stands for 0, or a tensor of them.
        axis: the dimension with its own numbers; None for one scale and zero point.
        dtype: int8 or uint8.

    Raises:
        RuntimeError: an input that is not floating-point, or another number of scales.
        TypeError: another dtype.

    Example:
        >>> import fastnet
        >>> quantize(fastnet.tensor([-1.0, 0.0, 0.26, 9.0]), 0.1, 3)
        tensor([-7,  3,  6, 93], dtype=int8)
    """
    check_floating("quantize", input)
    wanted = dtypes.as_dtype(dtype)
    if wanted not in _BYTE_DTYPES:
        raise TypeError(f"quantize: expected the dtype int8 or uint8, got {wanted}")
    axis = None if axis is None else as_dim(input, axis)
    _check_channels("quantize", input, scale, zero_point, axis)
    return _quantize(input, scale, zero_point, axis, wanted)


def dequantize(input: Tensor, scale: Tensor | float, zero_point: Tensor | int, axis: int | None = None) -> Tensor:
    """The real numbers of a quantised tensor: (input - zero_point) * scale, float32.

    Args:
        input: any shape, int8, uint8 or int32.
        scale, zero_point, axis: as of `quantize`.

    Raises:
        RuntimeError: another dtype, or another number of scales.

    Example:
        >>> import fastnet
        >>> dequantize(fastnet.tensor([-7, 3, 6], dtype=fastnet.int8), 0.5, 3)
        tensor([-5. ,  0. ,  1.5])
    """
    if input.dtype not in (*_BYTE_DTYPES, dtypes.int32):
        raise RuntimeError(f"dequantize: expected int8, uint8 or int32, got {input.dtype}")
    axis = None if axis is None else as_dim(input, axis)
    _check_channels("dequantize", input, scale, zero_point, axis)
    return _dequantize(input, scale, zero_point, axis)


@op
def _quantize_dynamic(x: Array, scales: list[Array]) -> Result[Array]:
    flat, is_volume = memory_order(x)
    out, scale, zero = empty(flat.shape, dtypes.uint8), empty((1,), dtypes.float32), empty((1,), dtypes.int32)
    K.quantize_rows(out.reshape(1, -1), scale, zero, flat.reshape(1, -1))
    scales += [scale.reshape(()), kernels.cast(zero.reshape(()), dtypes.uint8)]
    return from_volume(out, x.ndim) if is_volume else out, None


def quantize_dynamic(input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quantise a tensor by its own range, as ONNX's DynamicQuantizeLinear.

    Args:
        input: any shape, float32.

    Returns:
        (the tensor, uint8; its scale, float32; its zero point, uint8).

    Example:
        >>> import fastnet
        >>> quantize_dynamic(fastnet.tensor([0.0, 1.0, 2.55]))
        (tensor([  0, 100, 255], dtype=uint8), tensor(0.01), tensor(0, dtype=uint8))
    """
    scales: list[Any] = []
    out = _quantize_dynamic(input, scales)
    return out, Tensor._wrap(scales[0]), Tensor._wrap(scales[1])


# ---- integer products -----------------------------------------------------------------------------------------------

def check_bytes(name: str, argument: str, x: Tensor, *more: DType) -> None:
    """Refuse a tensor that is neither int8 nor uint8 nor of one of the dtypes `more`.

    Raises:
        RuntimeError: naming the argument and its dtype.
    """
    if x.dtype not in (*_BYTE_DTYPES, *more):
        raise RuntimeError(f"{name}: expected {argument} of dtype int8 or uint8, got {x.dtype}")


def _check_features(name: str, input: Tensor, weight: Tensor, columns: int) -> None:
    if weight.ndim != 2 or input.ndim < 1 or input.shape[-1] != columns:
        raise RuntimeError(f"{name}: expected an input with {columns} features in the last dimension for a weight of "
                           f"shape {shape_text(weight)}, got shape {shape_text(input)}")


def _feature_rows(x: Array) -> Array:
    """x as (rows, features)."""
    x = contiguous(x)
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


@op
def _quantized_linear(x: Array, weight: Array, bias: Array | None, multiplier: Array, shift: Array, zero_x: int,
                      zero_out: int, low: int, high: int, dtype: DType) -> Result[Array]:
    rows = _feature_rows(x)
    out = empty((rows.shape[0], weight.shape[0]), dtype)
    K.quantized_matmul(out, rows, weight, bias, multiplier, shift, zero_x, zero_out, low, high)
    return out.reshape(*x.shape[:-1], weight.shape[0]), None


def quantized_linear(input: Tensor, weight: Tensor, bias: Tensor | None, multiplier: Tensor, shift: Tensor,
                     zero_x: int, zero_out: int, low: int = -128, high: int = 127,
                     dtype: DTypeLike = dtypes.int8) -> Tensor:
    """Linear map of integers: clamp((sum + bias) * multiplier * 2^(shift - 31) + zero_out, low, high).

    The sum of (input - zero_x) * weight is exact, and the product with the multiplier is rounded as in TensorFlow Lite.
    Jacob et al. 2018, https://arxiv.org/abs/1712.05877.

    Args:
        input: (..., in_features), int8 or uint8.
        weight: (out_features, in_features), int8.
        bias: (out_features,), int32, of the scale of the sum, or None.
        multiplier, shift: (out_features,), int32; `quantized_numbers.factors_of` makes them.
        zero_x, zero_out: the integers that stand for 0.
        low, high: limits of the result. A low of zero_out is a ReLU.
        dtype: of the result: int8, uint8 or int16.

    Returns:
        (..., out_features).

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> x, w = fastnet.tensor([[2, 3]], dtype=fastnet.int8), fastnet.tensor([[5, 7]], dtype=fastnet.int8)
        >>> half = fastnet.tensor([1 << 30], dtype=fastnet.int32), fastnet.tensor([0], dtype=fastnet.int32)
        >>> quantized_linear(x, w, None, *half, zero_x=0, zero_out=1)
        tensor([[17]], dtype=int8)
    """
    check_bytes("quantized_linear", "input", input)
    _check_features("quantized_linear", input, weight, weight.shape[-1])
    return _quantized_linear(input, weight, bias, multiplier, shift, zero_x, zero_out, low, high,
                             dtypes.as_dtype(dtype))


@op
def _integer_matmul(a: Array, b: Array, zero_a: Array | None, zero_b: Array | None) -> Result[Array]:
    left, right = contiguous(a), contiguous(b.swapaxes(-1, -2))
    out = empty((*a.shape[:-1], b.shape[-1]), dtypes.int32)
    zero_right = None if zero_b is None else numbers_for(zero_b, dtypes.int32, b.shape[-1])
    if right.ndim == 2:
        rows = _feature_rows(left)
        K.integer_matmul(out.reshape(rows.shape[0], out.shape[-1]), rows, right,
                         None if zero_a is None else numbers_for(zero_a, dtypes.int32, rows.shape[0]), zero_right)
        return out, None
    zero_left = None if zero_a is None else numbers_for(zero_a, dtypes.int32, a.shape[-2])
    for at in np.ndindex(*right.shape[:-2]):
        K.integer_matmul(out[at], left[at], right[at], zero_left, zero_right)
    return out, None


def integer_matmul(a: Tensor, b: Tensor, zero_a: Tensor | None = None, zero_b: Tensor | None = None) -> Tensor:
    """(a - zero_a) @ (b - zero_b) of 8-bit integers, exact: ONNX's MatMulInteger.

    Args:
        a: (..., M, K), int8 or uint8.
        b: (K, N), or (..., K, N) with the leading dimensions of a.
        zero_a: one number, or one for each row of a.
        zero_b: one number, or one for each column of b.

    Returns:
        (..., M, N), int32.

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> a, b = fastnet.tensor([[1, 2]], dtype=fastnet.int8), fastnet.tensor([[3], [4]], dtype=fastnet.int8)
        >>> integer_matmul(a, b)
        tensor([[11]], dtype=int32)
    """
    check_bytes("integer_matmul", "a", a)
    check_bytes("integer_matmul", "b", b)
    if min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-2] or (b.ndim > 2 and a.shape[:-2] != b.shape[:-2]):
        raise RuntimeError(f"integer_matmul: expected shapes (..., M, K) and (K, N), or (..., K, N) with the same "
                           f"leading dimensions, got {shape_text(a)} and {shape_text(b)}")
    return _integer_matmul(a, b, zero_a, zero_b)


# ---- float activations ----------------------------------------------------------------------------------------------

@op
def _dynamic_linear(x: Array, weight: Array, scale: Array, bias: Array | None, relu: bool) -> Result[Array]:
    rows = _feature_rows(x)
    q, scales, zeros = (empty(shape, dtype) for shape, dtype in (
        (rows.shape, dtypes.int8), (rows.shape[:1], dtypes.float32), (rows.shape[:1], dtypes.int32)))
    K.quantize_rows(q, scales, zeros, rows)
    out = empty((rows.shape[0], weight.shape[0]), dtypes.float32)
    K.dequantized_matmul(out, q, weight, scales, zeros, scale, bias, relu)
    slope = None if relu else gradient(_of_dynamic_input, weight, scale)
    return out.reshape(*x.shape[:-1], weight.shape[0]), (slope, None, None, None, None)


def _of_dynamic_input(g: Array, weight: Array, scale: Array) -> Array:
    real, shape = empty(weight.shape, dtypes.float32), (1, *weight.shape)
    K.dequantize(real.reshape(shape), weight.reshape(shape), scale, kernels.full(scale.shape, 0, dtypes.int32))
    return _input_slope(g, real)


def _input_slope(g: Array, weight: Array) -> Array:
    """g @ weight for g of any number of dimensions."""
    rows = _feature_rows(g)
    dx = empty((rows.shape[0], weight.shape[1]), g.dtype)
    K.matmul(dx, rows, weight)
    return dx.reshape(*g.shape[:-1], weight.shape[1])


def dynamic_linear(input: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None = None,
                   relu: bool = False) -> Tensor:
    """Linear map with an int8 weight of float activations, each row of which is quantised by its own range.

    Args:
        input: (..., in_features), float32.
        weight: (out_features, in_features), int8.
        scale: (out_features,), float32: the weight stands for weight * scale.
        bias: (out_features,), float32, or None.
        relu: negative results become 0; without a gradient.

    Returns:
        (..., out_features), float32. Its gradient for the input is that of the weight's real numbers.

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> w = fastnet.tensor([[100, -50]], dtype=fastnet.int8)
        >>> dynamic_linear(fastnet.tensor([[1.0, 2.0]]), w, fastnet.tensor([0.01]))
        tensor([[-0.0039]])
    """
    check_floating("dynamic_linear", input)
    _check_features("dynamic_linear", input, weight, weight.shape[-1])
    return _dynamic_linear(input, weight, scale, bias, relu)


@op
def _weight_only_linear(x: Array, weight: Array, scale: Array, zero: Array | None,
                        bias: Array | None) -> Result[Array]:
    rows = _feature_rows(x)
    out = empty((rows.shape[0], weight.shape[0]), dtypes.float32)
    if rows.shape[0] <= _ROWS_READ_PACKED:
        K.weight_only_matmul(out, rows, weight, scale, zero, bias)
    else:
        K.matmul(out, rows, _real_weight(weight, scale, zero, rows.shape[1]).T, bias)
    slope = gradient(_of_weight_only_input, weight, scale, zero, rows.shape[1])
    return out.reshape(*x.shape[:-1], weight.shape[0]), (slope, None, None, None, None)


def _real_weight(weight: Array, scale: Array, zero: Array | None, columns: int) -> Array:
    real = empty((weight.shape[0], columns), dtypes.float32)
    K.unpack_weight(real, weight, scale, zero)
    return real


def _of_weight_only_input(g: Array, weight: Array, scale: Array, zero: Array | None, columns: int) -> Array:
    return _input_slope(g, _real_weight(weight, scale, zero, columns))


def weight_only_linear(input: Tensor, weight: Tensor, scale: Tensor, zero: Tensor | None = None,
                       bias: Tensor | None = None) -> Tensor:
    """Linear map of float activations with a weight of 8 or 4 bits, (weight - zero) * scale in groups of a row.

    Args:
        input: (..., in_features), float32.
        weight: (out_features, in_features), int8; or (out_features, in_features/2), uint8, two numbers of 4 bits in a
            byte, the first of them in its low half.
        scale: (out_features, groups), float32. Each is for in_features/groups neighbours, an even number for 4 bits.
        zero: (out_features, groups), of the weight's dtype, or None for 8 (4 bits) or 0 (8 bits).
        bias: (out_features,), float32, or None.

    Returns:
        (..., out_features), float32, with a gradient for the input.

    Raises:
        RuntimeError: another dtype or shape.

    Example:
        >>> import fastnet
        >>> w = fastnet.tensor([[0x9A, 0x58]], dtype=fastnet.uint8)          # 2, 1, 0 and -3
        >>> weight_only_linear(fastnet.tensor([[1.0, 1.0, 1.0, 1.0]]), w, fastnet.tensor([[0.5, 2.0]]))
        tensor([[-4.5]])
    """
    check_floating("weight_only_linear", input)
    check_bytes("weight_only_linear", "weight", weight)
    columns = weight.shape[-1] * (2 if weight.dtype == dtypes.uint8 else 1)
    _check_features("weight_only_linear", input, weight, columns)
    groups = scale.shape[-1]
    if scale.ndim != 2 or scale.shape[0] != weight.shape[0] or groups == 0 or columns % groups or (
            weight.dtype == dtypes.uint8 and columns // groups % 2):
        raise RuntimeError(f"weight_only_linear: expected a scale ({weight.shape[0]}, groups) whose groups divide "
                           f"{columns} features evenly, got shape {shape_text(scale)}")
    return _weight_only_linear(input, weight, scale, zero, bias)
