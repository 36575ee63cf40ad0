"""A Transformer from sequence to sequence, such as for translation. Vaswani et al. 2017,
https://arxiv.org/abs/1706.03762; length penalty by Wu et al. 2016, https://arxiv.org/abs/1609.08144."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import nn
from fastnet._core.construction import from_numpy
from fastnet._core.errors import shape_text, whole_number
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.attention import attend
from fastnet.functional.dims import check_tensors
from fastnet.models.generation import KeyValueCache
from fastnet.models.positions import sinusoidal_positions
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn import functional as F, init

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["Seq2SeqTransformer", "transformer"]


class Seq2SeqTransformer(nn.Module):
    """Encoder and decoder over tokens, with sinusoidal positions and greedy and beam search.

    The layer norms come before each part (norm_first). The output layer shares the weights of the target's embedding.

    Args:
        source_vocab: number of tokens of the source.
        target_vocab: number of tokens of the target.
        d_model: width of the embeddings.
        nhead: number of heads, divides d_model.
        num_encoder_layers, num_decoder_layers: number of layers.
        dim_feedforward: features between the two linear maps of a layer.
        dropout: the probability of dropout.
        max_length: the longest sequence.
        padding: the token that fills up short sequences.
        shared: source and target have one vocabulary and one embedding.

    Raises:
        ValueError: `shared` with vocabularies of different sizes.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.Seq2SeqTransformer(20, 30, 16, 2, 1, 1, 32)
        >>> source = fastnet.ones(4, 7, dtype=fastnet.int64)
        >>> model(source, fastnet.ones(4, 5, dtype=fastnet.int64)).shape
        (4, 5, 30)
    """

    def __init__(self, source_vocab: int, target_vocab: int, d_model: int = 256, nhead: int = 8,
                 num_encoder_layers: int = 3, num_decoder_layers: int = 3, dim_feedforward: int = 1024,
                 dropout: float = 0.1, max_length: int = 256, padding: int = 0, shared: bool = False) -> None:
        super().__init__()
        if shared and source_vocab != target_vocab:
            raise ValueError("Seq2SeqTransformer: expected vocabularies of one size for a shared embedding, got "
                             f"{source_vocab} and {target_vocab}")
        self.source_vocab, self.target_vocab, self.d_model, self.nhead = source_vocab, target_vocab, d_model, nhead
        self.num_encoder_layers, self.num_decoder_layers = num_encoder_layers, num_decoder_layers
        self.dim_feedforward, self.dropout, self.max_length = dim_feedforward, dropout, max_length
        self.padding, self.shared = padding, shared
        self.target_embedding = nn.Embedding(target_vocab, d_model)
        if not shared:
            self.source_embedding = nn.Embedding(source_vocab, d_model)
        self.drop = nn.Dropout(dropout)
        self.transformer = nn.Transformer(d_model, nhead, num_encoder_layers, num_decoder_layers, dim_feedforward,
                                          dropout, batch_first=True, norm_first=True)
        self.register_buffer("positions", sinusoidal_positions(max_length, d_model))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights."""
        self.transformer.reset_parameters()
        for name, parameter in self.named_parameters():
            if "embedding" in name:
                init.normal_(parameter, 0.0, self.d_model ** -0.5)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Logits of the token after each position of the target.

        Args:
            source: (B, S), int64, filled up with `padding`.
            target: (B, T), int64: the tokens before those to be predicted.

        Returns:
            (B, T, target_vocab).

        Raises:
            ValueError: sequences longer than max_length, or of different batches.
            IndexError: a token out of range.
        """
        return self._logits(self.features(source, target))

    def features(self, source: Tensor, target: Tensor) -> Tensor:
        """The decoder's last hidden states (B, T, d_model). Arguments as of `forward`."""
        if source.ndim != 2 or target.ndim != 2 or source.shape[0] != target.shape[0]:
            raise ValueError("Seq2SeqTransformer: expected source (B, S) and target (B, T), got shapes "
                             f"{shape_text(source)} and {shape_text(target)}")
        memory, padding = self.encode(source)
        x = self._embedded(target, self.target_embedding, 0)
        mask = self.transformer.generate_square_subsequent_mask(target.shape[1], dtype=x.dtype)
        return self.transformer.decoder(x, memory, tgt_mask=mask, tgt_is_causal=True, memory_key_padding_mask=padding)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's result (B, S, d_model), and where the source is padding (B, S)."""
        padding = source == self.padding
        embedding = self.target_embedding if self.shared else self.source_embedding
        return self.transformer.encoder(self._embedded(source, embedding, 0), src_key_padding_mask=padding), padding

    def _embedded(self, tokens: Tensor, embedding: nn.Module, start: int) -> Tensor:
        end = start + tokens.shape[1]
        if end > self.max_length:
            raise ValueError(f"Seq2SeqTransformer: expected at most {self.max_length} tokens, got {end}")
        return self.drop(embedding(tokens) * math.sqrt(self.d_model) + self.positions[start:end])

    def _logits(self, x: Tensor) -> Tensor:
        return F.linear(x, self.target_embedding.weight)

    @no_grad()
    def translate(self, source: Tensor, begin: int, end: int, beams: int = 1, max_length: int | None = None,
                  length_penalty: float = 0.6) -> list[list[int]]:
        """The most likely targets that a search finds.

        A finished target of n tokens is rated by its log-probability divided by ((5 + n) / 6)^length_penalty.

        Args:
            source: (B, S), int64, with S of at least 1.
            begin: the token that each target begins with.
            end: the token that ends a target.
            beams: targets that are continued at each step; 1 is greedy search.
            max_length: the most tokens of a target, with `begin`; by default, and at most, those of the model.
            length_penalty: 0 favours short targets, 1 nearly forgets the length.

        Returns:
            a list of tokens for each source, without `begin` and `end`.

        Raises:
            TypeError: a source that is not a tensor.
            ValueError: a source of another shape, beams or max_length below 1, or a length_penalty that is not finite.

        Example:
            >>> import fastnet
            >>> _ = fastnet.manual_seed(0)
            >>> model = fastnet.models.Seq2SeqTransformer(20, 30, 16, 2, 1, 1, 32)
            >>> len(model.translate(fastnet.ones(4, 7, dtype=fastnet.int64), 1, 2, beams=3, max_length=5))
            4
        """
        check_tensors("translate", source=source)
        if source.ndim != 2 or not source.shape[1]:
            raise ValueError("translate: expected source (B, S) with at least one position, got shape "
                             f"{shape_text(source)}")
        beams = whole_number("beams", beams, 1)
        length = self.max_length if max_length is None else whole_number("max_length", max_length, 1)
        if not math.isfinite(length_penalty):
            raise ValueError(f"translate: expected a finite length_penalty, got {length_penalty}")
        if not len(source):
            return []
        training = self.training
        self.eval()
        try:
            return _Search(self, source, begin, end, beams, min(length, self.max_length), length_penalty).run()
        finally:
            self.train(training)


class _Search:
    """Beam search with key-value caches; row b * beams + i of a batch is beam i of source b."""

    def __init__(self, model: Seq2SeqTransformer, source: Tensor, begin: int, end: int, beams: int, length: int,
                 penalty: float) -> None:
        self.model, self.end, self.beams, self.length, self.penalty = model, end, beams, length, penalty
        self.batch = source.shape[0]
        memory, padding = model.encode(source)
        rows = from_numpy(np.repeat(np.arange(self.batch), beams))
        self.mask = ~padding[rows][:, None, None]
        self.layers: Any = model.transformer.decoder.layers
        width = model.d_model // model.nhead
        self.caches = [KeyValueCache(self.batch * beams, model.nhead, length, width, memory.dtype)
                       for _ in self.layers]
        self.memory = [self._projected(layer.multihead_attn, memory[rows], (1, 2)) for layer in self.layers]
        self.tokens = np.full((self.batch * beams, 1), begin)
        self.scores = np.full((self.batch, beams), -np.inf)
        self.scores[:, 0] = 0                   # all beams are equal at first: continue one
        self.best: list[tuple[float, list[int]]] = [(-np.inf, []) for _ in range(self.batch)]

    def _projected(self, attention: Any, x: Tensor, parts: tuple[int, ...]) -> list[Tensor]:
        """The queries (0), keys (1) or values (2) of x, as (B, H, T, D)."""
        weights, biases = attention.in_proj_weight.split(self.model.d_model), attention.in_proj_bias.split(
            self.model.d_model)
        return [F.linear(x, weights[i], biases[i]).reshape(
            x.shape[0], x.shape[1], self.model.nhead, -1).transpose(1, 2) for i in parts]

    def run(self) -> list[list[int]]:
        for _ in range(self.length - 1):
            self._extend(self._log_probabilities())
            if not np.isfinite(self.scores).any():
                break
        for b in range(self.batch):             # unfinished targets
            for i in range(self.beams):
                self._finish(b, self.scores[b, i], self.tokens[b * self.beams + i, 1:])
        return [tokens for _, tokens in self.best]

    def _log_probabilities(self) -> Any:
        """Those of the next token, (B, beams, V), in float64."""
        seen = self.caches[0].length
        x = self.model._embedded(from_numpy(self.tokens[:, -1:].astype(np.int64)), self.model.target_embedding, seen)
        for layer, cache, (keys, values) in zip(self.layers, self.caches, self.memory, strict=True):
            q, k, v = self._projected(layer.self_attn, layer.norm1(x), (0, 1, 2))
            x = x + layer.self_attn.out_proj(_without_heads(attend(q, *cache.append(k, v))))
            [q] = self._projected(layer.multihead_attn, layer.norm2(x), (0,))
            x = x + layer.multihead_attn.out_proj(_without_heads(attend(q, keys, values, self.mask)))
            x = x + layer._feed_forward(layer.norm3(x))
        logits = self.model._logits(self.model.transformer.decoder.norm(x))[:, 0]
        return F.log_softmax(logits, -1).numpy().astype(np.float64).reshape(self.batch, self.beams, -1)

    def _extend(self, log_probabilities: Any) -> None:
        """Continue the most likely beams; those that end are finished."""
        vocab = log_probabilities.shape[2]
        totals = (self.scores[:, :, None] + log_probabilities).reshape(self.batch, -1)
        order = _largest_totals(totals, 2 * self.beams)
        rows = np.zeros((self.batch, self.beams), np.int64)
        tokens = np.full((self.batch, self.beams), self.end)
        scores = np.full((self.batch, self.beams), -np.inf)
        for b in range(self.batch):
            kept = 0
            for place, choice in enumerate(order[b]):
                row, token, score = b * self.beams + choice // vocab, choice % vocab, totals[b, choice]
                if kept == self.beams or not np.isfinite(score):
                    break
                if token == self.end:
                    if place < self.beams:
                        self._finish(b, score, self.tokens[row, 1:])
                        if self.beams == 1:
                            break
                    continue
                rows[b, kept], tokens[b, kept], scores[b, kept] = row, token, score
                kept += 1
            if kept and self._rating(scores[b, 0], self.length) <= self.best[b][0]:
                scores[b] = -np.inf             # no beam can become better than the finished target
        self.tokens = np.concatenate([self.tokens[rows.ravel()], tokens.reshape(-1, 1)], 1)
        self.scores = scores
        if self.beams > 1:
            for cache in self.caches:
                cache.reorder(from_numpy(rows.ravel()))

    def _rating(self, score: float, length: int) -> float:
        return score / ((5 + length) / 6) ** self.penalty

    def _finish(self, b: int, score: float, tokens: Any) -> None:
        rating = self._rating(score, len(tokens) + 1)
        if rating > self.best[b][0]:
            self.best[b] = rating, [int(token) for token in tokens]


def _largest_totals(totals: Any, count: int) -> Any:
    """The places of the largest numbers of each row, (B, count), the largest first, equal ones in order."""
    count = min(count, totals.shape[1])
    places = np.sort(np.argpartition(-totals, count - 1, 1)[:, :count], 1)
    found = np.take_along_axis(totals, places, 1)
    return np.take_along_axis(places, np.argsort(-found, 1, kind="stable"), 1)


def _without_heads(x: Tensor) -> Tensor:
    """(B, H, T, D) as (B, T, H * D)."""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


def transformer(source_vocab: int, target_vocab: int, d_model: int = 256, nhead: int = 8, num_layers: int = 3,
                dim_feedforward: int = 1024, dropout: float = 0.1,
                weights: StrPath | None = None) -> Seq2SeqTransformer:
    """A Transformer for short texts: 3 layers each of 8 heads, width 256. Arguments as of `Seq2SeqTransformer`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.transformer(100, 100).parameters())
        5581824
    """
    model = Seq2SeqTransformer(source_vocab, target_vocab, d_model, nhead, num_layers, num_layers, dim_feedforward,
                               dropout)
    return with_weights(model, weights)
