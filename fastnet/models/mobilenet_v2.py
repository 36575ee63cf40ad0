"""MobileNet V2. Sandler et al. 2018, https://arxiv.org/abs/1801.04381."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import (
    check_factor,
    conv_norm,
    flat_average,
    initialize,
    inverted_block,
    kaiming_fan_out,
    round_channels,
)
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["MobileNetV2", "mobilenet_v2"]

# expansion, channels, blocks, stride of the first block
_GROUPS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class InvertedResidual(nn.Module):
    """Expansion by a 1x1 convolution, a depthwise 3x3 convolution, and a linear 1x1 convolution to few channels.

    The input is added if it has the shape of the output.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        stride: of the depthwise convolution.
        expansion: factor on the input's channels.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        expanded = inputs * expansion
        expand = [conv_norm(inputs, expanded, 1, activation=nn.ReLU6)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *expand, conv_norm(expanded, expanded, 3, stride, groups=expanded, activation=nn.ReLU6),
            nn.Conv2d(expanded, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, input: Tensor) -> Tensor:
        return inverted_block(self.conv, input, self.residual)


class MobileNetV2(nn.Module):
    """MobileNet V2: depthwise convolutions between 1x1 convolutions, with residuals between the narrow layers.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        width_mult: factor on the numbers of channels; they are rounded to multiples of 8.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Raises:
        ValueError: a width_mult that is not positive and finite.

    Example:
        >>> import fastnet
        >>> fastnet.models.MobileNetV2(10, width_mult=0.25)(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, width_mult: float = 1.0, in_channels: int = 3,
                 dropout: float = 0.2) -> None:
        super().__init__()
        check_factor("MobileNetV2", "width_mult", width_mult)
        self.num_classes, self.width_mult = num_classes, width_mult
        self.in_channels, self.dropout = in_channels, dropout
        channels, last = round_channels(32 * width_mult), round_channels(1280 * max(1.0, width_mult))
        features: list[nn.Module] = [conv_norm(in_channels, channels, 3, 2, activation=nn.ReLU6)]
        for expansion, outputs, count, stride in _GROUPS:
            for i in range(count):
                inputs, channels = channels, round_channels(outputs * width_mult)
                features.append(InvertedResidual(inputs, channels, stride if i == 0 else 1, expansion))
        features.append(conv_norm(channels, last, 1, activation=nn.ReLU6))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        initialize(self, kaiming_fan_out, lambda weight: nn.init.normal_(weight, 0.0, 0.01))

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(flat_average(self.features(input)))


def mobilenet_v2(num_classes: int = 1000, width_mult: float = 1.0, in_channels: int = 3, dropout: float = 0.2,
                 weights: StrPath | None = None) -> MobileNetV2:
    """MobileNet V2, 3,504,872 parameters at width 1. Arguments as in `MobileNetV2`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.mobilenet_v2().parameters())
        3504872
    """
    return with_weights(MobileNetV2(num_classes, width_mult, in_channels, dropout), weights)
