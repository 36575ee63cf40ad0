"""MobileNet V3. Howard et al. 2019, https://arxiv.org/abs/1905.02244."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import (
    SqueezeExcitation,
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

__all__ = ["MobileNetV3Small", "mobilenet_v3_small"]

_NORM: dict[str, Any] = {"eps": 0.001, "momentum": 0.01}
# kernel size, expanded channels, channels, squeeze and excitation, hard swish instead of ReLU, stride
_BLOCKS = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1), (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1), (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1))


class ExpandedBlock(nn.Module):
    """Expansion by a 1x1 convolution, a depthwise convolution, squeeze and excitation, and a linear 1x1 convolution.

    The input is added if it has the shape of the output.

    Args:
        inputs: channels of the input.
        kernel_size: of the depthwise convolution.
        expanded: its channels.
        outputs: channels of the output.
        squeeze: include squeeze and excitation.
        activation: makes the activations.
        stride: of the depthwise convolution.
    """

    def __init__(self, inputs: int, kernel_size: int, expanded: int, outputs: int, squeeze: bool,
                 activation: Callable[[], nn.Module], stride: int) -> None:
        super().__init__()
        expand = [conv_norm(inputs, expanded, 1, activation=activation, **_NORM)] if expanded != inputs else []
        scale = [SqueezeExcitation(expanded, round_channels(expanded // 4), scale_activation=nn.Hardsigmoid)
                 ] if squeeze else []
        self.block = nn.Sequential(
            *expand,
            conv_norm(expanded, expanded, kernel_size, stride, groups=expanded, activation=activation, **_NORM),
            *scale, conv_norm(expanded, outputs, 1, activation=None, **_NORM))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, input: Tensor) -> Tensor:
        return inverted_block(self.block, input, self.residual)


class MobileNetV3Small(nn.Module):
    """MobileNet V3, the small network: blocks as in MobileNet V2 with hard swish and squeeze and excitation.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Example:
        >>> import fastnet
        >>> fastnet.models.MobileNetV3Small(10)(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2) -> None:
        super().__init__()
        self.num_classes, self.in_channels, self.dropout = num_classes, in_channels, dropout
        features: list[nn.Module] = [conv_norm(in_channels, 16, 3, 2, activation=nn.Hardswish, **_NORM)]
        channels = 16
        for kernel_size, expanded, outputs, squeeze, hard, stride in _BLOCKS:
            activation = nn.Hardswish if hard else nn.ReLU
            features.append(ExpandedBlock(channels, kernel_size, expanded, outputs, squeeze, activation, stride))
            channels = outputs
        features.append(conv_norm(channels, 6 * channels, 1, activation=nn.Hardswish, **_NORM))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            nn.Linear(6 * channels, 1024), nn.Hardswish(), nn.Dropout(dropout), nn.Linear(1024, num_classes))
        initialize(self, kaiming_fan_out, lambda weight: nn.init.normal_(weight, 0.0, 0.01))

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(flat_average(self.features(input)))


def mobilenet_v3_small(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2,
                       weights: StrPath | None = None) -> MobileNetV3Small:
    """MobileNet V3 small, 2,542,856 parameters. Arguments as in `MobileNetV3Small`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.mobilenet_v3_small().parameters())
        2542856
    """
    return with_weights(MobileNetV3Small(num_classes, in_channels, dropout), weights)
