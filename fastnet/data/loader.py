"""DataLoader: batches of a dataset in a reproducible order."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fastnet._core.construction import as_tensor
from fastnet._core.errors import whole_number
from fastnet._core.reprs import options_of, repr_of
from fastnet._core.tensor import Tensor
from fastnet.data.calls import apply, takes_rng
from fastnet.data.prefetch import Prefetched
from fastnet.functional.random import randperm
from fastnet.random import Generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Dataset, Transform

__all__ = ["DataLoader"]


class DataLoader:
    """Iterates over a dataset in batches; each batch is a tuple of new tensors: the inputs, then the target.

    Each `for batch in loader` runs over the next epoch. The order of an epoch depends only on the seed and the epoch's
    number. The random numbers of a transform depend only on the seed, the epoch's number and the batch's number. So a
    run that stopped can continue: `epoch(3, start=20)` returns the same batches as the run would have had.

    Args:
        dataset: a TensorDataset, or anything with `len()` and `take(rows)`, see `Dataset`.
        batch_size: number of samples in a batch; the last batch of an epoch may be smaller.
        shuffle: use another random order in each epoch.
        drop_last: leave out the last batch if it is smaller than the others.
        transform: called with the arrays of a batch (NumPy arrays that it may change) and, if it has an argument
            `rng`, with a `numpy.random.Generator`; returns the arrays of the new batch. See `fastnet.data.transforms`.
        seed: seed of the orders and transforms, any integer.
        prefetch: number of batches that a thread prepares in advance; 0: no thread. A thread helps if preparing a batch
            takes long in code that releases Python's lock, as NumPy's does.

    Attributes:
        next_epoch: the number of the epoch that the next `for` loop runs over, from 0.

    Raises:
        TypeError: the dataset has no `take`, or the batch size is not an integer.
        ValueError: batch size below 1, or negative prefetch.

    Example:
        >>> import numpy as np, fastnet
        >>> data = fastnet.data.TensorDataset(np.arange(5), np.arange(5) % 2)
        >>> loader = fastnet.data.DataLoader(data, batch_size=2)
        >>> loader
        DataLoader(dataset=TensorDataset(samples=5, arrays=[int64 (5,), int64 (5,)]), batch_size=2)
        >>> len(loader), [x for x, y in loader]
        (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
        >>> loader = fastnet.data.DataLoader(data, batch_size=2, shuffle=True, prefetch=1)
        >>> whole, rest = list(loader.epoch(7)), list(loader.epoch(7, start=2))
        >>> len(rest), fastnet.equal(whole[2][0], rest[0][0])
        (1, True)
    """

    dataset: Dataset
    batch_size: int
    shuffle: bool
    drop_last: bool
    transform: Transform | None
    seed: int
    prefetch: int
    next_epoch: int

    def __init__(self, dataset: Dataset, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False,
                 transform: Transform | None = None, seed: int = 0, prefetch: int = 0) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "take")) or hasattr(dataset, "shape"):     # an array
            raise TypeError(f"DataLoader: expected a dataset with len() and take(rows), got {type(dataset).__name__}; "
                            "put arrays into a TensorDataset(x, y)")
        self.dataset = dataset
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.prefetch = whole_number("prefetch", prefetch, 0)
        self.shuffle, self.drop_last, self.seed = bool(shuffle), bool(drop_last), whole_number("seed", seed, None)
        self.transform = transform
        self.next_epoch = 0
        self._draws = transform is not None and takes_rng(transform)

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __repr__(self) -> str:
        return repr_of(self, **options_of(self))

    @property
    def ends_in_one(self) -> bool:
        """Whether the last batch of an epoch has a single sample, while the others have more.

        Example:
            >>> import numpy as np, fastnet
            >>> fastnet.data.DataLoader(fastnet.data.TensorDataset(np.arange(5)), batch_size=2).ends_in_one
            True
        """
        return len(self) > 1 and not self.drop_last and len(self.dataset) % self.batch_size == 1

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
        number, start = whole_number("the epoch's number", number, 0), whole_number("start", start, 0)
        if start > len(self):
            raise ValueError(f"epoch: expected start to be at most the number of batches, {len(self)}, got {start}")
        batches = self._batches(self._order(number), number, start)
        return Prefetched(batches, self.prefetch) if self.prefetch else batches

    def _order(self, number: int) -> Array:
        """The row numbers in the order of an epoch. It is drawn before the prefetching thread starts: it takes a lock.
        """
        if not self.shuffle:
            return np.arange(len(self.dataset))
        [seed] = np.random.SeedSequence(self._entropy(number)).generate_state(1, np.uint64)
        return randperm(len(self.dataset), generator=Generator(seed)).numpy()

    def _batches(self, order: Array, number: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        size = self.batch_size
        for i in range(start, len(self)):
            yield self.loaded(order[i * size:(i + 1) * size], number, i)

    def loaded(self, rows: Array, number: int, i: int) -> tuple[Tensor, ...]:
        """Samples as a batch, after the transform.

        Args:
            rows: their row numbers, int64 (n,).
            number: number of the epoch, from 0.
            i: number of the batch in the epoch, from 0.
        """
        arrays = self.dataset.take(rows)
        if self.transform is not None:
            rng = np.random.default_rng(self._entropy(number, i)) if self._draws else None
            arrays = apply(self.transform, [a.numpy() if isinstance(a, Tensor) else a for a in arrays], rng)
        return tuple([a if type(a) is Tensor else as_tensor(a) for a in arrays])

    def _entropy(self, *numbers: int) -> tuple[int, ...]:
        return self.seed & (2**64 - 1), *numbers
