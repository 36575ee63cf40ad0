"""Activations."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []

_SAME_AS_LINEAR = 17.0                  # from here on, log(1 + exp(x)) is x in float32


@emits("silu")
def silu(w: Writer, x: Value) -> str:
    """x * sigmoid(x)."""
    return w.add("Mul", x, w.add("Sigmoid", x))


@emits("hardsigmoid")
def hardsigmoid(w: Writer, x: Value) -> str:
    """min(max(x + 3, 0), 6) / 6."""
    return w.add("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@emits("hardswish")
def hardswish(w: Writer, x: Value) -> str:
    """x * hardsigmoid(x), an operator since opset 14."""
    return w.add("HardSwish", x) if w.opset >= 14 else w.add("Mul", x, hardsigmoid(w, x))


@emits("selu")
def selu(w: Writer, x: Value) -> str:
    """Scaled elu."""
    return w.add("Selu", x, alpha=1.6732632423543772, gamma=1.0507009873554805)


@emits("leaky_relu")
def leaky_relu(w: Writer, x: Value, attributes: tuple[float]) -> str:
    """x, or its multiple where x is negative."""
    return w.add("LeakyRelu", x, alpha=float(attributes[0]))


@emits("elu")
def elu(w: Writer, x: Value, attributes: tuple[float]) -> str:
    """x, or alpha * (exp(x) - 1) where x is negative."""
    return w.add("Elu", x, alpha=float(attributes[0]))


@emits("softplus")
def softplus(w: Writer, x: Value, attributes: tuple[float, float]) -> str:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold."""
    beta, threshold = attributes
    scaled = w.name(x) if beta == 1 else w.add("Mul", x, w.scalar(beta, x.dtype))
    smooth = w.add("Softplus", scaled)
    smooth = smooth if beta == 1 else w.add("Div", smooth, w.scalar(beta, x.dtype))
    if threshold >= _SAME_AS_LINEAR:
        return smooth
    return w.add("Where", w.add("Greater", scaled, w.scalar(threshold, x.dtype)), x, smooth)


@emits("gelu")
def gelu(w: Writer, x: Value, attributes: tuple[()] = ()) -> str:
    """x * Phi(x), an operator since opset 20."""
    if w.opset >= 20:
        return w.add("Gelu", x)
    phi = w.add("Add", w.add("Erf", w.add("Div", x, w.scalar(math.sqrt(2), x.dtype))), w.scalar(1, x.dtype))
    return w.add("Mul", w.add("Mul", x, phi), w.scalar(0.5, x.dtype))


@emits("gelu_tanh")
def gelu_tanh(w: Writer, x: Value, attributes: tuple[()] = ()) -> str:
    """gelu by tanh: 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))."""
    if w.opset >= 20:
        return w.add("Gelu", x, approximate="tanh")
    cube = w.add("Mul", w.add("Mul", w.add("Mul", x, x), x), w.scalar(0.044715, x.dtype))
    inner = w.add("Mul", w.add("Add", x, cube), w.scalar(math.sqrt(2 / math.pi), x.dtype))
    phi = w.add("Add", w.add("Tanh", inner), w.scalar(1, x.dtype))
    return w.add("Mul", w.add("Mul", x, phi), w.scalar(0.5, x.dtype))


@emits("softmax")
def softmax(w: Writer, x: Value, kernel: str, dim: int, dtype: Any) -> str:
    """softmax or log_softmax along a dimension."""
    name = w.name(x) if dtype is None else w.cast(x, dtypes.as_dtype(dtype))
    if not x.shape:                                             # of one number
        return w.squeeze(w.add(_SOFTMAX[kernel], w.unsqueeze(name, 0), axis=0), 0)
    return w.add(_SOFTMAX[kernel], name, axis=dim % len(x.shape))


_SOFTMAX = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
