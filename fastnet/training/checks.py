"""Arrays and frames as a training takes them: of one length, finite, and targets that the loss can be computed of."""
import functools
import inspect

import numpy as np

import fastnet
from fastnet import data as d, nn
from fastnet._core.shapes import uneven
from fastnet.data import frames
from fastnet.data.arrays import column_matrix, numbers_as_text, require_spread, warn_of_lost

_INPUTS = "fastnet.data.TablePreparation makes numbers of a table's columns"
_TARGETS = ("fastnet.data.TargetPreparation numbers labels, and fastnet.sklearn.MLPClassifier takes them as they are")


def has_batch_norm(model):
    """Whether training the model takes batches of more than one sample.

    Args:
        model: a Module.
    """
    return any(isinstance(m, nn.BatchNorm1d) for m in model.modules())


class ModelInputs:
    """What a model takes, and data in that form.

    Args:
        model: a Module.
        dtype: of its floats.
    """

    def __init__(self, model, dtype):
        self.model, self.dtype = model, dtype

    def arrays(self, x, learnt=False):
        """A list of arrays of one length: x itself, or its members where x stands for several inputs.

        Args:
            x: an array, a frame or a list of numbers; a tuple of such; or, if the model's forward takes several
                arguments, a list of arrays.
            learnt: warn of columns whose values differ by less than the model's dtype resolves.

        Raises:
            ValueError, TypeError: not finite, no numbers, of different lengths or none; the message says where.
        """
        parts = tuple(x) if isinstance(x, tuple) or (_lists_arrays(x) and self.takes_inputs(len(x))) else (x,)
        inputs = [self._array(f"x[{i}]" if len(parts) > 1 else "x", part, learnt) for i, part in enumerate(parts)]
        if len({len(part) for part in inputs}) > 1:
            raise ValueError(f"the inputs have different lengths: {', '.join(str(len(part)) for part in inputs)}")
        if len(inputs[0]) == 0:
            raise ValueError("the data is empty: there are no samples")
        return inputs

    def tensor(self, x):
        """An input of a batch as a tensor of the model's dtype, or of integers.

        Args:
            x: a tensor or an array.
        """
        x = x if isinstance(x, fastnet.Tensor) else fastnet.as_tensor(as_array(x))
        return x if x.dtype == self.dtype or not self._is_cast(x.dtype) else x.to(self.dtype)

    def takes_inputs(self, count):
        """Whether the model's forward takes several inputs, and so many among others."""
        parameters = inspect.signature(self.model.forward).parameters.values()
        named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        most = np.inf if any(p.kind == p.VAR_POSITIONAL for p in parameters) else len(named)
        return most > 1 and sum(p.default is p.empty for p in named) <= count <= most

    @functools.cached_property
    def _has_embedding(self):
        return any(isinstance(m, nn.Embedding) for m in self.model.modules())

    @functools.cached_property
    def _takes_floats(self):
        """Whether the model can do nothing with integers: fastnet's own layers but embeddings want floats."""
        return not self._has_embedding and all(
            type(m).__module__.startswith(nn.__name__ + ".") for m in self.model.modules())

    def _is_cast(self, dtype):
        return dtype.kind == "f" or self._takes_floats

    def _array(self, name, part, learnt):
        if frames.is_frame(part):
            matrix = column_matrix(d.finite(part, name), name, np.float64, whole=self._has_embedding)
            if matrix.dtype.kind != "f":
                return matrix
            if learnt:
                warn_of_lost(name, matrix, self.dtype, list(frames.given_columns(part)))
            return _cast(matrix, self.dtype, name)
        if isinstance(part, list) and _lists_arrays(part):
            _require_one_shape(name, part)
        array = as_array(part, name)
        _require_numbers(name, array, _INPUTS)
        if array.ndim == 0:
            raise ValueError(f"{name} must be an array of samples, got a single number")
        if isinstance(array, np.memmap):                # what may not fit into memory is neither read twice nor cast
            return array
        d.finite(array, name)
        if not self._is_cast(array.dtype):
            return array
        if learnt:
            warn_of_lost(name, array, self.dtype)
        return _cast(array, self.dtype, name)


def checked(x, y, loss, takes, learnt=False):
    """(inputs, target) as arrays that `loss` can be computed of.

    Args:
        x, y: see `Trainer.fit`.
        loss: a `Loss`.
        takes: the `ModelInputs`.
        learnt: see `ModelInputs.arrays`.
    """
    if y is None:
        raise ValueError("fit and evaluate need targets: y, or a loader that gives them")
    inputs, target = takes.arrays(x, learnt), _target(y)
    if target.ndim == 0 or len(inputs[0]) != len(target):
        hint = (f"; the arrays of a list are samples here, since the model's forward does not take {len(x)} inputs"
                if _lists_arrays(x) and not takes.takes_inputs(len(x)) else "")
        raise ValueError(f"x has {len(inputs[0])} samples and y has {target.size if not target.ndim else len(target)}"
                         f"{hint}")
    _require_numbers("y", target, _TARGETS)
    if target.dtype.kind == "f":
        d.finite(target, "y")
    if loss.is_classes and target.dtype.kind != "f":
        target = classes(target, loss.ignore_index)
    elif loss.is_classes and target.ndim == 1:
        raise TypeError(f"y has dtype {target.dtype}: classes are whole numbers from 0, as integers, or (N, C) "
                        "probabilities")
    elif loss.is_classes or loss.is_binary or target.dtype.kind == "f":
        target = _cast(target, takes.dtype, "y")
    if loss.is_binary:
        _require_shares(target)
    return inputs, target


def require_learnable(given, target, loss, dtype):
    """Refuse to learn to tell apart what is all the same, or values whose differences are lost.

    Args:
        given: y as `fit` was given it.
        target: what `checked` made of it.
        loss: a `Loss`.
        dtype: of the model.
    """
    told_apart = loss.is_binary if target.dtype.kind == "f" else loss.is_classes
    if told_apart and target.size == len(target) and (target == target[:1]).all():
        raise ValueError(f"y has one class only, {target.flat[0]:g}, in all {len(target)} samples: there is nothing to "
                         "tell apart")
    if loss.is_values or (loss.task == "regression" and target.dtype.kind == "f"):
        require_spread(_target(given), dtype, "y")


def is_one_hot(target):
    """Whether each row of an array marks one class of several with a 1 among zeros.

    Args:
        target: an array.

    Example:
        >>> import numpy as np
        >>> from fastnet.training.checks import is_one_hot
        >>> is_one_hot(np.array([[0, 1, 0], [1, 0, 0]])), is_one_hot(np.array([[0, 2], [1, 1]]))
        (True, False)
    """
    if target.ndim != 2 or target.shape[1] < 2 or not len(target) or target.dtype.kind not in "biu":
        return False
    return bool((((target == 0) | (target == 1)).all(1) & (np.count_nonzero(target, axis=1) == 1)).all())


def classes(target, ignore_index=None, one_hot=None):
    """Classes as int64, (N,) or (N, ...): numbers from 0, of one-hot rows the place of the 1.

    Args:
        target: integers or bools.
        ignore_index: the number below 0 that is allowed.
        one_hot: whether the rows of a matrix of integers are one-hot; None: if all look so. Those of bools are.

    Raises:
        ValueError: numbers below 0, or rows of bools that mark none or several classes.

    Example:
        >>> import numpy as np
        >>> from fastnet.training.checks import classes
        >>> classes(np.array([[0, 1, 0], [1, 0, 0]])), classes(np.array([[2], [0]]))
        (array([1, 0]), array([2, 0]))
    """
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    elif target.ndim == 2 and target.dtype.kind == "b":
        marked = np.count_nonzero(target, axis=1)
        if (marked != 1).any():
            row = int((marked != 1).argmax())
            raise ValueError(f"y[{row}] marks {marked[row]} classes, expected one in each row; for several labels a "
                             "sample take the loss 'binary_cross_entropy_with_logits'")
        return target.argmax(1)
    elif is_one_hot(target) if one_hot is None else one_hot:
        return target.argmax(1)
    target = target.astype(np.int64, copy=False)
    wrong = (target < 0) & (target != ignore_index)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"y[{row}] is {target.flat[row]}: classes are numbered from 0")
    return target


def _target(y):
    """Targets as an array: those of a frame whose columns are all whole numbers as int64."""
    if frames.is_frame(y):
        return column_matrix(d.finite(y, "y"), "y", np.float64, whole=True)
    return as_array(y, "y")


def _require_shares(target):
    wrong = (target < 0) | (target > 1)
    if wrong.any():
        row = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"y[{', '.join(map(str, row))}] is {target[row]:g}: a binary loss takes targets from 0 to 1")


def as_array(x, name="x"):
    """x as a NumPy array; what is memory-mapped stays so.

    Args:
        x: a tensor, an array, a Series or a list.
        name: what it is, for errors.
    """
    if isinstance(x, fastnet.Tensor):
        return x.detach().numpy()
    if frames.is_series(x):
        array = frames.column(x)
    else:
        try:
            array = frames.unmasked(np.asanyarray(x.detach() if hasattr(x, "detach") else x))
        except ValueError as e:
            raise ValueError(f"{name} must be an array, or rows of one shape: {uneven(x) or e}") from None
    return d.as_array(array, name) if array.dtype == object and array.ndim else array


def _lists_arrays(x):
    """Whether x is a list of arrays or frames, rather than of numbers."""
    return isinstance(x, list) and bool(x) and all(
        getattr(part, "ndim", 0) > 0 or frames.is_frame(part) or frames.is_series(part) for part in x)


def _require_one_shape(name, parts):
    shapes = [tuple(part.shape) for part in parts]
    if len(set(shapes)) > 1:
        raise ValueError(f"{name} is a list of arrays of different shapes, {', '.join(map(str, shapes[:4]))}: several "
                         "inputs go to a model whose forward takes as many; the rows of one input have one shape")


def _require_numbers(name, array, advice):
    if array.dtype.kind in "biuf":
        return
    strange = next((v for v in array.ravel().tolist() if not isinstance(v, int | float)), None)
    given = f"an array of dtype {array.dtype}" if strange is None else repr(strange)
    if advice == _INPUTS and numbers_as_text(array.ravel()[:1].tolist()):
        given, advice = f"{given}, which is text", "np.asarray(..., float) makes numbers of it"
    raise TypeError(f"{name} must hold numbers, got {given}; {advice}")


def _cast(array, dtype, name):
    """Finite numbers in another dtype, in which they are finite, too."""
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        return d.finite(array.astype(dtype), f"{name} in {dtype}")
