"""Nodes that `fastnet.onnx.fusion` puts in place of several, of the domain "fastnet"."""
from __future__ import annotations

from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.functional.conv_arrays import Paddings
from fastnet.functional.conv_windows import Padding
from fastnet.functional.convolution import conv_normed
from fastnet.functional.linear import linear_activated
from fastnet.nn import functional as F
from fastnet.onnx.operators.convolution import convolved
from fastnet.onnx.operators.shapes import axis_of
from fastnet.onnx.registry import Node, operator
from fastnet.onnx.windows import kernel_of, window_settings

DOMAIN = "fastnet"


def _with_activation_of(name: str, x: Tensor) -> Tensor:
    return x if name == "none" else getattr(F, name)(x)


@operator("Silu", domain=DOMAIN)
def silu(node: Node, x: Tensor) -> Tensor:
    """x * sigmoid(x)"""
    return F.silu(x)


@operator("HardSwish", domain=DOMAIN)
def hard_swish(node: Node, x: Tensor) -> Tensor:
    """x * min(max(x + 3, 0), 6) / 6"""
    return F.hardswish(x)


@operator("Relu6", domain=DOMAIN)
def relu6(node: Node, x: Tensor) -> Tensor:
    """min(max(x, 0), 6)"""
    return F.relu6(x)


@operator("Gelu", domain=DOMAIN)
def gelu(node: Node, x: Tensor) -> Tensor:
    """x * (1 + erf(x / sqrt(2))) / 2"""
    return F.gelu(x)


@operator("GeluTanh", domain=DOMAIN)
def gelu_by_tanh(node: Node, x: Tensor) -> Tensor:
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))) / 2"""
    return F.gelu(x, "tanh")


@operator("Square", domain=DOMAIN)
def square(node: Node, x: Tensor) -> Tensor:
    """x * x"""
    return fastnet.square(x)


@operator("Sqrt", domain=DOMAIN)
def square_root(node: Node, x: Tensor) -> Tensor:
    """x ** 0.5"""
    return fastnet.sqrt(x) if x.dtype.kind == "f" else fastnet.pow(x, 0.5).to(x.dtype)


@operator("Select", domain=DOMAIN)
def select(node: Node, x: Any) -> Any:
    """The entry of an axis at an index."""
    axis, index = axis_of(node.attribute("axis"), x.ndim), node.attribute("index")
    index = axis_of(index, x.shape[axis])
    if isinstance(x, np.ndarray):
        return np.take(x, [index] if node.attribute("keep") else index, axis)
    return fastnet.narrow(x, axis, index, 1) if node.attribute("keep") else fastnet.select(x, axis, index)


@operator("Conv", domain=DOMAIN)
def conv(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None, scale: Tensor | None = None,
         shift: Tensor | None = None, mean: Tensor | None = None, var: Tensor | None = None,
         residual: Tensor | None = None) -> Tensor:
    """activation(norm(convolution of x) + residual)"""
    settings = window_settings(node, x.shape[2:], kernel_of(node, weight))
    activation = node.attribute("activation", "none")
    bias = None if bias is None else bias.reshape(-1)
    padding: Padding = (settings.before if settings.before == settings.after
                        else Paddings(settings.before, settings.after))
    sizes = [(n + b + a - d * (k - 1) - 1) // s + 1 for n, k, s, b, a, d in zip(
        x.shape[2:], weight.shape[2:], settings.strides, settings.before, settings.after, settings.dilations)]
    fits = residual is None or tuple(residual.shape) == (x.shape[0], weight.shape[0], *sizes)
    if fits and min(settings.before + settings.after) >= 0 and all(
            t is None or (t.dtype == x.dtype and x.dtype.kind == "f") for t in (weight, bias, mean, var, scale, shift)):
        statistics = None if mean is None else (mean, var, scale, shift, float(node.attribute("epsilon")))
        return conv_normed(x, weight, bias, settings.strides, padding, settings.dilations, node.attribute("group", 1),
                           statistics, activation, residual)
    y = convolved(node, x, weight, bias, settings)
    if mean is not None:
        mean, var, scale, shift = (None if t is None else t.to(y.dtype) for t in (mean, var, scale, shift))
        y = F.batch_norm(y, mean, var, scale, shift, False, 0.0, node.attribute("epsilon"))
    return _with_activation_of(activation, y if residual is None else y + residual)


@operator("Linear", domain=DOMAIN)
def linear(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """activation(x @ weight + bias)"""
    weight = weight if node.attribute("transposed") else weight.t()
    activation = node.attribute("activation", "none")
    if x.dtype.kind != "f":
        y = fastnet.matmul(x, weight.t()) if bias is None else fastnet.matmul(x, weight.t()) + bias
        return _with_activation_of(activation, y)
    if activation == "none":
        return F.linear(x, weight, bias)
    return linear_activated(x, weight, bias, activation)
