"""U-Net, for the segmentation of pictures. Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional import cat
from fastnet.models.blocks import conv_norm, initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["UNet", "unet"]


class UNet(nn.Module):
    """U-Net: a path down through poolings and a path up through transposed convolutions, joined at each size.

    It classifies each pixel. Unlike the paper's, its convolutions are padded, so that the output has the size of the
    input, they are followed by batch norm, and it has a quarter of the channels by default.

    Args:
        num_classes: number of outputs of a pixel.
        in_channels: channels of the picture.
        channels: of each size, from the picture's own to the smallest; each size is half of the one before it.

    Shape:
        (N, in_channels, H, W) to (N, num_classes, H, W); H and W are multiples of 2 ** (len(channels) - 1).

    Raises:
        ValueError: fewer than two sizes; in the call, a picture of another shape.

    Example:
        >>> import fastnet
        >>> fastnet.models.UNet(3, in_channels=1, channels=(4, 8))(fastnet.zeros(2, 1, 16, 24)).shape
        (2, 3, 16, 24)
    """

    def __init__(self, num_classes: int = 2, in_channels: int = 3,
                 channels: Sequence[int] = (16, 32, 64, 128)) -> None:
        super().__init__()
        if len(channels) < 2:
            raise ValueError(f"UNet: expected channels of two sizes or more, got {tuple(channels)}")
        self.num_classes, self.in_channels, self.channels = num_classes, in_channels, tuple(channels)
        widths = list(pairwise(self.channels))
        self.encoders = nn.ModuleList([_two_convolutions(in_channels, self.channels[0]),
                                       *(_two_convolutions(wide, narrow) for wide, narrow in widths)])
        self.pool = nn.MaxPool2d(2)
        self.ups = nn.ModuleList([nn.ConvTranspose2d(deep, wide, 2, 2) for wide, deep in reversed(widths)])
        self.decoders = nn.ModuleList([_two_convolutions(2 * wide, wide) for wide, _ in reversed(widths)])
        self.head = nn.Conv2d(self.channels[0], num_classes, 1)
        initialize(self, kaiming_fan_out)

    def forward(self, input: Tensor) -> Tensor:
        factor = 2 ** (len(self.channels) - 1)
        if input.ndim != 4 or input.shape[2] % factor or input.shape[3] % factor:
            raise ValueError(f"UNet: expected pictures of shape (N, {self.in_channels}, H, W), where H and W are "
                             f"multiples of {factor}, got {shape_text(input)}; pad or resize them")
        x, kept = input, []
        for encoder in list(self.encoders)[:-1]:
            kept.append(encoder(x))
            x = self.pool(kept[-1])
        x = self.encoders[-1](x)
        for up, decoder in zip(self.ups, self.decoders):
            x = decoder(cat((kept.pop(), up(x)), 1))
        return self.head(x)


def _two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(inputs, outputs), conv_norm(outputs, outputs))


def unet(num_classes: int = 2, in_channels: int = 3, channels: Sequence[int] = (16, 32, 64, 128),
         weights: StrPath | None = None) -> UNet:
    """A small U-Net, 482,754 parameters. Arguments as in `UNet`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.unet().parameters())
        482754
    """
    return with_weights(UNet(num_classes, in_channels, channels), weights)
