"""Tables from files. A CSV file is text cells, read in one way whichever libraries are installed; Parquet has types."""
import importlib
import warnings
from pathlib import Path

from fastnet._core.optional import optional
from fastnet.data.cells import form_of, in_lines, remark, typed
from fastnet.data.csv_reader import CsvReader
from fastnet.data.frames import columns
from fastnet.data.text_lines import STANDARD_INPUT, shown, text_lines

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet", ".pq")
PARQUET = (".parquet", ".pq")
SHEETS = (".xlsx", ".xls", ".ods")


def read_table(path, separator=None, text=(), encoding=None):
    """A CSV or Parquet file as a frame: pandas' where it is installed, else polars'. Both hold the same.

    The columns of a CSV file are those of `read_cells`. A column holds numbers if at least nine tenths of its cells are
    numbers as people write them (1,813.76 or 1.813,76, 47%, $101, (12.5), 12 kg, 1.5M), or dates in UTC if so many are
    dates (2020-12-31T23:59Z, 31/12/2020, 31 Dec 2020, 20201231, 2020-12); times of day (13:45, 1:45 PM) are those of
    1970-01-01. Other cells in it are missing, with a warning unless they say so, such as "NA". All other columns are
    text, also whole numbers with leading zeros.

    Args:
        path: a file that ends in .csv, .tsv, .txt, the same with .gz, .parquet or .pq; "-" is CSV from standard input.
        separator: what stands between the fields of a CSV file; by default what its line "sep=" says, or the one of
            comma, semicolon, tab and bar that the first line has most of outside quotation marks.
        text: names of columns of a CSV file that are text whatever they look like, such as the `text_columns` of a
            TablePreparation. Columns that are not there are ignored.
        encoding: of a CSV file; by default UTF-8, or UTF-16 where its first bytes show it, or Windows-1252 with a
            warning if the file is neither and most letters of its first such line are ASCII.

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
    cells = read_cells(path, separator, encoding)
    notes, found = list(cells.notes), {}
    lists = {name: column.tolist() for name, column in cells.items()}
    for name, column in lists.items():
        form = None if name in text else form_of(column, cells.mark)
        found[name], odd = typed(column, form)
        if form and (note := remark(form, column, odd)):
            notes.append(in_lines(f"column {name!r} {note}", cells))
    for note in notes:
        warnings.warn(f"{shown(path)}: {note}", stacklevel=2)
    return library.DataFrame(found) if pandas else library.DataFrame(found, nan_to_null=True)


def read_columns(path, separator=None, encoding=None):
    """A file as what `columns` gives of a table: the `read_cells` of a CSV file, typed columns of a Parquet file.

    Args:
        path, separator, encoding: as `read_table`'s.

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
    return read_cells(path, separator, encoding)


def read_cells(path, separator=None, encoding=None):
    """A CSV file as its cells: text without spaces around it, None where a cell is empty.

    TablePreparation reads numbers and dates in it as it learnt from the table that it was fitted to. The first line
    names the columns, after empty lines and comments ("# ..."); a name that is there already gets a number: "price",
    "price.2". Every line must have as many fields as it, not counting empty ones at its end. Accents are in their
    composed form (NFC).

    Args:
        path, separator, encoding: as `read_table`'s.

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
    [cells] = read_blocks(path, None, separator, encoding)
    return cells


def read_blocks(path, rows, separator=None, encoding=None):
    """The cells of a CSV file in blocks of so many rows, as `read_cells` has them, one after the other.

    Args:
        path, separator, encoding: as `read_table`'s.
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
        hint = "; save it as CSV" if str(path).lower().endswith(SHEETS) else ""
        raise ValueError(f"{path} is no table that can be read: expected a name that ends in {', '.join(ENDINGS)}"
                         f"{hint}")
    notes: list[str] = []
    with text_lines(path, encoding, notes) as lines:
        reader = CsvReader(path, lines, separator, notes)
        empty = True
        while (cells := reader.block(rows)) is not None:
            empty = False
            yield cells
        if empty:
            raise ValueError(f"{shown(path)} has no rows")


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
