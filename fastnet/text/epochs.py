"""Base class of the loaders of texts, which plan an epoch before its first batch."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import whole_number
from fastnet.data.epochs import NumberedEpochs

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__ = ["EpochLoader"]


class EpochLoader(NumberedEpochs):
    """Base class of loaders that plan all batches of an epoch, and then make one after the other.

    Args:
        seed: any integer. The order of an epoch depends only on it and on the epoch's number.
    """

    def _random(self, number: int) -> np.random.Generator:
        """The random numbers of an epoch."""
        return np.random.default_rng(self._entropy(number))

    def _epoch_batches(self, number: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        planned = self._plan(whole_number("the epoch's number", number, 0))
        return map(self._batch, planned[self._checked_start(start, len(planned)):])

    def _plan(self, number: int) -> list[Any]:
        """A description of each batch of an epoch, for `_batch`."""
        raise NotImplementedError

    def _batch(self, planned: Any) -> tuple[Tensor, ...]:
        """A planned batch."""
        raise NotImplementedError
