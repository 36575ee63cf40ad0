"""What a model is trained on or measured on: arrays or a loader, as batches of (inputs, target, weight)."""
import functools
import itertools
from typing import Any

import numpy as np

import fastnet
from fastnet import data as d
from fastnet.data.arrays import fingerprint
from fastnet.training.arrays import as_array, as_inputs, checked, require_two_classes
from fastnet.training.weights import class_weights, look_up, sample_weights

_CHECKED_ROWS = 256                     # of a data set, by which a resumed training knows it again


class Source:
    """The batches of an epoch: (inputs, target, weight), of tensors; the weight is None where all count alike.

    Args:
        loader: a `fastnet.data.DataLoader`, or anything that can be iterated over anew for each epoch. Its batches end
            with the target.
        loss: a `Loss`.
        dtype: of the model: inputs of another floating type are cast to it.
        weighted: the batches end with the weights of their samples.
        class_table: the weight of each class, or None.
    """

    def __init__(self, loader, loss, dtype, weighted=False, class_table=None):
        self.loader, self.dtype, self.weighted, self.class_table = loader, dtype, weighted, class_table
        self._of_classes = loss.is_classes
        self.batches = _length(loader)
        self.samples = _length(getattr(loader, "dataset", None))

    def epoch(self, number, start=0):
        """The batches of an epoch, from batch `start` on."""
        if hasattr(self.loader, "epoch"):
            batches = self.loader.epoch(number, start)
        else:
            batches = itertools.islice(iter(self.loader), start, None)
        for batch in batches:
            yield self._parts(batch)

    def _parts(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) < 2 + self.weighted:
            raise ValueError(f"a batch must be a tuple of inputs and a target, got {_described(batch)}")
        batch = [x if isinstance(x, fastnet.Tensor) else fastnet.as_tensor(as_array(x)) for x in batch]
        weight = batch.pop() if self.weighted else None
        target = batch.pop()
        if self._of_classes and (target.dtype != np.int64 or target.ndim > 1):
            target = _classes(target)
        if self.class_table is not None:
            weight = look_up(self.class_table, target)
        return [_cast(x, self.dtype) for x in batch], _cast(target, self.dtype), weight

    def described(self):
        """What a resumed training must find again: the loader's settings, and a sum over some of its samples."""
        found = {name: getattr(self.loader, name, None) for name in ("batch_size", "shuffle", "drop_last", "seed")}
        found = {name: value for name, value in found.items() if isinstance(value, (bool, int))}
        return found | {"batches": self.batches, "samples": self.samples, "data": self._checksum}

    @functools.cached_property
    def _checksum(self):
        dataset: Any = getattr(self.loader, "dataset", None)
        if not self.samples or not isinstance(_whole(dataset), d.TensorDataset):
            return None                 # another's `take` may draw random numbers, or be something else
        rows = np.unique(np.linspace(0, self.samples - 1, _CHECKED_ROWS).astype(np.int64))
        return fingerprint(*dataset.take(rows))


def _whole(dataset):
    """The set that a part is of."""
    while isinstance(dataset, d.Subset):
        dataset = dataset.dataset
    return dataset


def _length(x):
    try:
        return len(x)
    except TypeError:                   # also torch's loaders over streams
        return None


def _classes(target):
    """Whole numbers as int64, (N,); probabilities as they are."""
    if target.dtype.kind == "f":
        return target
    return (target.reshape(-1) if target.ndim == 2 and target.shape[1] == 1 else target).long()


def _cast(x, dtype):
    return x.to(dtype) if x.dtype.kind == "f" and x.dtype != dtype else x


def input_batches(x, dtype, batch_size):
    """Batches to predict for, as lists of tensors.

    Args:
        x: an array, a tuple of arrays, or something that gives batches: arrays or tuples of them.
        dtype: the model's.
        batch_size: samples at a time, of arrays.
    """
    if not is_loader(x):
        x = d.DataLoader(d.TensorDataset(*as_inputs(x, dtype)), batch_size)
    for batch in x:
        parts = batch if isinstance(batch, (tuple, list)) else [batch]
        yield [_cast(part if isinstance(part, fastnet.Tensor) else fastnet.as_tensor(as_array(part)), dtype)
               for part in parts]


def fit_sources(x, y, loss, dtype, *, validation_data, validation_split, class_weight, sample_weight, **loading):
    """(training, validation): the Sources of `Trainer.fit`'s arguments; validation may be None.

    Args:
        x, y, validation_data, validation_split, class_weight, sample_weight: see `Trainer.fit`.
        loss: a `Loss`, which tells what targets must be.
        dtype: the model's.
        loading: batch_size, shuffle and seed of the DataLoader.

    Raises:
        ValueError, TypeError: data that cannot be trained on; the message says where.
    """
    if validation_data is not None and validation_split:
        raise ValueError("expected validation_data or validation_split, not both")
    validation = None
    if validation_data is not None:
        validation_x, validation_y = _pair(validation_data)
        validation = evaluation_source(validation_x, validation_y, loss, dtype)
    if is_loader(x):
        if y is not None or sample_weight is not None or validation_split:
            raise ValueError("a loader gives the targets itself: expected no y, sample_weight or validation_split")
        weighted = getattr(x, "weighted", False)        # a loader of our own says so; its batches end with the weights
        return Source(x, loss, dtype, weighted, class_weights(class_weight)), validation
    inputs, target = checked(x, y, loss, dtype)
    dataset = _dataset(inputs, target, sample_weights(target, class_weight, sample_weight), dtype)
    rows = None
    if validation_split:
        rows, held_out = _hold_out(target, validation_split, loading["seed"])
        weights = sample_weights(target, None, sample_weight)
        validation = _loaded(d.Subset(_dataset(inputs, target, weights, dtype), held_out), loss, dtype,
                             weights is not None)
    require_two_classes(target if rows is None else target[rows], loss)
    weighted = class_weight is not None or sample_weight is not None
    return _loaded(dataset if rows is None else d.Subset(dataset, rows), loss, dtype, weighted, **loading), validation


def evaluation_source(x, y, loss, dtype, batch_size=1024, sample_weight=None):
    """The Source of `Trainer.evaluate`'s arguments."""
    if is_loader(x):
        return Source(x, loss, dtype)
    inputs, target = checked(x, y, loss, dtype)
    weights = sample_weights(target, None, sample_weight)
    return _loaded(_dataset(inputs, target, weights, dtype), loss, dtype, weights is not None, batch_size=batch_size)


def _loaded(dataset, loss, dtype, weighted, batch_size=1024, **loading):
    return Source(d.DataLoader(dataset, batch_size, **loading), loss, dtype, weighted)


def _dataset(inputs, target, weights, dtype):
    return d.TensorDataset(*inputs, target, *([] if weights is None else [weights.astype(dtype)]))


def _pair(validation_data):
    if is_loader(validation_data):
        return validation_data, None
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data must be a pair (x, y) or a loader, got {_described(validation_data)}")
    return validation_data


def _hold_out(target, share, seed):
    """The rows to train on and those that are held out, of each class its share; there are some of both."""
    count = len(target)
    if count < 2:
        raise ValueError(f"a part of {count} sample cannot be held out; give fit() validation_data")
    if target.dtype.kind == "f" or target.ndim > 1:
        target = np.zeros(count, np.int64)
    return d.stratified_split(target, share, seed)


def is_loader(x):
    """Whether x gives batches, rather than being an array or arrays.

    Raises:
        TypeError: x is a dictionary or a sparse matrix.
    """
    if isinstance(x, dict):
        raise TypeError(f"several inputs are given as a tuple, in the order in which the model takes them; got a "
                        f"dictionary of {', '.join(map(repr, x))}")
    if hasattr(x, "tocsr"):
        raise TypeError("a sparse matrix goes into a loader, which makes its batches dense: "
                        "fastnet.data.DataLoader(fastnet.data.TensorDataset(x, y), ...); or into fastnet.sklearn")
    return hasattr(x, "__iter__") and not hasattr(x, "__array__") and not isinstance(x, (tuple, list, fastnet.Tensor))


def _described(batch):
    if isinstance(batch, (tuple, list)):
        return f"a {type(batch).__name__} of {len(batch)}"
    return f"a {type(batch).__name__}"
