"""Datasets of samples: a sample for each index, or samples by iteration."""
from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from fastnet import data
from fastnet._core.tensor import Tensor
from fastnet.data.splits import random_split as split_rows

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.random import Generator

__all__ = ["ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
           "random_split", "taker_of"]

_Sample = TypeVar("_Sample", covariant=True)


class Dataset(Generic[_Sample]):
    """Base class of datasets: `dataset[i]` is sample i, `len(dataset)` their number. `a + b` concatenates datasets.

    Example:
        >>> from fastnet.data.samples import DataLoader, Dataset
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 5
        ...     def __getitem__(self, i):
        ...         return i, i * i
        >>> [y for x, y in DataLoader(Squares(), batch_size=3)]
        [tensor([0, 1, 4]), tensor([ 9, 16])]
    """

    def __getitem__(self, index: Any) -> _Sample:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), which returns a sample")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[_Sample], Iterable[_Sample]):
    """Base class of datasets whose samples come by iteration: `iter(dataset)` yields them.

    Each worker process of a DataLoader iterates over its own copy; `get_worker_info` tells them apart.

    Example:
        >>> from fastnet.data.samples import DataLoader, IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(5))
        >>> list(DataLoader(Count(), batch_size=2))
        [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __iter__(self) -> Iterator[_Sample]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__(), which yields samples")

    def __add__(self, other: Dataset[Any]) -> Any:
        return ChainDataset([self, other])


class TensorDataset(data.TensorDataset, Dataset[Any]):
    """Tensors of equal length; sample i is the tuple of their rows i.

    Args:
        tensors: tensors, whose first dimension counts samples.

    Attributes:
        tensors: the tensors.

    Raises:
        ValueError: no tensors, or tensors of different lengths.

    Example:
        >>> import fastnet
        >>> from fastnet.data.samples import TensorDataset
        >>> TensorDataset(fastnet.tensor([[1.0], [2.0]]), fastnet.tensor([0, 1]))[1]
        (tensor([2.]), tensor(1))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        super().__init__(*tensors)
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple([tensor[index] for tensor in self.tensors])


class StackDataset(Dataset[Any]):
    """Datasets of equal length side by side: sample i is the tuple, or the dictionary, of their samples i.

    Args:
        args: the datasets of a tuple.
        kwargs: the datasets of a dictionary.

    Raises:
        ValueError: no datasets, datasets of different lengths, or both a tuple and a dictionary.

    Example:
        >>> from fastnet.data.samples import StackDataset
        >>> StackDataset(["a", "b"], [0, 1])[1], StackDataset(x=["a", "b"], y=[0, 1])[0]
        (('b', 1), {'x': 'a', 'y': 0})
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: expected datasets either by position or by keyword")
        self.datasets = args or kwargs
        lengths = {len(d) for d in (args or kwargs.values())}
        if len(lengths) > 1:
            raise ValueError(f"StackDataset: expected datasets of equal length, got the lengths {sorted(lengths)}")
        self._length = lengths.pop()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple([dataset[index] for dataset in self.datasets])

    def __len__(self) -> int:
        return self._length


class Subset(Dataset[Any]):
    """Selected samples of a dataset.

    Args:
        dataset: the dataset.
        indices: the indices of the samples, in the order of the subset.

    Example:
        >>> from fastnet.data.samples import Subset
        >>> list(Subset(["a", "b", "c"], [2, 0]))
        ['c', 'a']
    """

    dataset: Any
    indices: Sequence[Any]

    def __init__(self, dataset: Any, indices: Sequence[Any]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """The samples of several indices; a DataLoader calls it."""
        rows = [self.indices[i] for i in indices]
        several = getattr(self.dataset, "__getitems__", None)
        return several(rows) if several is not None else [self.dataset[row] for row in rows]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[Any]):
    """Datasets one after another.

    Args:
        datasets: the datasets; none of them is an IterableDataset.

    Attributes:
        cumulative_sizes: the number of samples up to the end of each dataset.

    Raises:
        ValueError: no datasets, or one is an IterableDataset.

    Example:
        >>> from fastnet.data.samples import ConcatDataset
        >>> both = ConcatDataset([["a", "b"], ["c"]])
        >>> len(both), both[2], both[-1]
        (3, 'c', 'c')
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected at least one dataset, got none")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise ValueError("ConcatDataset: an IterableDataset has no indices; use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ConcatDataset: expected an index from {-len(self)} to {len(self) - 1}, got {index}")
        index = index + len(self) if index < 0 else index
        place = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[place][index - (self.cumulative_sizes[place - 1] if place else 0)]


class ChainDataset(IterableDataset[Any]):
    """Iterable datasets one after another.

    Args:
        datasets: the datasets.

    Example:
        >>> from fastnet.data.samples import ChainDataset
        >>> list(ChainDataset([range(2), range(5, 7)]))
        [0, 1, 5, 6]
    """

    datasets: Iterable[Any]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Split a dataset into random parts; see `fastnet.data.random_split`.

    Args:
        dataset: anything with `len()` and samples by index.
        lengths: the number of samples of each part, or fractions that add up to 1.
        generator: by default the one that `manual_seed` seeds.

    Raises:
        ValueError: lengths that do not add up to the number of samples or to 1.

    Example:
        >>> from fastnet.data.samples import random_split
        >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
        [8, 2]
    """
    return [Subset(dataset, part.indices.tolist()) for part in split_rows(dataset, lengths, generator)]


# ---- whole batches --------------------------------------------------------------------------------------------------

def taker_of(dataset: Any) -> Callable[[Array], tuple[Tensor, ...]] | None:
    """A function that returns the batch of these row numbers at once, if samples are rows of tensors; else None.

    Args:
        dataset: any dataset.
    """
    if isinstance(dataset, TensorDataset):
        plain = type(dataset).__getitem__ is TensorDataset.__getitem__ and not hasattr(dataset, "__getitems__")
        return dataset.take if plain and not any(t.requires_grad for t in dataset.tensors) else None
    if type(dataset) is not Subset:
        return None
    take = taker_of(dataset.dataset)
    if take is None:
        return None
    rows_of = np.asarray(dataset.indices)
    return (lambda rows: take(rows_of[rows])) if rows_of.dtype.kind == "i" else None
