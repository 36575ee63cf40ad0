"""ResNet-8 of the MLPerf Tiny benchmark. Banbury et al. 2021, https://arxiv.org/abs/2106.07597."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import flat_average, initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn.fusion import add_residual, chain

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["ResNet8", "resnet8"]


class ShortBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to the input or, after a stride, to a 1x1 convolution of it.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        stride: of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else None

    def forward(self, input: Tensor) -> Tensor:
        shortcut = input if self.downsample is None else self.downsample(input)
        x = chain(input, self.conv1, self.bn1, self.relu)
        return add_residual(x, self.conv2, self.bn2, shortcut, self.relu)


class ResNet8(nn.Module):
    """ResNet-8 for pictures of 32x32 pixels: a convolution and three residual blocks of 16, 32 and 64 channels.

    As in the benchmark, convolutions have biases, and the shortcuts have no batch norm. It counts 78,666 parameters
    together with the 480 means and variances of its batch norms.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the benchmark uses H = W = 32.

    Example:
        >>> import fastnet
        >>> fastnet.models.ResNet8()(fastnet.zeros(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        self.num_classes, self.in_channels = num_classes, in_channels
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            ShortBlock(16, 16, 1), ShortBlock(16, 32, 2), ShortBlock(32, 64, 2))
        self.fc = nn.Linear(64, num_classes)
        initialize(self, conv=kaiming_fan_out)

    def forward(self, input: Tensor) -> Tensor:
        return self.fc(flat_average(self.features(input)))


def resnet8(num_classes: int = 10, in_channels: int = 3, weights: StrPath | None = None) -> ResNet8:
    """ResNet-8 for pictures of 32x32 pixels, 78,186 parameters and 480 statistics. Arguments as in `ResNet8`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.resnet8().parameters())
        78186
    """
    return with_weights(ResNet8(num_classes, in_channels), weights)
