"""A recurrent network from sequence to sequence, with attention.

Sutskever et al. 2014, https://arxiv.org/abs/1409.3215; attention: Luong et al. 2015, https://arxiv.org/abs/1508.04025.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from fastnet import nn
from fastnet._core.errors import whole_number
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import full
from fastnet.functional.joining import cat
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["Seq2Seq", "seq2seq"]

_LayerStates: TypeAlias = "tuple[Tensor, Tensor]"


class Seq2Seq(nn.Module):
    """An LSTM that reads a source in both directions, and one that writes the target and attends to the source.

    The scores of attention are those of Luong's "general" form, h @ W @ memory; the output layer sees
    tanh(W_c @ (context, h)).

    Args:
        source_vocabulary: the number of different source tokens.
        target_vocabulary: the number of different target tokens.
        width: the length of a token's vector.
        hidden_size: units of each layer of the decoder, an even number; each direction of the encoder has half of them.
        num_layers: layers of the encoder and of the decoder.
        dropout: the probability of dropout of vectors, between layers and before the output, in training.
        padding_idx: the token that pads both languages.

    Shape:
        forward(source, target, lengths=None): (N, S) and (N, T) tokens to (N, T, target_vocabulary), the scores of the
        token after each of the target's. `lengths` holds the lengths of the sources; without it, the encoder reads
        padding, too, but attention does not see it.

    Raises:
        ValueError: an odd hidden_size.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.Seq2Seq(50, 60, width=8, hidden_size=16)
        >>> source, target = fastnet.tensor([[5, 7, 9], [3, 4, 0]]), fastnet.tensor([[1, 8], [1, 9]])
        >>> model(source, target, [3, 2]).shape
        (2, 2, 60)
        >>> model.generate(source, start=1, end=2, max_length=4).shape[0]
        2
    """

    def __init__(self, source_vocabulary: int, target_vocabulary: int, width: int = 256, hidden_size: int = 256,
                 num_layers: int = 1, dropout: float = 0.0, padding_idx: int = 0) -> None:
        super().__init__()
        if hidden_size % 2:
            raise ValueError(f"Seq2Seq: expected an even hidden_size, got {hidden_size}")
        self.source_vocabulary, self.target_vocabulary, self.width = source_vocabulary, target_vocabulary, width
        self.hidden_size, self.num_layers, self.padding_idx = hidden_size, num_layers, padding_idx
        self.saved_arguments = {"dropout": dropout}         # `dropout` is the module
        between = dropout if num_layers > 1 else 0.0
        self.source_embedding = nn.Embedding(source_vocabulary, width, padding_idx)
        self.target_embedding = nn.Embedding(target_vocabulary, width, padding_idx)
        self.encoder = nn.LSTM(width, hidden_size // 2, num_layers, batch_first=True, bidirectional=True,
                               dropout=between)
        self.decoder = nn.LSTM(width, hidden_size, num_layers, batch_first=True, dropout=between)
        self.attention = nn.Linear(hidden_size, hidden_size, bias=False)
        self.combine = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, target_vocabulary)

    def encode(self, source: Tensor, lengths: Tensor | Sequence[int] | None = None) -> tuple[Tensor, _LayerStates]:
        """The states of the encoder at each source token (N, S, hidden_size), and the first states of the decoder.

        Args:
            source: (N, S) tokens.
            lengths: the length of each source.
        """
        x = self.dropout(self.source_embedding(source))
        if lengths is None:
            memory, last = self.encoder(x)
        else:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            rows, last = self.encoder(packed)
            memory, _ = pad_packed_sequence(rows, batch_first=True, total_length=source.shape[1])
        return memory, tuple(self._joined(t) for t in last)     # type: ignore[return-value]    # h and c

    def _joined(self, states: Tensor) -> Tensor:
        """Both directions' last states (2 * layers, N, H/2) as (layers, N, H)."""
        batch = states.shape[1]
        paired = states.reshape(self.num_layers, 2, batch, self.hidden_size // 2).transpose(1, 2)
        return paired.reshape(self.num_layers, batch, self.hidden_size)

    def decode(self, target: Tensor, memory: Tensor, source: Tensor,
               states: _LayerStates) -> tuple[Tensor, _LayerStates]:
        """The scores of the token after each of the target's, and the decoder's last states.

        Args:
            target: (N, T) tokens.
            memory: from `encode`.
            source: (N, S) tokens, whose padding attention does not see.
            states: the decoder's states before the target.
        """
        h, states = self.decoder(self.dropout(self.target_embedding(target)), states)
        scores = self.attention(h) @ memory.transpose(1, 2)
        scores = scores.masked_fill((source == self.padding_idx).unsqueeze(1), -1e9)
        context = scores.softmax(-1) @ memory
        return self.output(self.dropout(self.combine(cat([context, h], 2)).tanh())), states

    def forward(self, source: Tensor, target: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        memory, states = self.encode(source, lengths)
        return self.decode(target, memory, source, states)[0]

    @no_grad()
    def generate(self, source: Tensor, start: int, end: int, max_length: int = 100,
                 lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """Write the target token by token, each time the most likely one, without dropout.

        Args:
            source: (N, S) tokens.
            start: the token before the first.
            end: the token that ends a target; padding follows it.
            max_length: the most tokens of a target, 1 or more.
            lengths: the length of each source.

        Returns:
            (N, L) tokens without the start, L at most max_length.

        Raises:
            ValueError: max_length below 1.
        """
        max_length = whole_number("max_length", max_length, 1)
        training = self.training
        self.eval()
        try:
            return self._written(source, start, end, max_length, lengths)
        finally:
            self.train(training)

    def _written(self, source: Tensor, start: int, end: int, max_length: int,
                 lengths: Tensor | Sequence[int] | None) -> Tensor:
        memory, states = self.encode(source, lengths)
        token = full((source.shape[0], 1), start, dtype=source.dtype)
        done = token != token
        tokens = []
        for _ in range(max_length):
            scores, states = self.decode(token, memory, source, states)
            token = scores[:, -1].argmax(1, keepdim=True).masked_fill(done, self.padding_idx)
            tokens.append(token)
            done = done | (token == end)
            if bool(done.all()):
                break
        return cat(tokens, 1)


def seq2seq(source_vocabulary: int, target_vocabulary: int, width: int = 256, hidden_size: int = 256,
            num_layers: int = 1, dropout: float = 0.0, padding_idx: int = 0, weights: StrPath | None = None) -> Seq2Seq:
    """An LSTM encoder and decoder with attention. Arguments as in `Seq2Seq`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.seq2seq(1000, 1000).parameters())
        1887208
    """
    model = Seq2Seq(source_vocabulary, target_vocabulary, width, hidden_size, num_layers, dropout, padding_idx)
    return with_weights(model, weights)
