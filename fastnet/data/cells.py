"""Columns of text cells: cleaned, and judged to be numbers, dates or text by all of their cells."""
import functools
import re
import unicodedata
from collections import Counter

import numpy as np

from fastnet.data.dates import Dates, are_digits, judged_dates
from fastnet.data.numerals import BOOLS, MARKS, MISSING, Numerals, currencies, judged_numerals, plain_numbers

# Cells that mean "missing" among numbers and dates, with a note, where they are at most half of a column's.
GAPS = frozenset(("?", "??", "???", "-", "--", "---", "–", "—", "*", ".", "..", "...", "none", "n.a.", "n.a", "missing",
                  "unknown", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!"))
ROW = re.compile(r"row (\d+) \(counted from 0\)")
HEAD = 1000                             # rows of a file that decide about its decimal mark
ODD = 0.1                               # of a column's cells, at most so many are no numbers and count as missing


def clean(text):
    """Text without spaces around it, in Unicode's composed form (NFC); None if nothing is left.

    Example:
        >>> from fastnet.data.cells import clean
        >>> clean(" red "), clean("  "), len(clean("e\\u0301"))
        ('red', None, 1)
    """
    text = text.strip()
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None


def objects(values):
    """A list as an array of objects; np.array would look into lists.

    Example:
        >>> from fastnet.data.cells import objects
        >>> objects(["a", [1, 2]])
        array(['a', list([1, 2])], dtype=object)
    """
    found = np.empty(len(values), object)
    found[:] = values
    return found


class Cells(dict):
    """The cells of a file as {name: array of text, None where a cell is empty}.

    Args:
        columns: the dictionary.
        lines: the line of the file in which each row begins.
        separator: what separates the fields of the file.
        notes: what was changed to make a table of the file, one line each.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.cells import Cells
        >>> cells = Cells({"a": np.array(["1", None], object), "b": np.array(["x", "y"], object)}, lines=[2, 3])
        >>> cells.without(["a"]), cells.without(["a"]).take([1]), cells.take([1]).lines
        ({'b': array(['x', 'y'], dtype=object)}, {'b': array(['y'], dtype=object)}, [3])
    """

    def __init__(self, columns, lines, separator=",", notes=()):
        super().__init__(columns)
        self.lines, self.separator, self.notes = lines, separator, list(notes)

    @functools.cached_property
    def mark(self):
        """The decimal mark of the file, by its first rows."""
        return decimal_mark({name: column[:HEAD].tolist() for name, column in self.items()}, self.separator)

    def without(self, names):
        """The other columns."""
        return self._with({name: column for name, column in self.items() if name not in names}, self.lines)

    def take(self, rows):
        """The rows at these places."""
        return self._with({name: column[rows] for name, column in self.items()}, [self.lines[row] for row in rows])

    def _with(self, columns, lines):
        """A part of the file, of which the whole file's mark holds."""
        made = Cells(columns, lines, self.separator, self.notes)
        made.mark = self.mark
        return made


def in_lines(text, table):
    """Text with the lines of a file in place of "row 3 (counted from 0)", if the table came from one.

    Example:
        >>> from fastnet.data.cells import Cells, in_lines
        >>> in_lines("'?' in row 1 (counted from 0)", Cells({}, lines=[2, 4]))
        "'?' in line 4"
    """
    if not isinstance(table, Cells):
        return text
    return ROW.sub(lambda found: f"line {table.lines[int(found[1])]}", text)


def form_of(cells, prefer="."):
    """How a column's cells are to be read: Numerals, Dates, or None for text.

    A column is numbers, or dates, if at most a tenth of its cells are something else; cells such as "?" that say that
    they are missing may be half. Whole numbers with leading zeros are codes, and codes are text.

    Args:
        cells: a list of text, None where it is missing; other objects among it are numbers if float takes them.
        prefer: the decimal mark where both fit.

    Example:
        >>> from fastnet.data.cells import form_of
        >>> form_of(["1.5", "?", None]), form_of(["31/12/2020"]), form_of(["02134", "10001"])
        (Numerals(mark='.', percent=100, unit='', powers=False), Dates(day_first=True, times=False), None)
    """
    plain = _plain_form(cells, prefer)
    if plain is not None:
        return Dates() if are_digits(cells) else plain
    counts = _counts(cells)
    if not counts:
        return Numerals(prefer)
    if _codes(cells):
        return None
    if are_digits(cell for cell in counts if not _is_gap(cell)):
        return Dates()
    expected = sum(n for cell, n in counts.items() if not _is_gap(cell))
    if 2 * expected < sum(counts.values()):             # "none" in most rows is a category, and no gap
        return None
    for judged in (lambda: judged_numerals(counts, prefer), lambda: judged_dates(counts)):
        form, read = judged()
        if read and expected - read <= ODD * expected:
            return form
    return None


def form_as(kind, cells, prefer="."):
    """How a column's cells are to be read if its user says that they are numbers or dates.

    Args:
        kind: "number" or "date".
        cells, prefer: as `form_of`'s.

    Example:
        >>> from fastnet.data.cells import form_as
        >>> form_as("number", ["02134", "1,5"])
        Numerals(mark=',', percent=100, unit='', powers=False)
    """
    counts = _counts(cells)
    return (judged_numerals(counts, prefer) if kind == "number" else judged_dates(counts))[0]


def decimal_mark(columns, separator=","):
    """The decimal mark of a table: "," if a column's numbers need it and those of none need ".".

    Args:
        columns: {name: list of cells}.
        separator: of its file; after semicolons a column such as "1,813" needs the comma.

    Example:
        >>> from fastnet.data.cells import decimal_mark
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
    return "," if all(mark == "," or form_of(columns[name], ",").mark == "," for name, mark in marks.items()) else "."


def typed(cells, form):
    """(a column's cells as an array, the rows whose cells count as missing without being empty).

    The array is float64, or int64 or bool if all cells are; datetime64[us]; or objects, text and None.

    Args:
        cells: a list.
        form: what `form_of` said.

    Example:
        >>> from fastnet.data.cells import form_of, typed
        >>> typed(["1", "2"], form_of(["1", "2"])), typed(["True"], form_of(["True"]))[0]
        ((array([1, 2]), []), array([ True]))
    """
    if form is None:
        return objects(cells), []
    values, odd = form.read(cells)
    if isinstance(form, Dates) or np.isnan(values).any():
        return values, odd
    if all(isinstance(cell, str) and cell.casefold() in BOOLS for cell in cells):
        return values.astype(np.bool_), odd
    return _whole(cells, values), odd


def remark(form, cells, odd):
    """What a user should know of a column that is read as numbers or dates; None for nothing.

    Args:
        form: Numerals or Dates.
        cells: a list.
        odd: the rows whose cells count as missing without being empty.

    Example:
        >>> from fastnet.data.cells import remark
        >>> from fastnet.data.numerals import Numerals
        >>> remark(Numerals(), ["$1", "?", "€2"], [1])
        "is numeric except '?' in row 1 (counted from 0); holds several currencies, not converted: $, €"
    """
    found = [oddities("date" if isinstance(form, Dates) else "number", cells, odd)]
    money = currencies(cells) if isinstance(form, Numerals) else []
    if len(money) > 1:
        found.append(f"holds several currencies, not converted: {', '.join(money)}")
    return "; ".join(filter(None, found)) or None


def one_spelling(texts):
    """{a spelling: the most frequent one} of texts that differ in capitals only, such as YES and yes beside Yes.

    Args:
        texts: a list of text, None where it is missing.

    Example:
        >>> from fastnet.data.cells import one_spelling
        >>> one_spelling(["Yes", "yes", "Yes", "no", None])
        {'yes': 'Yes'}
    """
    counts = Counter(text for text in texts if isinstance(text, str))
    most = {}
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        most.setdefault(text.casefold(), text)
    return {text: most[text.casefold()] for text in counts if most[text.casefold()] != text}


def spellings(same):
    """A note of what `one_spelling` found; None for nothing.

    Example:
        >>> from fastnet.data.cells import spellings
        >>> spellings({"yes": "Yes", "YES": "Yes", "NO": "no"})
        "counts 'NO' as 'no', 'YES' as 'Yes' and 1 more alike"
    """
    if not same:
        return None
    shown = ", ".join(f"{text!r} as {same[text]!r}" for text in sorted(same)[:2])
    return f"counts {shown}" + f" and {len(same) - 2} more alike" * (len(same) > 2)


def oddities(kind, cells, odd):
    """A note of the cells that count as missing: "is numeric except '?' in row 3 (counted from 0)"; None for none.

    Args:
        kind: "number" or "date".
        cells: a list.
        odd: the rows, in order.

    Example:
        >>> from fastnet.data.cells import oddities
        >>> oddities("number", ["1", "?", "2", "-"], [1, 3])
        "is numeric except '?' in row 1 (counted from 0) and 1 more cell"
    """
    if not odd:
        return None
    more = f" and {len(odd) - 1} more cell{'s' * (len(odd) > 2)}" if len(odd) > 1 else ""
    what = {"number": "is numeric", "date": "holds dates"}[kind]
    return f"{what} except {cells[odd[0]]!r} in row {odd[0]} (counted from 0){more}"


def _plain_form(cells, prefer):
    """The Numerals of a column that holds nothing but plain numbers, some with fractions: the common case, fast."""
    for mark in sorted(MARKS, key=lambda mark: mark != prefer):
        values = plain_numbers(cells, mark)
        if values is not None and (mark == prefer or any(Numerals(prefer).value(cell) is None for cell in cells)):
            return None if (values == np.floor(values)).any() and _codes(cells) else Numerals(mark)
    return None


def _whole(cells, values):
    """int64 where all cells are whole numbers of 64 bits, else the values as they are."""
    try:
        found = np.array(list(map(int, cells)), np.int64)
    except (ValueError, OverflowError):
        return values
    return found if np.array_equal(found, values) else values


def refuse_odd(kind, cells, odd, known=()):
    """Refuse a column of which more than a tenth of the cells hold something else than its kind.

    Args:
        kind, cells, odd: as `oddities`'.
        known: text that stands for missing values, however often.

    Raises:
        ValueError: naming the first wrong cell.
    """
    if not odd:
        return
    wrong = [row for row in odd if not (_is_gap(cells[row]) or cells[row] in known)]
    if len(wrong) > ODD * sum(cell is not None and not _is_gap(cell) for cell in cells):
        raise ValueError(f"expected a {kind}, got {cells[wrong[0]]!r} in row {wrong[0]} (counted from 0)")


def _counts(cells):
    """{cell: in how many rows}, without those that are missing."""
    counts = Counter(cells)
    return {cell: n for cell, n in counts.items()
            if not (cell is None or (isinstance(cell, str) and cell.casefold() in MISSING))}


def _is_gap(cell):
    return isinstance(cell, str) and cell.casefold() in GAPS


def _has_comma(cells):
    return any(isinstance(cell, str) and "," in cell for cell in cells)


def _codes(cells):
    """Whether whole numbers with leading zeros are the rule: a hundredth of the cells, or all are as long as those."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    zeros = sum(text[:1] == "0" and len(text) > 1 and text.isdigit() for text in texts)
    return zeros > 0 and (100 * zeros >= len(texts) or len({len(text) for text in texts if text.isdigit()}) == 1)
