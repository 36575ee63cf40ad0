"""Batches of (inputs, target, weight) to train or measure on, from arrays or from a loader."""
from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import data as d
from fastnet.data.arrays import fingerprint
from fastnet.data.rounding import warn_of_lost
from fastnet.training.checks import checked_arrays, classes, has_batch_norm, is_one_hot, require_learnable, to_array
from fastnet.training.weights import class_weights, mean_weight, sample_weights, tensor_of_weights

if TYPE_CHECKING:
    from fastnet import Tensor
    from fastnet._core.annotations import Array, ArrayLike, DType
    from fastnet.training.annotations import ClassWeight, Inputs, ShardedBatch, Targets, ValidationData, WeightedBatch
    from fastnet.training.checks import ModelInputs
    from fastnet.training.losses import Loss
    from fastnet.training.shards import Shards

__all__ = ["BatchSource", "base_dataset", "evaluation_source", "fit_sources", "input_batches", "is_loader"]

_CHECKED_ROWS = 256                     # rows of a dataset in the checksum that a resumed training compares
_MEASURED_ROWS = 1024                   # rows of a batch without gradients


class BatchSource:
    """The batches of an epoch: (inputs, target, weight), of tensors; the weight is None if all samples count alike.

    Args:
        loader: a `fastnet.data.DataLoader`, or any object that can be iterated over once per epoch. The last element
            of its batches is the target.
        loss: a `Loss`.
        model_inputs: casts inputs to the model's dtype.
        weighted: the last element of a batch is the weights of its samples, the one before it the target.
        class_table: the weight of each class, or None.
        own_mean: divide the loss of a batch by the sum of its own weights; otherwise by its number of samples, since
            weights are 1 on average over all rows.
        avoid_one: merge a last batch of one sample into the batch before it.
    """

    def __init__(self, loader: Any, loss: Loss, model_inputs: ModelInputs, weighted: bool = False,
                 class_table: Array | None = None, own_mean: bool = False, avoid_one: bool = False) -> None:
        self.loader: Any = loader
        self.weighted: bool = weighted
        self.class_table: Array | None = class_table
        self.own_mean: bool = own_mean or not (weighted or class_table is not None)
        self._loss, self._model_inputs = loss, model_inputs
        self._merges = avoid_one and getattr(loader, "ends_in_one", True)       # other loaders do not tell
        self.batches: int | None = _length_or_none(loader)
        if self.batches is not None and self._merges and hasattr(loader, "ends_in_one"):
            self.batches -= 1
        self.samples: int | None = _length_or_none(getattr(loader, "dataset", None))

    def epoch(self, number: int, start: int = 0) -> Iterator[WeightedBatch]:
        """The batches of an epoch, beginning with batch `start`."""
        if not self._merges:
            return map(self._tensors, self._loaded(number, start))
        # start one batch earlier, since the last batch may have been merged into it
        merged = _last_of_one_merged(map(self._tensors, self._loaded(number, max(start - 1, 0))))
        return itertools.islice(merged, min(start, 1), None)

    def each(self, first: int, stride: int) -> Iterator[WeightedBatch]:
        """The batches `first`, `first` + `stride`, ... of the data to measure on, which has one epoch."""
        if isinstance(self.loader, d.DataLoader):
            return map(self._tensors, self.loader.every(stride, 0, min(first, len(self.loader))))
        return map(self._tensors, itertools.islice(self._loaded(0, 0), first, None, stride))

    def sharded(self, number: int, start: int, shards: Shards) -> Iterator[ShardedBatch]:
        """The batches of an epoch, each as its number of samples and the shards that this rank computes."""
        if isinstance(self.loader, d.DataLoader):
            for samples, parts in self.loader.shards(number, start, shards.cut, self._merges):
                yield samples, [None if part is None else self._tensors(part) for part in parts]
            return
        for inputs, target, weight in self.epoch(number, start):
            yield len(target), [
                None if first == end else ([x[first:end] for x in inputs], target[first:end],
                                           None if weight is None else weight[first:end])
                for _, first, end in shards.cut(len(target))]

    def _loaded(self, number: int, start: int) -> Iterator[Any]:
        if hasattr(self.loader, "epoch"):
            return self.loader.epoch(number, start)
        return itertools.islice(iter(self.loader), start, None)

    def _tensors(self, batch: Any) -> WeightedBatch:
        if not isinstance(batch, (tuple, list)) or len(batch) < 2 + self.weighted:
            raise ValueError(f"expected batches that are tuples (inputs..., target), got {_batch_text(batch)}")
        *inputs, target = batch
        weight = None
        if self.weighted:
            *inputs, target, weight = batch
        target = target if isinstance(target, fastnet.Tensor) else fastnet.as_tensor(to_array(target, "y"))
        if self._loss.is_classes and target.dtype.kind != "f" and (target.dtype != np.int64 or target.ndim > 1):
            target = fastnet.from_numpy(classes(target.numpy(), self._loss.ignore_index, self._one_hot))
        if self.class_table is not None:
            weight = tensor_of_weights(self.class_table, target)
        if target.dtype.kind == "f" and target.dtype != self._model_inputs.dtype:
            target = target.to(self._model_inputs.dtype)
        if getattr(self.loader, "gives_indices", False):        # row indices, which the step of a subclass reads
            return inputs, target, weight
        return [self._model_inputs.tensor(x) for x in inputs], target, weight

    @functools.cached_property
    def _one_hot(self) -> bool:
        """Whether integer targets are one-hot rows, judged by all of them: a few rows can look so by chance."""
        targets = getattr(getattr(self.loader, "dataset", None), "targets", None)
        return targets is not None and is_one_hot(to_array(targets))

    def described(self) -> dict[str, Any]:
        """Settings of the loader and a checksum of some samples, which a resumed training compares."""
        found = {name: getattr(self.loader, name, None) for name in ("batch_size", "shuffle", "drop_last", "seed")}
        found = {name: value for name, value in found.items() if isinstance(value, (bool, int))}
        return found | {"batches": self.batches, "samples": self.samples, "data": self._checksum}

    @functools.cached_property
    def _checksum(self) -> int | None:
        dataset: Any = getattr(self.loader, "dataset", None)
        if not self.samples or not isinstance(base_dataset(dataset), d.TensorDataset):
            return None                 # the `take` of another class may draw random numbers, or be something else
        rows = np.unique(np.linspace(0, self.samples - 1, _CHECKED_ROWS).astype(np.int64))
        return fingerprint(*dataset.take(rows))


def _warn_of_lost(loader: Any, dtype: DType) -> None:
    """Warn of inputs whose differences a dtype loses, if the loader's dataset holds arrays and has no transform."""
    dataset: Any = base_dataset(getattr(loader, "dataset", None))
    if isinstance(dataset, d.TensorDataset) and getattr(loader, "transform", None) is None:
        for array in dataset.arrays[:-1]:
            if isinstance(array, np.ndarray):
                warn_of_lost("x", array, dtype)


def base_dataset(dataset: Any) -> Any:
    """The dataset that a Subset, or a Subset of a Subset, selects from; another dataset itself.

    Args:
        dataset: any dataset.
    """
    while isinstance(dataset, d.Subset):
        dataset = dataset.dataset
    return dataset


def _length_or_none(x: Any) -> int | None:
    try:
        return len(x)
    except TypeError:                   # also torch's loaders over streams
        return None


def _last_of_one_merged(batches: Iterable[WeightedBatch]) -> Iterator[WeightedBatch]:
    """Batches; if the last one has one sample, it is merged into the one before it."""
    held: list[WeightedBatch] = []
    for batch in batches:
        if len(held) == 2 or (held and len(batch[1]) > 1):
            yield held.pop(0)
        held.append(batch)
    if len(held) == 2:
        (inputs, target, weight), (one_inputs, one_target, one_weight) = held
        yield ([fastnet.cat(pair) for pair in zip(inputs, one_inputs)], fastnet.cat([target, one_target]),
               None if weight is None or one_weight is None else fastnet.cat([weight, one_weight]))
    else:
        yield from held


def input_batches(x: Inputs, model_inputs: ModelInputs, batch_size: int) -> Iterator[list[Tensor]]:
    """Batches to predict for, as lists of tensors.

    Args:
        x: an array, a tuple of arrays, or an iterable of batches: arrays or tuples of arrays.
        model_inputs: converts x.
        batch_size: of arrays.
    """
    batches: Any = x if is_loader(x) else d.DataLoader(d.TensorDataset(*model_inputs.arrays(x)), batch_size)
    for batch in batches:
        yield [model_inputs.tensor(part) for part in (batch if isinstance(batch, (tuple, list)) else [batch])]


def fit_sources(x: Inputs, y: Targets | None, loss: Loss, model_inputs: ModelInputs, *,
                validation_data: ValidationData | None, validation_split: float, class_weight: ClassWeight | None,
                sample_weight: ArrayLike | None, **loading: Any) -> tuple[BatchSource, BatchSource | None]:
    """The batches of `Trainer.fit`: (training, validation or None).

    Args:
        x, y, validation_data, validation_split, class_weight, sample_weight: see `Trainer.fit`.
        loss: a `Loss`, which decides which targets are accepted.
        model_inputs: converts x.
        loading: batch_size, shuffle and seed of the DataLoader.

    Raises:
        ValueError, TypeError: data that cannot be trained on; the message names the place.
    """
    if validation_data is not None and validation_split:
        raise ValueError("expected validation_data or validation_split, not both")
    validation = None
    if validation_data is not None:
        validation_x, validation_y = _pair(validation_data)
        validation = evaluation_source(validation_x, validation_y, loss, model_inputs)
    avoid_one = has_batch_norm(model_inputs.model)
    if is_loader(x):
        if y is not None or sample_weight is not None or validation_split:
            raise ValueError("the batches of a loader contain the targets: expected no y, sample_weight or "
                             "validation_split")
        _warn_of_lost(x, model_inputs.dtype)
        weighted = getattr(x, "weighted", False)        # fastnet.sklearn's loader: its batches end with the weights
        table = class_weights(class_weight)
        if table is not None:
            table = table / mean_weight(table, getattr(getattr(x, "dataset", None), "targets", None), class_weight)
        own_mean = getattr(x, "own_mean", False)
        return BatchSource(x, loss, model_inputs, weighted, table, own_mean, avoid_one), validation
    inputs, target = checked_arrays(x, y, loss, model_inputs, warn=True)
    rows = None
    if validation_split:
        rows, held_out = _hold_out(target, validation_split, loading["seed"])
        validation = _array_source(inputs, target, sample_weights(target, None, sample_weight), held_out, loss,
                                   model_inputs)
    trained: Any = slice(None) if rows is None else rows
    given: Any = y                      # not None: checked_arrays raised
    require_learnable(given, target[trained], loss, model_inputs.dtype)
    weights = sample_weights(target, class_weight, sample_weight)
    if weights is not None:
        weights = weights / _positive_mean(weights[trained])
    return _array_source(inputs, target, weights, rows, loss, model_inputs, avoid_one, **loading), validation


def evaluation_source(x: Inputs, y: Targets | None, loss: Loss, model_inputs: ModelInputs,
                      batch_size: int = _MEASURED_ROWS, sample_weight: ArrayLike | None = None) -> BatchSource:
    """The batches of `Trainer.evaluate`, whose arguments these are."""
    if is_loader(x):
        return BatchSource(x, loss, model_inputs)
    inputs, target = checked_arrays(x, y, loss, model_inputs)
    return _array_source(inputs, target, sample_weights(target, None, sample_weight), None, loss, model_inputs,
                         batch_size=batch_size)


def _array_source(inputs: list[Array], target: Array, weights: Array | None, rows: Array | None, loss: Loss,
                  model_inputs: ModelInputs, avoid_one: bool = False, batch_size: int = _MEASURED_ROWS,
                  **loading: Any) -> BatchSource:
    """The batches of arrays, of all rows or of some."""
    columns = [*inputs, target, *([] if weights is None else [weights.astype(model_inputs.dtype)])]
    dataset = d.TensorDataset(*columns)
    loader = d.DataLoader(dataset if rows is None else d.Subset(dataset, rows), batch_size, **loading)
    return BatchSource(loader, loss, model_inputs, weights is not None, avoid_one=avoid_one)


def _positive_mean(weights: Array) -> Any:
    mean = weights.mean()
    if mean <= 0:
        raise ValueError("sample_weight is 0 in all rows to train on: no sample would count")
    return mean


def _pair(validation_data: Any) -> tuple[Any, Any]:
    if is_loader(validation_data):
        return validation_data, None
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data must be a pair (x, y) or a loader, got {_batch_text(validation_data)}")
    return validation_data[0], validation_data[1]


def _hold_out(target: Array, share: float, seed: int) -> tuple[Array, Array]:
    """The rows to train on and the held-out rows, neither empty; each class has the same share of both."""
    count = len(target)
    if count < 2:
        raise ValueError(f"cannot hold out a part of {count} sample; give fit() validation_data")
    if target.dtype.kind == "f" or target.ndim > 1:
        target = np.zeros(count, np.int64)
    return d.stratified_split(target, share, seed)


def is_loader(x: Any) -> bool:
    """Whether x is an iterable of batches, rather than an array or several arrays.

    Raises:
        TypeError: x is a dictionary or a sparse matrix.
    """
    if isinstance(x, dict):
        raise TypeError("expected several inputs as a tuple, in the order of the model's arguments; got a dictionary "
                        f"of {', '.join(map(repr, x))}")
    if hasattr(x, "tocsr"):
        raise TypeError("a sparse matrix needs a loader, which makes its batches dense: "
                        "fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), ...); or use fastnet.sklearn")
    return hasattr(x, "__iter__") and not hasattr(x, "__array__") and not isinstance(x, (tuple, list, fastnet.Tensor))


def _batch_text(batch: Any) -> str:
    if isinstance(batch, (tuple, list)):
        return f"a {type(batch).__name__} of {len(batch)}"
    return f"a {type(batch).__name__}"
