"""Normalisation over batches, channels and the last dimensions."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.onnx.emitters.products import activated
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape
    from fastnet.graph import Value
    from fastnet.onnx.writer import Operand, Writer

__all__: list[str] = []


@emits("batch_norm")
def batch_norm(w: Writer, x: Value, weight: Value | None, bias: Value | None, mean: Value | None, var: Value | None,
               tracked: Any, residual: Value | None, training: bool, momentum: Any, eps: float,
               activation: str) -> str:
    """Batch norm by running statistics, or by those of the batch if the module has none."""
    if training:
        axes = [d for d in range(len(x.shape)) if d != 1]
        result = _by_channel(w, _standardized(w, x, axes, eps), weight, bias, len(x.shape))
    else:
        channels = x.shape[1:2]
        result = w.add("BatchNormalization", x, w.filled(channels, 1, x.dtype) if weight is None else weight,
                       w.filled(channels, 0, x.dtype) if bias is None else bias, mean, var, epsilon=float(eps))
    if residual is not None:
        result = w.add("Add", result, residual)
    return activated(w, result, activation)


def _standardized(w: Writer, x: Value, axes: list[int], eps: float) -> str:
    """(x - mean) / sqrt(variance + eps) over dimensions."""
    centred = w.add("Sub", x, w.reduce("ReduceMean", x, axes, keepdims=True))
    variance = w.reduce("ReduceMean", w.add("Mul", centred, centred), axes, keepdims=True)
    return w.add("Div", centred, w.add("Sqrt", w.add("Add", variance, w.scalar(eps, x.dtype))))


def _by_channel(w: Writer, x: str, weight: Value | None, bias: Value | None, ndim: int) -> str:
    """x * weight + bias, for each channel."""
    for operator, factor in (("Mul", weight), ("Add", bias)):
        if factor is not None:
            x = w.add(operator, x, w.unsqueeze(factor, *range(1, ndim - 1)))
    return x


@emits("group_norm")
def group_norm(w: Writer, x: Value, weight: Value | None, bias: Value | None, groups: int, eps: float,
               *statistics: Any) -> str:
    """Group norm as instance norm over groups; ONNX 18's GroupNormalization has a scale for each group only."""
    channels = x.shape[1]
    if groups == channels and len(x.shape) > 2:
        return w.add("InstanceNormalization", x, _given(w, weight, x, 1), _given(w, bias, x, 0), epsilon=float(eps))
    grouped = w.reshape(x, (*x.shape[:1], groups, -1), x.shape)
    normed = w.add("InstanceNormalization", grouped, w.filled((groups,), 1, x.dtype), w.filled((groups,), 0, x.dtype),
                   epsilon=float(eps))
    return _by_channel(w, w.reshape(normed, x.shape, x.shape[:1]), weight, bias, len(x.shape))


def _given(w: Writer, parameter: Value | None, x: Value, default: int) -> Operand:
    return w.filled(x.shape[1:2], default, x.dtype) if parameter is None else parameter


@emits("local_response_norm")
def local_response_norm(w: Writer, x: Value, size: int, alpha: float, beta: float, k: float) -> str:
    """Local response norm; ONNX's LRN has the larger half of an even window on the other side."""
    if size % 2 and len(x.shape) == 4:
        return w.add("LRN", x, size=size, alpha=float(alpha), beta=float(beta), bias=float(k))
    n = len(x.shape)
    before, after = size // 2, (size - 1) // 2
    pads = [0, before, *[0] * (n - 2), 0, after, *[0] * (n - 2)]
    padded = w.add("Pad", w.add("Mul", x, x), w.ints(pads))
    total = w.slice(padded, 1, 0, x.shape[1])
    for start in range(1, size):
        total = w.add("Add", total, w.slice(padded, 1, start, start + x.shape[1]))
    scale = w.add("Add", w.add("Mul", total, w.scalar(alpha / size, x.dtype)), w.scalar(k, x.dtype))
    return w.add("Div", x, w.add("Pow", scale, w.scalar(beta, x.dtype)))


def _normalized_dimensions(x: Value, n: int) -> int:
    """The number of last dimensions that have n elements together."""
    product, count = 1, 0
    while count < len(x.shape) and (product < n or count == 0):
        count += 1
        product *= x.shape[-count]
    return count


@emits("layer_norm")
def layer_norm(w: Writer, x: Value, weight: Value | None, bias: Value | None, shape: Shape, eps: float) -> str:
    """Layer norm, an operator since opset 17."""
    count = _normalized_dimensions(x, shape[1])
    inner = x.shape[-count:]
    if w.opset >= 17:
        scale = w.filled(inner, 1, x.dtype) if weight is None else _parameter_in(w, weight, inner)
        shift = None if bias is None else _parameter_in(w, bias, inner)
        return w.add("LayerNormalization", x, scale, shift, axis=-count, epsilon=float(eps))
    normed = _standardized(w, x, list(range(len(x.shape) - count, len(x.shape))), eps)
    return _by_weights(w, normed, weight, bias, inner)


def _parameter_in(w: Writer, parameter: Value, shape: Shape) -> Operand:
    return parameter if parameter.shape == shape else w.reshape(parameter, shape)


def _by_weights(w: Writer, x: str, weight: Value | None, bias: Value | None, shape: Shape) -> str:
    x = x if weight is None else w.add("Mul", x, _parameter_in(w, weight, shape))
    return x if bias is None else w.add("Add", x, _parameter_in(w, bias, shape))


@emits("rms_norm")
def rms_norm(w: Writer, x: Value, weight: Value | None, shape: Shape, eps: float) -> str:
    """x / sqrt(mean(x^2) + eps) over the last dimensions."""
    count = _normalized_dimensions(x, shape[1])
    axes = list(range(len(x.shape) - count, len(x.shape)))
    square = w.reduce("ReduceMean", w.add("Mul", x, x), axes, keepdims=True)
    root = w.add("Sqrt", w.add("Add", square, w.constant(np.asarray(eps, x.dtype))))
    return _by_weights(w, w.add("Div", x, root), weight, None, x.shape[-count:])
