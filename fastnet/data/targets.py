"""What is to be predicted, as numbers: classes by their places in a list, or values, or days."""
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from fastnet._core.errors import one_of
from fastnet.data.arrays import finite, require_spread
from fastnet.data.cells import form_as, form_of, objects, one_spelling, remark, spellings, typed
from fastnet.data.dates import Dates, seconds
from fastnet.data.encoders import places_of
from fastnet.data.frames import column
from fastnet.data.numerals import Numerals
from fastnet.data.values import as_float32, as_numbers, as_texts, holds_dates, is_number, mean_and_scale

TASKS = ("classification", "regression")
KINDS = ("category", "number", "date")
SECONDS_A_DAY = 86400
EXACT = 1 << 53                         # beyond it float64 has not every whole number
FEW = 20                                # whole numbers of more different values are quantities, not classes
NEAR = 100                              # a mean of so many scales leaves float32 five digits of the scale


class TargetPreparation:
    """Turns a column of classes, values or dates into what a loss takes, and predictions back.

    Text is read as TablePreparation reads it: "1,813.76" is a number, "31/12/2020" a date, "02134" a class.
    Classes that differ in capitals only are one.

    Args:
        task: "classification" or "regression"; by default the column decides: text and bools are classes, numbers with
            fractions and dates are values; whole numbers are classes if there are at most 20 different ones, each of
            them twice on average.
        standardise: of values: shift and scale them to mean 0 and variance 1.
        kind: "category", whose cells are classes as they are written; "number" or "date", which are values; by default
            the column decides.

    Attributes:
        task: which it is, once fitted.
        form: how text is read: Numerals, Dates, or None for text as it stands.
        classes: of a classification, the list of its classes in order: text, bools or integers.
        any_case: whether classes that differ in capitals only are one: of text, unless the kind is "category".
        notes: lines that say what `fit` found: such classes, or several currencies.
        mean, scale: of a regression, what values are shifted and divided by: 0 and 1 unless standardised.

    Example:
        >>> import fastnet
        >>> target = fastnet.data.TargetPreparation().fit(["cat", "dog", "cat"])
        >>> target.task, target.transform(["dog", "cat"]), target.inverse([1, 1])
        ('classification', array([1, 0]), array(['dog', 'dog'], dtype='<U3'))
        >>> target = fastnet.data.TargetPreparation(standardise=True).fit([0.5, 2.5])
        >>> target.task, target.transform([0.5, 2.5]), target.inverse([1.0])
        ('regression', array([-1.,  1.], dtype=float32), array([2.5]))
        >>> target = fastnet.data.TargetPreparation().fit(["1/1/1970", "31/1/1970"])
        >>> target.transform(["2/1/1970"]), target.inverse([30.2])
        (array([1.], dtype=float32), array(['1970-01-31'], dtype='datetime64[D]'))
    """

    def __init__(self, task=None, standardise=False, kind=None):
        if task is not None and task not in TASKS:
            raise one_of("task", task, TASKS)
        if kind is not None and kind not in KINDS:
            raise one_of("kind of target", kind, KINDS)
        if kind is not None:
            task = task or ("classification" if kind == "category" else "regression")
        self.task, self.standardise, self.kind = task, standardise, kind
        self.form: Any = None
        self.hours = False
        self.classes: Any = None
        self.any_case, self.notes = False, []
        self.mean, self.scale = 0.0, 1.0

    def fit(self, values, rows=None, mark="."):
        """Learn classes, or mean and scale; returns the object.

        Args:
            values: an array, a Series or a list, (N,).
            rows: the places of those whose mean and scale are learnt; by default all.
            mark: the decimal mark of the table that the values are of, see `Cells`, where they leave it open.

        Raises:
            ValueError: none at all, missing values, one class only, text to be a regression's values, or values whose
                spread float32 rounds away unless they are standardised.
        """
        column = _column(values)
        self.form, self.classes = self._form_of(column, mark), None
        values = self._read(column)
        self.notes = []
        self.task = self.task or ("regression" if isinstance(self.form, Dates) else _task_of(values))
        if self.task == "classification":
            if column.dtype == object and isinstance(self.form, Numerals) and _loses(self.form, values):
                self.form, values = None, _labels(column)
            self.any_case = self.kind != "category" and values.dtype == object
            same = one_spelling(values.tolist()) if self.any_case else {}
            self.notes += filter(None, [spellings(same)])
            self.classes = _distinct(objects([same.get(value, value) for value in values.tolist()]) if same else values)
            if len(self.classes) < 2:
                raise ValueError(f"the target has one class only, {self.classes[0]!r}: there is nothing to learn")
        else:
            numbers = _numbers(values)
            if isinstance(self.form, Numerals) and column.dtype == object:
                self.notes += filter(None, [remark(self.form, column.tolist(), [])])
            self.hours = isinstance(self.form, Dates) and bool((numbers % 1 != 0).any())
            numbers = numbers if rows is None else numbers[rows]
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
        values = self._read(_column(values))
        if self.task == "regression":
            return as_float32((_numbers(values) - self.mean) / self.scale)
        # 1, 1.0 and True are one key of a dictionary, "1" is another
        places = places_of(self.classes, set(values.tolist()), self.any_case)
        found = np.array([places.get(v, -1) for v in values.tolist()], np.int64)
        if (found < 0).any():
            raise self._unseen(_distinct(values[found < 0]))
        return found

    def missing(self, values):
        """Which rows hold nothing that the target can be, (N,), bool: cells that are empty, or cannot be read.

        Args:
            values: as `fit`'s; the target need not be fitted.

        Example:
            >>> import fastnet
            >>> fastnet.data.TargetPreparation().missing([1.5, None, 2.5])
            array([False,  True, False])
        """
        column = _column(values)
        form = self.form or (None if self.classes else self._form_of(column))
        values, odd = _typed(column, form)
        gone = np.array([value is None or value != value for value in values.tolist()], np.bool_)
        gone[odd] = True
        return gone

    def inverse(self, predictions):
        """Places as classes, numbers in the column's units, dates as datetime64, or times of day as datetime.time.

        Args:
            predictions: an array, int64 for classes.
        """
        if isinstance(self.form, Dates):
            days = np.asarray(predictions, np.float64) * self.scale + self.mean
            unit = "s" if self.hours else "D"
            found = (days * (SECONDS_A_DAY if self.hours else 1)).round().astype(np.int64).astype(f"M8[{unit}]")
            return objects([day.time() for day in found.tolist()]) if self.form.times else found
        if self.task == "regression":
            return self.numbers(predictions)
        mixed = len(set(map(type, self.classes))) > 1               # NumPy would make text of all
        return np.array(self.classes, object if mixed else None)[np.asarray(predictions)]

    def numbers(self, predictions):
        """Predictions of a regression as numbers in the column's units; dates are days from 1970.

        Args:
            predictions: an array.

        Returns:
            An array in the dtype of the predictions, or in float64 where the mean is so far from zero that float32
            would round the scale away.
        """
        given = np.asarray(predictions)
        values = given.astype(np.float64) * self.scale + self.mean
        return values.astype(given.dtype) if given.dtype.kind == "f" and self._is_near else values

    # ---- reading ----

    def _form_of(self, column, mark="."):
        """How a column's cells are read."""
        if self.kind == "category":
            return None
        if column.dtype != object and self.kind != "date" and not (self.kind is None and holds_dates(column)):
            return Dates() if column.dtype.kind == "M" else Numerals()
        cells = as_texts(column) if column.dtype != object else column.tolist()
        if self.kind:
            return form_as(self.kind, cells, mark)
        form = form_of(cells, mark)
        return None if self.task == "classification" and isinstance(form, Dates) else form

    def _read(self, column):
        """A column's values, none missing: numbers, dates as days, or labels."""
        if self.form is None:
            text = self.kind == "category" or (self.classes and all(isinstance(label, str) for label in self.classes))
            return finite(objects(as_texts(column)) if text else _labels(column), "the target")
        values, odd = _typed(column, self.form)
        if odd and self.classes:
            raise self._unseen([column[row] for row in odd])
        if odd:
            kind = "date" if isinstance(self.form, Dates) else "number"
            raise ValueError(f"the target: expected a {kind}, got {column[odd[0]]!r} in row {odd[0]} (counted from 0)")
        if isinstance(self.form, Dates):
            values = seconds(values) / SECONDS_A_DAY
        return finite(values, "the target")

    def _unseen(self, labels):
        return ValueError(f"labels that were not seen in training: {', '.join(map(repr, labels[:FEW]))}; expected "
                          f"{', '.join(map(repr, self.classes[:FEW]))}")

    @property
    def _is_near(self):
        return abs(self.mean) <= NEAR * self.scale

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
        form = {} if self.form in (None, Numerals()) else {"form": asdict(self.form), "hours": self.hours}
        if self.task == "classification":
            return {"task": self.task, "classes": list(self.classes), **form,
                    **({"any_case": True} if self.any_case else {})}
        return {"task": self.task, "mean": self.mean, "scale": self.scale, **form}

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
            made.classes, made.any_case = given.get("classes"), given.get("any_case") is True
            good = (isinstance(made.classes, list) and all(isinstance(c, str | bool | int) for c in made.classes)
                    and len(set(made.classes)) == len(made.classes) > 1)
        else:
            made.mean, made.scale = given.get("mean", math.nan), given.get("scale", math.nan)
            good = is_number(made.mean) and is_number(made.scale) and made.scale != 0
        try:
            made.form = _form_from(given.get("form", {}))
        except (TypeError, ValueError):
            good = False
        if good and made.is_text:
            made.form = None
        made.hours = given.get("hours") is True
        if not good:
            raise ValueError(f"the dictionary of a target is damaged: {given!r:.200}")
        return made


def _column(values):
    """A column that is not empty."""
    values = column(np.asarray(values.numpy()) if hasattr(values, "detach") else values)
    if not len(values):
        raise ValueError("the target is empty")
    return values


def _typed(column, form):
    """(values, the rows that hold something else)."""
    if form is None:
        return _labels(column), []
    if column.dtype == object:
        return typed(column.tolist(), form)
    if isinstance(form, Dates) and column.dtype.kind != "M":
        return form.read(as_texts(column))
    return column, []


def _loses(form, values):
    """Whether labels are others as numbers: 20 digits, or a unit that predictions would lack."""
    return bool(form.unit or form.powers or (values.dtype.kind == "f" and (values > EXACT).any()))


def _labels(column):
    """Labels as they are compared: dates as text."""
    return objects(as_texts(column) if column.dtype.kind == "M" else column.tolist())


def _form_from(given):
    return Dates(**given) if "day_first" in given else Numerals(**given)


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
