"""SqueezeNet. Iandola et al. 2016, https://arxiv.org/abs/1602.07360."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.blocks import initialize
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn.fusion import chain

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["SqueezeNet", "squeezenet1_1"]


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then a 1x1 and a 3x3 convolution in parallel.

    Args:
        inputs: channels of the input.
        squeezed: channels after the first convolution.
        expanded: channels of each of the others.
    """

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, input: Tensor) -> Tensor:
        x = chain(input, self.squeeze, self.squeeze_activation)
        return cat([chain(x, self.expand1x1, self.expand1x1_activation),
                    chain(x, self.expand3x3, self.expand3x3_activation)], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1: blocks of 1x1 and 3x3 convolutions, and the average of a last convolution in place of fully
    connected layers.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last convolution.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Example:
        >>> import fastnet
        >>> fastnet.models.SqueezeNet(num_classes=10)(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes, self.in_channels, self.dropout = num_classes, in_channels, dropout
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(64, 16, 64), Fire(128, 16, 64), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(128, 32, 128), Fire(256, 32, 128), nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(512, num_classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        initialize(self, conv=nn.init.kaiming_uniform_)
        nn.init.normal_(self.classifier[1].weight, 0.0, 0.01)

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(self.features(input)).flatten(1)


def squeezenet1_1(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5,
                  weights: StrPath | None = None) -> SqueezeNet:
    """SqueezeNet 1.1, 1,235,496 parameters. Arguments as in `SqueezeNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.squeezenet1_1().parameters())
        1235496
    """
    return with_weights(SqueezeNet(num_classes, in_channels, dropout), weights)
