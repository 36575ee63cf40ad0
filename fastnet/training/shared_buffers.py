"""The buffers of a model, such as the running statistics of batch norm, when several shards update them.

Each shard of a batch starts from the buffers before the batch; afterwards they change by the mean of the shards'
changes. For running statistics, that is one update with the mean of the shards' statistics.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array

__all__ = ["SharedBuffers"]


class SharedBuffers:
    """The buffers of a model that hold floating-point numbers or signed integers.

    Args:
        buffers: of the model.
    """

    def __init__(self, buffers: Iterable[Tensor]) -> None:
        self.tensors: list[Tensor] = sorted((b for b in buffers if b.dtype.kind in "fi"), key=lambda b: b.dtype.name)
        self._dtypes = sorted({b.dtype for b in self.tensors}, key=lambda dtype: dtype.name)
        self._before: list[Array] = []

    def begin(self) -> None:
        """Keep the values before a batch."""
        self._before = [np.array(b._data) for b in self.tensors]

    def restore(self) -> None:
        """Go back to the values before the batch."""
        for b, before in zip(self.tensors, self._before):
            _write_values(b, before)

    def changes(self) -> list[Array]:
        """The changes since `begin`, one flat array for each dtype; 0 for each number that is the same."""
        flat = self.zeros()
        with np.errstate(all="ignore"):         # inf - inf of equal numbers, which count as unchanged
            for b, before, place in zip(self.tensors, self._before, self._parts(flat)):
                np.subtract(b._data, before, out=place, where=b._data != before)
        return flat

    def zeros(self) -> list[Array]:
        """Arrays of zeros like `changes`."""
        return [np.zeros(sum(b.numel() for b in self.tensors if b.dtype == dtype), dtype) for dtype in self._dtypes]

    def finish(self, totals: Sequence[Array], shards: int) -> None:
        """Set the buffers after a batch.

        Args:
            totals: the sums of all shards' changes.
            shards: the number of shards that have samples.
        """
        for b, before, total in zip(self.tensors, self._before, self._parts(totals)):
            mean = total // shards if b.dtype.kind == "i" else total / b.dtype.type(shards)
            _write_values(b, np.where(total == 0, before, before + mean))

    def _parts(self, flat: Sequence[Array]) -> list[Array]:
        """The part of each buffer in flat arrays, one for each dtype."""
        parts, used = [], dict.fromkeys(self._dtypes, 0)
        arrays = dict(zip(self._dtypes, flat))
        for b in self.tensors:
            start = used[b.dtype]
            used[b.dtype] = start + b.numel()
            parts.append(arrays[b.dtype][start:start + b.numel()].reshape(b.shape))
        return parts


def _write_values(tensor: Tensor, values: Array) -> None:
    np.copyto(tensor._data, values)
    tensor._storage.version += 1
