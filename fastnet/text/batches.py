"""Batches of sequences of similar lengths, padded to the longest of each batch."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import whole_number
from fastnet._core.reprs import repr_of
from fastnet._core.tensor import Tensor
from fastnet.text.epochs import EpochLoader

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["BucketLoader", "pad_sequences", "sequence_sizes"]

_POOL = 50                              # batches whose sequences are sorted by length together


def pad_sequences(sequences: Sequence[Sequence[int]], padding: int = 0, length: int | None = None) -> Tensor:
    """Sequences of token numbers as one tensor, int64 (N, length), with padding after the shorter ones.

    Args:
        sequences: of token numbers.
        padding: the number to add.
        length: of all; None: that of the longest.

    Raises:
        ValueError: a sequence that is longer.

    Example:
        >>> import fastnet
        >>> fastnet.text.pad_sequences([[1, 2, 3], [4]])
        tensor([[1, 2, 3],
                [4, 0, 0]])
    """
    longest = max(map(len, sequences), default=0)
    if length is not None and longest > length:
        raise ValueError(f"pad_sequences: expected sequences of at most {length} tokens, got one of {longest}")
    made = np.full((len(sequences), longest if length is None else length), padding, np.int64)
    for row, sequence in zip(made, sequences):
        row[:len(sequence)] = sequence
    return from_numpy(made)


def sequence_sizes(name: str, sequences: Sequence[Sequence[Sequence[int]]]) -> Array:
    """The lengths of the sequences of each list, int64 (lists, N).

    Args:
        name: of the loader, for errors.
        sequences: lists of sequences.

    Raises:
        ValueError: no lists, lists of different lengths, or an empty sequence.

    Example:
        >>> from fastnet.text.batches import sequence_sizes
        >>> sequence_sizes("mine", [[[1, 2], [3]]])
        array([[2, 1]])
    """
    counts = [len(part) for part in sequences]
    if not counts or len(set(counts)) > 1:
        raise ValueError(f"{name}: expected lists of as many sequences, got {counts}")
    sizes = np.array([[len(sequence) for sequence in part] for part in sequences], np.int64)
    if sizes.size and sizes.min() < 1:
        part, row = np.argwhere(sizes < 1)[0]
        raise ValueError(f"{name}: expected sequences with tokens, got an empty one in list {part}, row {row}")
    return sizes


class BucketLoader(EpochLoader):
    """Iterates over sequences, or over pairs of them, in padded batches of similar lengths.

    An epoch draws a random order, cuts it into pools of 50 batches, sorts each pool by length, cuts it into batches,
    and visits the batches of all pools in random order. The order depends only on the seed and the epoch's number, so a
    run that stopped can continue: `epoch(3, start=20)`.

    Args:
        sequences: lists of sequences of token numbers, all of one length, such as sources and targets. Lengths are
            compared in the given order of the lists.
        batch_size: the most sequences of a batch.
        max_tokens: the most tokens of a batch, padding included, of the list that has most; None: no limit.
        padding: the number of the padding.
        shuffle: use another random order in each epoch; otherwise the sequences keep their order.
        seed: any integer.
        lengths: return the lengths, too.

    Attributes:
        next_epoch: the number of the epoch that the next `for` loop runs over, from 0.

    Returns:
        For each batch a tuple of an int64 tensor (N, longest) of each list; with `lengths`, each followed by the
        lengths, int64 (N,).

    Raises:
        ValueError: no lists, lists of different lengths, an empty sequence, a batch_size below 1, or a sequence with
            more than max_tokens.

    Example:
        >>> import fastnet
        >>> loader = fastnet.text.BucketLoader([[1, 2], [3], [4, 5, 6]], batch_size=2, shuffle=False)
        >>> len(loader), [x.tolist() for x, in loader]
        (2, [[[1, 2], [3, 0]], [[4, 5, 6]]])
    """

    batch_size: int
    max_tokens: int | None
    padding: int
    shuffle: bool
    lengths: bool

    def __init__(self, *sequences: Sequence[Sequence[int]], batch_size: int = 32, max_tokens: int | None = None,
                 padding: int = 0, shuffle: bool = True, seed: int = 0, lengths: bool = False) -> None:
        super().__init__(seed)
        self.sequences: tuple[Sequence[Sequence[int]], ...] = sequences
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.max_tokens = None if max_tokens is None else whole_number("max_tokens", max_tokens, 1)
        self.padding, self.shuffle, self.lengths = padding, shuffle, lengths
        self._sizes = sequence_sizes("BucketLoader", sequences)
        if self.max_tokens is not None and self._sizes.max(initial=0) > self.max_tokens:
            raise ValueError(f"BucketLoader: expected sequences of at most max_tokens = {self.max_tokens} tokens, got "
                             f"one of {self._sizes.max()}")

    def __len__(self) -> int:
        """The number of batches of the next epoch; with max_tokens, other epochs may have other numbers."""
        return len(self._plan(self.next_epoch))

    def __repr__(self) -> str:
        return repr_of(self, samples=self._sizes.shape[1], batch_size=self.batch_size, max_tokens=self.max_tokens)

    def _batch(self, planned: Array) -> tuple[Tensor, ...]:
        made: list[Any] = []
        for part, sizes in zip(self.sequences, self._sizes):
            made.append(pad_sequences([part[row] for row in planned], self.padding))
            if self.lengths:
                made.append(from_numpy(sizes[planned]))
        return tuple(made)

    def _plan(self, number: int) -> list[Array]:
        """The row numbers of each batch of an epoch."""
        rows = np.arange(self._sizes.shape[1])
        if not self.shuffle:
            return self._cut(rows)
        rng = self._random(number)
        order = rng.permutation(rows)
        pools = [order[i:i + _POOL * self.batch_size] for i in range(0, len(order), _POOL * self.batch_size)]
        batches = [batch for pool in pools for batch in self._cut(pool[np.lexsort(self._sizes[::-1, pool])])]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, rows: Array) -> list[Array]:
        """Cut row numbers into batches."""
        if self.max_tokens is None:
            return [rows[i:i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        batches, first, longest = [], 0, 0
        for i, size in enumerate(self._sizes[:, rows].max(0).tolist()):
            longest = max(longest, size)
            if i - first == self.batch_size or longest * (i - first + 1) > self.max_tokens:
                batches.append(rows[first:i])
                first, longest = i, size
        return [*batches, rows[first:]] if first < len(rows) else batches
