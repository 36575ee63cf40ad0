"""Fusion: neighbouring layers that one kernel computes, with the same bits.

To fuse other layers, add a line to `FUSED`.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fastnet._core.tensor import Tensor
from fastnet.autograd import is_grad_enabled
from fastnet.functional.conv_windows import window_count
from fastnet.functional.linear import linear_activated
from fastnet.functional.separable import conv_separable, norm_affine, separable_pays
from fastnet.nn.activation import Hardsigmoid, Hardswish, ReLU, ReLU6, Sigmoid, SiLU, Tanh
from fastnet.nn.channel_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastnet.nn.conv import Conv1d, Conv2d, Conv3d
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module

__all__ = ["FUSED", "FUSED_ACTIVATIONS", "Fusion", "add_residual", "chain", "fused", "inverted", "unmodified"]

_Layers = Sequence[Any]


class Fusion(NamedTuple):
    """How neighbouring layers are computed at once.

    Attributes:
        run: run(layers, input) returns the output of the last layer.
        applies: applies(layers) tells whether they can be computed so now.
    """

    run: Callable[[_Layers, Tensor], Tensor]
    applies: Callable[[_Layers], bool] = lambda layers: True


def _run_linear(layers: _Layers, input: Tensor) -> Tensor:
    return linear_activated(input, layers[0].weight, layers[0].bias, _ACTIVATIONS[type(layers[1])])


def _run_activated(layers: _Layers, input: Tensor) -> Tensor:
    return layers[0].activated(input, "relu")


_ACTIVATIONS: dict[type, Any] = {ReLU: "relu", ReLU6: "relu6", Sigmoid: "sigmoid", Tanh: "tanh", SiLU: "silu",
                                 Hardswish: "hardswish", Hardsigmoid: "hardsigmoid"}
FUSED_ACTIVATIONS = frozenset(_ACTIVATIONS.values())
_GRADIENT_OF_RESULT = ReLU, Sigmoid, Tanh        # activations whose gradient follows from their result


def _run_ended(layers: _Layers, input: Tensor) -> Tensor:
    return layers[0].normed(input, None, _ACTIVATIONS[type(layers[1])])


def _run_normed(layers: _Layers, input: Tensor) -> Tensor:
    return layers[0].normed(input, layers[1], _ACTIVATIONS[type(layers[2])] if len(layers) > 2 else "none")


def _without_gradient(layers: _Layers) -> bool:
    return not is_grad_enabled()


def _is_folded(layers: _Layers) -> bool:
    """Whether a convolution and its batch norm run in evaluation, without a gradient."""
    conv, norm = layers[:2]
    return (not norm.training and not is_grad_enabled() and norm.running_mean is not None
            and norm.num_features == conv.out_channels and norm.running_mean.dtype == conv.weight.dtype)


_CONVOLUTIONS = Conv1d, Conv2d, Conv3d
_NORMS = BatchNorm1d, BatchNorm2d, BatchNorm3d

# The types of two or three neighbouring layers: how they are computed at once.
FUSED: dict[tuple[type, ...], Fusion] = {
    **{(Linear, activation): Fusion(_run_linear, _without_gradient) for activation in _ACTIVATIONS},
    **{(Linear, activation): Fusion(_run_linear) for activation in _GRADIENT_OF_RESULT},
    **{(conv, activation): Fusion(_run_ended, _without_gradient)
       for conv in _CONVOLUTIONS for activation in _ACTIVATIONS},
    **{(layer, ReLU): Fusion(_run_activated) for layer in (*_CONVOLUTIONS, *_NORMS)},
    **{(conv, norm, *activation): Fusion(_run_normed, _is_folded)
       for conv, norm in zip(_CONVOLUTIONS, _NORMS) for activation in ((), *((each,) for each in _ACTIVATIONS))},
}
_MOST_LAYERS = 3


def fused(*layers: object) -> Fusion | None:
    """How neighbouring layers are computed at once; None if they must run separately.

    They run separately if anyone could notice the difference: a layer with hooks, a subclass, or a `forward` that was
    assigned to the layer.

    Args:
        layers: two or three layers in order.
    """
    fusion = FUSED.get(tuple(map(type, layers)))
    return fusion if fusion is not None and all(map(unmodified, layers)) and fusion.applies(layers) else None


def chain(input: Tensor, *layers: Any) -> Tensor:
    """The output of the last of several layers, each of which receives the output of the one before it.

    A Sequential computes the same; this is for modules that hold their layers under names.

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
    start = 0
    while start < len(layers):
        for stop in range(min(start + _MOST_LAYERS, len(layers)), start + 1, -1):
            fusion = fused(*layers[start:stop])
            if fusion is not None:
                input, start = fusion.run(layers[start:stop], input), stop
                break
        else:
            input, start = layers[start](input), start + 1
    return input


def add_residual(input: Tensor, conv: Any, norm: Any, residual: Tensor, activation: Module) -> Tensor:
    """activation(norm(conv(input)) + residual), the end of a residual block, in as few passes as possible.

    Args:
        input: of the convolution.
        conv, norm: modules.
        residual: in the shape of the norm's output.
        activation: a module.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.nn.fusion import add_residual
        >>> x = fastnet.ones(2, 3, 4, 4)
        >>> add_residual(x, nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3).eval(), x, nn.ReLU()).shape
        (2, 3, 4, 4)
    """
    if fused(conv, norm, activation) is not None:
        return conv.normed(input, norm, _ACTIVATIONS[type(activation)], residual)
    x = conv(input)
    if type(norm) in _NORMS and type(activation) is ReLU and fused(norm, activation) is not None:
        return norm.activated(x, "relu", residual)
    return activation(norm(x) + residual)


def inverted(layers: _Layers, input: Tensor, residual: Tensor | None = None) -> Tensor | None:
    """An inverted residual block in one pass, with the same bits; None if its layers must run separately.

    The expanded images are then never in memory as a whole, and threads meet once in place of three times. The layers
    of very small images run separately, because a strip of theirs has too few rows for a matrix product.

    Args:
        layers: Conv2d 1x1, BatchNorm2d, activation, depthwise Conv2d, BatchNorm2d, activation, Conv2d 1x1, BatchNorm2d.
        input: (N, C, H, W).
        residual: added to the result, in its shape, or None.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> from fastnet.nn.fusion import inverted
        >>> layers = [nn.Conv2d(4, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(),
        ...           nn.Conv2d(32, 32, 3, 2, 1, groups=32, bias=False), nn.BatchNorm2d(32), nn.ReLU6(),
        ...           nn.Conv2d(32, 8, 1, bias=False), nn.BatchNorm2d(8)]
        >>> with fastnet.no_grad():
        ...     inverted(list(nn.Sequential(*layers).eval()), fastnet.ones(8, 4, 64, 64)).shape
        (8, 8, 32, 32)
    """
    if not _is_inverted(layers):
        return None
    expand, depthwise, project = layers[0], layers[3], layers[6]
    if (input.ndim != 4 or input.shape[1] != expand.in_channels or input.dtype != expand.weight.dtype
            or not separable_pays(input)):
        return None
    sizes = tuple(map(window_count, input.shape[2:], depthwise.kernel_size, depthwise.stride, depthwise.padding,
                      depthwise.dilation))
    if min(sizes) < 1:
        return None
    return conv_separable(input, expand.weight, norm_affine(layers[1]), depthwise.weight, norm_affine(layers[4]),
                          project.weight, norm_affine(layers[7]), residual, depthwise.stride, depthwise.padding,
                          depthwise.dilation, sizes, _ACTIVATIONS[type(layers[2])])


_MOST_KERNEL_LINES = 64                 # of the kernel `conv_separable`


def _is_inverted(layers: _Layers) -> bool:
    """Whether layers are an inverted block in evaluation, without a gradient."""
    if tuple(map(type, layers[::3])) != (Conv2d,) * 3 or tuple(map(type, layers[1::3])) != (BatchNorm2d,) * 3:
        return False
    if len(layers) != 8 or type(layers[2]) is not type(layers[5]):
        return False
    expand, depthwise, project = layers[::3]
    return (all(fused(*part) is not None for part in (layers[:3], layers[3:6], layers[6:]))
            and _is_1x1(expand) and _is_depthwise(depthwise) and _is_1x1(project)
            and expand.out_channels == depthwise.in_channels == project.in_channels)


def _is_1x1(conv: Conv2d) -> bool:
    return (conv.kernel_size == (1, 1) and conv.stride == (1, 1) and conv.padding == (0, 0) and conv.groups == 1
            and conv.bias is None)


def _is_depthwise(conv: Conv2d) -> bool:
    return (conv.groups == conv.in_channels == conv.out_channels and conv.bias is None and conv.padding_mode == "zeros"
            and isinstance(conv.padding, tuple) and 0 < conv.kernel_size[0] <= _MOST_KERNEL_LINES)


def unmodified(layer: Any) -> bool:
    """Whether a layer has no hooks and no `forward` that was assigned to it.

    Args:
        layer: a module.
    """
    return layer._hooks is None and "forward" not in layer.__dict__
