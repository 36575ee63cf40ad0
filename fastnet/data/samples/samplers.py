"""Samplers: the order in which a DataLoader reads the samples of a dataset."""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fastnet._core import world
from fastnet._core.construction import as_tensor
from fastnet._core.errors import whole_number
from fastnet._core.shapes import ceil_div
from fastnet.dtypes import float64
from fastnet.functional.random import randint, randperm
from fastnet.functional.sampling import multinomial
from fastnet.random import Generator

if TYPE_CHECKING:
    from fastnet._core.annotations import ArrayLike

__all__ = ["BatchSampler", "DistributedSampler", "RandomSampler", "Sampler", "SequentialSampler",
           "SubsetRandomSampler", "WeightedRandomSampler"]

_Index = TypeVar("_Index", covariant=True)


class Sampler(Generic[_Index]):
    """Base class of samplers: `iter(sampler)` yields indices, or lists of indices for batches.

    Args:
        data_source: accepted and ignored.

    Example:
        >>> from fastnet.data.samples import DataLoader, Sampler
        >>> class Backwards(Sampler):
        ...     def __iter__(self):
        ...         return iter([2, 1, 0])
        ...     def __len__(self):
        ...         return 3
        >>> list(DataLoader([10, 11, 12], sampler=Backwards()))
        [tensor([12]), tensor([11]), tensor([10])]
    """

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator[_Index]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__(), which yields indices")


class SequentialSampler(Sampler[int]):
    """All indices in order.

    Args:
        data_source: the dataset.

    Example:
        >>> from fastnet.data.samples import SequentialSampler
        >>> list(SequentialSampler("abc"))
        [0, 1, 2]
    """

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All indices in a random order, or random indices with replacement.

    Args:
        data_source: the dataset.
        replacement: draw each index independently.
        num_samples: the number of indices; by default that of the samples.
        generator: by default the one that `manual_seed` seeds.

    Raises:
        ValueError: num_samples is not positive.

    Example:
        >>> from fastnet.data.samples import RandomSampler
        >>> sorted(RandomSampler("abc"))
        [0, 1, 2]
    """

    data_source: Sized
    replacement: bool

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: int | None = None,
                 generator: Generator | None = None) -> None:
        self.data_source, self.replacement, self.generator = data_source, bool(replacement), generator
        self._num_samples = None if num_samples is None else whole_number("num_samples", num_samples, 1)

    @property
    def num_samples(self) -> int:
        """The number of indices."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, count = len(self.data_source), self.num_samples
        if self.replacement:
            yield from randint(0, n, (count,), generator=self.generator).tolist()
            return
        while count > 0:
            yield from randperm(n, generator=self.generator).tolist()[:count]
            count -= n

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Given indices in a random order.

    Args:
        indices: the indices.
        generator: by default the one that `manual_seed` seeds.

    Example:
        >>> from fastnet.data.samples import SubsetRandomSampler
        >>> sorted(SubsetRandomSampler([4, 2]))
        [2, 4]
    """

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Random indices with given weights.

    Args:
        weights: the weight of each index, which need not add up to 1.
        num_samples: the number of indices.
        replacement: draw each index independently.
        generator: by default the one that `manual_seed` seeds.

    Raises:
        ValueError: num_samples is not positive, or weights are not in one dimension.

    Example:
        >>> from fastnet.data.samples import WeightedRandomSampler
        >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
        [1, 1, 1]
    """

    def __init__(self, weights: ArrayLike | Sequence[float], num_samples: int, replacement: bool = True,
                 generator: Generator | None = None) -> None:
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights.dim() != 1:
            raise ValueError(f"WeightedRandomSampler: expected weights in one dimension, got {self.weights.dim()}")
        self.num_samples = whole_number("num_samples", num_samples, 1)
        self.replacement, self.generator = replacement, generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of the indices of another sampler.

    Args:
        sampler: yields indices.
        batch_size: the length of a list.
        drop_last: leave out the last list if it is shorter.

    Raises:
        ValueError: batch_size is not positive.

    Example:
        >>> from fastnet.data.samples import BatchSampler
        >>> list(BatchSampler(range(5), 2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    sampler: Any

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler, self.batch_size, self.drop_last = sampler, whole_number("batch_size", batch_size, 1), drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        count = len(self.sampler)
        return count // self.batch_size if self.drop_last else ceil_div(count, self.batch_size)


class DistributedSampler(Sampler[int]):
    """The indices of one process of several, each of which gets the same number.

    The order depends on the seed and the epoch, so that all processes agree.

    Args:
        dataset: the dataset.
        num_replicas: the number of processes; by default that of `fastnet.distributed`, 1 without a process group.
        rank: the number of this process; by default that of `fastnet.distributed`, 0 without a process group.
        shuffle: use another random order in each epoch, see `set_epoch`.
        seed: the same in all processes.
        drop_last: leave out the last indices rather than repeat the first ones.

    Raises:
        TypeError: `num_replicas` or `rank` is not a whole number.
        ValueError: num_replicas is below 1, or the rank is not below it.

    Example:
        >>> from fastnet.data.samples import DistributedSampler
        >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
        [1, 3, 0]
    """

    def __init__(self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:
        self.dataset, self.shuffle, self.seed, self.drop_last = dataset, shuffle, seed, drop_last
        count = world.world_size() if num_replicas is None else num_replicas
        self.num_replicas = whole_number("num_replicas", count, 1)
        self.rank = whole_number("rank", world.rank() if rank is None else rank, None)
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"DistributedSampler: expected a rank from 0 to {self.num_replicas - 1}, got {self.rank}")
        self.epoch = 0
        share = len(dataset) / self.num_replicas
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = randperm(n, generator=Generator(self.seed + self.epoch)).tolist() if self.shuffle else list(range(n))
        whole = itertools.islice(itertools.cycle(order), self.total_size)
        return itertools.islice(whole, self.rank, None, self.num_replicas)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch, on which the order depends."""
        self.epoch = epoch
