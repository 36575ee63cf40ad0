"""Convolutional network that transcribes speech with the CTC loss, after Collobert et al. 2016, "Wav2Letter: an
end-to-end ConvNet-based speech recognition system", https://arxiv.org/abs/1609.03193.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.tensor import Tensor
from fastnet.models.blocks import initialize, kaiming_fan_out
from fastnet.models.pretrained.loading import with_weights

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["CTCRecognizer", "ctc_recognizer"]


class _Residual(nn.Module):
    """x + relu(norm(convolution over frames))."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2 * dilation, dilation=dilation,
                      bias=False),
            nn.BatchNorm1d(channels), nn.ReLU())

    def forward(self, input: Tensor) -> Tensor:
        return input + self.block(input)


class CTCRecognizer(nn.Module):
    """Log-probabilities of labels over time, for `nn.CTCLoss` and `fastnet.ops.ctc_beam_decode`.

    Two convolutions over frames, the first with stride 2, are followed by residual ones with dilations 1, 2, 4, 1, 2,
    4, ..., and a linear layer for each step.

    Args:
        num_classes: the labels and the blank, which is class 0.
        in_channels: bins of the spectrogram.
        channels: of all convolutions.
        layers: the number of residual convolutions.
        kernel_size: frames of a convolution, odd.
        dropout: probability of dropout before the last layer.

    Shape:
        (N, in_channels, frames) to (steps, N, num_classes), where steps is `output_length(frames)`.

    Raises:
        ValueError: an even kernel_size.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.CTCRecognizer(11)
        >>> model(fastnet.zeros(2, 40, 101)).shape, model.output_length(101)
        ((51, 2, 11), 51)
    """

    def __init__(self, num_classes: int = 11, in_channels: int = 40, channels: int = 96, layers: int = 6,
                 kernel_size: int = 5, dropout: float = 0.1) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"CTCRecognizer: expected an odd kernel_size, got {kernel_size}")
        self.num_classes, self.in_channels, self.channels = num_classes, in_channels, channels
        self.layers, self.kernel_size, self.dropout = layers, kernel_size, dropout
        self.norm = nn.BatchNorm1d(in_channels)
        self.stem = nn.Sequential(
            nn.Conv1d(in_channels, channels, kernel_size, 2, kernel_size // 2, bias=False),
            nn.BatchNorm1d(channels), nn.ReLU())
        self.blocks = nn.Sequential(*[_Residual(channels, kernel_size, 2 ** (i % 3)) for i in range(layers)])
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Conv1d(channels, num_classes, 1))
        initialize(self, conv=kaiming_fan_out)

    def output_length(self, frames: int) -> int:
        """The number of steps for a number of frames, half of them."""
        return (frames + 1) // 2

    def forward(self, input: Tensor) -> Tensor:
        scores = self.classifier(self.blocks(self.stem(self.norm(input))))
        return scores.permute(2, 0, 1).log_softmax(2)


def ctc_recognizer(num_classes: int = 11, in_channels: int = 40, channels: int = 96, layers: int = 6,
                   kernel_size: int = 5, dropout: float = 0.1, weights: StrPath | None = None) -> CTCRecognizer:
    """A network that transcribes speech with the CTC loss, 298,171 parameters for ten digits. Arguments as in
    `CTCRecognizer`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.ctc_recognizer().parameters())
        298171
    """
    return with_weights(CTCRecognizer(num_classes, in_channels, channels, layers, kernel_size, dropout), weights)
