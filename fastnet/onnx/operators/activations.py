"""Activations, and softmax over an axis."""
from __future__ import annotations

import math
from typing import Any

import fastnet
import fastnet.nn.functional as F
from fastnet import Tensor
from fastnet.onnx.registry import Node, operator

_SELU = 1.67326319217681884765625, 1.05070102214813232421875        # ONNX's alpha and gamma
_AXIS_ALONE = 13                # since this version, softmax is over one axis; before, over all from `axis` on


def is_near(x: float, y: float) -> bool:
    """Whether two attributes are the same number in float32.

    Args:
        x, y: the numbers.
    """
    return math.isclose(x, y, rel_tol=1e-6)


@operator("Relu")
def relu(node: Node, x: Tensor) -> Tensor:
    """max(x, 0)"""
    return F.relu(x) if x.dtype.kind == "f" else fastnet.clamp_min(x, 0)


@operator("Sigmoid")
def sigmoid(node: Node, x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))"""
    return F.sigmoid(x)


@operator("Tanh")
def tanh(node: Node, x: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return F.tanh(x)


@operator("LeakyRelu")
def leaky_relu(node: Node, x: Tensor) -> Tensor:
    """x where it is positive, else alpha * x."""
    return F.leaky_relu(x, node.attribute("alpha", 0.01))


@operator("PRelu")
def prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:
    """x where it is positive, else slope * x; the slope broadcasts."""
    if slope.numel() == 1:
        return F.prelu(x, slope.reshape(1))
    by_channel = (1, *x.shape[1:2], *(1,) * (x.ndim - 2))
    if x.ndim > 1 and ((1,) * (x.ndim - slope.ndim) + slope.shape == by_channel or node.opset < 7):
        return F.prelu(x, slope.reshape(-1))
    return fastnet.where(x < 0, x * slope, x)


@operator("Elu")
def elu(node: Node, x: Tensor) -> Tensor:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return F.elu(x, node.attribute("alpha", 1.0))


@operator("Celu")
def celu(node: Node, x: Tensor) -> Tensor:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)"""
    return F.celu(x, node.attribute("alpha", 1.0))


@operator("Selu")
def selu(node: Node, x: Tensor) -> Tensor:
    """gamma * x where it is positive, else gamma * alpha * (exp(x) - 1)."""
    alpha, gamma = node.attribute("alpha", _SELU[0]), node.attribute("gamma", _SELU[1])
    return F.selu(x) if is_near(alpha, _SELU[0]) and is_near(gamma, _SELU[1]) else F.elu(x, alpha) * gamma


@operator("Gelu")
def gelu(node: Node, x: Tensor) -> Tensor:
    """x times the normal distribution function of x, or its approximation by tanh."""
    return F.gelu(x, node.attribute("approximate", "none"))


def hard_sigmoid_of(x: Tensor, alpha: float, beta: float) -> Tensor:
    """min(max(alpha * x + beta, 0), 1)

    Args:
        x: any shape.
        alpha, beta: the slope, and the value at 0.
    """
    if is_near(alpha, 1 / 6) and beta == 0.5:
        return F.hardsigmoid(x)
    return F.hardtanh(x * alpha + beta, 0.0, 1.0)


@operator("HardSigmoid")
def hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    """min(max(alpha * x + beta, 0), 1)"""
    return hard_sigmoid_of(x, node.attribute("alpha", 0.2), node.attribute("beta", 0.5))


@operator("HardSwish")
def hard_swish(node: Node, x: Tensor) -> Tensor:
    """x * min(max(x / 6 + 0.5, 0), 1)"""
    return F.hardswish(x)


@operator("Mish")
def mish(node: Node, x: Tensor) -> Tensor:
    """x * tanh(softplus(x))"""
    return F.mish(x)


@operator("Softplus")
def softplus(node: Node, x: Tensor) -> Tensor:
    """log(1 + exp(x))"""
    return F.softplus(x)


@operator("Softsign")
def softsign(node: Node, x: Tensor) -> Tensor:
    """x / (1 + |x|)"""
    return F.softsign(x)


@operator("ThresholdedRelu")
def thresholded_relu(node: Node, x: Tensor) -> Tensor:
    """x where it is above alpha, else 0."""
    return F.threshold(x, node.attribute("alpha", 1.0), 0.0)


@operator("Shrink")
def shrink(node: Node, x: Tensor) -> Tensor:
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    bias, bound = node.attribute("bias", 0.0), node.attribute("lambd", 0.5)
    if x.dtype.kind == "f" and bias in (bound, 0.0) and bound >= 0:
        return F.softshrink(x, bound) if bias else F.hardshrink(x, bound)
    shrunk = fastnet.where(x < -bound, x + bias, fastnet.where(x > bound, x - bias, 0 * x))
    return shrunk.to(x.dtype)


def swish_of(x: Tensor, alpha: float) -> Tensor:
    """x * sigmoid(alpha * x)

    Args:
        x: any shape.
        alpha: the slope of the gate.
    """
    return F.silu(x) if alpha == 1 else x * F.sigmoid(x * alpha)


@operator("Swish")
def swish(node: Node, x: Tensor) -> Tensor:
    """x * sigmoid(alpha * x)"""
    return swish_of(x, node.attribute("alpha", 1.0))


@operator("SwiGLU")
def swiglu(node: Node, x: Tensor, gate: Tensor) -> Tensor:
    """swish(x) * gate"""
    return swish_of(x, node.attribute("alpha", 1.0)) * gate


# ---- softmax ---------------------------------------------------------------------------------------------------------

def over_axis(node: Node, x: Tensor, function: Any) -> Tensor:
    """A function of a tensor and a dimension, over the axis of the node.

    Args:
        node: with the attribute `axis`.
        x: its input.
        function: computes softmax or its like.
    """
    if node.opset >= _AXIS_ALONE:
        return function(x, node.attribute("axis", -1))
    axis = node.attribute("axis", 1)
    axis += x.ndim if axis < 0 else 0
    if axis >= x.ndim - 1 and x.ndim:
        return function(x, -1)
    return function(x.reshape(math.prod(x.shape[:axis]), -1), -1).reshape(x.shape)


@operator("Softmax")
def softmax(node: Node, x: Tensor) -> Tensor:
    """Softmax over an axis."""
    return over_axis(node, x, F.softmax)


@operator("LogSoftmax")
def log_softmax(node: Node, x: Tensor) -> Tensor:
    """The logarithm of softmax over an axis."""
    return over_axis(node, x, F.log_softmax)


def hardmax_of(x: Tensor, dim: int) -> Tensor:
    """1 at the first of the largest elements along a dimension, 0 elsewhere.

    Args:
        x: any shape.
        dim: the dimension.
    """
    best = fastnet.argmax(x, dim, keepdim=True)
    return fastnet.zeros_like(x).scatter(dim, best, 1)


@operator("Hardmax")
def hardmax(node: Node, x: Tensor) -> Tensor:
    """1 at the first of the largest elements of an axis, 0 elsewhere."""
    return over_axis(node, x, hardmax_of)
