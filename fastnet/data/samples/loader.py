"""DataLoader: batches of samples."""
from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from fastnet._core.errors import whole_number
from fastnet._core.shapes import ceil_div
from fastnet.data.samples.collate import default_collate, default_convert
from fastnet.data.samples.datasets import IterableDataset, taker_of
from fastnet.data.samples.samplers import BatchSampler, RandomSampler, SequentialSampler
from fastnet.data.samples.workers import Job, Workers
from fastnet.functional.random import randint

if TYPE_CHECKING:
    from fastnet.random import Generator

__all__ = ["DataLoader"]

_Batch = TypeVar("_Batch", covariant=True)


class DataLoader(Generic[_Batch]):
    """Iterates over a dataset of samples in batches; each `for batch in loader` is an epoch.

    A dataset has samples by index (`dataset[i]` and `len(dataset)`, or the method `__getitems__` for several), or by
    iteration (an `IterableDataset`). Batches of a `TensorDataset` are read at once.

    Args:
        dataset: the dataset.
        batch_size: samples in a batch; None: single samples without a dimension for the batch.
        shuffle: use another random order in each epoch.
        sampler: yields the indices of an epoch, in place of `shuffle`.
        batch_sampler: yields lists of indices, in place of batch_size, shuffle, sampler and drop_last.
        num_workers: the number of processes that read batches in advance; 0: they are read here. A worker has a copy of
            the dataset. Batches arrive in order and depend on the seed alone.
        collate_fn: makes a batch from a list of samples; default: `default_collate`.
        drop_last: leave out the last batch if it is smaller.
        timeout: the longest time to wait for a worker, in seconds; 0 for any.
        worker_init_fn: called in each worker with its number.
        multiprocessing_context: the start method of workers, "fork", "spawn" or "forkserver"; default: Python's.
        generator: random numbers for the order and the seeds of workers; default: the one that `manual_seed` seeds.
        prefetch_factor: the number of batches that each worker reads in advance; default: 2.
        persistent_workers: keep the workers after an epoch.
        pin_memory, pin_memory_device, in_order: accepted and ignored.

    Raises:
        ValueError: options that exclude each other.

    Example:
        >>> import fastnet
        >>> from fastnet.data.samples import DataLoader, TensorDataset
        >>> data = TensorDataset(fastnet.arange(5), fastnet.arange(5) % 2)
        >>> loader = DataLoader(data, batch_size=2)
        >>> len(loader), [x for x, y in loader]
        (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
    """

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Iterable[Any] | None = None, batch_sampler: Iterable[Any] | None = None,
                 num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable[[int], object] | None = None,
                 multiprocessing_context: Any = None, generator: Generator | None = None, *,
                 prefetch_factor: int | None = None, persistent_workers: bool = False, pin_memory_device: str = "",
                 in_order: bool = True) -> None:
        self.dataset, self.generator, self.pin_memory = dataset, generator, pin_memory
        self.num_workers, self.worker_init_fn = whole_number("num_workers", num_workers, 0), worker_init_fn
        self.timeout, self.multiprocessing_context = timeout, multiprocessing_context
        self.prefetch_factor = prefetch_factor if prefetch_factor or not num_workers else 2
        self.persistent_workers = persistent_workers
        self._iterable = isinstance(dataset, IterableDataset)
        self._check(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        self.batch_size, self.drop_last = batch_size, drop_last
        if sampler is None:
            sampler = self._default_sampler(shuffle)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self._workers: Workers | None = None

    def _check(self, batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
        if self._iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset has no indices, so shuffle, sampler and batch_sampler "
                             "cannot be used")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: expected either sampler or shuffle, got both")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler replaces batch_size, shuffle, sampler and drop_last")
        if batch_size is None and drop_last and batch_sampler is None:
            raise ValueError("DataLoader: drop_last needs a batch_size")
        if batch_size is not None and batch_sampler is None:
            whole_number("batch_size", batch_size, 1)
        if self.timeout < 0:
            raise ValueError(f"DataLoader: expected timeout not to be negative, got {self.timeout}")
        if not self.num_workers and self.prefetch_factor is not None:
            raise ValueError("DataLoader: prefetch_factor needs num_workers of at least 1")
        if not self.num_workers and self.persistent_workers:
            raise ValueError("DataLoader: persistent_workers needs num_workers of at least 1")

    def _default_sampler(self, shuffle: bool | None) -> Any:
        if self._iterable:
            return itertools.repeat(None)
        return RandomSampler(self.dataset, generator=self.generator) if shuffle else SequentialSampler(self.dataset)

    def __len__(self) -> int:
        if not self._iterable:
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)      # type: ignore[arg-type]
        count, size = len(self.dataset), self.batch_size or 1
        return count // size if self.drop_last else ceil_div(count, size)

    def __iter__(self) -> Iterator[_Batch]:
        tasks = iter(self.sampler if self.batch_sampler is None else self.batch_sampler)
        if not self.num_workers:
            return self._epoch(tasks)
        return self._epoch_of_workers(tasks)

    def _reader(self) -> Callable[[Any], Callable[[Any], Any]]:
        """A function that begins an epoch over a dataset: it returns one from a task to its batch."""
        collate = self.collate_fn
        if self._iterable:
            return functools.partial(_read_iterable, batched=self.batch_size is not None, drop_last=self.drop_last,
                                     collate=collate)
        return functools.partial(_read_samples, batched=self.batch_sampler is not None, collate=collate)

    def _epoch(self, tasks: Iterator[Any]) -> Iterator[_Batch]:
        read = self._reader()(self.dataset)
        for task in tasks:
            try:
                batch = read(task)
            except StopIteration:
                return
            yield batch

    def _epoch_of_workers(self, tasks: Iterator[Any]) -> Iterator[_Batch]:
        workers = self._workers or self._new_workers()
        if self.persistent_workers:
            self._workers = workers
        try:
            yield from workers.epoch(tasks, self.prefetch_factor or 2)
        finally:
            if not self.persistent_workers:
                workers.close()

    def _new_workers(self) -> Workers:
        seed = int(randint(0, 2**62, (1,), generator=self.generator).item())
        job = Job(self._reader(), self.dataset, self.worker_init_fn, seed)
        return Workers(job, self.num_workers, self.timeout, self.multiprocessing_context)


def _read_samples(dataset: Any, batched: bool, collate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if not batched:
        return lambda index: collate(dataset[index])
    take = taker_of(dataset) if collate is default_collate else None
    if take is not None:
        return lambda indices: list(take(np.asarray(indices, np.int64)))
    several = getattr(dataset, "__getitems__", None)
    if several is not None:
        return lambda indices: collate(several(indices))
    return lambda indices: collate([dataset[i] for i in indices])


def _read_iterable(dataset: Any, batched: bool, drop_last: bool, collate: Callable[[Any], Any]
                   ) -> Callable[[Any], Any]:
    samples = iter(dataset)
    if not batched:
        return lambda task: collate(next(samples))

    def read(task: list[Any]) -> Any:
        batch = list(itertools.islice(samples, len(task)))
        if not batch or (drop_last and len(batch) < len(task)):
            raise StopIteration
        return collate(batch)
    return read
