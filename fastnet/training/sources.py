"""What a model is trained on or measured on: arrays or a loader, as batches of (inputs, target, weight)."""
import functools
import itertools
from typing import Any

import numpy as np

import fastnet
from fastnet import data as d
from fastnet.data.arrays import fingerprint, warn_of_lost
from fastnet.training.checks import as_array, checked, classes, has_batch_norm, is_one_hot, require_learnable
from fastnet.training.weights import class_weights, look_up, mean_weight, sample_weights

_CHECKED_ROWS = 256                     # of a data set, by which a resumed training knows it again


class Source:
    """The batches of an epoch: (inputs, target, weight), of tensors; the weight is None where all count alike.

    Args:
        loader: a `fastnet.data.DataLoader`, or anything that can be iterated over anew for each epoch. Its batches end
            with the target.
        loss: a `Loss`.
        takes: the `ModelInputs`: inputs of another floating type are cast to its dtype.
        weighted: the batches end with the weights of their samples.
        class_table: the weight of each class, or None.
        own_mean: the loss of a batch is divided by the batch's own weights; else by its number of samples, as weights
            are 1 on average over all rows.
        avoid_one: add a last batch of one sample to the one before.
    """

    def __init__(self, loader, loss, takes, weighted=False, class_table=None, own_mean=False, avoid_one=False):
        self.loader, self._takes, self.weighted, self.class_table = loader, takes, weighted, class_table
        self.own_mean = own_mean or not (weighted or class_table is not None)
        self._loss = loss
        self._merges = avoid_one and getattr(loader, "ends_in_one", True)       # others' loaders do not tell
        self.batches = _length(loader)
        if self.batches is not None and self._merges and hasattr(loader, "ends_in_one"):
            self.batches -= 1
        self.samples = _length(getattr(loader, "dataset", None))

    def epoch(self, number, start=0):
        """The batches of an epoch, from batch `start` on."""
        if not self._merges:
            return map(self._parts, self._given(number, start))
        # from one batch earlier, which the last one may have been added to
        merged = _last_of_one_added(map(self._parts, self._given(number, max(start - 1, 0))))
        return itertools.islice(merged, min(start, 1), None)

    def _given(self, number, start):
        if hasattr(self.loader, "epoch"):
            return self.loader.epoch(number, start)
        return itertools.islice(iter(self.loader), start, None)

    def _parts(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) < 2 + self.weighted:
            raise ValueError(f"a batch must be a tuple of inputs and a target, got {_described(batch)}")
        *inputs, target = batch
        weight = None
        if self.weighted:
            *inputs, target, weight = batch
        target = target if isinstance(target, fastnet.Tensor) else fastnet.as_tensor(as_array(target, "y"))
        if self._loss.is_classes and target.dtype.kind != "f" and (target.dtype != np.int64 or target.ndim > 1):
            target = fastnet.from_numpy(classes(target.numpy(), self._loss.ignore_index, self._one_hot))
        if self.class_table is not None:
            weight = look_up(self.class_table, target)
        if target.dtype.kind == "f" and target.dtype != self._takes.dtype:
            target = target.to(self._takes.dtype)
        if getattr(self.loader, "numbers", False):      # of rows, which a step of our own reads
            return inputs, target, weight
        return [self._takes.tensor(x) for x in inputs], target, weight

    @functools.cached_property
    def _one_hot(self):
        """Whether classes are rows of integers that mark them: seen by all of them, for a few rows can look so."""
        targets = getattr(getattr(self.loader, "dataset", None), "targets", None)
        return targets is not None and is_one_hot(as_array(targets))

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


def _warn_of_lost(loader, dtype):
    """Warn of inputs whose differences are lost in a dtype, where a loader takes them from arrays as they are."""
    dataset: Any = _whole(getattr(loader, "dataset", None))
    if isinstance(dataset, d.TensorDataset) and getattr(loader, "transform", None) is None:
        for array in dataset.arrays[:-1]:
            if isinstance(array, np.ndarray):
                warn_of_lost("x", array, dtype)


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


def _last_of_one_added(batches):
    """Batches, the last of which is added to the one before if it has one sample."""
    held = []
    for batch in batches:
        if len(held) == 2 or (held and len(batch[1]) > 1):
            yield held.pop(0)
        held.append(batch)
    if len(held) == 2:
        (inputs, target, weight), (one_inputs, one_target, one_weight) = held
        yield ([fastnet.cat(pair) for pair in zip(inputs, one_inputs)], fastnet.cat([target, one_target]),
               None if weight is None else fastnet.cat([weight, one_weight]))
    else:
        yield from held


def input_batches(x, takes, batch_size):
    """Batches to predict for, as lists of tensors.

    Args:
        x: an array, a tuple of arrays, or something that gives batches: arrays or tuples of them.
        takes: the `ModelInputs`.
        batch_size: samples at a time, of arrays.
    """
    if not is_loader(x):
        x = d.DataLoader(d.TensorDataset(*takes.arrays(x)), batch_size)
    for batch in x:
        yield [takes.tensor(part) for part in (batch if isinstance(batch, (tuple, list)) else [batch])]


def fit_sources(x, y, loss, takes, *, validation_data, validation_split, class_weight, sample_weight, **loading):
    """(training, validation): the Sources of `Trainer.fit`'s arguments; validation may be None.

    Args:
        x, y, validation_data, validation_split, class_weight, sample_weight: see `Trainer.fit`.
        loss: a `Loss`, which tells what targets must be.
        takes: the `ModelInputs`.
        loading: batch_size, shuffle and seed of the DataLoader.

    Raises:
        ValueError, TypeError: data that cannot be trained on; the message says where.
    """
    if validation_data is not None and validation_split:
        raise ValueError("expected validation_data or validation_split, not both")
    validation = None
    if validation_data is not None:
        validation_x, validation_y = _pair(validation_data)
        validation = evaluation_source(validation_x, validation_y, loss, takes)
    avoid_one = has_batch_norm(takes.model)
    if is_loader(x):
        if y is not None or sample_weight is not None or validation_split:
            raise ValueError("a loader gives the targets itself: expected no y, sample_weight or validation_split")
        _warn_of_lost(x, takes.dtype)
        weighted = getattr(x, "weighted", False)        # a loader of our own says so; its batches end with the weights
        table = class_weights(class_weight)
        if table is not None:
            table = table / mean_weight(table, getattr(getattr(x, "dataset", None), "targets", None), class_weight)
        return Source(x, loss, takes, weighted, table, getattr(x, "own_mean", False), avoid_one), validation
    inputs, target = checked(x, y, loss, takes, learnt=True)
    rows = None
    if validation_split:
        rows, held_out = _hold_out(target, validation_split, loading["seed"])
        validation = _loaded(inputs, target, sample_weights(target, None, sample_weight), held_out, loss, takes)
    trained: Any = slice(None) if rows is None else rows
    require_learnable(y, target[trained], loss, takes.dtype)
    weights = sample_weights(target, class_weight, sample_weight)
    if weights is not None:
        weights = weights / _mean(weights[trained])
    return _loaded(inputs, target, weights, rows, loss, takes, avoid_one, **loading), validation


def evaluation_source(x, y, loss, takes, batch_size=1024, sample_weight=None):
    """The Source of `Trainer.evaluate`'s arguments."""
    if is_loader(x):
        return Source(x, loss, takes)
    inputs, target = checked(x, y, loss, takes)
    return _loaded(inputs, target, sample_weights(target, None, sample_weight), None, loss, takes,
                   batch_size=batch_size)


def _loaded(inputs, target, weights, rows, loss, takes, avoid_one=False, batch_size=1024, **loading):
    """The Source of arrays, of all rows or of some."""
    dataset = d.TensorDataset(*inputs, target, *([] if weights is None else [weights.astype(takes.dtype)]))
    loader = d.DataLoader(dataset if rows is None else d.Subset(dataset, rows), batch_size, **loading)
    return Source(loader, loss, takes, weights is not None, avoid_one=avoid_one)


def _mean(weights):
    mean = weights.mean()
    if mean <= 0:
        raise ValueError("sample_weight is 0 in all rows that are not held out: no sample would count")
    return mean


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
