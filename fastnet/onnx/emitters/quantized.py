"""Quantised operations as QDQ: float operations between DequantizeLinear and QuantizeLinear, with int8 weights.

The integer operations know the ratio of scales only, as a multiplier and a shift. So their activations are dequantised
with the scale 1, and the ratio is the scale of the weight; the scales at both ends of the integer part are the model's.
Engines compute in float32 and round to even, fastnet in integers as TensorFlow Lite: a few results differ by 1.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet.graph import Value
from fastnet.graph.dimension import is_open
from fastnet.onnx.emitters.images import exact_pads, window_averages, window_sizes
from fastnet.onnx.emitters.products import linear_map
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape
    from fastnet.onnx.writer import Operand, Writer

__all__ = ["dequantized_parameter", "factor_of", "known_array", "linear_node"]

_BITS_OF_SUM = 20                          # of quantized_add
_INT4_ZERO = 8                          # of weights of 4 bits without zero points
_AWAY = 1 + 2.0**-20                     # a factor with which halves above 0 are rounded up, as in fastnet, not to even


def known_array(w: Writer, x: Any) -> Array:
    """The elements of a parameter or a constant."""
    if isinstance(x, Value):
        if x.data is None:
            raise w.refuse("a scale, a zero point or a multiplier that is computed cannot be written as ONNX")
        return x.data
    return np.asarray(x)


def factor_of(multiplier: Any, shift: Any) -> Any:
    """The number that a multiplier and a shift stand for, a little larger."""
    return np.asarray(multiplier, np.float64) * 2.0 ** (np.asarray(shift, np.float64) - 31) * _AWAY


def linear_node(w: Writer, op_type: str, x: Operand, scale: Any, zero: Any, dtype: DType, axis: int | None) -> str:
    """QuantizeLinear or DequantizeLinear; `dtype` is that of the integers."""
    scale, zero = np.asarray(scale, np.float32), np.asarray(zero).astype(dtype)
    if axis is None:
        scale, zero = scale.reshape(()), zero.reshape(())
    else:
        zero = np.broadcast_to(zero, scale.shape).astype(dtype)
    if dtype == dtypes.int16 and w.opset < 21:
        raise w.refuse("integers of 16 bits need opset_version 21")
    return w.add(op_type, x, w.constant(scale, "scale"), w.constant(zero, "zero_point"), axis=axis)


def _dequantized(w: Writer, x: Operand, scale: Any, zero: Any, dtype: DType, axis: int | None = None) -> str:
    return linear_node(w, "DequantizeLinear", x, scale, zero, dtype, axis)


def _quantized_again(w: Writer, x: str, zero: int, low: int, high: int, dtype: DType) -> str:
    """Integers of real numbers in units of the result, limited where the dtype does not limit them."""
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    if (low, high) != (least, most):
        limits = (w.scalar(limit - zero, dtypes.float32) if limit != end else None
                  for limit, end in ((low, least), (high, most)))
        x = w.add("Clip", x, *limits)
    return linear_node(w, "QuantizeLinear", x, 1.0, zero, dtype, None)


# ---- conversions -----------------------------------------------------------------------------------------------------

@emits("quantize")
def quantize(w: Writer, x: Value, scale: Any, zero_point: Any, axis: int | None, dtype: DType) -> str:
    """QuantizeLinear."""
    name = w.cast(x, dtypes.float32)
    return linear_node(w, "QuantizeLinear", name, known_array(w, scale), known_array(w, zero_point), dtype, axis)


@emits("dequantize")
def dequantize(w: Writer, q: Value, scale: Any, zero_point: Any, axis: int | None) -> str:
    """DequantizeLinear."""
    return _dequantized(w, q, known_array(w, scale), known_array(w, zero_point), q.dtype, axis)


@emits("quantize_dynamic")
def quantize_dynamic(w: Writer, x: Value, scales: Any) -> tuple[str, ...]:
    """DynamicQuantizeLinear."""
    return w.add_several("DynamicQuantizeLinear", 3, x)


@emits("requantize")
def requantize(w: Writer, q: Value, source: tuple[int, ...], result: tuple[int, ...]) -> str:
    """Another scale and zero point."""
    zero, low, high = result
    return _quantized_again(w, _dequantized(w, q, factor_of(*source[1:]), source[0], q.dtype), zero, low, high, q.dtype)


# ---- layers ----------------------------------------------------------------------------------------------------------

def dequantized_parameter(w: Writer, array: Array, factors: Any, name: str) -> str:
    """An int8 initializer with a scale for each index of its first dimension, as real numbers.

    Args:
        w: the writer.
        array: int8.
        factors: the scales.
        name: of the initializer.
    """
    return _dequantized(w, w.constant(array, name), factors, 0, array.dtype, 0)


def _weight(w: Writer, weight: Value, factors: Any) -> str:
    """An int8 weight with a scale for each output channel."""
    return _dequantized(w, weight, np.broadcast_to(factors, weight.shape[:1]), 0, weight.dtype, 0)


def _real_bias_of(w: Writer, bias: Value | None, factors: Any) -> str | None:
    if bias is None:
        return None
    return _dequantized(w, bias, np.broadcast_to(factors, bias.shape), 0, bias.dtype, 0)


@emits("quantized_linear")
def quantized_linear(w: Writer, x: Value, weight: Value, bias: Value | None, multiplier: Value, shift: Value,
                     zero_x: int, zero_out: int, low: int, high: int, dtype: DType) -> str:
    """A linear map of integers."""
    factors = factor_of(known_array(w, multiplier), known_array(w, shift))
    real = _dequantized(w, x, 1.0, zero_x, x.dtype)
    result = linear_map(w, real, len(x.shape), _weight(w, weight, factors), _real_bias_of(w, bias, factors))
    return _quantized_again(w, result, zero_out, low, high, dtype)


@emits("quantized_conv")
def quantized_conv(w: Writer, x: Value, weight: Value, bias: Value | None, multiplier: Value, shift: Value,
                   geometry: Any, sizes: Shape, zero_x: int, zero_out: int, low: int, high: int, dtype: DType) -> str:
    """A convolution of integers."""
    factors = factor_of(known_array(w, multiplier), known_array(w, shift))
    result = w.add("Conv", _dequantized(w, x, 1.0, zero_x, x.dtype), _weight(w, weight, factors),
                   _real_bias_of(w, bias, factors), **_conv_options(w, x, weight, geometry, sizes))
    return _quantized_again(w, result, zero_out, low, high, dtype)


def _conv_options(w: Writer, x: Value, weight: Value, geometry: Any, sizes: Shape) -> dict[str, Any]:
    """The attributes of a Conv node. The padding after the images follows from the sizes of the output."""
    spatial, kernel = x.shape[2:], weight.shape[2:]
    if is_open(spatial):
        raise w.refuse("quantised convolutions need a fixed size of the images; leave only the batch open")
    n = len(spatial)
    stride, padding, dilation = (numbers[-n:] for numbers in geometry[:3])
    pads = exact_pads(spatial, list(zip(kernel, stride, padding, dilation)), sizes[-n:])
    return {"kernel_shape": list(kernel), "strides": list(stride), "pads": pads, "dilations": list(dilation),
            "group": geometry.groups}


@emits("integer_matmul")
def integer_matmul(w: Writer, a: Value, b: Value, zero_a: Value | None, zero_b: Value | None) -> str:
    """MatMulInteger."""
    zeros = [None if zero is None else w.cast(zero, x.dtype) for zero, x in ((zero_a, a), (zero_b, b))]
    return w.add("MatMulInteger", a, b, *zeros)


@emits("integer_conv")
def integer_conv(w: Writer, x: Value, weight: Value, geometry: Any, sizes: Shape, zero_x: int) -> str:
    """ConvInteger."""
    return w.add("ConvInteger", x, weight, w.scalar(zero_x, x.dtype), **_conv_options(w, x, weight, geometry, sizes))


@emits("dynamic_linear")
def dynamic_linear(w: Writer, x: Value, weight: Value, scale: Value, bias: Value | None, relu: bool) -> str:
    """A linear map with an int8 weight; ONNX has no quantisation of each row, so activations stay as they are."""
    real = _dequantized(w, weight, known_array(w, scale), 0, weight.dtype, 0)
    result = linear_map(w, x, len(x.shape), real, bias)
    return w.add("Relu", result) if relu else result


@emits("weight_only_linear")
def weight_only_linear(w: Writer, x: Value, weight: Value, scale: Value, zero: Value | None,
                       bias: Value | None) -> str:
    """A linear map with a weight of 8 or 4 bits, which the engine unpacks once."""
    rows, groups = scale.shape
    packed = weight.dtype == dtypes.uint8
    numbers = _unpacked_weight(w, weight) if packed else w.to(weight, dtypes.float32)
    grouped = w.reshape(numbers, (rows, groups, -1))
    if zero is not None:
        grouped = w.add("Sub", grouped, w.unsqueeze(w.to(zero, dtypes.float32), 2))
    elif packed:
        grouped = w.add("Sub", grouped, w.scalar(_INT4_ZERO, dtypes.float32))
    real = w.reshape(w.add("Mul", grouped, w.unsqueeze(scale, 2)), (rows, x.shape[-1]))
    return linear_map(w, x, len(x.shape), real, bias)


def _unpacked_weight(w: Writer, weight: Value) -> str:
    """The two numbers of each byte, the low half first, float32."""
    wide, base = w.to(weight, dtypes.int32), w.scalar(16, dtypes.int32)
    halves = [w.unsqueeze(w.add(operator, wide, base), 2) for operator in ("Mod", "Div")]
    return w.to(w.add("Concat", *halves, axis=2), dtypes.float32)


# ---- element by element, pooling -------------------------------------------------------------------------------------

@emits("quantized_add")
def quantized_add(w: Writer, a: Value, b: Value, left: tuple[int, ...], right: tuple[int, ...],
                  result: tuple[int, ...]) -> str:
    """A sum; the factors of all three roundings are one scale for each operand."""
    zero, multiplier, shift, low, high = result
    last = factor_of(multiplier, shift) * 2.0 ** _BITS_OF_SUM
    terms = [_dequantized(w, x, factor_of(*side[1:]) * last, side[0], x.dtype) for x, side in ((a, left), (b, right))]
    return _quantized_again(w, w.add("Add", *terms), zero, low, high, a.dtype)


@emits("quantized_mul")
def quantized_mul(w: Writer, a: Value, b: Value, zero_a: int, zero_b: int, result: tuple[int, ...]) -> str:
    """A product."""
    zero, multiplier, shift, low, high = result
    product = w.add("Mul", _dequantized(w, a, factor_of(multiplier, shift), zero_a, a.dtype),
                    _dequantized(w, b, 1.0, zero_b, b.dtype))
    return _quantized_again(w, product, zero, low, high, a.dtype)


@emits("quantized_function")
def quantized_function(w: Writer, q: Value, table: Value) -> str:
    """An entry of a table for each number."""
    places = w.to(q, dtypes.int32)
    if q.dtype == dtypes.int8:
        places = w.add("Add", places, w.scalar(128, dtypes.int32))
    return w.add("Gather", table, places, axis=0)


@emits("quantized_softmax")
def quantized_softmax(w: Writer, q: Value, scale: float, dim: int) -> str:
    """A softmax."""
    real = _dequantized(w, q, scale, 0, q.dtype)
    return linear_node(w, "QuantizeLinear", w.add("Softmax", real, axis=dim), 1 / 256, np.iinfo(q.dtype).min, q.dtype,
                        None)


@emits("quantized_avg_pool")
def quantized_avg_pool(w: Writer, x: Value, windows: Any, zero: int, count_include_pad: bool) -> str:
    """Average pooling."""
    averages = window_averages(w, _dequantized(w, x, _AWAY, zero, x.dtype), dtypes.float32,
                               window_sizes(w, x, windows), windows, count_include_pad)
    return _quantized_again(w, averages, zero, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max, x.dtype)


@emits("quantized_max_pool")
def quantized_max_pool(w: Writer, x: Value, windows: Any) -> str:
    """Maximum pooling of integers."""
    spatial = window_sizes(w, x, windows)
    if is_open(windows.axes):           # GlobalMaxPool takes no integers
        return w.reduce("ReduceMax", x, range(2, len(x.shape)), keepdims=True)
    axes, lengths = windows.axes[-len(spatial):], windows.lengths[-len(spatial):]
    kernel, stride, _, dilation = zip(*axes)
    return w.add("MaxPool", x, kernel_shape=list(kernel), strides=list(stride), dilations=list(dilation),
                 pads=exact_pads(spatial, axes, lengths))
