"""Generation of sequences: a key-value cache, and the choice of the next token."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.errors import whole_number
from fastnet._core.tensor import Tensor
from fastnet.functional.attention import cached_attention
from fastnet.functional.creation import zeros
from fastnet.functional.random import rand
from fastnet.random import Generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DTypeLike

__all__ = ["KeyValueCache", "next_tokens"]


class KeyValueCache:
    """The keys and values of the positions that a model has seen, for one layer of attention.

    Memory for `capacity` positions is allocated once, so that a token costs one copy of its key and value.

    Args:
        batch: number of sequences.
        heads: of the keys and values.
        capacity: the most positions.
        width: of a key and a value.
        dtype: float32 by default.

    Attributes:
        length: positions held.

    Raises:
        ValueError: more positions are appended than `capacity`.

    Example:
        >>> import fastnet
        >>> cache = fastnet.models.KeyValueCache(1, 2, 8, 4)
        >>> keys, values = cache.append(fastnet.ones(1, 2, 3, 4), fastnet.ones(1, 2, 3, 4))
        >>> keys, values = cache.append(fastnet.ones(1, 2, 1, 4), fastnet.ones(1, 2, 1, 4))
        >>> keys.shape
        (1, 2, 4, 4)
    """

    def __init__(self, batch: int, heads: int, capacity: int, width: int, dtype: DTypeLike | None = None) -> None:
        self._held = zeros(2, batch, heads, capacity, width, dtype=dtype)
        self.length = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the keys and values of the next positions; returns all held so far, as views.

        Args:
            keys, values: (B, H, T, D).

        Raises:
            ValueError: more positions than the capacity.
        """
        start, end = self.length, self._grow(keys.shape[2])
        self._held[0, :, :, start:end] = keys
        self._held[1, :, :, start:end] = values
        return self._held[0, :, :, :end], self._held[1, :, :, :end]

    def attend(self, projected: Tensor) -> Tensor:
        """Add the keys and values of the next positions, and let their queries attend to all so far, causally.

        Without a gradient.

        Args:
            projected: (B, T, 3 * H * D), the queries, keys and values of one linear layer.

        Returns:
            (B, T, H * D).

        Raises:
            ValueError: more positions than the capacity.
        """
        start = self.length
        self._grow(projected.shape[1])
        return cached_attention(projected, self._held, start)

    def _grow(self, count: int) -> int:
        """The number of positions with `count` more."""
        if self.length + count > self._held.shape[3]:
            raise ValueError(f"KeyValueCache: expected at most {self._held.shape[3]} positions, got "
                             f"{self.length + count}")
        self.length += count
        return self.length

    def reorder(self, rows: Tensor) -> None:
        """Replace the sequences by those at these positions of the batch, as a beam search continues them."""
        self._held = self._held[:, rows]


def next_tokens(logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None,
                generator: Generator | None = None) -> Tensor:
    """Choose a token for each row of logits.

    Args:
        logits: (B, V).
        temperature: divides the logits; 0 chooses the largest one.
        top_k: choose among the `top_k` most likely tokens only.
        top_p: choose among the fewest most likely tokens whose probabilities add up to at least this.
        generator: the source of random numbers; by default the one that `manual_seed` seeds.

    Returns:
        (B,), int64.

    Raises:
        TypeError: top_k is not a whole number.
        ValueError: a negative temperature, top_k below 1, or top_p outside (0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.models.next_tokens(fastnet.tensor([[0.0, 2.0, 1.0]]), temperature=0)
        tensor([1])
    """
    top_k = None if top_k is None else whole_number("top_k", top_k, 1)
    if not temperature >= 0 or (top_p is not None and not 0 < top_p <= 1):
        raise ValueError(f"next_tokens: expected temperature of 0 or more and top_p in (0, 1], got "
                         f"temperature={temperature} and top_p={top_p}")
    scores: Array = logits.detach().numpy()
    if temperature == 0:
        return from_numpy(scores.argmax(1).astype(np.int64))
    order = np.argsort(-scores, 1, kind="stable")
    scaled = np.take_along_axis(scores, order, 1).astype(np.float64) / temperature
    weights = np.exp(scaled - scaled[:, :1])
    if top_k is not None:
        weights[:, top_k:] = 0
    if top_p is not None:
        share = weights.cumsum(1) / weights.sum(1, keepdims=True)
        weights[:, 1:][share[:, :-1] >= top_p] = 0
    sums = weights.cumsum(1)
    draw = rand(len(scores), 1, generator=generator, dtype=dtypes.float64).numpy() * sums[:, -1:]
    chosen = np.minimum((sums <= draw).sum(1), (weights > 0).sum(1) - 1)
    return from_numpy(np.take_along_axis(order, chosen[:, None], 1)[:, 0].astype(np.int64))
