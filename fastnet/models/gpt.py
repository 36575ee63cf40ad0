"""GPT-2. Radford et al. 2019, "Language models are unsupervised multitask learners"."""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from fastnet import nn
from fastnet._core.construction import from_numpy, tensor
from fastnet._core.errors import shape_text, whole_number
from fastnet._core.tensor import Tensor
from fastnet._replay.compiled import compile
from fastnet.autograd import no_grad
from fastnet.functional.attention import self_attention
from fastnet.functional.creation import arange
from fastnet.models.generation import KeyValueCache, next_tokens
from fastnet.models.pretrained import hugging_face_names
from fastnet.models.pretrained.loading import with_weights
from fastnet.nn import functional as F, init
from fastnet.nn.parameter import new_parameter
from fastnet.random import Generator, default_generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath

__all__ = ["GPT", "Projection", "gpt", "gpt2"]


_WORTH_RECORDING = 64                   # tokens after which a recorded step has saved more than its recording took


class Projection(nn.Module):
    """x @ weight + bias, with the weight as (inputs, outputs), as GPT-2 stores it.

    Args:
        inputs: length of the last dimension of x.
        outputs: length of the last dimension of the result.

    Example:
        >>> import fastnet
        >>> layer = fastnet.models.Projection(3, 5)
        >>> layer(fastnet.ones(2, 3)).shape, layer.weight.shape
        ((2, 5), (3, 5))
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.weight = new_parameter(inputs, outputs)
        self.bias = new_parameter(outputs)
        init.normal_(self.weight, 0.0, 0.02)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight.t(), self.bias)


class Attention(nn.Module):
    """Causal attention of several heads.

    Args:
        width: of the sequence.
        heads: divides the width.
        dropout: the probability of dropout in the weights and in the result.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.c_attn = Projection(width, 3 * width)
        self.c_proj = Projection(width, width)
        self.resid_dropout = nn.Dropout(dropout)

    def forward(self, input: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        projected = self.c_attn(input)
        if cache is None:
            rate = self.dropout if self.training else 0.0
            return self.finish(self_attention(projected, self.heads, None, rate, 0))
        return self.finish(cache.attend(projected))

    def finish(self, attended: Tensor) -> Tensor:
        """The result from that of the attention, (B, T, E)."""
        return self.resid_dropout(self.c_proj(attended))


class FeedForward(nn.Module):
    """Two linear maps with GELU in between.

    Args:
        width: of the sequence; four times as many features are in between.
        dropout: the probability of dropout in the result.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.c_fc = Projection(width, 4 * width)
        self.c_proj = Projection(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        return self.dropout(self.c_proj(F.gelu(self.c_fc(input), "tanh")))


class Block(nn.Module):
    """Attention and two linear maps, each after a layer norm and added to its input.

    Args:
        width, heads, dropout, eps: as of `GPT`.
    """

    def __init__(self, width: int, heads: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps)
        self.attn = Attention(width, heads, dropout)
        self.ln_2 = nn.LayerNorm(width, eps)
        self.mlp = FeedForward(width, dropout)

    def forward(self, input: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        x = input + self.attn(self.ln_1(input), cache)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """GPT-2: a Transformer that predicts the next token from those before it.

    Parameter names are those of GPT-2 in Hugging Face's transformers, so that its weights load with
    `model.load_state_dict(fastnet.load_file("model.safetensors"))`, with the prefix "transformer." or without. The
    output layer shares the weights of the token embedding.

    Args:
        vocab_size: number of tokens.
        n_positions: the longest sequence.
        n_embd: width of the embeddings.
        n_layer: number of blocks.
        n_head: number of heads, divides n_embd.
        dropout: the probability of dropout.
        layer_norm_epsilon: eps of the layer norms.

    Raises:
        ValueError: n_embd is not a multiple of n_head.

    Shape:
        (B, T), int64, to logits (B, T, vocab_size), with T of at most n_positions.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.GPT(65, 64, 32, 2, 4)
        >>> model(fastnet.zeros(2, 10, dtype=fastnet.int64)).shape
        (2, 10, 65)
    """

    def __init__(self, vocab_size: int = 50257, n_positions: int = 1024, n_embd: int = 768, n_layer: int = 12,
                 n_head: int = 12, dropout: float = 0.1, layer_norm_epsilon: float = 1e-5) -> None:
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"GPT: expected n_embd to be a multiple of n_head, got {n_embd} and {n_head}")
        self.vocab_size, self.n_positions, self.n_embd = vocab_size, n_positions, n_embd
        self.n_layer, self.n_head = n_layer, n_head
        self.dropout, self.layer_norm_epsilon = dropout, layer_norm_epsilon
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocab_size, n_embd),
            "wpe": nn.Embedding(n_positions, n_embd),
            "drop": nn.Dropout(dropout),
            "h": nn.ModuleList([Block(n_embd, n_head, dropout, layer_norm_epsilon) for _ in range(n_layer)]),
            "ln_f": nn.LayerNorm(n_embd, layer_norm_epsilon)})
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights, normal with deviation 0.02, and smaller ones at the end of each residual branch."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                init.zeros_(parameter)
            elif parameter.ndim == 2:
                init.normal_(parameter, 0.0, 0.02 / math.sqrt(2 * self.n_layer) if "c_proj" in name else 0.02)

    def forward(self, ids: Tensor, caches: Sequence[KeyValueCache] | None = None) -> Tensor:
        """Logits of the token after each position.

        Args:
            ids: (B, T), int64.
            caches: one for each block, with the positions before `ids`; those of `ids` are added.

        Raises:
            ValueError: more positions than n_positions.
            IndexError: a token out of range.
        """
        return F.linear(self.features(ids, caches), self.transformer["wte"].weight)

    def features(self, ids: Tensor, caches: Sequence[KeyValueCache] | None = None) -> Tensor:
        """The last hidden states (B, T, n_embd). Arguments as of `forward`."""
        parts = self.transformer
        start = caches[0].length if caches else 0
        end = start + ids.shape[1]
        if ids.ndim != 2 or end > self.n_positions:
            raise ValueError(f"GPT: expected tokens (B, T) with at most {self.n_positions} positions, got shape "
                             f"{shape_text(ids)}{f' after {start} positions' if start else ''}")
        x = parts["drop"](parts["wte"](ids) + parts["wpe"](arange(start, end)))
        for i, block in enumerate(parts["h"]):
            x = block(x, caches[i] if caches else None)
        return parts["ln_f"](x)

    def caches(self, batch: int) -> list[KeyValueCache]:
        """Empty key-value caches, one for each block."""
        dtype = self.transformer["wte"].weight.dtype
        return [KeyValueCache(batch, self.n_head, self.n_positions, self.n_embd // self.n_head, dtype)
                for _ in range(self.n_layer)]

    @no_grad()
    def generate(self, ids: Tensor | Sequence[Sequence[int]], max_new_tokens: int, temperature: float = 1.0,
                 top_k: int | None = None, top_p: float | None = None, seed: int | None = None,
                 stop: int | None = None, use_cache: bool = True) -> Tensor:
        """Continue sequences of tokens. Each token follows from the last n_positions before it.

        Args:
            ids: (B, T), int64, with T of at least 1.
            max_new_tokens: number of tokens to add, 0 or more.
            temperature, top_k, top_p: as of `next_tokens`.
            seed: of the random numbers; by default they come from the generator that `manual_seed` seeds.
            stop: a token after which a sequence is complete; the rest of its row is filled with it.
            use_cache: keep the keys and values of earlier tokens instead of computing them again.

        Returns:
            (B, T + max_new_tokens), or fewer columns if all sequences are complete.

        Raises:
            ValueError: no tokens to begin with, a negative max_new_tokens, or values that `next_tokens` refuses.

        Example:
            >>> import fastnet
            >>> _ = fastnet.manual_seed(0)
            >>> model = fastnet.models.GPT(65, 16, 32, 2, 4)
            >>> model.generate([[1, 2]], 30, top_k=5, seed=1).shape
            (1, 32)
        """
        rows = ids if isinstance(ids, Tensor) else tensor(ids)
        if rows.ndim != 2 or not rows.shape[1]:
            raise ValueError(f"GPT.generate: expected tokens (B, T) with at least one position, got shape "
                             f"{shape_text(rows)}")
        max_new_tokens = whole_number("max_new_tokens", max_new_tokens, 0)
        generator = default_generator if seed is None else Generator(seed)
        training = self.training
        self.eval()
        try:
            caches = self.caches(rows.shape[0]) if use_cache else None
            done = tensor([False] * rows.shape[0])
            fresh = rows[:, -self.n_positions:]
            step = _step_of(self, max_new_tokens)
            text, length = _with_room(rows, max_new_tokens), rows.shape[1]
            while length < text.shape[1]:
                if caches is None or caches[0].length + fresh.shape[1] > self.n_positions:
                    hidden = self.features(from_numpy(text[:, max(length - self.n_positions, 0):length]))[:, -1]
                    logits = F.linear(hidden, self.transformer["wte"].weight)
                elif step is not None and fresh.shape[1] == 1:
                    logits = step(fresh, caches)
                else:
                    logits = F.linear(self.features(fresh, caches)[:, -1], self.transformer["wte"].weight)
                token = next_tokens(logits, temperature, top_k, top_p, generator)
                if stop is not None:
                    token = token.masked_fill(done, stop)
                    done = done | (token == stop)
                fresh = token.unsqueeze(1)
                text[:, length] = token.numpy()
                length += 1
                if stop is not None and done.all():
                    break
            return from_numpy(text[:, :length].copy())
        finally:
            self.train(training)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Load weights by name, also those of GPT-2 without the prefix "transformer." and with its buffers."""
        return super().load_state_dict(hugging_face_names.gpt2(state_dict), strict)


def _with_room(rows: Tensor, more: int) -> Array:
    """The rows in an array with `more` columns."""
    array = np.zeros((rows.shape[0], rows.shape[1] + more), np.int64)
    array[:, :rows.shape[1]] = rows.numpy()
    return array


class _Step:
    """The logits after one more token. What lies between two attentions, whose length grows, is recorded once."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts
        blocks = list(parts["h"])

        def begin(ids: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
            return projected(0, parts["wte"](ids) + parts["wpe"](position))

        def projected(i: int, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, blocks[i].attn.c_attn(blocks[i].ln_1(x))

        def between(i: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
            def run(x: Tensor, attended: Tensor) -> tuple[Tensor, Tensor]:
                x = x + blocks[i].attn.finish(attended)
                x = x + blocks[i].mlp(blocks[i].ln_2(x))
                if i + 1 < len(blocks):
                    return projected(i + 1, x)
                return x, F.linear(parts["ln_f"](x)[:, -1], parts["wte"].weight)
            return run
        self._begin = compile(begin)
        self._between = [compile(between(i)) for i in range(len(blocks))]

    def __call__(self, ids: Tensor, caches: Sequence[KeyValueCache]) -> Tensor:
        x, y = self._begin(ids, from_numpy(np.array([caches[0].length])))
        for cache, run in zip(caches, self._between, strict=True):
            x, y = run(x, cache.attend(y))
        return y


_recorded_steps: WeakKeyDictionary[GPT, _Step] = WeakKeyDictionary()


def _step_of(model: GPT, tokens: int) -> _Step | None:
    """The recorded step of a model; None if it is not recorded yet and `tokens` are too few to pay for a recording."""
    step = _recorded_steps.get(model)
    if step is not None and step.parts is model.transformer:
        return step
    if tokens < _WORTH_RECORDING:
        return None
    _recorded_steps[model] = step = _Step(model.transformer)
    return step


def gpt(vocab_size: int = 65, n_positions: int = 64, n_embd: int = 128, n_layer: int = 4, n_head: int = 4,
        dropout: float = 0.0, weights: StrPath | None = None) -> GPT:
    """A small GPT for the characters of a text: 4 blocks of 4 heads, width 128. Arguments as of `GPT`.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> sum(p.numel() for p in fastnet.models.gpt().parameters())
        809856
    """
    return with_weights(GPT(vocab_size, n_positions, n_embd, n_layer, n_head, dropout), weights)


def gpt2(weights: StrPath | None = None) -> GPT:
    """GPT-2 with 124 million parameters, with random initial weights.

    Args:
        weights: a file or a repository with weights, see `load_pretrained`; None: random weights.

    Example:
        >>> import fastnet
        >>> model = fastnet.models.gpt2()                           # doctest: +SKIP
        >>> model.load_state_dict(fastnet.load_file("model.safetensors"))     # doctest: +SKIP
    """
    return with_weights(GPT(), weights)
