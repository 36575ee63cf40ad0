"""Quantised numbers in ONNX models: quantise, dequantise, and products of integers."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.functional.conv_arrays import Paddings
from fastnet.functional.counting import repeat_interleave
from fastnet.functional.creation import ones
from fastnet.functional.linear import matmul
from fastnet.functional.quantized import dequantize, integer_conv, integer_matmul, quantize, quantize_dynamic
from fastnet.onnx.operators.convolution import convolved
from fastnet.onnx.program import as_known, as_tensor
from fastnet.onnx.registry import Node, operator
from fastnet.onnx.tensors import dtype_of
from fastnet.onnx.windows import WindowSettings, kernel_of, window_settings

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__: list[str] = []

_MIDDLE = 128                           # the zero point of uint8 that becomes 0 of int8


def _against(t: Tensor, x: Tensor, axis: int, block: int) -> Tensor:
    """A scale or a zero point in a shape that broadcasts against x."""
    if block:
        return repeat_interleave(t, block, axis).narrow(axis, 0, x.shape[axis])
    if t.numel() == 1:
        return t.reshape(())
    return t.reshape(*(-1 if i == axis % x.ndim else 1 for i in range(x.ndim)))


def _wide(x: Any) -> Tensor:
    """Integers as float32, in which all of 24 bits are exact. An array has a dtype that Tensors lack."""
    return as_tensor(x.astype(np.float32)) if isinstance(x, np.ndarray) else x.to(dtypes.float32)


def _as_dtype_in_range(node: Node, x: Tensor, dtype: DType) -> Any:
    """Rounded numbers in the range of a dtype."""
    limits = np.iinfo(dtype)
    clamped = x.clamp(float(limits.min), float(limits.max))
    if dtype in dtypes.ALL or dtype in dtypes.MORE:
        return clamped.to(dtype)
    return as_known(node, "its result, of a dtype that tensors lack", clamped).astype(dtype)


@operator("QuantizeLinear", since=10)
def quantize_linear(node: Node, x: Tensor, scale: Tensor, zero_point: Any = None) -> Any:
    """round(x / scale) + zero_point, in the range of the zero point's dtype."""
    axis, block = node.attribute("axis", 1), node.attribute("block_size", 0)
    if zero_point is not None:
        dtype: DType = zero_point.dtype
    else:
        dtype = _output_dtype(node, np.dtype(np.uint8))
    if dtype.kind not in "iu":
        raise node.refuse(f"the type {dtype}")
    if not block and _has_kernel(x.dtype, scale, dtype):
        return quantize(x, scale, 0 if zero_point is None else zero_point, _channel_axis(scale, axis), dtype)
    precision = node.attribute("precision", 0)
    wide = dtype_of(precision, "precision") if precision else x.dtype
    if wide.kind != "f":
        wide = scale.dtype
    rounded = (x.to(wide) / _against(scale.to(wide), x, axis, block)).round()
    if zero_point is not None:
        rounded = rounded.to(dtypes.float32) + _against(_wide(zero_point), x, axis, block)
    return _as_dtype_in_range(node, rounded, dtype)


def _has_kernel(real: DType, scale: Tensor, integer: DType) -> bool:
    """Whether one kernel converts between these dtypes."""
    return real == scale.dtype == dtypes.float32 and integer in (dtypes.int8, dtypes.uint8)


def _channel_axis(scale: Tensor, axis: int) -> int | None:
    return None if scale.numel() == 1 else axis


def _output_dtype(node: Node, default: DType) -> DType:
    wanted = node.attribute("output_dtype", 0)
    if not wanted:
        return default
    try:
        return dtype_of(wanted, "output_dtype")
    except NotImplementedError as e:
        raise node.refuse(str(e)) from None


@operator("DequantizeLinear", since=10)
def dequantize_linear(node: Node, x: Any, scale: Tensor, zero_point: Any = None) -> Tensor:
    """(x - zero_point) * scale."""
    axis, block = node.attribute("axis", 1), node.attribute("block_size", 0)
    result = _output_dtype(node, scale.dtype)
    if not block and _has_kernel(result, scale, x.dtype):
        return dequantize(x, scale, 0 if zero_point is None else zero_point, _channel_axis(scale, axis))
    wide = _wide(x)
    if zero_point is not None:
        wide = wide - _against(_wide(zero_point), wide, axis, block)
    factor = scale if scale.dtype == dtypes.float32 else scale.to(dtypes.float32)
    return (wide * _against(factor, wide, axis, block)).to(result)


@operator("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(node: Node, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x as uint8, with a scale and a zero point from its range."""
    if x.dtype == dtypes.float32 and x.numel():
        return quantize_dynamic(x)
    low, high = x.amin().clamp(max=0.0), x.amax().clamp(min=0.0)
    scale = (high - low) / 255.0
    divisor = scale.masked_fill(scale == 0, 1.0)
    zero_point = (-low / divisor).round().clamp(0.0, 255.0)
    return ((x / divisor).round() + zero_point).clamp(0.0, 255.0).to(dtypes.uint8), scale, zero_point.to(dtypes.uint8)


# ---- products --------------------------------------------------------------------------------------------------------

def _from_zero_point(x: Tensor, zero_point: Tensor | None, rows: bool = False) -> Tensor:
    """x - zero_point as float64, in which sums of products are exact. `rows`: one zero point for each row."""
    wide = x.to(dtypes.float64)
    if zero_point is None:
        return wide
    zero = zero_point.to(dtypes.float64)
    return wide - (zero.reshape(()) if zero.numel() == 1 else zero.unsqueeze(-1) if rows and zero.ndim == 1 else zero)


@operator("MatMulInteger", since=10)
def matmul_integer(node: Node, a: Tensor, b: Tensor, a_zero: Tensor | None = None,
                   b_zero: Tensor | None = None) -> Tensor:
    """The matrix product of integers, as int32."""
    fits = min(a.ndim, b.ndim) > 1 and (b.ndim == 2 or a.shape[:-2] == b.shape[:-2])
    for_each_row = a_zero is not None and a_zero.numel() > 1
    if fits and not (for_each_row and a.ndim > 2) and all(zero is None or zero.ndim < 2 for zero in (a_zero, b_zero)):
        return integer_matmul(a, b, a_zero, b_zero)
    return matmul(_from_zero_point(a, a_zero, True), _from_zero_point(b, b_zero)).to(dtypes.int32)


@operator("QLinearMatMul", since=10)
def qlinear_matmul(node: Node, a: Tensor, a_scale: Tensor, a_zero: Tensor, b: Tensor, b_scale: Tensor, b_zero: Tensor,
                   y_scale: Tensor, y_zero: Tensor) -> Any:
    """The matrix product of quantised numbers, quantised."""
    sums = matmul_integer(node, a, b, a_zero, b_zero)
    first = a_scale.unsqueeze(-1) if a_scale.ndim == 1 and a_scale.numel() > 1 else a_scale
    return _requantized(node, sums, (first * b_scale / y_scale).to(dtypes.float64), y_zero)


def _requantized(node: Node, sums: Tensor, factor: Tensor, zero_point: Tensor) -> Any:
    zero = zero_point.to(dtypes.float64)
    if factor.numel() == 1:
        factor = factor.reshape(())
    rounded = (sums.to(dtypes.float64) * factor).round() + (zero.reshape(()) if zero.numel() == 1 else zero)
    return _as_dtype_in_range(node, rounded, zero_point.dtype)


@operator("ConvInteger", since=10, known=("weight_zero",))
def conv_integer(node: Node, x: Tensor, weight: Tensor, x_zero: Tensor | Array | None = None,
                 weight_zero: Array | None = None) -> Tensor:
    """The convolution of integers without their zero points, as int32; the padding stands for 0."""
    settings = window_settings(node, x.shape[2:], kernel_of(node, weight))
    signed = _signed_weight(weight, weight_zero)
    if signed is None or min(settings.before + settings.after) < 0:
        return _conv_in_float64(node, x, weight, as_tensor(x_zero), as_tensor(weight_zero), settings).to(dtypes.int32)
    options = (settings.strides, Paddings(settings.before, settings.after), settings.dilations,
               node.attribute("group", 1))
    if not isinstance(x_zero, Tensor):
        return integer_conv(x, signed, 0 if x_zero is None else int(x_zero.item()), *options)
    inside = integer_conv(ones(1, *x.shape[1:], dtype=dtypes.int8), signed, 0, *options)
    return integer_conv(x, signed, 0, *options) - inside * x_zero.to(dtypes.int32).reshape(())


def _signed_weight(weight: Tensor, zero: Array | None) -> Tensor | None:
    """weight - zero as int8, if 8 bits hold the difference."""
    if weight.dtype == dtypes.int8 and (zero is None or not zero.any()):
        return weight
    if weight.dtype == dtypes.uint8 and zero is not None and (zero == _MIDDLE).all():
        return (weight.to(dtypes.int32) - _MIDDLE).to(dtypes.int8)
    return None


def _conv_in_float64(node: Node, x: Tensor, weight: Tensor, x_zero: Tensor | None, weight_zero: Tensor | None,
                     settings: WindowSettings) -> Tensor:
    if weight_zero is not None and weight_zero.numel() > 1:
        weight_zero = weight_zero.reshape(-1, *(1,) * (weight.ndim - 1))
    return convolved(node, _from_zero_point(x, x_zero), _from_zero_point(weight, weight_zero), None, settings)


@operator("QLinearConv", since=10, known=("x_zero", "weight_zero"))
def qlinear_conv(node: Node, x: Tensor, x_scale: Tensor, x_zero: Array, weight: Tensor, weight_scale: Tensor,
                 weight_zero: Array, y_scale: Tensor, y_zero: Tensor, bias: Tensor | None = None) -> Any:
    """The convolution of quantised numbers, quantised."""
    sums = conv_integer(node, x, weight, x_zero, weight_zero)
    if bias is not None:
        sums = sums + bias.reshape(-1, *(1,) * (weight.ndim - 2))
    if weight_scale.numel() > 1:
        weight_scale = weight_scale.reshape(-1, *(1,) * (weight.ndim - 2))
    return _requantized(node, sums, (x_scale * weight_scale / y_scale).to(dtypes.float64), y_zero)
