"""What a model is trained on or measured on: arrays or a loader, as batches of (inputs, target, weight)."""
import itertools

import numpy as np

import fastnet
from fastnet import data as d
from fastnet.training.weights import class_weights, look_up, sample_weights


class Source:
    """The batches of an epoch: (inputs, target, weight), of tensors; the weight is None where all count alike.

    Args:
        loader: a `fastnet.data.DataLoader`, or anything that can be iterated over anew for each epoch. Its batches end
            with the target.
        dtype: of the model: inputs of another floating type are cast to it.
        weighted: the batches end with the weights of their samples.
        class_table: the weight of each class, or None.
    """

    def __init__(self, loader, dtype, weighted=False, class_table=None):
        self.loader, self.dtype, self.weighted, self.class_table = loader, dtype, weighted, class_table
        self.batches = len(loader) if hasattr(loader, "__len__") else None
        self.samples = len(loader.dataset) if hasattr(loader, "dataset") else None

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
        batch = [x if isinstance(x, fastnet.Tensor) else fastnet.as_tensor(_array(x)) for x in batch]
        weight = batch.pop() if self.weighted else None
        target = batch.pop()
        if self.class_table is not None:
            weight = look_up(self.class_table, target)
        return [self._cast(x) for x in batch], self._cast(target), weight

    def _cast(self, x):
        return x.to(self.dtype) if x.dtype.kind == "f" and x.dtype != self.dtype else x

    def described(self):
        """What a resumed training must find again."""
        return {"batches": self.batches, "samples": self.samples}


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
        return Source(x, dtype, weighted, class_weights(class_weight)), validation
    inputs, target = checked(x, y, loss, dtype)
    dataset = _dataset(inputs, target, sample_weights(target, class_weight, sample_weight), dtype)
    rows = None
    if validation_split:
        rows, held_out = _hold_out(target, validation_split, loading["seed"])
        weights = sample_weights(target, None, sample_weight)
        validation = _loaded(d.Subset(_dataset(inputs, target, weights, dtype), held_out), dtype, weights is not None)
    require_two_classes(target if rows is None else target[rows], loss)
    weighted = class_weight is not None or sample_weight is not None
    return _loaded(dataset if rows is None else d.Subset(dataset, rows), dtype, weighted, **loading), validation


def evaluation_source(x, y, loss, dtype, batch_size=1024, sample_weight=None):
    """The Source of `Trainer.evaluate`'s arguments."""
    if is_loader(x):
        return Source(x, dtype)
    inputs, target = checked(x, y, loss, dtype)
    weights = sample_weights(target, None, sample_weight)
    return _loaded(_dataset(inputs, target, weights, dtype), dtype, weights is not None, batch_size=batch_size)


def _loaded(dataset, dtype, weighted, batch_size=1024, **loading):
    return Source(d.DataLoader(dataset, batch_size, **loading), dtype, weighted)


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
    rows, held_out = d.stratified_split(target, share, seed)
    if not len(held_out):
        raise ValueError(f"validation_split={share} of {count} samples is less than one: hold out a larger part, or "
                         "give fit() validation_data")
    return rows, held_out


def is_loader(x):
    """Whether x gives batches, rather than being an array or arrays."""
    return hasattr(x, "__iter__") and not hasattr(x, "__array__") and not isinstance(x, (tuple, list, fastnet.Tensor))


def as_inputs(x, dtype):
    """A list of arrays of one length: x itself, or the members of a tuple."""
    inputs = [_floats_as(_array(part), dtype) for part in (x if isinstance(x, tuple) else (x,))]
    for i, part in enumerate(inputs):
        name = f"x[{i}]" if len(inputs) > 1 else "x"
        _require_numbers(name, part, "fastnet.data.TablePreparation makes numbers of a table's columns")
        if part.ndim == 0:
            raise ValueError(f"{name} must be an array of samples, got a single number")
        if len(part) != len(inputs[0]):
            raise ValueError(f"the inputs have different lengths: {', '.join(str(len(p)) for p in inputs)}")
        if not isinstance(part, np.memmap):             # what may not fit into memory is not read twice
            d.finite(part, name)
    if len(inputs[0]) == 0:
        raise ValueError("the data is empty: there are no samples")
    return inputs


def checked(x, y, loss, dtype):
    """(inputs, target) as arrays that `loss` can be computed of."""
    if y is None:
        raise ValueError("fit and evaluate need targets: y, or a loader that gives them")
    inputs, target = as_inputs(x, dtype), _array(y)
    if target.ndim == 0 or len(inputs[0]) != len(target):
        raise ValueError(f"x has {len(inputs[0])} samples and y has {target.size if not target.ndim else len(target)}")
    _require_numbers("y", target, "fastnet.data.TargetPreparation numbers labels, and fastnet.sklearn.MLPClassifier "
                                  "takes them as they are")
    if target.dtype.kind == "f":
        d.finite(target, "y")
    if loss.is_classes and target.dtype.kind != "f":
        target = _classes(target)
    elif loss.is_classes and target.ndim == 1:
        raise TypeError(f"y has dtype {target.dtype}: classes are whole numbers from 0, as integers, or (N, C) "
                        "probabilities")
    elif loss.is_classes or loss.is_binary or target.dtype.kind == "f":
        target = target.astype(dtype, copy=False)
    return inputs, target


def require_two_classes(target, loss):
    """Refuse to learn to tell apart what is all the same."""
    if loss.is_classes and target.ndim == 1 and target.dtype.kind != "f" and (target == target[0]).all():
        raise ValueError(f"y has one class only, {int(target[0])}, in all {len(target)} samples: there is nothing to "
                         "tell apart")


def _classes(target):
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.dtype.kind != "b" and target.min() < 0:
        row = int((target < 0).argmax())
        raise ValueError(f"y[{row}] is {target.flat[row]}: classes are numbered from 0")
    return target.astype(np.int64, copy=False)


def _array(x):
    """x as a NumPy array; what is memory-mapped stays so."""
    if isinstance(x, fastnet.Tensor):
        return x.detach().numpy()
    return np.asanyarray(x.detach() if hasattr(x, "detach") else x)


def _require_numbers(name, array, advice):
    if array.dtype.kind in "biuf":
        return
    strange = next((v for v in array.ravel().tolist() if not isinstance(v, int | float)), None)
    given = f"an array of dtype {array.dtype}" if strange is None else repr(strange)
    raise TypeError(f"{name} must hold numbers, got {given}; {advice}")


def _floats_as(array, dtype):
    if array.dtype.kind == "f" and array.dtype != dtype and not isinstance(array, np.memmap):
        return array.astype(dtype)
    return array


def _described(batch):
    if isinstance(batch, (tuple, list)):
        return f"a {type(batch).__name__} of {len(batch)}"
    return f"a {type(batch).__name__}"
