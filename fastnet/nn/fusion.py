"""Fusion: neighbouring layers of a Sequential that one kernel computes, with the same bits.

To fuse another pair of layers, add a line to `FUSED`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from fastnet._core.tensor import Tensor
from fastnet.functional.linear import linear_activated
from fastnet.nn.activation import ReLU, Sigmoid, Tanh
from fastnet.nn.channel_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastnet.nn.conv import Conv1d, Conv2d, Conv3d
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module

__all__ = ["FUSED", "Fused", "add_residual", "chain", "fused"]

Fused: TypeAlias = Callable[[Any, Any, Tensor], Tensor]     # (layer, the next layer, input) -> the next layer's output


def _linear_then(activation: str) -> Fused:
    def run(linear: Linear, following: Module, input: Tensor) -> Tensor:
        return linear_activated(input, linear.weight, linear.bias, activation)
    return run


def _conv_then_relu(conv: Any, following: Module, input: Tensor) -> Tensor:
    return conv.activated(input, "relu")


def _norm_then_relu(norm: Any, following: Module, input: Tensor) -> Tensor:
    return norm.activated(input, "relu")


# A layer's type, then the next layer's type: the function that computes both.
FUSED: dict[type, dict[type, Fused]] = {
    Linear: {ReLU: _linear_then("relu"), Sigmoid: _linear_then("sigmoid"), Tanh: _linear_then("tanh")},
    Conv1d: {ReLU: _conv_then_relu}, Conv2d: {ReLU: _conv_then_relu}, Conv3d: {ReLU: _conv_then_relu},
    BatchNorm1d: {ReLU: _norm_then_relu}, BatchNorm2d: {ReLU: _norm_then_relu}, BatchNorm3d: {ReLU: _norm_then_relu},
}
_END: Any = object()
_NO_LAYERS: dict[type, Fused] = {}


def fused(layer: object, following: object) -> Fused | None:
    """The function that computes two neighbouring layers at once; None if they must run separately.

    They run separately if anyone could notice the difference: a layer with hooks, a subclass, or a `forward` that was
    assigned to the layer.

    Args:
        layer: any layer; only those of a type in `FUSED` run with the next one.
        following: the layer that receives its output, or any object if there is none.
    """
    run = FUSED.get(type(layer), _NO_LAYERS).get(type(following))
    return run if run is not None and _unmodified(layer) and _unmodified(following) else None


def chain(input: Tensor, *layers: Any) -> Tensor:
    """The output of the last of several layers, each of which receives the output of the one before it.

    This is what a Sequential computes, for modules that hold their layers under names.

    Args:
        input: of the first layer.
        layers: the layers in order.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.nn.fusion import chain
        >>> chain(fastnet.ones(5, 3), nn.Linear(3, 2), nn.ReLU()).shape
        (5, 2)
    """
    rest = iter(layers)
    layer = next(rest, _END)
    while layer is not _END:
        following = next(rest, _END)
        run = fused(layer, following)
        if run is None:
            input, layer = layer(input), following
        else:
            input, layer = run(layer, following, input), next(rest, _END)
    return input


def add_residual(input: Tensor, norm: Any, residual: Tensor, activation: Module) -> Tensor:
    """activation(norm(input) + residual), the end of a residual block.

    Args:
        input: of the norm.
        norm: a module; a batch norm before a ReLU is computed together with the sum.
        residual: in the shape of the norm's output.
        activation: a module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.nn.fusion import add_residual
        >>> add_residual(fastnet.ones(2, 3), nn.BatchNorm1d(3).eval(), fastnet.ones(2, 3), nn.ReLU()).shape
        (2, 3)
    """
    if fused(norm, activation) is _norm_then_relu:
        return norm.activated(input, "relu", residual)
    return activation(norm(input) + residual)


def _unmodified(layer: Any) -> bool:
    return layer._hooks is None and "forward" not in layer.__dict__
