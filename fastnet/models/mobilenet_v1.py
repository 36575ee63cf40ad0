"""MobileNet V1. Howard et al. 2017, https://arxiv.org/abs/1704.04861."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import check_factor, conv_norm, flat_average, initialize, kaiming_fan_out, round_channels
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["MobileNetV1", "mobilenet_v1"]

_CHANNELS_AND_STRIDES = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
                         (1024, 1))


class MobileNetV1(nn.Module):
    """MobileNet V1: depthwise 3x3 convolutions, each followed by a 1x1 convolution.

    Args:
        num_classes: number of outputs.
        width: factor on the numbers of channels, such as 0.25; they are rounded to multiples of 8.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Raises:
        ValueError: a width that is not positive and finite.

    Example:
        >>> import fastnet
        >>> fastnet.models.MobileNetV1(2, width=0.25)(fastnet.zeros(1, 3, 96, 96)).shape
        (1, 2)
    """

    def __init__(self, num_classes: int = 1000, width: float = 1.0, in_channels: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        check_factor("MobileNetV1", "width", width)
        self.num_classes, self.width, self.in_channels, self.dropout = num_classes, width, in_channels, dropout
        channels = round_channels(32 * width)
        features = [conv_norm(in_channels, channels, 3, 2)]
        for outputs, stride in _CHANNELS_AND_STRIDES:
            inputs, channels = channels, round_channels(outputs * width)
            features += [conv_norm(inputs, inputs, 3, stride, groups=inputs), conv_norm(inputs, channels, 1)]
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))
        initialize(self, conv=kaiming_fan_out)

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(flat_average(self.features(input)))


def mobilenet_v1(num_classes: int = 1000, width: float = 1.0, in_channels: int = 3, dropout: float = 0.0,
                 weights: StrPath | None = None) -> MobileNetV1:
    """MobileNet V1, 4,231,976 parameters at width 1. Arguments as in `MobileNetV1`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.mobilenet_v1().parameters())
        4231976
    """
    return with_weights(MobileNetV1(num_classes, width, in_channels, dropout), weights)
