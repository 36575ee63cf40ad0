"""Base class of loaders whose epochs have numbers."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastnet._core.errors import whole_number

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__ = ["NumberedEpochs"]


class NumberedEpochs:
    """Base class of loaders: each `for` loop runs over the next epoch, whose order depends on the seed and its number.

    Args:
        seed: any integer.

    Attributes:
        next_epoch: the number of the epoch that the next `for` loop runs over, from 0.
    """

    seed: int
    next_epoch: int

    def __init__(self, seed: int) -> None:
        self.seed, self.next_epoch = whole_number("seed", seed, None), 0

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        number = self.next_epoch
        self.next_epoch = number + 1
        return self.epoch(number)

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[Tensor, ...]]:
        """Iterate over the batches of one epoch. `next_epoch` does not change.

        Args:
            number: number of the epoch, from 0.
            start: number of the first batch, from 0.

        Raises:
            ValueError: a negative number, or a start after the last batch.
        """
        return self._epoch_batches(number, start)

    def _epoch_batches(self, number: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        """The batches of `epoch`, whose arguments are not checked yet."""
        raise NotImplementedError

    def _checked_start(self, start: int, batches: int) -> int:
        """The number of the first batch of an epoch of `batches` batches."""
        if whole_number("start", start, 0) > batches:
            raise ValueError(f"epoch: expected start to be at most the number of batches, {batches}, got {start}")
        return start

    def _entropy(self, *numbers: int) -> tuple[int, ...]:
        """The seed of the random numbers of an epoch or a batch.

        Args:
            numbers: of the epoch and, for a batch, of the batch.
        """
        return self.seed & (2**64 - 1), *numbers
