"""Building blocks that several families share: convolution with batch norm, squeeze and excitation, initialization."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.nn.fusion import chain, fused, inverted, unmodified

__all__ = ["SqueezeExcitation", "add_input", "check_factor", "conv_norm", "flat_average", "initialize",
           "inverted_block", "kaiming_fan_out", "round_channels"]


def conv_norm(inputs: int, outputs: int, kernel_size: Any = 3, stride: Any = 1, padding: Any = None, groups: int = 1,
              activation: Callable[[], nn.Module] | None = nn.ReLU, **norm: Any) -> nn.Sequential:
    """Convolution without a bias, batch norm and an activation, which a Sequential fuses.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel_size: of the convolution.
        stride: of the convolution.
        padding: of the convolution; by default kernel_size // 2, which keeps the size at stride 1.
        groups: of the convolution.
        activation: makes the last module; None for no activation.
        norm: further arguments of the batch norm.
    """
    padding = kernel_size // 2 if padding is None else padding
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size, stride, padding, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs, **norm), *([] if activation is None else [activation()]))


class SqueezeExcitation(nn.Module):
    """Scale each channel by a number in [0, 1] that two 1x1 convolutions compute from the average of all channels.

    Hu et al. 2018, https://arxiv.org/abs/1709.01507.

    Args:
        channels: of the input and the output.
        squeezed: channels between the two convolutions.
        activation: makes the activation between them.
        scale_activation: makes the activation of the scale.
    """

    def __init__(self, channels: int, squeezed: int, activation: Callable[[], nn.Module] = nn.ReLU,
                 scale_activation: Callable[[], nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation, self.scale_activation = activation(), scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        return input * chain(self.avgpool(input), self.fc1, self.activation, self.fc2, self.scale_activation)


def add_input(block: nn.Sequential, input: Tensor) -> Tensor:
    """input + block(input); in evaluation the last convolution of the block adds its input, with the same bits.

    Args:
        block: ends with a convolution and a batch norm, or with a Sequential that does.
        input: in the shape of the block's output.
    """
    layers: list[Any] = [block]
    while type(layers[-1]) is nn.Sequential and unmodified(layers[-1]):
        layers[-1:] = layers[-1]
    *front, conv, norm = layers if len(layers) > 1 else (None, block)
    if type(conv) is not nn.Conv2d or fused(conv, norm) is None:
        return input + block(input)
    return conv.normed(chain(input, *front), norm, residual=input)


def inverted_block(block: nn.Sequential, input: Tensor, residual: bool) -> Tensor:
    """block(input), plus the input if `residual`; in evaluation in as few passes as possible, with the same bits.

    Args:
        block: a Sequential of layers and of Sequentials.
        input: (N, C, H, W).
        residual: whether the input is added.
    """
    out = inverted(_layers_of(block), input, input if residual else None)
    if out is not None:
        return out
    return add_input(block, input) if residual else block(input)


def _layers_of(block: nn.Module) -> list[nn.Module]:
    """The layers of a Sequential and of the Sequentials in it, except for those with hooks."""
    if type(block) is not nn.Sequential or not unmodified(block):
        return [block]
    return [layer for part in block for layer in _layers_of(part)]


def flat_average(input: Tensor) -> Tensor:
    """The average over the picture, (N, C, H, W) to (N, C).

    Args:
        input: the features.
    """
    return nn.functional.adaptive_avg_pool2d(input, 1).flatten(1)


def check_factor(name: str, argument: str, factor: float) -> None:
    """Refuse a factor on numbers of channels that is not positive and finite.

    Args:
        name: of the network, for the error.
        argument: the name of the argument.
        factor: its value.

    Raises:
        ValueError: names the argument and the value.
    """
    if not 0 < factor < math.inf:
        raise ValueError(f"{name}: expected {argument} to be positive and finite, got {factor}")


def round_channels(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` that is nearest to a number of channels, but not less than 90% of it.

    Args:
        channels: the number, such as a fraction of a whole one.
        divisor: the result is at least this.

    Example:
        >>> from fastnet.models.blocks import round_channels
        >>> round_channels(18), round_channels(11.2)
        (24, 16)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def kaiming_fan_out(weight: Tensor) -> Tensor:
    """Fill a convolution's weight so that the variance of gradients is kept through it and a ReLU; returns the weight.

    Args:
        weight: of the convolution.
    """
    return nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")


def initialize(model: nn.Module, conv: Callable[[Tensor], object] | None = None,
               linear: Callable[[Tensor], object] | None = None) -> None:
    """Initialize the weights of all convolutions and linear layers of a model, and set their biases to 0.

    Args:
        model: the model.
        conv: fills the weight of a convolution; None leaves the convolutions unchanged.
        linear: fills the weight of a linear layer; None leaves the linear layers unchanged.
    """
    for module in model.modules():
        fill = {nn.Conv2d: conv, nn.Linear: linear}.get(type(module))
        if fill is not None:
            fill(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
