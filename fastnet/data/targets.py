"""TargetPreparation: converts a column of targets to class numbers or values, and predictions back."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet._core.errors import one_of
from fastnet._core.reprs import repr_of
from fastnet.data.dates import SECONDS_A_DAY, Dates, seconds
from fastnet.data.encoders import places_of
from fastnet.data.finiteness import finite
from fastnet.data.forms import Form, form_as, form_of, kind_of_form
from fastnet.data.frames import MOST_LISTED
from fastnet.data.notes import one_spelling, remark, spellings
from fastnet.data.numerals import Numerals
from fastnet.data.rounding import require_spread
from fastnet.data.target_values import (
    distinct_labels,
    form_from,
    labels_of,
    loses_labels,
    numbers_of,
    target_column,
    task_of,
    typed_target,
)
from fastnet.data.values import as_float32, as_texts, holds_dates, is_number, mean_and_scale, object_array

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike
    from fastnet.data.annotations import Column, Task

__all__ = ["NEAR", "TASKS", "TargetPreparation"]

TASKS: tuple[Task, ...] = ("classification", "regression")
NEAR = 100                              # a mean of at most so many scales leaves float32 five digits of the scale
_TARGET_KINDS = ("category", "number", "date")


class TargetPreparation:
    """Converts a column of classes, values or dates to what a loss takes, and predictions back.

    Text is read as TablePreparation reads it: "1,813.76" is a number, "31/12/2020" a date, "02134" a class. Classes
    that differ in capitals only are one class. Dates become days since 1970.

    Args:
        task: "classification" or "regression". By default the column decides: text and bools are classes; numbers with
            fractions and dates are values. Whole numbers are classes if there are at most 20 different ones and each
            occurs twice on average.
        standardise: in a regression, shift and scale the values to mean 0 and variance 1.
        kind: "category": each different cell is a class; "number" or "date": cells are values of a regression, unless
            the task is stated. By default the column decides.

    Attributes:
        task: the task, after `fit`.
        form: how text is read: Numerals, Dates, or None for text without conversion.
        classes: the classes in the order of their numbers: text, bools or integers; None in a regression.
        any_case: whether classes that differ in capitals only are one class: for text, unless the kind is "category".
        notes: lines about classes that were joined and about several currencies.
        mean, scale: the number to subtract from the values of a regression, and the one to divide by: 0 and 1 unless
            standardised.

    Raises:
        ValueError: an unknown task or kind.

    Example:
        >>> import fastnet
        >>> target = fastnet.data.TargetPreparation().fit(["cat", "dog", "cat"])
        >>> target
        TargetPreparation(task='classification', classes=['cat', 'dog'])
        >>> target.task, target.transform(["dog", "cat"]), target.inverse([1, 1])
        ('classification', array([1, 0]), array(['dog', 'dog'], dtype='<U3'))
        >>> target = fastnet.data.TargetPreparation(standardise=True).fit([0.5, 2.5])
        >>> target.task, target.transform([0.5, 2.5]), target.inverse([1.0])
        ('regression', array([-1.,  1.], dtype=float32), array([2.5]))
        >>> target = fastnet.data.TargetPreparation().fit(["1/1/1970", "31/1/1970"])
        >>> target.transform(["2/1/1970"]), target.inverse([30.2])
        (array([1.], dtype=float32), array(['1970-01-31'], dtype='datetime64[D]'))
    """

    task: Task | None
    standardise: bool
    kind: Literal["category", "number", "date"] | None
    form: Form | None
    hours: bool
    classes: list[Any] | None
    any_case: bool
    notes: list[str]
    mean: float
    scale: float

    def __init__(self, task: Task | None = None, standardise: bool = False,
                 kind: Literal["category", "number", "date"] | None = None) -> None:
        if task is not None and task not in TASKS:
            raise one_of("task", task, TASKS)
        if kind is not None and kind not in _TARGET_KINDS:
            raise one_of("kind of target", kind, _TARGET_KINDS)
        if kind is not None:
            task = task or ("classification" if kind == "category" else "regression")
        self.task, self.standardise, self.kind = task, standardise, kind
        self.form = None
        self.hours = False
        self.classes = None
        self.any_case, self.notes = False, []
        self.mean, self.scale = 0.0, 1.0

    def __repr__(self) -> str:
        if self.task == "classification":
            return repr_of(self, task=self.task, **({"classes": self.classes} if self.classes else {}))
        scale = {"mean": self.mean, "scale": self.scale} if self.scale != 1 or self.mean else {}
        return repr_of(self, task=self.task, **scale) if self.task else repr_of(self)

    def fit(self, values: Column, rows: Any = None, mark: str = ".") -> TargetPreparation:
        """Learn the classes, or the mean and the scale; returns the preparation.

        Args:
            values: an array, a Series or a list, (N,).
            rows: numbers of the rows from which mean and scale are learnt; by default all. Classes are always learnt
                from all rows.
            mark: the decimal mark of the table, for values that do not show it; see `Cells`.

        Raises:
            ValueError: no values, missing values, a single class, text in a regression, or values whose differences
                are lost in float32 (they must be standardised).
        """
        column = target_column(values)
        self.form, self.classes = self._form_of(column, mark), None
        read = self._read(column)
        self.notes = []
        self.task = self.task or ("regression" if isinstance(self.form, Dates) else task_of(read))
        if self.task == "classification":
            self._fit_classes(column, read)
        else:
            self._fit_values(column, read, rows)
        return self

    def _fit_classes(self, column: Array, values: Array) -> None:
        if column.dtype == object and isinstance(self.form, Numerals) and loses_labels(self.form, values):
            self.form, values = None, labels_of(column)
        self.any_case = self.kind != "category" and values.dtype == object
        same = one_spelling(values.tolist()) if self.any_case else {}
        self.notes += filter(None, [spellings(same)])
        if same:
            values = object_array([same.get(value, value) for value in values.tolist()])
        self.classes = distinct_labels(values)
        if len(self.classes) < 2:
            raise ValueError(f"the target: expected at least two classes, got only {self.classes[0]!r}")

    def _fit_values(self, column: Array, values: Array, rows: Any) -> None:
        numbers = numbers_of(values)
        if isinstance(self.form, Numerals) and column.dtype == object:
            self.notes += filter(None, [remark(self.form, column.tolist(), [])])
        self.hours = isinstance(self.form, Dates) and bool((numbers % 1 != 0).any())
        numbers = numbers if rows is None else numbers[rows]
        if self.standardise:
            self.mean, self.scale = mean_and_scale(numbers)
        else:
            require_spread(numbers, np.float32, "the target")

    def transform(self, values: Column) -> Array:
        """Convert classes to class numbers, int64 (N,), or values to float32 (N,).

        Raises:
            ValueError: labels that were not seen in training (the error lists them), or missing values.
        """
        read = self._read(target_column(values))
        if self.task == "regression":
            return as_float32((numbers_of(read) - self.mean) / self.scale)
        # as keys of a dictionary 1, 1.0 and True are equal, and "1" is different
        places = places_of(self.classes or (), set(read.tolist()), self.any_case)
        found = np.array([places.get(v, -1) for v in read.tolist()], np.int64)
        if (found < 0).any():
            raise self._unseen(distinct_labels(read[found < 0]))
        return found

    def missing(self, values: Column) -> Array:
        """Find the rows whose cell is empty or cannot be a target, bool (N,).

        Args:
            values: as for `fit`; the preparation need not be fitted.

        Example:
            >>> import fastnet
            >>> fastnet.data.TargetPreparation().missing([1.5, None, 2.5])
            array([False,  True, False])
        """
        column = target_column(values)
        form = self.form or (None if self.classes else self._form_of(column))
        read, odd = typed_target(column, form)
        gone = np.array([value is None or value != value for value in read.tolist()], np.bool_)
        gone[odd] = True
        return gone

    def inverse(self, predictions: ArrayLike) -> Array:
        """Convert predictions back to classes, numbers in the column's units, datetime64, or datetime.time.

        Args:
            predictions: class numbers (int64), or the predicted values of a regression.
        """
        if isinstance(self.form, Dates):
            days = np.asarray(predictions, np.float64) * self.scale + self.mean
            unit = "s" if self.hours else "D"
            found = (days * (SECONDS_A_DAY if self.hours else 1)).round().astype(np.int64).astype(f"M8[{unit}]")
            return object_array([day.time() for day in found.tolist()]) if self.form.times else found
        if self.task == "regression":
            return self.numbers(predictions)
        classes = self.classes or []
        mixed = len(set(map(type, classes))) > 1                    # NumPy would convert all of them to text
        return np.array(classes, object if mixed else None)[np.asarray(predictions)]

    def numbers(self, predictions: ArrayLike) -> Array:
        """Convert predictions of a regression to numbers in the column's units; dates are days since 1970.

        Args:
            predictions: the predicted values.

        Returns:
            An array in the dtype of the predictions, or in float64 if the mean is so large that float32 would lose the
            differences.
        """
        given = np.asarray(predictions)
        values = given.astype(np.float64) * self.scale + self.mean
        return values.astype(given.dtype) if given.dtype.kind == "f" and self._is_near else values

    # ---- reading ----

    def _form_of(self, column: Array, mark: str = ".") -> Form | None:
        """How the cells of a column are written."""
        if self.kind == "category":
            return None
        if column.dtype != object and self.kind != "date" and not (self.kind is None and holds_dates(column)):
            return Dates() if column.dtype.kind == "M" else Numerals()
        cells = as_texts(column) if column.dtype != object else column.tolist()
        if self.kind:
            return form_as(self.kind, cells, mark)
        form = form_of(cells, mark)
        return None if self.task == "classification" and isinstance(form, Dates) else form

    def _read(self, column: Array) -> Array:
        """The values of a column without missing ones: numbers, dates as days, or labels."""
        if self.form is None:
            text = self.kind == "category" or (self.classes and all(isinstance(label, str) for label in self.classes))
            return finite(object_array(as_texts(column)) if text else labels_of(column), "the target")
        values, odd = typed_target(column, self.form)
        if odd and self.classes:
            raise self._unseen([column[row] for row in odd])
        if odd:
            first = odd[0]
            raise ValueError(f"the target: expected a {kind_of_form(self.form)}, got {column[first]!r} in row {first} "
                             "(counted from 0)")
        if isinstance(self.form, Dates):
            values = seconds(values) / SECONDS_A_DAY
        return finite(values, "the target")

    def _unseen(self, labels: Sequence[Any]) -> ValueError:
        return ValueError("labels that were not seen in training: "
                          f"{', '.join(map(repr, labels[:MOST_LISTED]))}; expected "
                          f"{', '.join(map(repr, (self.classes or [])[:MOST_LISTED]))}")

    @property
    def _is_near(self) -> bool:
        return abs(self.mean) <= NEAR * self.scale

    @property
    def is_text(self) -> bool:
        """Whether the classes are text, which `read_table(path, text=...)` should not convert to numbers.

        Example:
            >>> import fastnet
            >>> fastnet.data.TargetPreparation().fit(["1", "x"]).is_text
            True
        """
        return any(isinstance(label, str) for label in self.classes or ())

    def to_dict(self) -> dict[str, Any]:
        """Everything that was learnt, as plain values for JSON.

        Example:
            >>> import fastnet
            >>> fastnet.data.TargetPreparation().fit([True, False]).to_dict()
            {'task': 'classification', 'classes': [False, True]}
        """
        form: dict[str, Any] = {}
        if self.form is not None and self.form != Numerals():
            form = {"form": asdict(self.form), "hours": self.hours}
        if self.task == "classification":
            return {"task": self.task, "classes": list(self.classes or ()), **form,
                    **({"any_case": True} if self.any_case else {})}
        return {"task": self.task, "mean": self.mean, "scale": self.scale, **form}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> TargetPreparation:
        """Restore a preparation from the result of `to_dict`.

        Raises:
            ValueError: the dictionary has another form.

        Example:
            >>> import fastnet
            >>> target = fastnet.data.TargetPreparation.from_dict({"task": "classification", "classes": ["a", "b"]})
            >>> target.transform(["b"])
            array([1])
        """
        if not isinstance(given, dict) or given.get("task") not in TASKS:
            raise ValueError(f"expected the dictionary of a target with a task of {TASKS}, got {given!r:.200}")
        made = cls(given["task"])
        try:
            made._restore(given)
        except (TypeError, ValueError):
            raise ValueError(f"expected the dictionary of a target, got a damaged one: {given!r:.200}") from None
        return made

    def _restore(self, given: dict[str, Any]) -> None:
        """Take over the fields of a dictionary; raises TypeError or ValueError if they are wrong."""
        if self.task == "classification":
            self.classes, self.any_case = given.get("classes"), given.get("any_case") is True
            good = (isinstance(self.classes, list) and all(isinstance(c, str | bool | int) for c in self.classes)
                    and len(set(self.classes)) == len(self.classes) > 1)
        else:
            self.mean, self.scale = given.get("mean", math.nan), given.get("scale", math.nan)
            good = is_number(self.mean) and is_number(self.scale) and self.scale != 0
        if not good:
            raise ValueError
        form = form_from(given.get("form", {}))
        self.form = None if self.is_text else form
        self.hours = given.get("hours") is True
