"""Arrays as a training takes them: of one length, finite, and targets that the loss can be computed of."""
import numpy as np

import fastnet
from fastnet import data as d


def as_inputs(x, dtype):
    """A list of arrays of one length: x itself, or the members of a tuple."""
    inputs = [_floats_as(as_array(part), dtype) for part in (x if isinstance(x, tuple) else (x,))]
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
    inputs, target = as_inputs(x, dtype), as_array(y)
    if target.ndim == 0 or len(inputs[0]) != len(target):
        raise ValueError(f"x has {len(inputs[0])} samples and y has {target.size if not target.ndim else len(target)}")
    _require_numbers("y", target, "fastnet.data.TargetPreparation numbers labels, and fastnet.sklearn.MLPClassifier "
                                  "takes them as they are")
    if target.dtype.kind == "f":
        d.finite(target, "y")
    if loss.is_classes and target.dtype.kind != "f":
        target = _classes(target, getattr(loss.function, "ignore_index", None))
    elif loss.is_classes and target.ndim == 1:
        raise TypeError(f"y has dtype {target.dtype}: classes are whole numbers from 0, as integers, or (N, C) "
                        "probabilities")
    elif loss.is_classes or loss.is_binary or target.dtype.kind == "f":
        target = target.astype(dtype, copy=False)
    if loss.is_binary:
        _require_shares(target)
    return inputs, target


def require_two_classes(target, loss):
    """Refuse to learn to tell apart what is all the same."""
    told_apart = loss.is_binary if target.dtype.kind == "f" else loss.is_classes
    if told_apart and target.size == len(target) and (target == target[:1]).all():
        raise ValueError(f"y has one class only, {target.flat[0]:g}, in all {len(target)} samples: there is nothing to "
                         "tell apart")


def _classes(target, ignore_index):
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    target = target.astype(np.int64, copy=False)
    wrong = (target < 0) & (target != ignore_index)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"y[{row}] is {target.flat[row]}: classes are numbered from 0")
    return target


def _require_shares(target):
    wrong = (target < 0) | (target > 1)
    if wrong.any():
        row = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"y[{', '.join(map(str, row))}] is {target[row]:g}: a binary loss takes targets from 0 to 1")


def as_array(x):
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
