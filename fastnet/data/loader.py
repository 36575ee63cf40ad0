"""DataLoader: batches of a dataset in a reproducible order."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fastnet._core.construction import as_tensor
from fastnet._core.errors import whole_number
from fastnet._core.reprs import options_of, repr_of
from fastnet._core.shapes import ceil_div
from fastnet._core.tensor import Tensor
from fastnet.data.calls import apply, takes_rng
from fastnet.data.epochs import NumberedEpochs
from fastnet.data.prefetch import Prefetched
from fastnet.functional.random import randperm
from fastnet.random import Generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Dataset, Transform

__all__ = ["DataLoader"]

_Loaded = TypeVar("_Loaded")


class DataLoader(NumberedEpochs):
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
    prefetch: int

    def __init__(self, dataset: Dataset, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False,
                 transform: Transform | None = None, seed: int = 0, prefetch: int = 0) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "take")) or hasattr(dataset, "shape"):     # an array
            raise TypeError(f"DataLoader: expected a dataset with len() and take(rows), got {type(dataset).__name__}; "
                            "put arrays into a TensorDataset(x, y)")
        super().__init__(seed)
        self.dataset = dataset
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.prefetch = whole_number("prefetch", prefetch, 0)
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        self.transform = transform
        self._draws = transform is not None and takes_rng(transform)

    def __len__(self) -> int:
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else ceil_div(count, self.batch_size)

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

    def every(self, stride: int, number: int, start: int = 0) -> Iterator[tuple[Tensor, ...]]:
        """Iterate over the batches `start`, `start + stride`, ... of one epoch; the others are not loaded.

        Args:
            stride: at least 1.
            number, start: see `epoch`.

        Example:
            >>> import numpy as np, fastnet
            >>> loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(np.arange(5)))
            >>> [int(x) for x, in loader.every(2, 0, start=1)]
            [1, 3]
        """
        order, number, start = self._begin(number, start)
        return self._prefetched(self._chosen(order, number, range(start, len(self), whole_number("stride", stride, 1))))

    def shards(self, number: int, start: int, cut: Callable[[int], Iterable[tuple[int, int, int]]],
               merge_one: bool = False) -> Iterator[tuple[int, list[tuple[Tensor, ...] | None]]]:
        """Iterate over parts of the batches of one epoch, as the ranks of a distributed training do.

        A transform changes each part for itself: its random numbers depend on the seed and on the numbers of the
        epoch, the batch and the part.

        Args:
            number, start: see `epoch`.
            cut: cut(samples) returns (part, first sample, end) of each part to load, for a batch of `samples` samples.
            merge_one: add a last batch of one sample to the batch before it.

        Returns:
            For each batch the number of its samples, and a list of the parts; None for a part without samples.

        Example:
            >>> import numpy as np, fastnet
            >>> loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(np.arange(5)), batch_size=4)
            >>> list(loader.shards(0, 0, lambda samples: [(1, samples // 2, samples)]))
            [(4, [(tensor([2, 3]),)]), (1, [(tensor([4]),)])]
        """
        order, number, start = self._begin(number, start)
        return self._prefetched(self._parts(order, number, start, cut, merge_one and self.ends_in_one))

    def _epoch_batches(self, number: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        return self._prefetched(self._batches(*self._begin(number, start)))

    def _begin(self, number: int, start: int) -> tuple[Array, int, int]:
        """(the rows in the order of the epoch, its number, the first batch), checked."""
        number, start = whole_number("the epoch's number", number, 0), self._checked_start(start, len(self))
        return self._order(number), number, start

    def _prefetched(self, batches: Iterator[_Loaded]) -> Iterator[_Loaded]:
        return Prefetched(batches, self.prefetch) if self.prefetch else batches

    def _order(self, number: int) -> Array:
        """The row numbers in the order of an epoch. It is drawn before the prefetching thread starts: it takes a lock.
        """
        if not self.shuffle:
            return np.arange(len(self.dataset))
        [seed] = np.random.SeedSequence(self._entropy(number)).generate_state(1, np.uint64)
        return randperm(len(self.dataset), generator=Generator(seed)).numpy()

    def _batches(self, order: Array, number: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        return self._chosen(order, number, range(start, len(self)))

    def _chosen(self, order: Array, number: int, chosen: Iterable[int]) -> Iterator[tuple[Tensor, ...]]:
        size = self.batch_size
        for i in chosen:
            yield self.loaded(order[i * size:(i + 1) * size], number, i)

    def _parts(self, order: Array, number: int, start: int, cut: Callable[[int], Iterable[tuple[int, int, int]]],
               merge_one: bool) -> Iterator[tuple[int, list[tuple[Tensor, ...] | None]]]:
        count, size = len(self) - merge_one, self.batch_size
        for i in range(start, count):
            rows = order[i * size:] if merge_one and i == count - 1 else order[i * size:(i + 1) * size]
            yield len(rows), [self.loaded(rows[first:end], number, i, part) if first < end else None
                              for part, first, end in cut(len(rows))]

    def loaded(self, rows: Array, number: int, i: int, *part: int) -> tuple[Tensor, ...]:
        """Samples as a batch, after the transform.

        Args:
            rows: their row numbers, int64 (n,).
            number: number of the epoch, from 0.
            i: number of the batch in the epoch, from 0.
            part: the number of the part, if they are a part of the batch.
        """
        arrays = self.dataset.take(rows)
        if self.transform is not None:
            rng = np.random.default_rng(self._entropy(number, i, *part)) if self._draws else None
            arrays = apply(self.transform, [a.numpy() if isinstance(a, Tensor) else a for a in arrays], rng)
        return tuple([a if type(a) is Tensor else as_tensor(a) for a in arrays])
