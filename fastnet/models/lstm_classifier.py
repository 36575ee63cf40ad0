"""A recurrent classifier of sequences of tokens or of measurements."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet import nn
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn.utils.rnn import pack_padded_sequence

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["LSTMClassifier", "lstm_classifier"]


class LSTMClassifier(nn.Module):
    """An LSTM whose last states are classified by a linear layer.

    Args:
        classes: the number of classes.
        vocabulary: the number of different tokens; None for sequences of measurements.
        width: the length of a token's vector, or the number of measurements at each step.
        hidden_size: units of each layer and direction.
        num_layers: layers of the LSTM.
        bidirectional: also read the sequence from its end.
        dropout: the probability of dropout between layers and before the classifier, in training.
        padding_idx: the token that pads sequences, whose vector is 0 and stays 0.

    Shape:
        forward(input, lengths=None): tokens (N, T) to (N, classes); without a vocabulary, measurements (N, T, width).
        `lengths` holds the length of each sequence; without it, all have T steps.

    Raises:
        RuntimeError: when called, an input of another shape, or lengths that do not fit.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.LSTMClassifier(2, vocabulary=100, width=8, hidden_size=16)
        >>> model(fastnet.tensor([[5, 7, 9], [3, 0, 0]]), [3, 1]).shape
        (2, 2)
    """

    def __init__(self, classes: int, vocabulary: int | None = None, width: int = 128, hidden_size: int = 128,
                 num_layers: int = 1, bidirectional: bool = True, dropout: float = 0.0, padding_idx: int = 0) -> None:
        super().__init__()
        self.classes, self.vocabulary, self.width, self.hidden_size = classes, vocabulary, width, hidden_size
        self.num_layers, self.bidirectional, self.padding_idx = num_layers, bidirectional, padding_idx
        self.saved_arguments = {"dropout": dropout}         # `dropout` is the module
        self.embedding = nn.Identity() if vocabulary is None else nn.Embedding(vocabulary, width, padding_idx)
        self.lstm = nn.LSTM(width, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional,
                            dropout=dropout if num_layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden_size * (2 if bidirectional else 1), classes)

    def forward(self, input: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        expected = 3 if self.vocabulary is None else 2
        if input.ndim != expected:
            raise RuntimeError(f"LSTMClassifier: expected an input of {expected} dimensions, got {shape_text(input)}")
        x = self.embedding(input)
        given = x if lengths is None else pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        hidden = self.lstm(given)[1][0]
        last = cat([hidden[-2], hidden[-1]], 1) if self.bidirectional else hidden[-1]
        return self.classifier(self.dropout(last))


def lstm_classifier(classes: int, vocabulary: int | None = None, width: int = 128, hidden_size: int = 128,
                    num_layers: int = 1, bidirectional: bool = True, dropout: float = 0.0, padding_idx: int = 0,
                    weights: StrPath | None = None) -> LSTMClassifier:
    """An LSTM that classifies sequences. Arguments as in `LSTMClassifier`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.lstm_classifier(2, vocabulary=1000).parameters())
        392706
    """
    model = LSTMClassifier(classes, vocabulary, width, hidden_size, num_layers, bidirectional, dropout, padding_idx)
    return with_weights(model, weights)
