"""TablePreparation: converts the columns of a table to a matrix of numbers."""
from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastnet._core.errors import listed, one_of
from fastnet._core.reprs import options_of, repr_of
from fastnet.data.cells import Cells, in_lines
from fastnet.data.column_kinds import TEXTUAL, judged_kind, nested_columns
from fastnet.data.encoders import ENCODERS, Category, Text
from fastnet.data.forms import decimal_mark, form_as, form_of, kind_of_form, refuse_odd, typed
from fastnet.data.frames import MOST_LISTED, category_names, columns, require
from fastnet.data.notes import oddities, one_spelling, remark, spellings
from fastnet.data.values import as_texts, holds_dates

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Kind, Table
    from fastnet.data.encoders import Encoder
    from fastnet.data.forms import Form

__all__ = ["ColumnReport", "TablePreparation"]

_CATEGORY: Kind = "category"
_MOST_GAPS = 20                         # different words for missing values that are kept for each column


class ColumnReport(NamedTuple):
    """How a column was read: its kind is "number", "category", "text", "date" or "left out"."""
    name: str
    kind: str
    note: str


class TablePreparation:
    """Converts the columns of a table to a float32 matrix, in the way it learnt from another table.

    The kind of each column decides its features:

    - Number, for numbers and bools: missing values are filled in, outliers clipped if you ask for it, and the values
      shifted and scaled to mean 0 and standard deviation 1. Text counts as numbers if at least nine tenths of its cells
      are numbers as people write them: 1,813.76 or 1.813,76, 47%, $101, (12.5), 12 kg, 1.5M. Its other cells count as
      missing.
    - Date: the time, shifted and scaled, and the month, the weekday and the time of day as sine and cosine. Text counts
      as dates if at least nine tenths of its cells are dates.
    - Category, for other text whose values repeat: one column of 0 and 1 per category. Categories that differ in
      capitals only are one category, unless you state the kind.
    - Text, for other text of several words: the words, weighted by TF-IDF.

    Columns that number the rows, are empty, or hold a different word in most rows are left out. The preparation learns
    the same as scikit-learn's SimpleImputer, StandardScaler or RobustScaler, OneHotEncoder and TfidfVectorizer.
    `to_dict` converts what it learnt to JSON.

    Args:
        kinds: {column: "number", "category", "text" or "date"} for columns whose kind would be chosen wrongly.
        leave_out: names of columns to leave out.
        missing: what replaces missing numbers: "median", "mean" or "most_frequent". Missing categories always become
            the most frequent one, and missing text is empty.
        clip: (low, high), quantiles to which numbers are clipped, such as (0.01, 0.99); None: no clipping.
        scale: "standard" (mean and standard deviation), "robust" (median and quartiles) or None.
        max_categories: maximum number of categories per column; the rarest ones beyond it become one category.
        max_words: maximum number of words per column; the most frequent ones are kept.

    Attributes:
        encoders: {column: its encoder}, after `fit`.
        left_out: {column: the reason why it is left out}, after `fit`.

    Raises:
        ValueError: a setting is unknown or out of range.

    Example:
        >>> import fastnet
        >>> table = {"size": [1.0, 3.0, None], "colour": ["red", "blue", "red"]}
        >>> preparation = fastnet.data.TablePreparation().fit(table)
        >>> preparation
        TablePreparation(columns={'size': 'number', 'colour': 'category'}, features=3)
        >>> preparation.feature_names
        ['size', 'colour=blue', 'colour=red']
        >>> preparation.transform({"colour": ["blue", "green"], "size": [2.0, 2.0]})
        array([[0., 1., 0.],
               [0., 0., 0.]], dtype=float32)
    """

    kinds: dict[str, Kind]
    leave_out: tuple[str, ...]
    missing: Literal["median", "mean", "most_frequent"]
    clip: tuple[float, float] | None
    scale: Literal["standard", "robust"] | None
    max_categories: int
    max_words: int
    encoders: dict[str, Encoder]
    left_out: dict[str, str]

    def __init__(self, kinds: Mapping[str, Kind] | None = None, leave_out: Iterable[str] = (),
                 missing: Literal["median", "mean", "most_frequent"] = "median",
                 clip: tuple[float, float] | None = None, scale: Literal["standard", "robust"] | None = "standard",
                 max_categories: int = 50, max_words: int = 500) -> None:
        _check_option("way to fill in", missing, ("median", "mean", "most_frequent"))
        _check_option("scale", scale, ("standard", "robust", None))
        for kind in (kinds or {}).values():
            _check_option("kind of column", kind, tuple(ENCODERS))
        if clip is not None and not 0 <= clip[0] < clip[1] <= 1:
            raise ValueError(f"expected clip to be two quantiles, 0 <= low < high <= 1, got {clip}")
        if max_categories < 2 or max_words < 1:
            raise ValueError(f"expected max_categories >= 2 and max_words >= 1, got {max_categories} and {max_words}")
        self.kinds, self.leave_out = dict(kinds or {}), tuple(leave_out)
        self.missing, self.clip, self.scale = missing, clip, scale
        self.max_categories, self.max_words = max_categories, max_words
        self._forget()

    def _forget(self) -> None:
        self.encoders, self.left_out = {}, {}
        self._notes: dict[str, str | None] = {}         # about each column, in the order of the table
        self._gaps: dict[str, list[str]] = {}           # words for missing values in each column

    def __repr__(self) -> str:
        """The columns with their kinds, or before `fit` the settings that differ from their defaults."""
        if not self.encoders:
            settings = {name: value for name, value in options_of(self).items() if value or name == "scale"}
            return repr_of(self, **settings)
        kinds = {name: encoder.kind for name, encoder in self.encoders.items()}
        left_out = {"left_out": list(self.left_out)} if self.left_out else {}
        return repr_of(self, columns=kinds, **left_out, features=len(self.feature_names))

    # ---- learning ----

    def fit(self, table: Table, rows: Any = None) -> TablePreparation:
        """Learn from a table without its target (see `split_target`); returns the preparation.

        Args:
            table: a pandas or polars DataFrame, or a mapping from names to columns, such as `read_cells` returns.
            rows: numbers of the rows to learn from; by default all. The way in which cells are written (the decimal
                mark, the order of day and month) is always found out from all rows.

        Raises:
            ValueError: no column can be used, or a column contains values that its kind does not allow.
        """
        named = columns(table)
        require([*self.kinds, *self.leave_out], named)
        self._forget()
        self._notes = dict.fromkeys(named)
        kinds: dict[str, Kind] = {**dict.fromkeys(category_names(table), _CATEGORY), **self.kinds}
        nested = {} if isinstance(named, Cells) else nested_columns(named)
        cells = self._cells({name: column for name, column in named.items() if name not in nested}, kinds)
        forms = _forms(cells, kinds, named.mark if isinstance(named, Cells) else decimal_mark(cells))
        for name, column in named.items():
            reason = "as asked" if name in self.leave_out else nested.get(name)
            with _naming(name, named):
                form = forms.get(name)
                values = self._typed(name, cells[name], form) if form else column
                self._fit_column(name, values, form, kinds.get(name), reason, rows)
        self._require_columns()
        self._notes = {name: note and in_lines(note, named) for name, note in self._notes.items()}
        return self

    def _require_columns(self) -> None:
        if not self.encoders:
            reasons = (f"{name!r} ({reason})" for name, reason in self.left_out.items())
            raise ValueError(f"no column can be used, all are left out: {listed(reasons, MOST_LISTED)}")

    def _cells(self, named: Mapping[str, Array], kinds: Mapping[str, Kind]) -> dict[str, list[Any]]:
        """The cells of the columns that may be numbers or dates written as text."""
        cells: dict[str, list[Any]] = {}
        for name, column in named.items():
            stated = kinds.get(name)
            if name not in self.leave_out and (
                    stated not in TEXTUAL if column.dtype == object else
                    stated == "date" or (stated is None and holds_dates(column))):
                cells[name] = column.tolist() if column.dtype == object else as_texts(column)
        return cells

    def _typed(self, name: str, cells: Sequence[Any], form: Form) -> Array:
        """The values of a column's cells; cells that count as missing are noted."""
        values, odd = typed(cells, form)
        refuse_odd(kind_of_form(form), cells, odd)
        self._notes[name] = remark(form, cells, odd)
        self._gaps[name] = sorted({cells[row] for row in odd if isinstance(cells[row], str)})[:_MOST_GAPS]
        return values

    def _fit_column(self, name: str, column: Array, form: Form | None, stated: Kind | None, reason: str | None,
                    rows: Any) -> None:
        """Learn the encoder of a column, or the reason to leave it out."""
        kind: Kind | None = stated
        values: Any = None
        if not reason:
            kind, values, reason = judged_kind(name, column, stated, slice(None) if rows is None else rows,
                                               self.max_categories)
        if reason or kind is None:
            self.left_out[name] = reason or ""
        elif kind == "category" and stated is None:
            same = one_spelling(values)
            self._notes[name] = spellings(same)
            self.encoders[name] = Category.fit([same.get(text, text) for text in values], self, any_case=True)
        else:
            encoder: Any = ENCODERS[kind]
            self.encoders[name] = fitted = encoder.fit(values, self, form)
            if name in self._gaps:
                fitted.gaps = self._gaps[name]

    @property
    def notes(self) -> list[str]:
        """A line about each column with cells that counted as missing in `fit`, although they were not empty.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation().fit({"size": ["1.5", "?", "2"]}).notes
            ["column 'size' is numeric except '?' in row 1 (counted from 0)"]
        """
        return [f"column {name!r} {note}" for name, note in self._notes.items() if note]

    def describe(self) -> list[ColumnReport]:
        """How each column was read: a list of ColumnReport(name, kind, note), in the order of the table.

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

    def _described(self, name: str) -> ColumnReport:
        if name in self.left_out:
            return ColumnReport(name, "left out", self.left_out[name])
        encoder = self.encoders[name]
        return ColumnReport(name, encoder.kind, self._notes.get(name) or encoder.note)

    # ---- applying ----

    def transform(self, table: Table) -> Array:
        """Convert a table to a matrix, float32 (rows, len(feature_names)). Unknown columns are ignored.

        Args:
            table: as for `fit`. Text is read in the way that was learnt. A warning names the columns with cells that
                count as missing, although they are not empty.

        Raises:
            ValueError: a column is missing, or contains text or infinity in place of numbers; the error names the row.
            RuntimeError: the preparation is not fitted.
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
                    refuse_odd(encoder.kind, cells, odd, getattr(encoder, "gaps", ()))
                    note = f"column {name!r} {oddities(encoder.kind, cells, odd)}"
                    warnings.warn(in_lines(note, named), stacklevel=2)
                parts.append(encoder.apply(values))
        return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")

    def fit_transform(self, table: Table) -> Array:
        """Call `fit`, then `transform`."""
        return self.fit(table).transform(table)

    def unseen(self, table: Table) -> dict[str, int]:
        """For each column with categories that `fit` did not see: the number of rows with such categories.

        Columns with more than max_categories are not examined: in them, unknown categories count as rare ones.

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
    def text_columns(self) -> list[str]:
        """The columns of categories and text, which `read_table(path, text=...)` should not convert to numbers.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation().fit({"size": [1.0, 2.0], "zip": ["01234", "?"]}).text_columns
            ['zip']
        """
        return [name for name, encoder in self.encoders.items() if isinstance(encoder, Category | Text)]

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns of the matrix."""
        return [feature for name, encoder in self.encoders.items() for feature in encoder.names(name)]

    # ---- keeping ----

    def to_dict(self) -> dict[str, Any]:
        """Everything that was learnt, as plain values for JSON.

        Example:
            >>> import fastnet
            >>> fastnet.data.TablePreparation(scale=None).fit({"size": [1.0, 3.0]}).to_dict()["columns"][0]["fill"]
            2.0
        """
        return {"columns": [{"name": name, "kind": encoder.kind, **_fields(encoder)}
                            for name, encoder in self.encoders.items()], "left_out": dict(self.left_out)}

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> TablePreparation:
        """Restore a preparation from the result of `to_dict`, ready for `transform`.

        Raises:
            ValueError: the dictionary has another form; the error names the column.

        Example:
            >>> import fastnet
            >>> first = fastnet.data.TablePreparation().fit({"size": [1.0, 3.0]})
            >>> fastnet.data.TablePreparation.from_dict(first.to_dict()).transform({"size": [3.0]})
            array([[1.]], dtype=float32)
        """
        if not (isinstance(given, dict) and isinstance(given.get("columns"), list) and given["columns"]
                and isinstance(given.get("left_out"), dict)):
            raise ValueError(f"expected the dictionary of a TablePreparation, got {given!r:.200}")
        made = cls()
        made.left_out = dict(given["left_out"])
        for entry in given["columns"]:
            name, encoder = _encoder_from(entry)
            made.encoders[name] = encoder
        if len(made.encoders) != len(given["columns"]):
            raise ValueError("expected different columns in the dictionary of a TablePreparation, got a column twice")
        return made


def _check_option(what: str, given: object, known: tuple[Any, ...]) -> None:
    if given not in known:
        raise one_of(what, given, known)


def _forms(cells: Mapping[str, Sequence[Any]], kinds: Mapping[str, Kind], mark: str) -> dict[str, Form | None]:
    """The form of each column, also of those whose kind the user states."""
    forms: dict[str, Form | None] = {}
    for name, column in cells.items():
        stated = kinds.get(name)
        forms[name] = form_as(stated, column, mark) if stated in ("number", "date") else form_of(column, mark)
    return forms


def _fields(encoder: Any) -> dict[str, Any]:
    return asdict(encoder)


def _encoder_from(entry: Any) -> tuple[str, Encoder]:
    """(name of the column, encoder), given one column of the dictionary."""
    fields = dict(entry) if isinstance(entry, dict) else {}
    name, kind = fields.pop("name", None), fields.pop("kind", None)
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in ENCODERS:
        raise ValueError(f"expected a column of a known kind, {', '.join(ENCODERS)}, got {entry!r:.200}")
    try:
        with _naming(name):
            return name, ENCODERS[kind](**fields)
    except TypeError:
        raise ValueError(f"column {name!r}: expected the fields of a {kind}, got {', '.join(fields)}") from None


@contextmanager
def _naming(name: str, table: object = None) -> Iterator[None]:
    """Make ValueErrors name the column, and the lines of the table's file instead of rows."""
    try:
        yield
    except ValueError as e:
        raise ValueError(f"column {name!r}: {in_lines(str(e), table)}") from None
