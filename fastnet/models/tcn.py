"""Temporal convolutional network. Bai, Kolter, Koltun 2018, https://arxiv.org/abs/1803.01271."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["TCN", "tcn"]

_STD = 0.01                             # of the initial weights, as the authors have it


class TemporalBlock(nn.Module):
    """Two causal convolutions with ReLU and dropout, added to the input or to a convolution of one step of it.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        kernel_size: steps of the convolutions.
        dilation: the distance of these steps.
        dropout: probability of dropout after each convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.past = (kernel_size - 1) * dilation
        self.conv1 = nn.Conv1d(inputs, outputs, kernel_size, dilation=dilation)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel_size, dilation=dilation)
        self.downsample = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None
        self.relu, self.dropout = nn.ReLU(), nn.Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        x = input
        for conv in (self.conv1, self.conv2):
            x = self.dropout(self.relu(conv(nn.functional.pad(x, (self.past, 0)))))
        shortcut = input if self.downsample is None else self.downsample(input)
        return self.relu(x + shortcut)


class TCN(nn.Module):
    """Temporal convolutional network: residual blocks of causal convolutions, each with twice the dilation of the last.

    An output depends on its own and earlier steps only. The convolutions have no weight normalization, unlike the
    authors'.

    Args:
        in_channels: channels of a sequence.
        num_outputs: numbers to predict.
        channels: of each block.
        kernel_size: steps of a convolution.
        dropout: probability of dropout after each convolution.
        sequence: return the outputs of every step, instead of the last one's.

    Attributes:
        receptive_field: the number of steps that an output depends on.

    Shape:
        (N, in_channels, T) to (N, num_outputs), or (N, num_outputs, T) if `sequence`.

    Raises:
        ValueError: no channels.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.TCN(3, 2, channels=(16, 16, 16), kernel_size=3)
        >>> model(fastnet.zeros(4, 3, 50)).shape, model.receptive_field
        ((4, 2), 29)
    """

    def __init__(self, in_channels: int, num_outputs: int, channels: Sequence[int] = (25, 25, 25, 25),
                 kernel_size: int = 7, dropout: float = 0.05, sequence: bool = False) -> None:
        super().__init__()
        self.in_channels, self.num_outputs, self.channels = in_channels, num_outputs, tuple(channels)
        self.kernel_size, self.dropout, self.sequence = kernel_size, dropout, sequence
        if not self.channels:
            raise ValueError("TCN: expected channels of at least one block, got none")
        widths = (in_channels, *self.channels)
        self.network = nn.Sequential(*(TemporalBlock(inputs, outputs, kernel_size, 1 << i, dropout)
                                       for i, (inputs, outputs) in enumerate(zip(widths, self.channels))))
        self.linear = nn.Linear(self.channels[-1], num_outputs)
        self.receptive_field = 1 + 2 * (kernel_size - 1) * ((1 << len(self.channels)) - 1)
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.normal_(module.weight, 0.0, _STD)

    def forward(self, input: Tensor) -> Tensor:
        features = self.network(input)
        if self.sequence:
            return self.linear(features.transpose(1, 2)).transpose(1, 2)
        return self.linear(features[..., -1])


def tcn(in_channels: int = 1, num_outputs: int = 1, channels: Sequence[int] = (25, 25, 25, 25), kernel_size: int = 7,
        dropout: float = 0.05, sequence: bool = False, weights: StrPath | None = None) -> TCN:
    """Temporal convolutional network, 31,076 parameters with the defaults. Arguments as in `TCN`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.tcn().parameters())
        31076
    """
    return with_weights(TCN(in_channels, num_outputs, channels, kernel_size, dropout, sequence), weights)
