"""CsvReader: reads a CSV file as blocks of cells, without pandas or polars."""
from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING

from fastnet.data.cells import Cells, clean
from fastnet.data.text_lines import REMEDY, shown
from fastnet.data.values import object_array

if TYPE_CHECKING:
    from fastnet._core.annotations import StrPath

__all__ = ["CsvReader"]

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"(\"?)sep=(.)\1\s*", re.IGNORECASE)   # Excel writes it before the header
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
_LONGEST_FIELD = 1 << 24                # in characters; a longer one means that a quotation mark is not closed
_READ_ROWS = 4096                    # rows to transpose into columns at once; they fit into the cache


class CsvReader:
    """Reads the lines of a CSV file as blocks of cells. Each line must have as many fields as the header.

    The header is the first line that is neither empty nor a comment ("# ...").

    Args:
        path: path of the file, for messages.
        lines: the lines of the file.
        separator: the field separator; None: find it out.
        notes: a list to which notes about the file are appended.

    Attributes:
        names: the names of the columns.
        separator: the field separator.
        notes: the notes.

    Raises:
        ValueError: a malformed line, which the error names; raised by the constructor for the header, and by `block`
            for other lines.

    Example:
        >>> from fastnet.data.csv_reader import CsvReader
        >>> reader = CsvReader("sizes.csv", iter(["# of 2020\\n", "size,kind\\n", "1,a\\n", "2,b,\\n"]))
        >>> reader.block(1)["kind"].tolist(), reader.block(1)["kind"].tolist(), reader.block(1)
        (['a'], ['b'], None)
        >>> reader.notes
        ['line 1 is a comment and is not used']
    """

    path: str
    names: list[str]
    separator: str
    notes: list[str]

    def __init__(self, path: StrPath, lines: Iterator[str], separator: str | None = None,
                 notes: list[str] | None = None) -> None:
        self.path = shown(path)
        self.notes = [] if notes is None else notes
        self._skipped = 0                                        # lines before the header
        self._begin = 0                                          # the last line of the previous row
        with self._naming_lines():
            header, declared, following = self._found_header(lines)
            if not header:
                raise _NotCsvError(f"{self.path} is empty: expected a line with the names of the columns")
            if "\0" in header:
                raise _NotCsvError(f"{self.path}: expected a CSV file that begins with the names of the columns, got "
                                   "binary data")
            self.separator = separator or declared or _separator_of(header)
            self._lines = csv.reader(chain([header], following), delimiter=self.separator, strict=True)
            given = [clean(name) for name in self._next_fields()]
            _check_header([name for name in given if name])
            self.names = self._different_names(given)
            # the first column may have no name: it often numbers the rows
            self._nameless = {name for name, own in list(zip(self.names, given))[1:] if not own}

    def block(self, rows: int | None) -> Cells | None:
        """Read the Cells of the next rows; None at the end of the file.

        Args:
            rows: maximum number of rows; None: all.
        """
        parts: list[list[str | None]] = [[] for _ in self.names]
        lines: list[int] = []
        while rows is None or len(lines) < rows:
            wanted = _READ_ROWS if rows is None else min(_READ_ROWS, rows - len(lines))
            with self._naming_lines():
                fields = list(islice(self._rows(lines), wanted))
            for part, cells in zip(parts, zip(*fields)):
                part.extend(_cleaned(cells))
            if len(fields) < wanted:
                break
        if not lines:
            return None
        named = {}
        for name, part in zip(self.names, parts):
            if name not in self._nameless:
                named[name] = object_array(part)
            elif any(cell is not None for cell in part):
                raise ValueError(f"{self.path}: expected a name for column {self.names.index(name) + 1}, which has "
                                 "values, got an empty name")
        return Cells(named, lines, self.separator, self.notes)

    # ---- the header ----

    def _found_header(self, lines: Iterator[str]) -> tuple[str, str | None, Iterator[str]]:
        """Find the header; returns (it, the separator stated in a line "sep=" before it, the lines from the header on).

        If no line follows the comments, or the comment right above the first line holds names, it is the header.
        """
        declared: str | None = None
        comments: list[tuple[int, str]] = []
        number = 0
        for number, line in enumerate(lines):
            stated = _SEPARATOR_LINE.fullmatch(line) if number == 0 else None
            if stated:
                declared = stated[2]
            elif line.startswith("#"):
                comments.append((number, line))
            elif line.strip():
                break
        else:
            line = ""
        following = [line] if line else []
        if comments and (not line or (comments[-1][0] == number - 1 and _names_columns(comments[-1][1], line))):
            number, line = comments.pop()
        else:
            following = []
        self._skipped = number
        if comments:
            first, last = comments[0][0] + 1, comments[-1][0] + 1
            self.notes.append(f"line {first} is a comment and is not used" if first == last else
                              f"the comments in lines {first} to {last} are not used")
        return line, declared, chain(following, lines)

    def _different_names(self, given: Sequence[str | None]) -> list[str]:
        """A different name for each column: repeated names get a number, empty ones become "Unnamed: 3"."""
        names: dict[str, int] = {}
        for place, name in enumerate(given):
            own = name or f"Unnamed: {place}"                   # pandas' name for it
            number, free = 1, own
            while free in names or (number > 1 and free in given):
                number += 1
                free = f"{own}.{number}"
            if free != own:
                self.notes.append(f"column {place + 1} is renamed {free!r}: an earlier column is called {own!r}")
            names[free] = place
        return list(names)

    # ---- rows ----

    def _next_fields(self) -> list[str]:
        """The fields of the header."""
        limit = csv.field_size_limit(_LONGEST_FIELD)
        try:
            return next(self._lines)
        finally:
            csv.field_size_limit(limit)

    def _rows(self, lines: list[int]) -> Iterator[list[str]]:
        """Iterate over the fields of each row that is not empty; append the number of its first line to `lines`."""
        limit = csv.field_size_limit(_LONGEST_FIELD)
        width, self._begin = len(self.names), self._lines.line_num       # the end of the previous block
        try:
            for fields in self._lines:
                if len(fields) != width:
                    fields = self._fitted(fields)               # [] for an empty line
                if fields:
                    lines.append(self._begin + 1 + self._skipped)
                    yield fields
                self._begin = self._lines.line_num
        finally:
            csv.field_size_limit(limit)

    def _fitted(self, fields: list[str]) -> list[str]:
        """As many fields as columns: surplus fields must be empty, missing ones must belong to nameless columns."""
        if not any(map(str.strip, fields[:1])) and len(fields) < 2:
            return []
        width = len(self.names)
        if any(map(str.strip, fields[width:])) or not self._nameless.issuperset(self.names[len(fields):]):
            raise ValueError(f"expected {width} fields, as in the line with the column names, got {len(fields)}")
        return [*fields[:width], *[""] * (width - len(fields))]

    @contextmanager
    def _naming_lines(self) -> Iterator[None]:
        """Make errors name the file and the line."""
        try:
            yield
        except _NotCsvError:
            raise
        except UnicodeDecodeError as e:                         # the line is unknown: decoding runs ahead
            raise ValueError(f"{self.path} is not valid text in the encoding {e.encoding}: {e.reason}; "
                             f"{REMEDY}") from None
        except UnicodeError as e:
            raise ValueError(f"{self.path}: {e}; {REMEDY}") from None
        except (EOFError, gzip.BadGzipFile) as e:
            raise ValueError(f"cannot unpack the gzip file {self.path}: {e}") from None
        except csv.Error as e:
            raise ValueError(f"{self.path}, {self._quotes_error(str(e))}") from None
        except ValueError as e:
            where = "" if str(e).startswith("line ") else f"line {self._line()}: "
            raise ValueError(f"{self.path}, {where}{e}") from None

    def _line(self) -> int:
        return self._skipped + (self._lines.line_num if hasattr(self, "_lines") else 1)

    def _quotes_error(self, error: str) -> str:
        """Describe an error in the quotation marks of the current row, with its lines."""
        first, last = self._skipped + self._begin + 1, self._line()
        if "end of data" in error or "field larger" in error:
            return f"line {first}: expected a closing quotation mark, got none until the end of the field"
        where = f"line {first}" if first == last else f"lines {first} to {last}"
        if "expected after" in error:
            return (f"{where}: expected {self.separator!r} or the end of the line after a closing quotation mark; "
                    'inside a quoted field, write each quotation mark twice ("")')
        return f"{where}: {error}"


class _NotCsvError(ValueError):
    """An error whose message already names the file."""


def _separator_of(line: str) -> str:
    """The most frequent separator in the header, outside quotation marks."""
    return max(_SEPARATORS, key=_QUOTED.sub("", line).count)


def _names_columns(comment: str, line: str) -> bool:
    """Whether a line "#..." right above the first other line is the header and not a comment.

    It is if it has as many fields as the other line, and that line has numbers or "#" is followed by a letter.
    """
    fields = [cell.strip() for cell in line.split(_separator_of(line))]
    several = len(fields) > 1
    if _QUOTED.sub("", comment).count(_separator_of(line)) + 1 != len(fields):
        return False
    has_numbers, joined = any(map(_NUMBER.fullmatch, fields)), not comment.startswith("# ")
    return (several and (has_numbers or joined)) or (has_numbers and joined)


def _cleaned(cells: Sequence[str]) -> list[str | None]:
    """Cells without surrounding spaces, None for empty ones."""
    text = "".join(cells)
    if text.isascii() and text.isprintable() and " " not in text:       # the common case, decided for all at once
        return [cell or None for cell in cells]
    return [clean(cell) for cell in cells]


def _check_header(names: Sequence[str]) -> None:
    """Raise if the header consists of numbers, unless they increase: 0, 1, 2; 2023, 2024; wavelengths."""
    if names and all(map(_NUMBER.fullmatch, names)):
        numbers = [float(name.replace(",", ".")) for name in names]
        if any(b <= a for a, b in pairwise(numbers)):
            raise ValueError("expected the names of the columns, got numbers: put a line of names before them")
