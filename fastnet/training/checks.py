"""Checks and conversions of a training's data: arrays and frames of one length, finite, with targets for the loss."""
from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet import data as d, nn
from fastnet._core.shapes import uneven
from fastnet.data import frames
from fastnet.data.arrays import column_matrix, numbers_as_text
from fastnet.data.rounding import require_spread, warn_of_lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet import Tensor
    from fastnet._core.annotations import Array, DType
    from fastnet.training.annotations import Inputs, Targets
    from fastnet.training.losses import Loss

__all__ = ["ModelInputs", "checked_arrays", "classes", "has_batch_norm", "is_one_hot", "require_learnable",
           "to_array"]

_PACKAGES_OF_LAYERS = ("fastnet.nn.", "fastnet.models.")
_INPUTS = "fastnet.data.TablePreparation converts the columns of a table to numbers"
_TARGETS = ("fastnet.data.TargetPreparation converts labels to class indices, and fastnet.sklearn.MLPClassifier takes "
            "labels directly")


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a model has batch norm, which needs more than one sample per batch in training.

    Args:
        model: a Module.
    """
    return any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) for m in model.modules())


class ModelInputs:
    """The inputs that a model takes, and conversions of data to them.

    Args:
        model: a Module.
        dtype: of the model's floating-point parameters.
    """

    def __init__(self, model: nn.Module, dtype: DType) -> None:
        self.model: nn.Module = model
        self.dtype: DType = dtype

    def arrays(self, x: Inputs, warn: bool = False) -> list[Array]:
        """A list of arrays of one length: [x], or one array per input if x stands for several inputs.

        Args:
            x: an array, a frame or a list of numbers; a tuple of these; or, if the model's forward takes several
                arguments, a list of arrays.
            warn: warn of columns whose values differ by less than the model's dtype resolves.

        Raises:
            ValueError, TypeError: values that are not finite or not numbers, or lengths that differ or are 0.
        """
        parts: tuple[Any, ...] = tuple(x) if isinstance(x, tuple) or (
            isinstance(x, list) and _is_list_of_arrays(x) and self.takes_inputs(len(x))) else (x,)
        inputs = [self._array(f"x[{i}]" if len(parts) > 1 else "x", part, warn) for i, part in enumerate(parts)]
        if len({len(part) for part in inputs}) > 1:
            raise ValueError(f"the inputs have different lengths: {', '.join(str(len(part)) for part in inputs)}")
        if len(inputs[0]) == 0:
            raise ValueError("the data is empty: there are no samples")
        return inputs

    def tensor(self, x: Any) -> Tensor:
        """One input of a batch as a tensor of the model's dtype, or of integers.

        Args:
            x: a tensor or an array.
        """
        x = x if isinstance(x, fastnet.Tensor) else fastnet.as_tensor(to_array(x))
        return x if x.dtype == self.dtype or not self._is_cast(x.dtype) else x.to(self.dtype)

    def takes_inputs(self, count: int) -> bool:
        """Whether the model's forward can take several inputs, and `count` is a possible number of them."""
        parameters = inspect.signature(self.model.forward).parameters.values()
        named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        most = np.inf if any(p.kind == p.VAR_POSITIONAL for p in parameters) else len(named)
        return most > 1 and sum(p.default is p.empty for p in named) <= count <= most

    @functools.cached_property
    def _has_embedding(self) -> bool:
        return any(isinstance(m, nn.Embedding | nn.EmbeddingBag) for m in self.model.modules())

    @functools.cached_property
    def _needs_floats(self) -> bool:
        """Whether the model cannot use integers: all its layers are fastnet's, and none is an Embedding."""
        return not self._has_embedding and all(
            type(m).__module__.startswith(_PACKAGES_OF_LAYERS) for m in self.model.modules())

    def _is_cast(self, dtype: DType) -> bool:
        return dtype.kind == "f" or self._needs_floats

    def _array(self, name: str, part: Any, warn: bool) -> Array:
        if frames.is_frame(part):
            matrix = column_matrix(d.finite(part, name), name, np.float64, whole=self._has_embedding)
            if matrix.dtype.kind != "f":
                return matrix
            if warn:
                warn_of_lost(name, matrix, self.dtype, list(frames.given_columns(part)))
            return _cast_finite(matrix, self.dtype, name)
        if isinstance(part, list) and _is_list_of_arrays(part):
            _require_one_shape(name, part)
        array = to_array(part, name)
        _require_numbers(name, array, _INPUTS)
        if array.ndim == 0:
            raise ValueError(f"{name} must be an array of samples, got a single number")
        if isinstance(array, np.memmap):                # it may not fit into memory: neither read twice nor cast
            return array
        d.finite(array, name)
        if not self._is_cast(array.dtype):
            return array
        if warn:
            warn_of_lost(name, array, self.dtype)
        return _cast_finite(array, self.dtype, name)


def checked_arrays(x: Inputs, y: Targets | None, loss: Loss, model_inputs: ModelInputs,
                   warn: bool = False) -> tuple[list[Array], Array]:
    """(inputs, target) as arrays that `loss` accepts.

    Args:
        x, y: see `Trainer.fit`.
        loss: a `Loss`.
        model_inputs: converts x.
        warn: see `ModelInputs.arrays`.

    Raises:
        ValueError, TypeError: data that cannot be used; the message names the place.
    """
    if y is None:
        hint = "; fastnet.data.DataLoader(x, batch_size, shuffle=True) makes one of a data set"
        raise ValueError("fit and evaluate need targets: y, or a loader whose batches contain them"
                         f"{hint if hasattr(x, 'targets') or hasattr(x, 'arrays') else ''}")
    inputs, target = model_inputs.arrays(x, warn), _target_array(y)
    if target.ndim == 0 or len(inputs[0]) != len(target):
        hint = (f"; the arrays of a list are samples here, since the model's forward does not take {len(x)} inputs"
                if isinstance(x, list) and _is_list_of_arrays(x) and not model_inputs.takes_inputs(len(x)) else "")
        raise ValueError(f"x has {len(inputs[0])} samples and y has {target.size if not target.ndim else len(target)}"
                         f"{hint}")
    _require_numbers("y", target, _TARGETS)
    if target.dtype.kind == "f":
        d.finite(target, "y")
    if loss.is_classes and target.dtype.kind != "f":
        target = classes(target, loss.ignore_index)
    elif loss.is_classes and target.ndim == 1:
        raise TypeError(f"y has dtype {target.dtype}: expected classes as integers from 0, or (N, C) probabilities")
    elif loss.is_classes or loss.is_binary or target.dtype.kind == "f":
        target = _cast_finite(target, model_inputs.dtype, "y")
    if loss.is_binary:
        _require_probabilities(target)
    return inputs, target


def require_learnable(given: Targets, target: Array, loss: Loss, dtype: DType) -> None:
    """Raise if all targets are the same class, or differ by less than a dtype resolves.

    Args:
        given: the argument y of `fit`.
        target: the array that `checked_arrays` made of it.
        loss: a `Loss`.
        dtype: of the model.

    Raises:
        ValueError: there is nothing to learn.
    """
    is_class = loss.is_binary if target.dtype.kind == "f" else loss.is_classes
    if is_class and target.size == len(target) and (target == target[:1]).all():
        raise ValueError(f"y has one class only, {target.flat[0]:g}, in all {len(target)} samples: expected at least "
                         "two classes")
    if loss.is_values or (loss.task == "regression" and target.dtype.kind == "f"):
        require_spread(_target_array(given), dtype, "y")


def is_one_hot(target: Array) -> bool:
    """Whether each row of an array marks one of several classes with a 1 among zeros.

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


def classes(target: Array, ignore_index: int | None = None, one_hot: bool | None = None) -> Array:
    """Class indices from 0 as int64, (N,) or (N, ...); one-hot rows become the index of the 1.

    Args:
        target: integers or bools.
        ignore_index: a negative number that is allowed.
        one_hot: whether the rows of a matrix of integers are one-hot; None: if all look so. Rows of bools always are.

    Raises:
        ValueError: negative numbers, or rows of bools that mark no class or several.

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
            raise ValueError(f"y[{row}] marks {marked[row]} classes, expected one in each row; for several labels per "
                             "sample use the loss 'binary_cross_entropy_with_logits'")
        return target.argmax(1)
    elif is_one_hot(target) if one_hot is None else one_hot:
        return target.argmax(1)
    target = target.astype(np.int64, copy=False)
    wrong = (target < 0) & (target != ignore_index)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"y[{row}] is {target.flat[row]}: classes are numbered from 0")
    return target


def _target_array(y: Any) -> Array:
    """Targets as an array; a frame whose columns are all integers becomes int64."""
    if frames.is_frame(y):
        return column_matrix(d.finite(y, "y"), "y", np.float64, whole=True)
    return to_array(y, "y")


def _require_probabilities(target: Array) -> None:
    wrong = (target < 0) | (target > 1)
    if wrong.any():
        row = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"y[{', '.join(map(str, row))}] is {target[row]:g}: a binary loss takes targets from 0 to 1")


def to_array(x: Any, name: str = "x") -> Array:
    """x as a NumPy array of any dtype; a memory-mapped array stays memory-mapped.

    Args:
        x: a tensor, an array, a Series or a list.
        name: of x, for error messages.
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


def _is_list_of_arrays(x: list[Any]) -> bool:
    return bool(x) and all(
        getattr(part, "ndim", 0) > 0 or frames.is_frame(part) or frames.is_series(part) for part in x)


def _require_one_shape(name: str, parts: Sequence[Any]) -> None:
    shapes = [tuple(part.shape) for part in parts]
    if len(set(shapes)) > 1:
        raise ValueError(f"{name} is a list of arrays of different shapes, {', '.join(map(str, shapes[:4]))}: the rows "
                         "of one input must have one shape; several inputs need a model whose forward takes as many")


def _require_numbers(name: str, array: Array, advice: str) -> None:
    if array.dtype.kind in "biuf":
        return
    strange = next((v for v in array.ravel().tolist() if not isinstance(v, int | float)), None)
    given = f"an array of dtype {array.dtype}" if strange is None else repr(strange)
    if advice == _INPUTS and numbers_as_text(array.ravel()[:1].tolist()):
        given, advice = f"{given}, which is text", "convert it with np.asarray(..., float)"
    raise TypeError(f"{name} must hold numbers, got {given}; {advice}")


def _cast_finite(array: Array, dtype: DType, name: str) -> Array:
    """Finite numbers in another dtype, checked to be finite in it."""
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        return d.finite(array.astype(dtype), f"{name} in {dtype}")
