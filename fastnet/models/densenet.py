"""DenseNet. Huang et al. 2017, https://arxiv.org/abs/1608.06993."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.blocks import flat_average, initialize
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn.fusion import chain

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["DenseNet", "densenet121"]


class DenseLayer(nn.Module):
    """Batch norm, ReLU and a 1x1 convolution, then batch norm, ReLU and a 3x3 convolution to `growth` channels."""

    def __init__(self, inputs: int, growth: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(inputs, bottleneck * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck * growth)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False)
        self.dropout = dropout

    def forward(self, input: Tensor) -> Tensor:
        x = chain(input, self.norm1, self.relu1, self.conv1, self.norm2, self.relu2, self.conv2)
        return nn.functional.dropout(x, self.dropout, self.training) if self.dropout > 0 else x


class DenseBlock(nn.Module):
    """Layers each of which reads the block's input and the outputs of all layers before it."""

    def __init__(self, count: int, inputs: int, growth: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        for i in range(count):
            self.add_module(f"denselayer{i + 1}", DenseLayer(inputs + i * growth, growth, bottleneck, dropout))

    def forward(self, input: Tensor) -> Tensor:
        for layer in self.children():
            input = cat([input, layer(input)], 1)
        return input


def _transition(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential({"norm": nn.BatchNorm2d(inputs), "relu": nn.ReLU(),
                          "conv": nn.Conv2d(inputs, outputs, 1, bias=False), "pool": nn.AvgPool2d(2)})


class DenseNet(nn.Module):
    """DenseNet: blocks in which each layer reads the outputs of all layers before it.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        layers: the number of layers in each block.
        growth_rate: output channels of each layer.
        num_init_features: channels after the first convolution.
        bn_size: the 1x1 convolutions have this many times growth_rate outputs.
        num_classes: number of outputs.
        in_channels: channels of the picture.
        drop_rate: probability of dropout after each layer.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.DenseNet((2, 2), growth_rate=8, num_init_features=16, num_classes=10)
        >>> model(fastnet.zeros(1, 3, 32, 32)).shape
        (1, 10)
    """

    def __init__(self, layers: Sequence[int] = (6, 12, 24, 16), growth_rate: int = 32, num_init_features: int = 64,
                 bn_size: int = 4, num_classes: int = 1000, in_channels: int = 3, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.layers, self.growth_rate, self.num_init_features = tuple(layers), growth_rate, num_init_features
        self.bn_size, self.num_classes, self.in_channels, self.drop_rate = bn_size, num_classes, in_channels, drop_rate
        channels = num_init_features
        self.features = nn.Sequential({
            "conv0": nn.Conv2d(in_channels, channels, 7, 2, 3, bias=False), "norm0": nn.BatchNorm2d(channels),
            "relu0": nn.ReLU(), "pool0": nn.MaxPool2d(3, 2, 1)})
        for i, count in enumerate(self.layers):
            if i > 0:
                self.features.add_module(f"transition{i}", _transition(channels, channels // 2))
                channels //= 2
            self.features.add_module(f"denseblock{i + 1}", DenseBlock(count, channels, growth_rate, bn_size, drop_rate))
            channels += count * growth_rate
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.relu = nn.ReLU()
        self.classifier = nn.Linear(channels, num_classes)
        initialize(self, conv=nn.init.kaiming_normal_)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(flat_average(self.relu(self.features(input))))


def densenet121(num_classes: int = 1000, in_channels: int = 3, drop_rate: float = 0.0,
                weights: StrPath | None = None) -> DenseNet:
    """DenseNet-121, 7,978,856 parameters. Arguments as in `DenseNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.densenet121(num_classes=10).classifier.in_features
        1024
    """
    return with_weights(DenseNet(num_classes=num_classes, in_channels=in_channels, drop_rate=drop_rate), weights)
