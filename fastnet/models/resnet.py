"""Residual networks. He et al. 2016, https://arxiv.org/abs/1512.03385; ResNeXt: Xie et al. 2017,
https://arxiv.org/abs/1611.05431; wide: Zagoruyko and Komodakis 2016, https://arxiv.org/abs/1605.07146.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from fastnet import nn
from fastnet._core.errors import whole_number
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn.fusion import add_residual, chain

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["ResNet", "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2"]

_Block = Literal["basic", "bottleneck"]


class ResNet(nn.Module):
    """Residual network: four groups of blocks, each of which adds its input to the output of two or three convolutions.

    The stride of a bottleneck block is that of its 3x3 convolution, as in torchvision. Parameter names and counts are
    torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its weights.

    Args:
        block: "basic", two convolutions 3x3, or "bottleneck", 1x1, 3x3 and 1x1 with four times as many outputs.
        layers: the number of blocks in each group; the groups have 64, 128, 256 and 512 channels, or multiples of
            `width`.
        num_classes: number of outputs.
        in_channels: channels of the picture.
        groups: of the 3x3 convolutions of bottleneck blocks (ResNeXt).
        width_per_group: channels of these convolutions for each group, where the block has 64.
        small_images: begin with a 3x3 convolution of stride 1 instead of 7x7 with stride 2 and a max pool, as the paper
            does for the 32x32 pixels of CIFAR-10.
        width: channels of the first group; each group has twice as many as the one before it.

    Raises:
        ValueError: an unknown block, or groups or another width with basic blocks.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the papers use H = W = 224, or 32 with small_images.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.ResNet("basic", (1, 1, 1, 1), num_classes=10, small_images=True)
        >>> model(fastnet.zeros(1, 3, 32, 32)).shape
        (1, 10)
    """

    def __init__(self, block: _Block, layers: Sequence[int], num_classes: int = 1000, in_channels: int = 3,
                 groups: int = 1, width_per_group: int = 64, small_images: bool = False, width: int = 64) -> None:
        super().__init__()
        if block not in ("basic", "bottleneck"):
            raise ValueError(f"ResNet: expected block to be 'basic' or 'bottleneck', got {block!r}")
        if block == "basic" and (groups, width_per_group) != (1, 64):
            raise ValueError(f"ResNet: expected groups=1 and width_per_group=64 with basic blocks, got {groups} and "
                             f"{width_per_group}")
        self.block, self.layers, self.num_classes, self.in_channels = block, tuple(layers), num_classes, in_channels
        self.groups, self.width_per_group, self.small_images = groups, width_per_group, small_images
        self.width = whole_number("width", width, 1)
        kernel, stride = (3, 1) if small_images else (7, 2)
        self.conv1 = nn.Conv2d(in_channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small_images else nn.MaxPool2d(3, 2, 1)
        channels = width
        for i, count in enumerate(self.layers):
            blocks = []
            for j in range(count):
                blocks.append(self._block(channels, width << i, 1 if i == 0 or j > 0 else 2))
                channels = (width << i) * blocks[-1].expansion
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        initialize(self, conv=kaiming_fan_out)

    def _block(self, inputs: int, planes: int, stride: int) -> Any:
        if self.block == "basic":
            return BasicBlock(inputs, planes, stride)
        return Bottleneck(inputs, planes, stride, self.groups, planes * self.width_per_group // 64 * self.groups)

    def forward(self, input: Tensor) -> Tensor:
        x = self.maxpool(chain(input, self.conv1, self.bn1, self.relu))
        for i in range(len(self.layers)):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(self.avgpool(x).flatten(1))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """The 1x1 convolution that gives the input of a block the shape of its output; None if it has this shape."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Residual block of two 3x3 convolutions: relu(x + norm(conv(relu(norm(conv(x))))))."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(inputs, planes, stride)

    def forward(self, input: Tensor) -> Tensor:
        shortcut = input if self.downsample is None else self.downsample(input)
        x = chain(input, self.conv1, self.bn1, self.relu)
        return add_residual(x, self.conv2, self.bn2, shortcut, self.relu)


class Bottleneck(nn.Module):
    """Residual block of a 1x1, a 3x3 and a 1x1 convolution, the last with four times as many channels."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, groups: int, width: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, input: Tensor) -> Tensor:
        shortcut = input if self.downsample is None else self.downsample(input)
        x = chain(input, self.conv1, self.bn1, self.relu, self.conv2, self.bn2, self.relu)
        return add_residual(x, self.conv3, self.bn3, shortcut, self.relu)


def resnet18(num_classes: int = 1000, in_channels: int = 3, small_images: bool = False,
             weights: StrPath | None = None) -> ResNet:
    """ResNet-18: basic blocks, 11,689,512 parameters. Arguments as in `ResNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.resnet18(num_classes=10, small_images=True)
        >>> model.fc
        Linear(in_features=512, out_features=10, bias=True)  # weight (10, 512), bias (10,); 5,130 parameters
    """
    return with_weights(ResNet("basic", (2, 2, 2, 2), num_classes, in_channels, small_images=small_images), weights)


def resnet34(num_classes: int = 1000, in_channels: int = 3, small_images: bool = False,
             weights: StrPath | None = None) -> ResNet:
    """ResNet-34: basic blocks, 21,797,672 parameters. Arguments as in `ResNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> len(fastnet.models.resnet34(num_classes=10).layer3)
        6
    """
    return with_weights(ResNet("basic", (3, 4, 6, 3), num_classes, in_channels, small_images=small_images), weights)


def resnet50(num_classes: int = 1000, in_channels: int = 3, small_images: bool = False,
             weights: StrPath | None = None) -> ResNet:
    """ResNet-50: bottleneck blocks, 25,557,032 parameters. Arguments as in `ResNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.resnet50(num_classes=10).fc.in_features
        2048
    """
    model = ResNet("bottleneck", (3, 4, 6, 3), num_classes, in_channels, small_images=small_images)
    return with_weights(model, weights)


def resnet101(num_classes: int = 1000, in_channels: int = 3, small_images: bool = False,
              weights: StrPath | None = None) -> ResNet:
    """ResNet-101: bottleneck blocks, 44,549,160 parameters. Arguments as in `ResNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> len(fastnet.models.resnet101(num_classes=10).layer3)
        23
    """
    model = ResNet("bottleneck", (3, 4, 23, 3), num_classes, in_channels, small_images=small_images)
    return with_weights(model, weights)


def resnext50_32x4d(num_classes: int = 1000, in_channels: int = 3, small_images: bool = False,
                    weights: StrPath | None = None) -> ResNet:
    """ResNeXt-50 32x4d: 3x3 convolutions in 32 groups, 25,028,904 parameters. Arguments as in `ResNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.resnext50_32x4d(num_classes=10).layer1[0].conv2.groups
        32
    """
    return with_weights(ResNet("bottleneck", (3, 4, 6, 3), num_classes, in_channels, 32, 4, small_images), weights)


def wide_resnet50_2(num_classes: int = 1000, in_channels: int = 3, small_images: bool = False,
                    weights: StrPath | None = None) -> ResNet:
    """Wide ResNet-50-2: 3x3 convolutions with twice the channels, 68,883,240 parameters. Arguments as in `ResNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.wide_resnet50_2(num_classes=10).layer1[0].conv2.out_channels
        128
    """
    return with_weights(ResNet("bottleneck", (3, 4, 6, 3), num_classes, in_channels, 1, 128, small_images), weights)
