"""A CSV file as blocks of cells: its header, its separator, lines that are not right, in one way for all libraries."""
import csv
import gzip
import re
from contextlib import contextmanager
from itertools import chain, islice, pairwise

from fastnet.data.cells import Cells, clean, objects
from fastnet.data.text_lines import REMEDY, shown

SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(r"(\"?)sep=(.)\1\s*", re.IGNORECASE)    # Excel's
QUOTED = re.compile(r'"[^"]*"')
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
LONGEST = 1 << 24                       # characters in a field; more are a quotation mark that nobody closed
BLOCK = 4096                            # rows that are turned into columns in one go: they fit into a cache


class CsvReader:
    """The lines of a CSV file, each with as many fields as the first, as blocks of cells.

    Args:
        path: of the file, for messages.
        lines: an iterator of text.
        separator: what stands between fields; None: it is found out.
        notes: a list of lines about the file, which may grow while it is read.

    Raises:
        ValueError: lines that are not right, at once or when their block is due; the message names the line.

    Example:
        >>> from fastnet.data.csv_reader import CsvReader
        >>> reader = CsvReader("sizes.csv", iter(["# of 2020\\n", "size,kind\\n", "1,a\\n", "2,b,\\n"]))
        >>> reader.block(1)["kind"].tolist(), reader.block(1)["kind"].tolist(), reader.block(1)
        (['a'], ['b'], None)
        >>> reader.notes
        ['line 1 is a comment: not used']
    """

    def __init__(self, path, lines, separator=None, notes=None):
        self.path, self.notes = shown(path), [] if notes is None else notes
        self.skipped = 0                                        # lines before the reader's first
        self.begin = 0                                          # the last line that is read whole
        with self._naming_lines():
            header, declared, following = self._found_header(lines)
            if not header:
                raise _NotCsvError(f"{self.path} is empty: expected a line with the names of the columns")
            if "\0" in header:
                raise _NotCsvError(f"{self.path} is no CSV file: its first line has no names of columns")
            self.separator = separator or declared or _separator_of(header)
            self.lines = csv.reader(chain([header], following), delimiter=self.separator, strict=True)
            given = [clean(name) for name in self._next_fields()]
            _check_header([name for name in given if name])
            self.names = self._named(given)
            self.nameless = {name for name, own in list(zip(self.names, given))[1:] if not own}   # the first may number

    def block(self, rows):
        """The Cells of the next lines; None at the end.

        Args:
            rows: the most; None: all.
        """
        parts, lines = [[] for _ in self.names], []
        while rows is None or len(lines) < rows:
            wanted = BLOCK if rows is None else min(BLOCK, rows - len(lines))
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
            if name not in self.nameless:
                named[name] = objects(part)
            elif any(cell is not None for cell in part):
                raise ValueError(f"{self.path}: column {self.names.index(name) + 1} has no name")
        return Cells(named, lines, self.separator, self.notes)

    # ---- the header ----

    def _found_header(self, lines):
        """(the line with the names, the separator that Excel's first line states, the lines that follow)."""
        declared, comments, number = None, [], 0
        for number, line in enumerate(lines):
            stated = SEPARATOR_LINE.fullmatch(line) if number == 0 else None
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
        self.skipped = number
        if comments:
            first, last = comments[0][0] + 1, comments[-1][0] + 1
            self.notes.append(f"line {first} is a comment: not used" if first == last else
                              f"the comments in lines {first} to {last} are not used")
        return line, declared, chain(following, lines)

    def _named(self, given):
        """Different names for all columns: those that are given twice get a number, those without their place."""
        names = {}
        for place, name in enumerate(given):
            own = name or f"Unnamed: {place}"                   # as pandas calls them
            number, free = 1, own
            while free in names or (number > 1 and free in given):
                number += 1
                free = f"{own}.{number}"
            if free != own:
                self.notes.append(f"column {place + 1} is called {free!r}: there is a column {own!r} before it")
            names[free] = place
        return list(names)

    # ---- rows ----

    def _next_fields(self):
        """The header's fields."""
        limit = csv.field_size_limit(LONGEST)
        try:
            return next(self.lines)
        finally:
            csv.field_size_limit(limit)

    def _rows(self, lines):
        """The fields of each line that has any; the line where it begins is noted."""
        limit = csv.field_size_limit(LONGEST)
        width, self.begin = len(self.names), self.lines.line_num       # where an earlier block may have ended
        try:
            for fields in self.lines:
                if len(fields) != width:                        # an empty line is none
                    fields = self._of_width(fields)
                if fields:
                    lines.append(self.begin + 1 + self.skipped)
                    yield fields
                self.begin = self.lines.line_num
        finally:
            csv.field_size_limit(limit)

    def _of_width(self, fields):
        """As many fields as columns, where only empty ones are too many, or columns without a name too few."""
        if not any(map(str.strip, fields[:1])) and len(fields) < 2:
            return []
        width = len(self.names)
        if any(map(str.strip, fields[width:])) or not self.nameless.issuperset(self.names[len(fields):]):
            raise ValueError(f"expected {width} fields as in the line of the names, got {len(fields)}")
        return [*fields[:width], *[""] * (width - len(fields))]

    @contextmanager
    def _naming_lines(self):
        try:
            yield
        except _NotCsvError:
            raise
        except UnicodeDecodeError as e:                         # a ValueError, too, but nobody knows of which line
            raise ValueError(f"{self.path} is no text in {e.encoding}: {e.reason}; {REMEDY}") from None
        except UnicodeError as e:
            raise ValueError(f"{self.path}: {e}; {REMEDY}") from None
        except (EOFError, gzip.BadGzipFile) as e:
            raise ValueError(f"{self.path} is no gzip file that can be read: {e}") from None
        except csv.Error as e:
            raise ValueError(f"{self.path}, {self._of_quotes(str(e))}") from None
        except ValueError as e:
            where = "" if str(e).startswith("line ") else f"line {self._line()}: "
            raise ValueError(f"{self.path}, {where}{e}") from None

    def _line(self):
        return self.skipped + (self.lines.line_num if hasattr(self, "lines") else 1)

    def _of_quotes(self, error):
        """What is wrong with the quotation marks of the row that is being read, and in which lines."""
        first, last = self.skipped + self.begin + 1, self._line()
        if "end of data" in error or "field larger" in error:
            return f"line {first}: a quotation mark opens a field, and none closes it"
        where = f"line {first}" if first == last else f"lines {first} to {last}"
        if "expected after" in error:
            return (f"{where}: expected {self.separator!r} or the end of the line after the quotation mark that closes "
                    'a field; inside a quoted field each is written twice ("")')
        return f"{where}: {error}"


class _NotCsvError(ValueError):
    """A file whose message is whole."""


def _separator_of(line):
    return max(SEPARATORS, key=QUOTED.sub("", line).count)


def _names_columns(comment, line):
    """Whether a line "#..." right above the first other line holds the names of columns, rather than a comment.

    It has as many fields as that line, and either the line has numbers or "#" is a part of a name.
    """
    fields = [cell.strip() for cell in line.split(_separator_of(line))]
    several = len(fields) > 1
    if QUOTED.sub("", comment).count(_separator_of(line)) + 1 != len(fields):
        return False
    has_numbers, joined = any(map(NUMBER.fullmatch, fields)), not comment.startswith("# ")
    return (several and (has_numbers or joined)) or (has_numbers and joined)


def _cleaned(cells):
    """Cells without spaces around them, None where nothing is left."""
    text = "".join(cells)
    if text.isascii() and text.isprintable() and " " not in text:       # the common case, decided for many at once
        return [cell or None for cell in cells]
    return [clean(cell) for cell in cells]


def _check_header(names):
    """Refuse a first line of numbers, but for those in order: 0, 1, 2; 2023, 2024; wavelengths."""
    if names and all(map(NUMBER.fullmatch, names)):
        numbers = [float(name.replace(",", ".")) for name in names]
        if any(b <= a for a, b in pairwise(numbers)):
            raise ValueError("expected the names of the columns, got numbers: put a line of names before them")
