"""Labels of classes and values of regressions, read from a column of targets."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.dates import Dates
from fastnet.data.forms import Form, typed
from fastnet.data.frames import column
from fastnet.data.numerals import Numerals
from fastnet.data.values import as_numbers, as_texts, object_array

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Task

__all__ = ["distinct_labels", "form_from", "labels_of", "loses_labels", "numbers_of", "target_column", "task_of",
           "typed_target"]

_LARGEST_EXACT = 1 << 53                        # float64 holds all integers up to it
_MOST_CLASSES = 20                      # whole numbers with more different values are quantities, not classes


def target_column(values: Any) -> Array:
    """Targets as a column.

    Raises:
        ValueError: it is empty.
    """
    values = column(np.asarray(values.numpy()) if hasattr(values, "detach") else values)
    if not len(values):
        raise ValueError("the target: expected at least one value, got none")
    return values


def typed_target(column: Array, form: Form | None) -> tuple[Array, list[int]]:
    """(the values of a column, the rows that hold something else)."""
    if form is None:
        return labels_of(column), []
    if column.dtype == object:
        return typed(column.tolist(), form)
    if isinstance(form, Dates) and column.dtype.kind != "M":
        return form.read(as_texts(column))
    return column, []


def task_of(values: Array) -> Task:
    """Choose the task for values. Whole numbers are classes if there are few different ones and they repeat.

    Few means at most 20, and each must occur twice on average. Other numbers are values of a regression, and anything
    else is classes, as in scikit-learn's `type_of_target`.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.target_values import task_of
        >>> task_of(np.array([0, 1, 0, 1])), task_of(np.array([0.5, 1.5]))
        ('classification', 'regression')
    """
    if values.dtype.kind not in "iuf":
        return "classification"
    different = len(np.unique(values))
    whole = (values == np.floor(values)).all()
    return "classification" if whole and different <= _MOST_CLASSES and 2 * different <= len(values) else "regression"


def loses_labels(form: Numerals, values: Array) -> bool:
    """Whether labels would change as numbers: those of 20 digits, or with a unit, which predictions would lack."""
    return bool(form.unit or form.powers or (values.dtype.kind == "f" and (values > _LARGEST_EXACT).any()))


def labels_of(column: Array) -> Array:
    """Labels as Python objects that can be compared; dates become text."""
    return object_array(as_texts(column) if column.dtype.kind == "M" else column.tolist())


def distinct_labels(values: Array) -> list[Any]:
    """The different labels as Python values, sorted, numbers before text; floats that are whole become integers.

    Raises:
        ValueError: a label is not text, a bool or a whole number.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.target_values import distinct_labels
        >>> distinct_labels(np.array(["b", 2.0, "a"], object))
        [2, 'a', 'b']
    """
    labels = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values.tolist()]
    strange = next((v for v in labels if not isinstance(v, str | bool | int)), None)
    if strange is not None:
        raise ValueError(f"the target: expected text, bools or whole numbers as labels of classes, got {strange!r} "
                         f"({type(strange).__name__})")
    return sorted(set(labels), key=lambda v: (isinstance(v, str), v))


def numbers_of(values: Array) -> Array:
    """The values of a regression as float64.

    Raises:
        ValueError: a value is not a number.
    """
    if values.dtype.kind not in "biuf":
        wrong = next(v for v in values.tolist() if not isinstance(v, int | float))
        raise ValueError(f"the target: expected numbers for a regression, got {wrong!r}")
    try:
        return as_numbers(values)
    except ValueError as e:
        raise ValueError(f"the target: {e}") from None


def form_from(given: dict[str, Any]) -> Form:
    """A Numerals or Dates from the dictionary of its fields."""
    return Dates(**given) if "day_first" in given else Numerals(**given)
