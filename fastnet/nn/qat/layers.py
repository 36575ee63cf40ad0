"""Layers whose weights are rounded as those of int8 layers are, with the batch norm that follows folded in."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor
from fastnet.functional.compare import where
from fastnet.functional.creation import full_like
from fastnet.nn import functional as F, init
from fastnet.nn.channel_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter
from fastnet.nn.qat.fake_quantize import WeightFakeQuantize

__all__ = ["ACTIVATIONS", "Conv1d", "Conv2d", "Conv3d", "Linear"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, "relu": F.relu, "relu6": F.relu6}
_NORMS_OF_DIMS = BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d
_SMALL_FACTOR = 1e-12


class _FakeQuantized(Module):
    """A layer with a fake-quantised weight, an optional batch norm and an activation."""

    weight: Parameter
    bias: Parameter | Any
    norm: Any
    activation: str
    learnable: bool

    freeze_bn: bool

    def _set_up(self, shape: tuple[int, ...], bias: bool, norm: bool, activation: str, learnable: bool,
                eps: float, momentum: float, freeze_bn: bool) -> None:
        if activation not in ACTIVATIONS:
            raise one_of(f"{type(self).__name__}: activation", activation, tuple(ACTIVATIONS))
        self.activation, self.learnable, self.eps, self.momentum = activation, learnable, float(eps), float(momentum)
        self.freeze_bn = freeze_bn
        self.weight = new_parameter(*shape)
        self.register_parameter("bias", new_parameter(shape[0]) if bias else None)
        self.norm = _NORMS_OF_DIMS[max(len(shape) - 2, 0)](shape[0], eps, momentum) if norm else None
        self.weight_fake_quant = WeightFakeQuantize(shape[0], learnable)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values of the weight and the bias."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight.numel() // max(len(self.weight), 1)
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    @property
    def saved_arguments(self) -> dict[str, object]:
        """Arguments of the constructor that are not attributes, for files."""
        return {"norm": self.norm is not None}

    def product(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output with these weights, before norm and activation."""
        raise NotImplementedError

    def folded(self) -> tuple[Tensor, Tensor | None]:
        """(weight, bias) of the layer without rounding and with the running statistics of the norm folded in."""
        if self.norm is None:
            return self.weight, self.bias
        factor = self._factor()
        shift = self.norm.running_mean if self.bias is None else self.norm.running_mean - self.bias
        return self.weight * self._as_filter(factor), self.norm.bias - shift * factor

    def _factor(self) -> Tensor:
        """The factor that the norm applies to each channel, never 0."""
        factor = self.norm.weight * (self.norm.running_var + self.norm.eps).rsqrt()
        return where(factor.detach().abs() < _SMALL_FACTOR, full_like(factor, _SMALL_FACTOR), factor)

    def _as_filter(self, x: Tensor) -> Tensor:
        return x.reshape(-1, *(1,) * (self.weight.ndim - 1))

    def forward(self, input: Tensor) -> Tensor:
        if self.norm is None or self.freeze_bn or not self.training:
            weight, bias = self.folded()
            out = self.product(input, self.weight_fake_quant(weight), bias)
        else:                           # the rounded weight has the scale that it has after training
            factor = self._factor()
            weight = self.weight_fake_quant(self.weight * self._as_filter(factor))
            out = self.product(input, weight, None)
            channels = (-1, *(1,) * (self.weight.ndim - 2))
            out = out / factor.reshape(channels)
            out = self.norm(out if self.bias is None else out + self.bias.reshape(channels))
        return ACTIVATIONS[self.activation](out)


class Linear(_FakeQuantized):
    """Linear layer whose weight is rounded to int8 of each output channel, for training.

    Args:
        in_features: length of the input's last dimension.
        out_features: length of the output's last dimension.
        bias: add a learned bias.
        norm: apply a batch norm, whose running statistics scale the weight before it is rounded.
        activation: "none", "relu" or "relu6".
        learnable: learn the scales of the weight.
        eps, momentum: of the batch norm.
        freeze_bn: use the running statistics of the batch norm in training, too, and keep them.

    Shape:
        (..., in_features) to (..., out_features); with `norm`, (N, in_features).

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.Linear(3, 2, activation="relu")(fastnet.ones(5, 3)).shape
        (5, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, norm: bool = False,
                 activation: Literal["none", "relu", "relu6"] = "none", learnable: bool = False, eps: float = 1e-5,
                 momentum: float = 0.1, freeze_bn: bool = False) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self._set_up((out_features, in_features), bias, norm, activation, learnable, eps, momentum, freeze_bn)

    def product(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(input, weight, bias)

    def extra_repr(self) -> str:
        return (f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
                f"activation={self.activation!r}")


class _FakeQuantizedConv(_FakeQuantized):

    dims: int
    _function: Callable[..., Tensor]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sequence[int], stride: Sequence[int],
                 padding: Sequence[int], dilation: Sequence[int], groups: int = 1, bias: bool = True,
                 norm: bool = False, activation: Literal["none", "relu", "relu6"] = "none", learnable: bool = False,
                 eps: float = 1e-5, momentum: float = 0.1, freeze_bn: bool = False) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = tuple(kernel_size), tuple(stride)
        self.padding, self.dilation = tuple(padding), tuple(dilation)
        self._set_up((out_channels, in_channels // groups, *self.kernel_size), bias, norm, activation, learnable, eps,
                     momentum, freeze_bn)

    def product(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._function(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        return (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"padding={self.padding}, groups={self.groups}, bias={self.bias is not None}, "
                f"activation={self.activation!r}")


class Conv1d(_FakeQuantizedConv):
    """Convolution over one dimension with a weight rounded to int8, for training: see `Conv2d`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.Conv1d(1, 2, (3,), (1,), (1,), (1,))(fastnet.ones(1, 1, 5)).shape
        (1, 2, 5)
    """

    _function = staticmethod(F.conv1d)


class Conv2d(_FakeQuantizedConv):
    """Convolution whose weight is rounded to int8 of each output channel, for training.

    With `norm`, in training the weight is scaled by weight / sqrt(running_var + eps) of the norm before it is rounded,
    and the output is divided by it, so that the rounding is the one after folding while the norm uses the statistics
    of the batch. Krishnamoorthi 2018, section 3.2.2, https://arxiv.org/abs/1806.08342.

    Args:
        in_channels, out_channels: channels.
        kernel_size, stride, padding, dilation: a number for each spatial dimension.
        groups: of channels.
        bias: add a learned bias.
        norm: apply a batch norm.
        activation: "none", "relu" or "relu6".
        learnable: learn the scales of the weight.
        eps, momentum: of the batch norm.
        freeze_bn: use the running statistics of the batch norm in training, too, and keep them.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> layer = qat.Conv2d(1, 2, (3, 3), (1, 1), (1, 1), (1, 1), norm=True, activation="relu")
        >>> layer(fastnet.ones(2, 1, 5, 5)).shape
        (2, 2, 5, 5)
    """

    _function = staticmethod(F.conv2d)


class Conv3d(_FakeQuantizedConv):
    """Convolution over three dimensions with a weight rounded to int8, for training: see `Conv2d`.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> layer = qat.Conv3d(1, 2, (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1))
        >>> layer(fastnet.ones(1, 1, 2, 2, 2)).shape
        (1, 2, 2, 2, 2)
    """

    _function = staticmethod(F.conv3d)
