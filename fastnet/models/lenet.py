"""LeNet-5, the first convolutional network in wide use. LeCun et al. 1998, "Gradient-based learning applied to document
recognition".
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["LeNet5", "lenet5"]


class LeNet5(nn.Module):
    """LeNet-5 for pictures of 32x32 pixels, or of 28x28 pixels, which the first convolution pads to 32x32.

    The sizes are the paper's: two convolutions 5x5 to 6 and 16 channels, each followed by a pool of 2x2, and fully
    connected layers of 120 and 84 units. As usual today, each map of the second convolution reads all 6 channels, which
    gives 61,706 parameters instead of the paper's 60,000; the pools take the maximum, the activations are ReLU, and the
    last layer is linear, for a cross-entropy loss.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the picture.
        dropout: probability of dropout before the last layer.
        image_size: 28 or, as in the paper, 32.

    Shape:
        (N, in_channels, image_size, image_size) to (N, num_classes).

    Raises:
        ValueError: `image_size` is neither 28 nor 32.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.LeNet5()
        >>> model(fastnet.zeros(2, 1, 28, 28)).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, dropout: float = 0.0,
                 image_size: int = 28) -> None:
        super().__init__()
        if image_size not in (28, 32):
            raise ValueError(f"LeNet5: expected an image_size of 28 or 32, got {image_size!r}")
        self.num_classes, self.in_channels = num_classes, in_channels
        self.dropout, self.image_size = dropout, image_size
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=(32 - image_size) // 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(16 * 5 * 5, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(84, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(self.features(input))


def lenet5(num_classes: int = 10, in_channels: int = 1, dropout: float = 0.0, image_size: int = 28,
           weights: StrPath | None = None) -> LeNet5:
    """LeNet-5 for pictures of 28x28 or 32x32 pixels, 61,706 parameters. Arguments as in `LeNet5`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.lenet5().parameters())
        61706
    """
    return with_weights(LeNet5(num_classes, in_channels, dropout, image_size), weights)
