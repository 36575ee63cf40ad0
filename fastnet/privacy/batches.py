"""Which rows of a batch are samples: batches of random sizes are filled up to a few fixed sizes."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.memory import persistent
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__ = ["BatchMasks", "padded_size", "poisson_rows"]

_DEVIATIONS = 3                         # a size step: 3 standard deviations hold 99.9% of the batches
_ROW_MULTIPLE = 8                           # rows in a tile of the kernels


def padded_size(count: int, expected: float, samples: int) -> int:
    """The number of rows of a batch: the expected number plus 3, 6, 9, ... standard deviations, or all samples.

    Args:
        count: the samples in the batch.
        expected: the expected number of samples in a batch, whose standard deviation is at most its square root.
        samples: the samples in the dataset.

    Example:
        >>> padded_size(240, 256, 60000), padded_size(310, 256, 60000), padded_size(0, 256, 60000)
        (304, 352, 304)
    """
    step = _DEVIATIONS * math.sqrt(expected)
    steps = max(1, math.ceil((count - expected) / step))
    size = math.ceil((expected + steps * step) / _ROW_MULTIPLE) * _ROW_MULTIPLE
    return min(max(size, count), samples)


class BatchMasks:
    """The mask of the batch in use, at a fixed place for each size, so that recordings read it.

    Args:
        dtype: of the masks: that of the gradients.
    """

    def __init__(self, dtype: DType) -> None:
        self.dtype: DType = dtype
        self._masks: dict[int, Tensor] = {}     # size -> (size + 1,): 1 for samples; the last is 1 until backward()

    def open(self, size: int, count: int) -> None:
        """Begin with a batch: its first rows are the samples."""
        for mask in self._masks.values():
            mask._data[:] = 0
        if size not in self._masks:
            self._masks[size] = Tensor._wrap(persistent((size + 1,), self.dtype))
        rows = self._masks[size]._data
        rows[:] = 0
        rows[:count] = rows[size] = 1

    @property
    def waiting(self) -> int:
        """The rows of the batch that backward() has not yet used; 0: none."""
        return next((size for size, mask in self._masks.items() if mask._data[-1]), 0)

    def take(self) -> Array:
        """The mask (n,) of the batch, for its backward(). Each replay of a recording checks that one of n rows waits.

        Raises:
            RuntimeError: no batch waits.
        """
        size = self.waiting
        self._check(size)
        mask = self._masks[size]
        if state.recorder is not None:
            state.recorder.note_tensors((mask,))
            state.recorder.note_refresher(mask, lambda: self._check(size))
        return mask._data[:size]

    def close(self, size: int) -> None:
        """The batch is used: its rows count no more."""
        K.fill(self._masks[size]._data, 0)

    def _check(self, size: int) -> None:
        waiting = self.waiting
        if not waiting or size != waiting:
            given = f"got {size} rows, and a batch of {waiting} rows waits" if waiting else "no batch waits"
            raise RuntimeError("backward(): expected the gradients of a whole batch that the private loader has given "
                               f"and that was not used before; {given}. Call backward() once for each batch of the "
                               "loader, without cutting it")


def poisson_rows(rng: np.random.Generator, samples: int, rate: float) -> Array:
    """Row numbers, each of which is chosen with the probability `rate`, independently of the others.

    Args:
        rng: the source of random numbers.
        samples: the number of rows.
        rate: the probability.
    """
    count = int(rng.binomial(samples, rate))
    return rng.choice(samples, count, replace=False, shuffle=False).astype(np.int64)
