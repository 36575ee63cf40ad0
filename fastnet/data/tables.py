"""Tables from files. A CSV file is text cells, read in one way whichever libraries are installed; Parquet has types."""
import codecs
import csv
import gzip
import importlib
import io
import re
import sys
import warnings
from contextlib import ExitStack, contextmanager
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any


from fastnet._optional import optional
from fastnet.data.cells import Cells, clean, form_of, in_lines, objects, oddities, typed
from fastnet.data.dates import Dates
from fastnet.data.frames import columns

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet", ".pq")
PARQUET = (".parquet", ".pq")
STANDARD_INPUT = "-"
SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(r"(\"?)sep=(.)\1\s*", re.IGNORECASE)    # Excel's
QUOTED = re.compile(r'"[^"]*"')
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
GZIP = b"\x1f\x8b"
LONGEST = 1 << 24                       # characters in a field; more are a quotation mark that nobody closed
BLOCK = 4096                            # rows that are turned into columns in one go: they fit into a cache


def read_table(path, separator=None, text=()):
    """A CSV or Parquet file as a frame: pandas' where it is installed, else polars'. Both hold the same.

    The columns of a CSV file are those of `read_cells`. A column holds numbers if at least nine tenths of its cells are
    numbers as people write them (1,813.76 or 1.813,76, 47%, $101, (12.5)), or dates in UTC if so many are dates
    (2020-12-31T23:59Z, 31/12/2020, 31 Dec 2020). Other cells in it are missing, with a warning unless they say so, such
    as "NA". All other columns are text, also whole numbers with leading zeros.

    Args:
        path: a file that ends in .csv, .tsv, .txt, the same with .gz, .parquet or .pq; "-" is CSV from standard input.
        separator: what stands between the fields of a CSV file; by default what its line "sep=" says, or the one of
            comma, semicolon, tab and bar that the first line has most of outside quotation marks.
        text: names of columns of a CSV file that are text whatever they look like, such as the `text_columns` of a
            TablePreparation. Columns that are not there are ignored.

    Returns:
        A DataFrame.

    Raises:
        ValueError: another ending; a line of another number of fields, which is named; numbers in place of names; no
            rows; a file that is no text or no Parquet file.
        OSError: there is no such file.
        ImportError: neither pandas nor polars is installed.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "flowers.csv")
        ...     _ = path.write_text("size,kind\\n1.5,a\\n$2.50,b\\n")
        ...     table = fastnet.data.read_table(path)
        >>> fastnet.data.columns(table)
        {'size': array([1.5, 2.5]), 'kind': array(['a', 'b'], dtype=object)}
    """
    if str(path).lower().endswith(PARQUET):
        return _parquet(Path(path))
    library, pandas = _library("reading CSV files")
    cells = read_cells(path, separator)
    notes, found = list(cells.notes), {}
    lists = {name: column.tolist() for name, column in cells.items()}
    for name, column in lists.items():
        form = None if name in text else form_of(column, cells.mark)
        found[name], odd = typed(column, form)
        if odd:
            kind = "date" if isinstance(form, Dates) else "number"
            notes.append(in_lines(f"column {name!r} {oddities(kind, column, odd)}", cells))
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return library.DataFrame(found) if pandas else library.DataFrame(found, nan_to_null=True)


def read_columns(path, separator=None):
    """A file as what `columns` gives of a table: the `read_cells` of a CSV file, typed columns of a Parquet file.

    Args:
        path, separator: as `read_table`'s.

    Raises:
        ValueError, OSError: as `read_table`.
        ImportError: neither pandas nor polars is installed, which only a Parquet file needs.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "prices.csv")
        ...     _ = path.write_text("price,left\\n1.50,yes\\n$2,no\\n")
        ...     features, target = fastnet.data.split_target(fastnet.data.read_columns(path), "left")
        >>> fastnet.data.TablePreparation().fit_transform(features).tolist(), target.tolist()
        ([[-1.0], [1.0]], ['yes', 'no'])
    """
    if str(path).lower().endswith(PARQUET):
        return columns(_parquet(Path(path)))
    return read_cells(path, separator)


def read_cells(path, separator=None):
    """A CSV file as its cells: text without spaces around it, None where a cell is empty.

    TablePreparation reads numbers and dates in it as it learnt from the table that it was fitted to. The first line
    names the columns; a name that is there already gets a number: "price", "price.2". Every line must have as many
    fields as it. Accents are in their composed form (NFC).

    Args:
        path, separator: as `read_table`'s.

    Returns:
        Cells, a dictionary {name: array of text} with the attributes `lines`, `mark` and `notes`.

    Raises:
        ValueError, OSError: as `read_table`.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "prices.txt")
        ...     _ = path.write_text("sep=;\\nprice;price\\n1,5; 2 \\n;NA\\n")
        ...     cells = fastnet.data.read_cells(path)
        >>> cells["price"].tolist(), cells["price.2"].tolist(), cells.lines, cells.notes
        (['1,5', None], ['2', 'NA'], [3, 4], ["column 2 is called 'price.2': there is a column 'price' before it"])
    """
    [cells] = read_blocks(path, None, separator)
    return cells


def read_blocks(path, rows, separator=None):
    """The cells of a CSV file in blocks of so many rows, as `read_cells` has them, one after the other.

    Args:
        path, separator: as `read_table`'s.
        rows: of a block; None: all are one block.

    Raises:
        ValueError, OSError: as `read_table`, when the block is due.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "sizes.csv")
        ...     _ = path.write_text("size\\n1\\n2\\n3\\n")
        ...     [block["size"].tolist() for block in fastnet.data.read_blocks(path, 2)]
        [['1', '2'], ['3']]
    """
    if str(path) != STANDARD_INPUT and not str(path).lower().endswith(ENDINGS):
        raise ValueError(f"{path} is no table that can be read: expected a name that ends in {', '.join(ENDINGS)}")
    with _opened(path) as file:
        reader = _Reader(path, file, separator)
        empty = True
        while (cells := reader.block(rows)) is not None:
            empty = False
            yield cells
        if empty:
            raise ValueError(f"{path} has no rows")


# ---- Parquet --------------------------------------------------------------------------------------------------------

def _library(purpose):
    """pandas or polars, and whether it is pandas."""
    try:
        return optional("pandas", purpose), True
    except ImportError as e:
        try:
            return importlib.import_module("polars"), False
        except ModuleNotFoundError:
            raise e from None


def _parquet(path):
    purpose = "reading Parquet files"
    library, pandas = _library(purpose)
    if pandas:
        optional("pyarrow", purpose)
    path.open("rb").close()                             # whether there is such a file is for the system to say
    try:                                                # an index of pandas' is a column, as polars has it
        table = (importlib.import_module("pyarrow.parquet").read_table(path).to_pandas(ignore_metadata=True) if pandas
                 else library.read_parquet(path))
    except MemoryError:
        raise
    except Exception as e:
        raise ValueError(f"{path} is no Parquet file that can be read: {e}") from e
    if not len(table):
        raise ValueError(f"{path} has no rows")
    return table


# ---- CSV ------------------------------------------------------------------------------------------------------------

@contextmanager
def _opened(path):
    """The file as text in UTF-8, or in UTF-16 as Excel's .txt; unpacked if gzip packed it. Standard input stays."""
    with ExitStack() as stack:
        raw: Any = sys.stdin.buffer if str(path) == STANDARD_INPUT else stack.enter_context(Path(path).open("rb"))
        if not hasattr(raw, "peek"):                    # what takes the place of standard input
            raw = io.BufferedReader(io.BytesIO(raw.read()))
        unpacked = stack.enter_context(gzip.open(raw)) if raw.peek(2)[:2] == GZIP else raw
        wide = unpacked.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        file = io.TextIOWrapper(unpacked, encoding="utf-16" if wide else "utf-8-sig", newline="")
        stack.callback(file.detach)                     # or it would close what it reads
        yield file


class _Reader:
    """The lines of a CSV file, each with as many fields as the first, as blocks of cells."""

    def __init__(self, path, file, separator):
        self.path, self.notes = path, []
        with self._naming_lines():
            header = file.readline()
            declared = SEPARATOR_LINE.fullmatch(header)
            self.skipped = int(declared is not None)            # lines before the reader's first
            if declared:
                header, separator = file.readline(), separator or declared[2]
            if "\0" in header or not header.strip():
                raise _NotCsvError(f"{path} is no CSV file: its first line has no names of columns")
            self.separator = separator or max(SEPARATORS, key=QUOTED.sub("", header).count)
            self.lines = csv.reader(chain([header], file), delimiter=self.separator, strict=True)
        with self._naming_lines():
            given = [clean(name) for name in self._next_fields()]
            _check_header([name for name in given if name])
            self.names = self._named(given)
            self.nameless = {name for name, own in list(zip(self.names, given))[1:] if not own}   # the first may number

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

    def _next_fields(self):
        """The next line's fields; None at the end."""
        limit = csv.field_size_limit(LONGEST)
        try:
            return next(self.lines, None)
        finally:
            csv.field_size_limit(limit)

    def block(self, rows):
        """The Cells of the next lines; None at the end."""
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

    def _rows(self, lines):
        """The fields of each line that has any; the line where it begins is noted."""
        begin = self.lines.line_num
        limit = csv.field_size_limit(LONGEST)
        try:
            for fields in self.lines:
                if len(fields) != len(self.names) and fields:           # an empty line is none
                    raise ValueError(f"expected {len(self.names)} fields as in the first line, got {len(fields)}")
                if fields:
                    lines.append(begin + 1 + self.skipped)
                    yield fields
                begin = self.lines.line_num
        finally:
            csv.field_size_limit(limit)

    @contextmanager
    def _naming_lines(self):
        try:
            yield
        except _NotCsvError:
            raise
        except UnicodeDecodeError as e:                         # a ValueError, too, but nobody knows of which line
            raise ValueError(f"{self.path} is no text in UTF-8: {e}") from None
        except (EOFError, gzip.BadGzipFile) as e:
            raise ValueError(f"{self.path} is no gzip file that can be read: {e}") from None
        except (csv.Error, ValueError) as e:
            raise ValueError(f"{self.path}, line {self.lines.line_num + self.skipped}: {e}") from None


class _NotCsvError(ValueError):
    """A file whose message is whole."""


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
