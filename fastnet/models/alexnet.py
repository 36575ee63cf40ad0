"""AlexNet. Krizhevsky 2014, https://arxiv.org/abs/1404.5997, the version for one processor."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["AlexNet", "alexnet"]


class AlexNet(nn.Module):
    """AlexNet: five convolutions and three fully connected layers.

    Parameter names and counts are torchvision's, so `model.load_state_dict(torch_model.state_dict())` loads its
    weights.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.
        dropout: probability of dropout before the first two fully connected layers.

    Shape:
        (N, in_channels, H, W) to (N, num_classes); the paper uses H = W = 224, and at least 63 are needed.

    Example:
        >>> import fastnet
        >>> fastnet.models.AlexNet(num_classes=10)(fastnet.zeros(1, 3, 64, 64)).shape
        (1, 10)
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes, self.in_channels, self.dropout = num_classes, in_channels, dropout
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(input)).flatten(1))


def alexnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5,
            weights: StrPath | None = None) -> AlexNet:
    """AlexNet, 61,100,840 parameters. Arguments as in `AlexNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> fastnet.models.alexnet(num_classes=10).classifier[6].in_features
        4096
    """
    return with_weights(AlexNet(num_classes, in_channels, dropout), weights)
