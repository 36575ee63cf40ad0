"""Batches of sequences in few shapes, for compiled steps."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.errors import whole_number
from fastnet._core.reprs import repr_of
from fastnet.text.batches import pad_sequences, sequence_sizes
from fastnet.text.epochs import EpochLoader

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.tensor import Tensor

__all__ = ["LengthBuckets"]


class LengthBuckets(EpochLoader):
    """Iterates over sequences, or over pairs of them, in padded batches that have few shapes.

    `fastnet.compile` records a step once for each shape. Here the length of a batch is a multiple of `multiple`, the
    same for all lists, and the batch has as many sequences as `max_tokens` allows at this length, so that there is one
    shape for each length. The sequences that are left over of one length join those of the next; the last batch has
    the rest, which are as many in each epoch. The order depends only on the seed and the epoch's number.

    Args:
        sequences: lists of sequences of token numbers, all of one length, such as sources and targets.
        max_tokens: the most tokens of a batch, padding included, of one list.
        multiple: the lengths of batches are multiples of this.
        padding: the number of the padding.
        shuffle: use another random order in each epoch; otherwise the sequences are ordered by length.
        seed: any integer.

    Attributes:
        dataset: the numbers of the sequences.
        next_epoch: the number of the epoch that the next `for` loop runs over, from 0.

    Raises:
        ValueError: no lists, lists of different lengths, an empty sequence, or a sequence with more than max_tokens.

    Example:
        >>> import fastnet
        >>> loader = fastnet.text.LengthBuckets([[1, 2], [3], [4, 5, 6]], max_tokens=4, multiple=2, shuffle=False)
        >>> [x.tolist() for x, in loader.epoch(0)]
        [[[1, 2], [3, 0]], [[4, 5, 6, 0]]]
    """

    max_tokens: int
    multiple: int
    padding: int
    shuffle: bool
    dataset: range

    def __init__(self, *sequences: Sequence[Sequence[int]], max_tokens: int = 2048, multiple: int = 8, padding: int = 0,
                 shuffle: bool = True, seed: int = 0) -> None:
        super().__init__(seed)
        self.sequences: tuple[Sequence[Sequence[int]], ...] = sequences
        self.multiple = whole_number("multiple", multiple, 1)
        self.max_tokens = whole_number("max_tokens", max_tokens, 1)
        self.padding, self.shuffle = padding, shuffle
        sizes = sequence_sizes("LengthBuckets", sequences)
        self._lengths: Array = -(-sizes.max(0) // self.multiple) * self.multiple
        self.dataset = range(len(self._lengths))
        if self._lengths.max(initial=0) > self.max_tokens:
            raise ValueError(f"LengthBuckets: expected sequences of at most max_tokens = {self.max_tokens} tokens, got "
                             f"one of {sizes.max()}, padded to {self._lengths.max()}")

    def __len__(self) -> int:
        return len(self._plan(0))

    def __repr__(self) -> str:
        return repr_of(self, samples=len(self.dataset), max_tokens=self.max_tokens, multiple=self.multiple)

    def _batch(self, planned: tuple[Array, int]) -> tuple[Tensor, ...]:
        rows, length = planned
        return tuple(pad_sequences([part[row] for row in rows], self.padding, length) for part in self.sequences)

    def _plan(self, number: int) -> list[tuple[Array, int]]:
        """The row numbers and the length of each batch of an epoch."""
        rng = self._random(number)
        order = rng.permutation(len(self.dataset)) if self.shuffle else np.arange(len(self.dataset))
        batches: list[tuple[Array, int]] = []
        left = order[:0]
        for length in np.unique(self._lengths).tolist():
            rows = np.concatenate([left, order[self._lengths[order] == length]])
            count = self.max_tokens // length
            full = len(rows) // count * count
            batches += [(rows[i:i + count], length) for i in range(0, full, count)]
            left, longest = rows[full:], length
        if len(left):
            batches.append((left, longest))
        return [batches[i] for i in rng.permutation(len(batches))] if self.shuffle else batches
