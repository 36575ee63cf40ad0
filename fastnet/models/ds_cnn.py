"""Depthwise separable network for keyword spotting. Zhang et al. 2017, "Hello Edge: Keyword spotting on
microcontrollers", https://arxiv.org/abs/1711.07128.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import conv_norm, flat_average, initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["DSCNN", "ds_cnn"]

_SEPARABLE_BLOCKS = 4


class DSCNN(nn.Module):
    """DS-CNN: a convolution of 10 frames by 4 bins, then four depthwise 3x3 convolutions, each with a 1x1 convolution.

    Its input is a spectrogram or cepstra, frames by bins. With 64 channels it is the paper's small network; the medium
    one has 172 and the large one 276 (whose blocks and strides differ).

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input.
        channels: of all convolutions.
        dropout: probability of dropout before the last layer.

    Shape:
        (N, in_channels, frames, bins) to (N, num_classes); the paper uses 49 frames of 10 cepstra.

    Example:
        >>> import fastnet
        >>> fastnet.models.DSCNN()(fastnet.zeros(2, 1, 49, 10)).shape
        (2, 12)
    """

    def __init__(self, num_classes: int = 12, in_channels: int = 1, channels: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_classes, self.in_channels, self.channels, self.dropout = num_classes, in_channels, channels, dropout
        features = [conv_norm(in_channels, channels, (10, 4), 2, (5, 1))]
        for _ in range(_SEPARABLE_BLOCKS):
            features += [conv_norm(channels, channels, 3, groups=channels), conv_norm(channels, channels, 1)]
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))
        initialize(self, conv=kaiming_fan_out)

    def forward(self, input: Tensor) -> Tensor:
        return self.classifier(flat_average(self.features(input)))


def ds_cnn(num_classes: int = 12, in_channels: int = 1, channels: int = 64, dropout: float = 0.0,
           weights: StrPath | None = None) -> DSCNN:
    """DS-CNN for keyword spotting, 23,180 parameters with 64 channels and 12 classes. Arguments as in `DSCNN`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.ds_cnn().parameters())
        23180
    """
    return with_weights(DSCNN(num_classes, in_channels, channels, dropout), weights)
