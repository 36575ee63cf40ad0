"""A table of numbers, categories and text as a matrix of numbers."""
import re
import warnings
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from typing import NamedTuple

import numpy as np

from fastnet._core.errors import one_of
from fastnet.data.cells import (
    Cells,
    decimal_mark,
    form_as,
    form_of,
    in_lines,
    oddities,
    one_spelling,
    refuse_odd,
    remark,
    spellings,
    typed,
)
from fastnet.data.dates import Dates
from fastnet.data.encoders import ENCODERS, Category, Text
from fastnet.data.frames import LISTED, NESTED, category_names, columns, require
from fastnet.data.numerals import Numerals
from fastnet.data.values import as_numbers, as_texts, holds_dates

WORDS = ("category", "text")            # the kinds of columns whose cells are not read as numbers or dates
FORMS = {Numerals: "number", Dates: "date"}
MOST_GAPS = 20                          # different words for a missing value that are kept for each column
FEW = 20                                # of so many different values text is a category, however few the rows
COUNTER = re.compile(r"|[Uu]nnamed: 0|[Ii]ndex|(.*[\W_])?(id|Id|ID)|.*[a-z]I[dD]")      # columns that number the rows


class ColumnReport(NamedTuple):
    """How a column was read: its kind is "number", "category", "text", "date" or "left out"."""
    name: str
    kind: str
    note: str


class TablePreparation:
    """Turns the columns of a table into a float32 matrix, in the way that it learnt from another table.

    A column of numbers or bools is a number: what is missing is filled in, outliers are clipped, mean and scale set to
    0 and 1. So is text if at least nine tenths of its cells are numbers as people write them: 1,813.76 or 1.813,76,
    47%, $101, (12.5), 12 kg, 1.5M; the others count as missing. Dates become the time, and month, weekday and time of
    day as sine and cosine. Other text is a category where its values occur again and again, and else words, if it has
    several; categories that differ in capitals only are one, unless the kind is stated.
    What is learnt is what scikit-learn's SimpleImputer, StandardScaler or RobustScaler, OneHotEncoder and
    TfidfVectorizer learn; `to_dict` writes it down as JSON.

    Args:
        kinds: {column: "number", "category", "text" or "date"} where the above would guess wrong.
        leave_out: names of columns that are not to be used.
        missing: what replaces missing numbers: "median", "mean" or "most_frequent" (which missing categories always
            get; missing text is empty).
        clip: (low, high), quantiles to which numbers are clipped, such as (0.01, 0.99); None: they are not.
        scale: "standard" (mean and standard deviation), "robust" (median and quartiles) or None.
        max_categories: of a column; the rarest beyond it count as one.
        max_words: of a column; the most frequent are kept.

    Attributes:
        encoders: {column: what it becomes}, once fitted.
        left_out: {column: why it is not used}.

    Raises:
        ValueError: a setting that is not known or out of range.

    Example:
        >>> import fastnet
        >>> table = {"size": [1.0, 3.0, None], "colour": ["red", "blue", "red"]}
        >>> preparation = fastnet.data.TablePreparation().fit(table)
        >>> preparation.feature_names
        ['size', 'colour=blue', 'colour=red']
        >>> preparation.transform({"colour": ["blue", "green"], "size": [2.0, 2.0]})
        array([[0., 1., 0.],
               [0., 0., 0.]], dtype=float32)
    """

    def __init__(self, kinds=None, leave_out=(), missing="median", clip=None, scale="standard", max_categories=50,
                 max_words=500):
        for what, given, known in (("way to fill in", missing, ("median", "mean", "most_frequent")),
                                   ("scale", scale, ("standard", "robust", None)),
                                   *(("kind of column", kind, tuple(ENCODERS)) for kind in (kinds or {}).values())):
            if given not in known:
                raise one_of(what, given, known)
        if clip is not None and not 0 <= clip[0] < clip[1] <= 1:
            raise ValueError(f"expected clip to be two quantiles, 0 <= low < high <= 1, got {clip}")
        if max_categories < 2 or max_words < 1:
            raise ValueError(f"expected max_categories >= 2 and max_words >= 1, got {max_categories} and {max_words}")
        self.kinds, self.leave_out = dict(kinds or {}), tuple(leave_out)
        self.missing, self.clip, self.scale = missing, clip, scale
        self.max_categories, self.max_words = max_categories, max_words
        self.encoders, self.left_out, self._notes, self._gaps = {}, {}, {}, {}

    # ---- learning ----

    def fit(self, table, rows=None):
        """Learn from a table without its target (see `split_target`); returns the object.

        Args:
            table: a pandas or polars DataFrame, or a mapping from names to columns, such as `read_cells` gives.
            rows: the rows to learn from, an array of their places; by default all. How cells are written (the decimal
                mark, the order of day and month) is decided by all rows.

        Raises:
            ValueError: no column that can be used, or a column that holds what its kind cannot have.
        """
        named = columns(table)
        require([*self.kinds, *self.leave_out], named)
        self.encoders, self.left_out, self._notes, self._gaps = {}, {}, dict.fromkeys(named), {}
        kinds = dict.fromkeys(category_names(table), "category") | self.kinds
        nested = {} if isinstance(named, Cells) else _nested(named)
        cells = self._cells({name: column for name, column in named.items() if name not in nested}, kinds)
        mark = named.mark if isinstance(named, Cells) else decimal_mark(cells)
        forms = {name: form_as(kinds[name], column, mark) if name in kinds else form_of(column, mark)
                 for name, column in cells.items()}
        for name, column in named.items():
            reason = "as asked" if name in self.leave_out else nested.get(name)
            with _naming(name, named):
                form = forms.get(name)
                values = self._typed(name, cells[name], form) if form else column
                self._fit_column(name, values, form, kinds.get(name), reason, rows)
        if not self.encoders:
            reasons = [f"{name!r} ({reason})" for name, reason in islice(self.left_out.items(), LISTED)]
            more = f" and {len(self.left_out) - LISTED} more" * (len(self.left_out) > LISTED)
            raise ValueError(f"no column can be used, all are left out: {', '.join(reasons)}{more}")
        self._notes = {name: note and in_lines(note, named) for name, note in self._notes.items()}
        return self

    def _cells(self, named, kinds):
        """{name: list of cells} of the columns that may be numbers or dates written as text."""
        cells = {}
        for name, column in named.items():
            asked = kinds.get(name)
            if name not in self.leave_out and (
                    asked not in WORDS if column.dtype == object else
                    asked == "date" or (asked is None and holds_dates(column))):
                cells[name] = column.tolist() if column.dtype == object else as_texts(column)
        return cells

    def _typed(self, name, cells, form):
        """The values of a column's cells, with a note of those that are something else."""
        kind = FORMS[type(form)]
        values, odd = typed(cells, form)
        refuse_odd(kind, cells, odd)
        self._notes[name] = remark(form, cells, odd)
        self._gaps[name] = sorted({cells[row] for row in odd if isinstance(cells[row], str)})[:MOST_GAPS]
        return values

    def _fit_column(self, name, column, form, kind, reason, rows):
        stated = kind
        if not reason:
            kind, values, reason = self._judged(name, column, kind, slice(None) if rows is None else rows)
        if reason:
            self.left_out[name] = reason
        elif kind == "category" and stated is None:
            same = one_spelling(values)
            self._notes[name] = spellings(same)
            self.encoders[name] = Category.fit([same.get(text, text) for text in values], self, any_case=True)
        else:
            self.encoders[name] = ENCODERS[kind].fit(values, self, form)
            if name in self._gaps:
                self.encoders[name].gaps = self._gaps[name]

    def _judged(self, name, column, kind, rows):
        """(kind, the values to learn from, why the column is left out or None)."""
        wordy = kind in WORDS or (kind is None and column.dtype == object)
        if not wordy:
            as_numbers(column)                          # which refuses infinity, and names its row among all
        values = as_texts(column[rows]) if wordy else column[rows]
        if _is_empty(values):
            return kind, values, "it is empty"
        if kind is None and wordy:
            kind, reason = self._judged_text([text for text in values if text is not None])
            return kind, values, reason
        numbering = kind is None and column.dtype.kind in "iu" and COUNTER.fullmatch(name)
        if numbering and len(np.unique(column)) == len(column):
            return kind, values, "it numbers the rows"
        return kind or ("date" if column.dtype.kind == "M" else "number"), values, None

    def _judged_text(self, texts):
        different = len({text.casefold() for text in texts})
        words = sum(len(text.split()) for text in texts) / len(texts)
        again = 2 * different <= len(texts)
        if again and different <= self.max_categories:
            return "category", None
        if words > 1.5:
            return "text", None
        if different > FEW and not again:
            return None, "most rows have a value of their own"
        return "category", None

    @property
    def notes(self):
        """A line about each column with cells that counted as missing in `fit` without being empty.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation().fit({"size": ["1.5", "?", "2"]}).notes
            ["column 'size' is numeric except '?' in row 1 (counted from 0)"]
        """
        return [f"column {name!r} {note}" for name, note in self._notes.items() if note]

    def describe(self):
        """How each column was read, a list of ColumnReport(name, kind, note), in the order of the table.

        Example:
            >>> import fastnet
            >>> table = {"size": ["1.5", "?", "2"], "colour": ["red", "blue", "red"], "id": [0, 1, 2]}
            >>> for report in fastnet.data.TablePreparation().fit(table).describe():
            ...     print(*report, sep=" | ")
            size | number | is numeric except '?' in row 1 (counted from 0)
            colour | category | 2 categories
            id | left out | it numbers the rows
        """
        return [self._described(name) for name in self._notes or [*self.encoders, *self.left_out]]

    def _described(self, name):
        if name in self.left_out:
            return ColumnReport(name, "left out", self.left_out[name])
        encoder = self.encoders[name]
        return ColumnReport(name, encoder.kind, self._notes.get(name) or encoder.note)

    # ---- applying ----

    def transform(self, table):
        """A table's columns as a matrix, float32 (rows, len(feature_names)). Columns that are not known are ignored.

        Args:
            table: as `fit`'s. Text is read in the way that was learnt; a warning names the columns with cells that
                count as missing without being empty.

        Raises:
            ValueError: a column is missing, or holds text or infinity for numbers; the row is named.
            RuntimeError: not fitted.
        """
        if not self.encoders:
            raise RuntimeError("the preparation is not fitted: call fit(table) first")
        named = columns(table)
        require(self.encoders, named)
        parts = []
        for name, encoder in self.encoders.items():
            with _naming(name, named):
                values, odd = encoder.read(named[name], getattr(named, "mark", "."))
                if odd:
                    cells = named[name].tolist()
                    refuse_odd(encoder.kind, cells, odd, encoder.gaps)
                    note = f"column {name!r} {oddities(encoder.kind, cells, odd)}"
                    warnings.warn(in_lines(note, named), stacklevel=2)
                parts.append(encoder.apply(values))
        return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")

    def fit_transform(self, table):
        """`fit`, then `transform`."""
        return self.fit(table).transform(table)

    def unseen(self, table):
        """{column: in how many rows its category is one that `fit` did not see}, of the columns where there are any.

        Columns with more than max_categories are not looked at: what is none of those counts as rare there.

        Example:
            >>> import fastnet
            >>> preparation = fastnet.data.TablePreparation().fit({"colour": ["red", "blue"]})
            >>> preparation.unseen({"colour": ["green", "red", None]})
            {'colour': 1}
        """
        named = columns(table)
        require(self.encoders, named)
        counts = {name: encoder.unseen(as_texts(named[name])) for name, encoder in self.encoders.items()
                  if isinstance(encoder, Category)}
        return {name: count for name, count in counts.items() if count}

    @property
    def text_columns(self):
        """The columns that are categories or text: what `read_table(path, text=...)` should not read as numbers.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation().fit({"size": [1.0, 2.0], "zip": ["01234", "?"]}).text_columns
            ['zip']
        """
        return [name for name, encoder in self.encoders.items() if isinstance(encoder, Category | Text)]

    @property
    def feature_names(self):
        """What the columns of the matrix are."""
        return [feature for name, encoder in self.encoders.items() for feature in encoder.names(name)]

    # ---- keeping ----

    def to_dict(self):
        """Everything that was learnt, for JSON.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation(scale=None).fit({"size": [1.0, 3.0]}).to_dict()["columns"][0]["fill"]
            2.0
        """
        return {"columns": [{"name": name, "kind": encoder.kind, **asdict(encoder)}
                            for name, encoder in self.encoders.items()], "left_out": dict(self.left_out)}

    @classmethod
    def from_dict(cls, given):
        """The preparation that `to_dict` wrote down, ready to `transform`.

        Raises:
            ValueError: it is not of this form; the column is named.

        Example:
            >>> import fastnet
            >>> first = fastnet.data.TablePreparation().fit({"size": [1.0, 3.0]})
            >>> fastnet.data.TablePreparation.from_dict(first.to_dict()).transform({"size": [3.0]})
            array([[1.]], dtype=float32)
        """
        if not (isinstance(given, dict) and isinstance(given.get("columns"), list) and given["columns"]
                and isinstance(given.get("left_out"), dict)):
            raise ValueError(f"expected the dictionary of a table's preparation, got {given!r:.200}")
        made = cls()
        made.left_out = dict(given["left_out"])
        for entry in given["columns"]:
            name, encoder = _read(entry)
            made.encoders[name] = encoder
        if len(made.encoders) != len(given["columns"]):
            raise ValueError("the dictionary of a table's preparation has a column twice")
        return made


def _read(entry):
    """(name, encoder) of one column that was written down."""
    fields = dict(entry) if isinstance(entry, dict) else {}
    name, kind = fields.pop("name", None), fields.pop("kind", None)
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in ENCODERS:
        raise ValueError(f"expected a column of a known kind, {', '.join(ENCODERS)}, got {entry!r:.200}")
    try:
        with _naming(name):
            return name, ENCODERS[kind](**fields)
    except TypeError:
        raise ValueError(f"column {name!r}: expected other fields for a {kind}, got {', '.join(fields)}") from None


def _nested(named):
    """{name: why it is left out} of the columns whose cells hold more than one value."""
    return {name: "its cells hold more than one value" for name, column in named.items()
            if column.dtype == object and any(isinstance(cell, NESTED) for cell in column.tolist())}


def _is_empty(values):
    if isinstance(values, list):
        return all(text is None for text in values)
    return values.dtype.kind in "fM" and bool(np.isnan(values).all())


@contextmanager
def _naming(name, table=None):
    """Let the ValueErrors about a column name it, and the lines of the table's file."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"column {name!r}: {in_lines(str(e), table)}") from None
