"""Formats of columns: whether the cells of a column are numbers, dates or text, and how they are written.

A form is a Numerals (number format), a Dates (date format), or None for text. "Odd" rows are those whose cells do not
fit the form of their column: they count as missing, although they are not empty.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet.data.dates import Dates, are_digit_dates, judged_dates
from fastnet.data.numerals import BOOLS, DECIMAL_MARKS, MISSING_WORDS, Numerals, judged_numerals, plain_numbers
from fastnet.data.values import object_array

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Form", "decimal_mark", "form_as", "form_of", "kind_of_form", "refuse_odd", "typed"]

Form: TypeAlias = Numerals | Dates

# Words for "missing" that people write among numbers and dates. At most half of a column's cells may be such words.
_GAPS = frozenset(("?", "??", "???", "-", "--", "---", "–", "—", "*", ".", "..", "...", "none", "n.a.", "n.a",
                   "missing", "unknown", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!"))
_MOST_ODD = 0.1                         # part of a column's cells that may be odd


def kind_of_form(form: Form) -> Literal["number", "date"]:
    """The kind of a column with this form.

    Example:
        >>> from fastnet.data.dates import Dates
        >>> from fastnet.data.forms import kind_of_form
        >>> kind_of_form(Dates())
        'date'
    """
    return "date" if isinstance(form, Dates) else "number"


def form_of(cells: Sequence[Any], prefer: str = ".") -> Form | None:
    """Find out the form of a column: Numerals, Dates, or None for text.

    - A column is numeric, or holds dates, if at least nine tenths of its cells are numbers, or dates. Empty cells and
      words for "missing" do not count.
    - If more than half of the cells are words such as "none" or "?", the column is text: the word is then a category.
    - Whole numbers with leading zeros, such as 02134, are codes. A column of codes is text.

    Args:
        cells: text, or None for missing cells. Other objects count as numbers if `float` accepts them.
        prefer: the decimal mark to assume if both "." and "," are possible.

    Example:
        >>> from fastnet.data.forms import form_of
        >>> form_of(["1.5", "?", None]), form_of(["31/12/2020"]), form_of(["02134", "10001"])
        (Numerals(mark='.', percent=100, unit='', powers=False), Dates(day_first=True, times=False), None)
    """
    plain = _plain_form(cells, prefer)
    if plain is not None:
        return Dates() if are_digit_dates(cells) else plain
    counts = _counts(cells)
    if not counts:
        return Numerals(prefer)
    if _are_codes(cells):
        return None
    if are_digit_dates(cell for cell in counts if not _is_gap(cell)):
        return Dates()
    expected = sum(n for cell, n in counts.items() if not _is_gap(cell))
    if 2 * expected < sum(counts.values()):
        return None
    return _judged_form(counts, expected, prefer)


def _judged_form(counts: Mapping[Any, int], expected: int, prefer: str) -> Form | None:
    """The number format or else the date format that reads nearly all of the expected cells; None if neither does."""
    numerals, read = judged_numerals(counts, prefer)
    if _reads_enough(read, expected):
        return numerals
    dates, read = judged_dates(counts)
    return dates if _reads_enough(read, expected) else None


def _reads_enough(read: int, expected: int) -> bool:
    return read > 0 and expected - read <= _MOST_ODD * expected


def form_as(kind: Literal["number", "date"], cells: Sequence[Any], prefer: str = ".") -> Form:
    """Find out how numbers or dates are written in a column whose kind the user states.

    Args:
        kind: "number" or "date".
        cells, prefer: as for `form_of`.

    Example:
        >>> from fastnet.data.forms import form_as
        >>> form_as("number", ["02134", "1,5"])
        Numerals(mark=',', percent=100, unit='', powers=False)
    """
    counts = _counts(cells)
    return judged_numerals(counts, prefer)[0] if kind == "number" else judged_dates(counts)[0]


def decimal_mark(columns: Mapping[str, Sequence[Any]], separator: str = ",") -> str:
    """Find out the decimal mark of a table: "," if some column needs it and no column needs ".", else ".".

    Args:
        columns: the cells of each column, by name.
        separator: the field separator of the file. In a file with semicolons, "1,813" is read with a decimal comma.

    Example:
        >>> from fastnet.data.forms import decimal_mark
        >>> decimal_mark({"a": ["1,5"], "b": ["1.813"]}), decimal_mark({"a": ["1,5"], "b": ["1.5"]})
        (',', '.')
        >>> decimal_mark({"a": ["1,813"]}), decimal_mark({"a": ["1,813"]}, ";")
        ('.', ',')
    """
    prefer = {name: "," if separator == ";" and _has_comma(cells) else "." for name, cells in columns.items()}
    forms = {name: form_of(cells, prefer[name]) for name, cells in columns.items()}
    marks = {name: form.mark for name, form in forms.items() if isinstance(form, Numerals)}
    if "," not in marks.values():
        return "."
    return "," if all(mark == "," or _allows_comma(columns[name]) for name, mark in marks.items()) else "."


def _allows_comma(cells: Sequence[Any]) -> bool:
    form = form_of(cells, ",")
    return isinstance(form, Numerals) and form.mark == ","


def typed(cells: Sequence[Any], form: Form | None) -> tuple[Array, list[int]]:
    """Read the cells of a column; returns (the values as an array, the odd rows).

    The array is float64, or int64 or bool if all cells are; datetime64[us]; or Python objects, text and None.

    Args:
        cells: the cells.
        form: the result of `form_of`.

    Example:
        >>> from fastnet.data.forms import form_of, typed
        >>> typed(["1", "2"], form_of(["1", "2"])), typed(["True"], form_of(["True"]))[0]
        ((array([1, 2]), []), array([ True]))
    """
    if form is None:
        return object_array(cells), []
    values, odd = form.read(cells)
    if isinstance(form, Dates) or np.isnan(values).any():
        return values, odd
    if all(isinstance(cell, str) and cell.casefold() in BOOLS for cell in cells):
        return values.astype(np.bool_), odd
    return _as_integers(cells, values), odd


def _as_integers(cells: Sequence[Any], values: Array) -> Array:
    """The values as int64 if all cells are integers of 64 bits, else unchanged."""
    try:
        found = np.array(list(map(int, cells)), np.int64)
    except (ValueError, OverflowError):
        return values
    return found if np.array_equal(found, values) else values


def refuse_odd(kind: str, cells: Sequence[Any], odd: Sequence[int], known: Collection[str] = ()) -> None:
    """Raise if more than a tenth of a column's cells are odd.

    Args:
        kind: the kind of the column, "number" or "date".
        cells: the cells.
        odd: the odd rows, in order.
        known: words for missing values that may occur any number of times.

    Raises:
        ValueError: naming the first odd cell and its row.
    """
    if not odd:
        return
    wrong = [row for row in odd if not (_is_gap(cells[row]) or cells[row] in known)]
    if len(wrong) > _MOST_ODD * sum(cell is not None and not _is_gap(cell) for cell in cells):
        raise ValueError(f"expected a {kind}, got {cells[wrong[0]]!r} in row {wrong[0]} (counted from 0)")


def _plain_form(cells: Sequence[Any], prefer: str) -> Numerals | None:
    """The form of a column of plain numbers, at least one of them with a fraction: the common case, decided fast."""
    for mark in sorted(DECIMAL_MARKS, key=lambda mark: mark != prefer):
        values = plain_numbers(cells, mark)
        if values is not None and (mark == prefer or any(Numerals(prefer).value(cell) is None for cell in cells)):
            return None if (values == np.floor(values)).any() and _are_codes(cells) else Numerals(mark)
    return None


def _counts(cells: Iterable[Any]) -> dict[Any, int]:
    """How many rows each cell stands in, without missing cells."""
    counts = Counter(cells)
    return {cell: n for cell, n in counts.items()
            if not (cell is None or (isinstance(cell, str) and cell.casefold() in MISSING_WORDS))}


def _is_gap(cell: Any) -> bool:
    return isinstance(cell, str) and cell.casefold() in _GAPS


def _has_comma(cells: Iterable[Any]) -> bool:
    return any(isinstance(cell, str) and "," in cell for cell in cells)


def _are_codes(cells: Iterable[Any]) -> bool:
    """Whether a column has leading zeros in a hundredth of its cells, or has any and all its numbers are equally long.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    zeros = sum(text[:1] == "0" and len(text) > 1 and text.isdigit() for text in texts)
    return zeros > 0 and (100 * zeros >= len(texts) or len({len(text) for text in texts if text.isdigit()}) == 1)
