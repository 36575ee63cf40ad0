"""Cells: a table of text as it stands in a file, and the cleaning of text."""
from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fastnet._core.reprs import repr_of
from fastnet.data.forms import decimal_mark

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Cells", "clean", "in_lines"]

_ROW = re.compile(r"row (\d+) \(counted from 0\)")
_SAMPLED_ROWS = 1000                    # the first rows of a file, which decide its decimal mark


def clean(text: str) -> str | None:
    """Text without surrounding spaces, in Unicode's composed form (NFC); None if nothing is left.

    Example:
        >>> from fastnet.data.cells import clean
        >>> clean(" red "), clean("  "), len(clean("e\\u0301"))
        ('red', None, 1)
    """
    text = text.strip()
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None


class Cells(dict[str, "Array"]):
    """The cells of a file: {name of the column: array of text}, with None for empty cells.

    Args:
        columns: the columns by name.
        lines: for each row, the number of the line in the file where it begins.
        separator: the field separator of the file.
        notes: one line of text for each change that was needed to read the file as a table.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.cells import Cells
        >>> cells = Cells({"a": np.array(["1", None], object), "b": np.array(["x", "y"], object)}, lines=[2, 3])
        >>> cells
        Cells(rows=2, columns=['a', 'b'])
        >>> dict(cells.without(["a"])), cells.take([1])["b"], cells.take([1]).lines
        ({'b': array(['x', 'y'], dtype=object)}, array(['y'], dtype=object), [3])
    """

    lines: list[int]
    separator: str
    notes: list[str]

    def __init__(self, columns: Mapping[str, Array], lines: list[int], separator: str = ",",
                 notes: Iterable[str] = ()) -> None:
        super().__init__(columns)
        self.lines, self.separator, self.notes = lines, separator, list(notes)

    @functools.cached_property
    def mark(self) -> str:
        """The decimal mark of the file, judged by its first rows."""
        return decimal_mark({name: column[:_SAMPLED_ROWS].tolist() for name, column in self.items()}, self.separator)

    def without(self, names: Collection[str]) -> Cells:
        """The cells without some columns."""
        return self._part({name: column for name, column in self.items() if name not in names}, self.lines)

    def take(self, rows: Any) -> Cells:
        """The cells of some rows, given by their numbers."""
        return self._part({name: column[rows] for name, column in self.items()}, [self.lines[row] for row in rows])

    def _part(self, columns: Mapping[str, Array], lines: list[int]) -> Cells:
        """A part of the cells, with the decimal mark of the whole file."""
        made = Cells(columns, lines, self.separator, self.notes)
        made.mark = self.mark
        return made

    def __repr__(self) -> str:
        return repr_of(self, rows=len(self.lines), columns=list(self))


def in_lines(text: str, table: object) -> str:
    """Replace "row 3 (counted from 0)" in a message by the line number in the file, if the table is Cells.

    Example:
        >>> from fastnet.data.cells import Cells, in_lines
        >>> in_lines("'?' in row 1 (counted from 0)", Cells({}, lines=[2, 4]))
        "'?' in line 4"
    """
    if not isinstance(table, Cells):
        return text
    return _ROW.sub(lambda found: f"line {table.lines[int(found[1])]}", text)
