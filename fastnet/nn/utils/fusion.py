"""Batch norm in evaluation mode, folded into the weight and the bias of the layer before it."""
from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar

from fastnet._core.errors import shape_text
from fastnet.autograd import no_grad
from fastnet.functional.creation import ones_like, zeros_like
from fastnet.nn.parameter import Parameter

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor
    from fastnet.nn.module import Module

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

_M = TypeVar("_M", bound="Module")


def fuse_conv_bn_eval(conv: _M, bn: Module, transpose: bool = False) -> _M:
    """Fold a batch norm in evaluation mode into a copy of the convolution before it.

    weight' = weight * s and bias' = (bias - running_mean) * s + bn.bias for each output channel, with
    s = bn.weight / sqrt(running_var + eps). Jacob et al. 2018, https://arxiv.org/abs/1712.05877.

    Args:
        conv: a convolution, also a transposed one.
        bn: a batch norm over its output channels.
        transpose: the weight has the output channels in its second dimension. A transposed convolution implies it.

    Returns:
        A new layer of conv's type, whose output is bn(conv(input)).

    Raises:
        RuntimeError: a layer in training mode, or a batch norm without running statistics.
        ValueError: another number of channels.

    Example:
        >>> import fastnet
        >>> conv, bn = fastnet.nn.Conv2d(3, 4, 1).eval(), fastnet.nn.BatchNorm2d(4).eval()
        >>> x = fastnet.ones(1, 3, 2, 2)
        >>> fastnet.allclose(fastnet.nn.utils.fusion.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
        True
    """
    layer: Any = conv
    _check_foldable("fuse_conv_bn_eval", conv, bn, layer.out_channels)
    return _with_parameters(conv, fuse_conv_bn_weights(
        layer.weight, layer.bias, *_norm_arguments(bn), transpose=transpose or layer.transposed))


def fuse_conv_bn_weights(conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                         bn_w: Tensor | None, bn_b: Tensor | None,
                         transpose: bool = False) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution with a batch norm folded in (see `fuse_conv_bn_eval`).

    Args:
        conv_w: (C_out, C_in/groups, ...), with `transpose` (C_in, C_out/groups, ...).
        conv_b: (C_out,), or None for 0.
        bn_rm, bn_rv: running mean and running variance, (C_out,).
        bn_eps: added to the variance.
        bn_w, bn_b: weight and bias of the batch norm, (C_out,), or None for 1 and 0.
        transpose: the weight is that of a transposed convolution.

    Example:
        >>> import fastnet
        >>> w, one = fastnet.ones(1, 1, 1), fastnet.ones(1)
        >>> w, b = fastnet.nn.utils.fusion.fuse_conv_bn_weights(w, None, one, 4 * one, 0.0, one, one)
        >>> w.item(), b.item()
        (0.5, 0.5)
    """
    bias_type = conv_w if conv_b is None else conv_b
    with no_grad():
        scale, shift = _scale_and_shift(conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
        ones = (1,) * (conv_w.ndim - 2)
        if transpose:                   # groups of input channels by output channels of a group
            groups = scale.numel() // conv_w.shape[1] if conv_w.shape[1] else 1
            weight = (conv_w.reshape(groups, -1, *conv_w.shape[1:]) * scale.reshape(groups, 1, -1, *ones))
            weight = weight.reshape(conv_w.shape)
        else:
            weight = conv_w * scale.reshape(-1, 1, *ones)
    return (Parameter(weight.to(conv_w.dtype), conv_w.requires_grad),
            Parameter(shift.to(bias_type.dtype), bias_type.requires_grad))


def fuse_linear_bn_eval(linear: _M, bn: Module) -> _M:
    """Fold a batch norm in evaluation mode into a copy of the linear layer before it.

    weight' = weight * s and bias' = (bias - running_mean) * s + bn.bias for each output feature, with
    s = bn.weight / sqrt(running_var + eps).

    Args:
        linear: a Linear.
        bn: a batch norm over its output features, or over one feature.

    Returns:
        A new layer of linear's type, whose output is bn(linear(input)).

    Raises:
        RuntimeError: a layer in training mode, or a batch norm without running statistics.
        ValueError: another number of features.

    Example:
        >>> import fastnet
        >>> linear, bn = fastnet.nn.Linear(3, 4).eval(), fastnet.nn.BatchNorm1d(4).eval()
        >>> x = fastnet.ones(2, 3)
        >>> fastnet.allclose(fastnet.nn.utils.fusion.fuse_linear_bn_eval(linear, bn)(x), bn(linear(x)), atol=1e-6)
        True
    """
    layer: Any = linear
    norm: Any = bn
    _check_foldable("fuse_linear_bn_eval", linear, bn, 1 if norm.num_features == 1 else layer.out_features)
    return _with_parameters(linear, fuse_linear_bn_weights(layer.weight, layer.bias, *_norm_arguments(bn)))


def fuse_linear_bn_weights(linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                           bn_w: Tensor | None, bn_b: Tensor | None) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer with a batch norm folded in (see `fuse_linear_bn_eval`).

    Args:
        linear_w: (C_out, C_in).
        linear_b: (C_out,), or None for 0.
        bn_rm, bn_rv: running mean and running variance, (C_out,).
        bn_eps: added to the variance.
        bn_w, bn_b: weight and bias of the batch norm, (C_out,), or None for 1 and 0.

    Example:
        >>> import fastnet
        >>> one = fastnet.ones(1)
        >>> w, b = fastnet.nn.utils.fusion.fuse_linear_bn_weights(fastnet.ones(1, 1), one, one, 4 * one, 0.0, one, one)
        >>> w.item(), b.item()
        (0.5, 1.0)
    """
    bias_type = linear_w if linear_b is None else linear_b
    with no_grad():
        scale, shift = _scale_and_shift(linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
        weight = linear_w * scale.reshape(-1, 1)
    return (Parameter(weight.to(linear_w.dtype), linear_w.requires_grad),
            Parameter(shift.to(bias_type.dtype), bias_type.requires_grad))


def _scale_and_shift(bias: Tensor | None, mean: Tensor, var: Tensor, eps: float, weight: Tensor | None,
                     shift: Tensor | None) -> tuple[Tensor, Tensor]:
    """(s, the new bias) for each output channel."""
    scale = (ones_like(mean) if weight is None else weight) * (var + eps).rsqrt()
    new = ((zeros_like(mean) if bias is None else bias) - mean) * scale
    return scale, new if shift is None else new + shift


def _norm_arguments(bn: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The arguments of `fuse_conv_bn_weights` that describe a batch norm."""
    return bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias


def _check_foldable(name: str, layer: Module, bn: Any, channels: int) -> None:
    if layer.training or bn.training:
        raise RuntimeError(f"{name}: expected both layers in evaluation mode; call eval() first")
    if bn.running_mean is None or bn.running_var is None:
        raise RuntimeError(f"{name}: expected a batch norm with running statistics, got track_running_stats=False")
    if bn.running_mean.shape != (channels,):
        raise ValueError(f"{name}: expected a batch norm over the {channels} channels of the layer's output, got "
                         f"running statistics of shape {shape_text(bn.running_mean)}")


def _with_parameters(layer: _M, parameters: tuple[Parameter, Parameter]) -> _M:
    """A copy of a layer with another weight and bias."""
    fused: Any = copy.deepcopy(layer)
    fused.weight, fused.bias = parameters
    return fused
