"""VGG networks. Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["VGG", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]


def _small_normal(weight: Tensor) -> Tensor:
    return nn.init.normal_(weight, 0.0, 0.01)


class VGG(nn.Module):
    """VGG network: five groups of 3x3 convolutions, a max pool after each, then three fully connected layers.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        layers: the number of convolutions in each group; the groups have 64, 128, 256, 512 and 512 channels.
        batch_norm: put a batch norm between each convolution and its ReLU.
        num_classes: number of outputs.
        in_channels: channels of the picture.
        dropout: probability of dropout after the first two fully connected layers.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224, and at least 32 are needed.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.VGG((1, 1, 1, 1, 1), num_classes=10)
        >>> len(model.features)
        15
    """

    def __init__(self, layers: Sequence[int], batch_norm: bool = False, num_classes: int = 1000, in_channels: int = 3,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.layers, self.batch_norm, self.num_classes = tuple(layers), batch_norm, num_classes
        self.in_channels, self.dropout = in_channels, dropout
        features: list[nn.Module] = []
        inputs = in_channels
        for outputs, count in zip((64, 128, 256, 512, 512), self.layers):
            for _ in range(count):
                norm = [nn.BatchNorm2d(outputs)] if batch_norm else []
                features += [nn.Conv2d(inputs, outputs, 3, padding=1), *norm, nn.ReLU()]
                inputs = outputs
            features.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(4096, num_classes))
        initialize(self, kaiming_fan_out, _small_normal)

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(input)).flatten(1))


def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, weights: StrPath | None = None) -> VGG:
    """VGG-11, 132,863,336 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg11(num_classes=10).layers
        (1, 1, 2, 2, 2)
    """
    return with_weights(VGG((1, 1, 2, 2, 2), False, num_classes, in_channels, dropout), weights)


def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5,
             weights: StrPath | None = None) -> VGG:
    """VGG-11 with batch norm, 132,868,840 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg11_bn(num_classes=10).layers
        (1, 1, 2, 2, 2)
    """
    return with_weights(VGG((1, 1, 2, 2, 2), True, num_classes, in_channels, dropout), weights)


def vgg13(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, weights: StrPath | None = None) -> VGG:
    """VGG-13, 133,047,848 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg13(num_classes=10).layers
        (2, 2, 2, 2, 2)
    """
    return with_weights(VGG((2, 2, 2, 2, 2), False, num_classes, in_channels, dropout), weights)


def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5,
             weights: StrPath | None = None) -> VGG:
    """VGG-13 with batch norm, 133,053,736 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg13_bn(num_classes=10).layers
        (2, 2, 2, 2, 2)
    """
    return with_weights(VGG((2, 2, 2, 2, 2), True, num_classes, in_channels, dropout), weights)


def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, weights: StrPath | None = None) -> VGG:
    """VGG-16, 138,357,544 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg16(num_classes=10).layers
        (2, 2, 3, 3, 3)
    """
    return with_weights(VGG((2, 2, 3, 3, 3), False, num_classes, in_channels, dropout), weights)


def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5,
             weights: StrPath | None = None) -> VGG:
    """VGG-16 with batch norm, 138,365,992 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg16_bn(num_classes=10).layers
        (2, 2, 3, 3, 3)
    """
    return with_weights(VGG((2, 2, 3, 3, 3), True, num_classes, in_channels, dropout), weights)


def vgg19(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, weights: StrPath | None = None) -> VGG:
    """VGG-19, 143,667,240 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg19(num_classes=10).layers
        (2, 2, 4, 4, 4)
    """
    return with_weights(VGG((2, 2, 4, 4, 4), False, num_classes, in_channels, dropout), weights)


def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5,
             weights: StrPath | None = None) -> VGG:
    """VGG-19 with batch norm, 143,678,248 parameters. Arguments as in `VGG`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.vgg19_bn(num_classes=10).layers
        (2, 2, 4, 4, 4)
    """
    return with_weights(VGG((2, 2, 4, 4, 4), True, num_classes, in_channels, dropout), weights)
