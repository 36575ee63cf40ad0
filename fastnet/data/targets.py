"""What is to be predicted, as numbers: classes by their places in a list, or values."""
import math
from typing import Any

import numpy as np

from fastnet.data.arrays import finite, require_spread
from fastnet.data.encoders import as_numbers, is_number
from fastnet.data.frames import column
from fastnet.errors import one_of

TASKS = ("classification", "regression")
FEW = 20                                # whole numbers of more different values are quantities, not classes
_NEAR = 100                             # a mean of so many scales leaves float32 five digits of the scale


class TargetPreparation:
    """Turns a column of classes or values into what a loss takes, and predictions back.

    Args:
        task: "classification" or "regression"; by default the column decides: text and bools are classes, numbers with
            fractions are values; whole numbers are classes if there are at most 20 different ones, each of them twice
            on average.
        standardise: of values: shift and scale them to mean 0 and variance 1.

    Attributes:
        task: which it is, once fitted.
        classes: of a classification, the list of its classes in order: text, bools or integers.
        mean, scale: of a regression, what values are shifted and divided by: 0 and 1 unless standardised.

    Example:
        >>> import fastnet
        >>> target = fastnet.data.TargetPreparation().fit(["cat", "dog", "cat"])
        >>> target.task, target.transform(["dog", "cat"]), target.inverse([1, 1])
        ('classification', array([1, 0]), array(['dog', 'dog'], dtype='<U3'))
        >>> target = fastnet.data.TargetPreparation(standardise=True).fit([0.5, 2.5])
        >>> target.task, target.transform([0.5, 2.5]), target.inverse([1.0])
        ('regression', array([-1.,  1.], dtype=float32), array([2.5]))
    """

    def __init__(self, task=None, standardise=False):
        if task is not None and task not in TASKS:
            raise one_of("task", task, TASKS)
        self.task, self.standardise = task, standardise
        self.classes: Any = None
        self.mean, self.scale = 0.0, 1.0

    def fit(self, values):
        """Learn classes, or mean and scale; returns the object.

        Args:
            values: an array, a Series or a list, (N,).

        Raises:
            ValueError: none at all, missing values, one class only, text to be a regression's values, or values whose
                spread float32 rounds away unless they are standardised.
        """
        values = _whole(values)
        if self.task is None:
            self.task = _task_of(values)
        if self.task == "classification":
            self.classes = _distinct(values)
            if len(self.classes) < 2:
                raise ValueError(f"the target has one class only, {self.classes[0]!r}: there is nothing to learn")
        else:
            numbers = _numbers(values)
            if self.standardise:
                self.mean, self.scale = mean_and_scale(numbers)
            else:
                require_spread(numbers, np.float32, "the target")
        return self

    def transform(self, values):
        """Classes as int64 places in `classes`, or values as float32, (N,).

        Raises:
            ValueError: labels that were not seen in training, which are listed; missing values.
        """
        values = _whole(values)
        if self.task == "regression":
            return ((_numbers(values) - self.mean) / self.scale).astype(np.float32)
        # 1, 1.0 and True are one key of a dictionary, "1" is another
        places = {label: place for place, label in enumerate(self.classes)}
        found = np.array([places.get(v, -1) for v in values.tolist()], np.int64)
        if (found < 0).any():
            unseen = _distinct(values[found < 0])
            raise ValueError(f"labels that were not seen in training: {', '.join(map(repr, unseen[:FEW]))}; expected "
                             f"{', '.join(map(repr, self.classes[:FEW]))}")
        return found

    def inverse(self, predictions):
        """Places as classes, or numbers as values in the column's units.

        Args:
            predictions: an array, int64 for classes.

        Returns:
            An array; of values, in the dtype of the predictions, or in float64 where the mean is so far from zero that
            float32 would round the scale away.
        """
        if self.task == "regression":
            given = np.asarray(predictions)
            values = given.astype(np.float64) * self.scale + self.mean
            return values.astype(given.dtype) if given.dtype.kind == "f" and self._is_near else values
        mixed = len(set(map(type, self.classes))) > 1               # NumPy would make text of all
        return np.array(self.classes, object if mixed else None)[np.asarray(predictions)]

    @property
    def _is_near(self):
        return abs(self.mean) <= _NEAR * self.scale

    @property
    def is_text(self):
        """Whether its classes are text, which `read_table(path, text=...)` should not take for numbers.

        Example:
            >>> import fastnet
            >>> fastnet.data.TargetPreparation().fit(["1", "x"]).is_text
            True
        """
        return any(isinstance(label, str) for label in self.classes or ())

    def to_dict(self):
        """Everything that was learnt, for JSON.

        Example:
            >>> import fastnet
            >>> fastnet.data.TargetPreparation().fit([True, False]).to_dict()
            {'task': 'classification', 'classes': [False, True]}
        """
        if self.task == "classification":
            return {"task": self.task, "classes": list(self.classes)}
        return {"task": self.task, "mean": self.mean, "scale": self.scale}

    @classmethod
    def from_dict(cls, given):
        """The preparation that `to_dict` wrote down.

        Raises:
            ValueError: it is not of this form.

        Example:
            >>> import fastnet
            >>> target = fastnet.data.TargetPreparation.from_dict({"task": "classification", "classes": ["a", "b"]})
            >>> target.transform(["b"])
            array([1])
        """
        if not isinstance(given, dict) or given.get("task") not in TASKS:
            raise ValueError(f"expected the dictionary of a target, with a task of {TASKS}, got {given!r:.200}")
        made = cls(given["task"])
        if made.task == "classification":
            made.classes = given.get("classes")
            good = (isinstance(made.classes, list) and all(isinstance(c, str | bool | int) for c in made.classes)
                    and len(set(made.classes)) == len(made.classes) > 1)
        else:
            made.mean, made.scale = given.get("mean", math.nan), given.get("scale", math.nan)
            good = is_number(made.mean) and is_number(made.scale) and made.scale != 0
        if not good:
            raise ValueError(f"the dictionary of a target is damaged: {given!r:.200}")
        return made


def mean_and_scale(numbers):
    """The mean and the standard deviation of numbers, the latter 1 where they are all the same.

    They are taken of the differences from the first number, so that an offset costs no precision.

    Args:
        numbers: (N,) or (N, D), float64.

    Returns:
        Two numbers, or two (D,) arrays.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.targets import mean_and_scale
        >>> mean_and_scale(np.array([0.1] * 10))
        (0.1, 1.0)
    """
    from_first = numbers - numbers[:1]
    mean, scale = numbers[0] + from_first.mean(0), from_first.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return (float(mean), float(scale)) if numbers.ndim == 1 else (mean, scale)


def _whole(values):
    """A column in which nothing is missing."""
    values = column(np.asarray(values.numpy()) if hasattr(values, "detach") else values)
    if not len(values):
        raise ValueError("the target is empty")
    return finite(values, "the target")


def _task_of(values):
    """What the kind of the values speaks for, as scikit-learn's `type_of_target`, and the number of whole ones."""
    if values.dtype.kind not in "iuf":
        return "classification"
    different = len(np.unique(values))
    classes = (values == np.floor(values)).all() and different <= FEW and 2 * different <= len(values)
    return "classification" if classes else "regression"


def _distinct(values):
    """The different values as Python's, sorted, whole floats as integers; text comes behind numbers."""
    plain = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values.tolist()]
    strange = next((v for v in plain if not isinstance(v, str | bool | int)), None)
    if strange is not None:
        raise ValueError(f"{strange!r} ({type(strange).__name__}) is no label of a class: expected text, bools or "
                         "whole numbers")
    return sorted(set(plain), key=lambda v: (isinstance(v, str), v))


def _numbers(values):
    if values.dtype.kind not in "biuf":
        wrong = next(v for v in values.tolist() if not isinstance(v, int | float))
        raise ValueError(f"the target of a regression holds numbers, got {wrong!r}")
    try:
        return as_numbers(values)
    except ValueError as e:
        raise ValueError(f"the target: {e}") from None
