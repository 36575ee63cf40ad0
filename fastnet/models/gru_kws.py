"""Recurrent network for keyword spotting. Zhang et al. 2017, "Hello Edge: Keyword spotting on microcontrollers",
https://arxiv.org/abs/1711.07128.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["GRUKWS", "gru_kws"]


class GRUKWS(nn.Module):
    """A GRU over the frames of a spectrogram, whose mean output is classified by a linear layer.

    With the defaults it has the size of the paper's small GRU, which classifies the last output. The mean also suits
    keywords that are followed by silence.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input, whose bins each frame joins.
        bins: of a frame of the spectrogram or of the cepstra.
        hidden_size: units of each layer.
        num_layers: layers of the GRU.
        dropout: probability of dropout between layers and before the last layer.

    Shape:
        (N, in_channels, frames, bins) to (N, num_classes); the paper uses 25 frames of 10 cepstra.

    Raises:
        RuntimeError: when called, an input of another shape.

    Example:
        >>> import fastnet
        >>> fastnet.models.GRUKWS()(fastnet.zeros(2, 1, 25, 10)).shape
        (2, 12)
    """

    def __init__(self, num_classes: int = 12, in_channels: int = 1, bins: int = 10, hidden_size: int = 154,
                 num_layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_classes, self.in_channels, self.bins = num_classes, in_channels, bins
        self.hidden_size, self.num_layers, self.dropout = hidden_size, num_layers, dropout
        self.gru = nn.GRU(in_channels * bins, hidden_size, num_layers, batch_first=True,
                          dropout=dropout if num_layers > 1 else 0.0)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden_size, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 4 or (input.shape[1], input.shape[3]) != (self.in_channels, self.bins):
            raise RuntimeError(f"GRUKWS: expected an input (N, {self.in_channels}, frames, {self.bins}), got "
                               f"{shape_text(input)}")
        frames = input.transpose(1, 2).flatten(2)
        states, _ = self.gru(frames)
        return self.classifier(states.mean(1))


def gru_kws(num_classes: int = 12, in_channels: int = 1, bins: int = 10, hidden_size: int = 154, num_layers: int = 1,
            dropout: float = 0.0, weights: StrPath | None = None) -> GRUKWS:
    """A GRU for keyword spotting, 78,552 parameters with 154 units and 12 classes. Arguments as in `GRUKWS`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.gru_kws().parameters())
        78552
    """
    return with_weights(GRUKWS(num_classes, in_channels, bins, hidden_size, num_layers, dropout), weights)
