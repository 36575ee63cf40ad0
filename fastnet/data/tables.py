"""Readers of tables in CSV and Parquet files. CSV is read in the same way whichever libraries are installed."""
from __future__ import annotations

import importlib
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnet._core.optional import optional
from fastnet.data.cells import in_lines
from fastnet.data.csv_reader import CsvReader
from fastnet.data.forms import form_of, typed
from fastnet.data.frames import columns
from fastnet.data.notes import remark
from fastnet.data.text_lines import STANDARD_INPUT, shown, text_lines

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, StrPath
    from fastnet.data.cells import Cells

__all__ = ["PARQUET_ENDINGS", "SHEET_ENDINGS", "TABLE_ENDINGS", "read_blocks", "read_cells", "read_columns",
           "read_table"]

PARQUET_ENDINGS: tuple[str, ...] = (".parquet", ".pq")
TABLE_ENDINGS: tuple[str, ...] = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", *PARQUET_ENDINGS)
SHEET_ENDINGS: tuple[str, ...] = (".xlsx", ".xls", ".ods")      # spreadsheets, which must be saved as CSV


def read_table(path: StrPath, separator: str | None = None, text: Collection[str] = (),
               encoding: str | None = None) -> Any:
    """Read a CSV or Parquet file as a DataFrame of pandas, or of polars if pandas is not installed.

    Both libraries return the same values. Each column of a CSV file becomes one of these:

    - Numbers, if at least nine tenths of its cells are numbers as people write them: 1,813.76 or 1.813,76, 47%, $101,
      (12.5), 12 kg, 1.5M.
    - Dates in UTC, if at least nine tenths of its cells are dates: 2020-12-31T23:59Z, 31/12/2020, 31 Dec 2020,
      20201231, 2020-12. Times of day (13:45, 1:45 PM) become times on 1970-01-01.
    - Text otherwise. Whole numbers with leading zeros, such as 02134, are codes and stay text.

    In a column of numbers or dates, all other cells count as missing. A warning names them, unless they are empty or
    words such as "NA" that mean a missing value. See `read_cells` for the names of the columns.

    Args:
        path: a file that ends in .csv, .tsv, .txt, one of these with .gz, .parquet or .pq; "-" reads CSV from standard
            input.
        separator: field separator of a CSV file. By default the one that a first line "sep=" states, or else the most
            frequent of comma, semicolon, tab and bar in the header, outside quotation marks.
        text: names of columns of a CSV file to read as text, such as the `text_columns` of a TablePreparation. Names of
            columns that the file does not have are ignored.
        encoding: encoding of a CSV file. By default UTF-16 if the first bytes show it, else UTF-8. If a line is not
            valid UTF-8, but most of its letters are ASCII, the file is read as Windows-1252, with a warning.

    Returns:
        A DataFrame.

    Raises:
        ValueError: a file name with another ending, a line with another number of fields than the header (the error
            names it), numbers in place of column names, no rows, or a file that is not text or not Parquet.
        OSError: the file does not exist.
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
    if str(path).lower().endswith(PARQUET_ENDINGS):
        return _parquet(Path(path))
    library, pandas = _library("reading CSV files")
    cells = read_cells(path, separator, encoding)
    notes = list(cells.notes)
    found: dict[str, Any] = {}
    lists = {name: column.tolist() for name, column in cells.items()}
    for name, column in lists.items():
        form = None if name in text else form_of(column, cells.mark)
        found[name], odd = typed(column, form)
        if form and (note := remark(form, column, odd)):
            notes.append(in_lines(f"column {name!r} {note}", cells))
    for note in notes:
        warnings.warn(f"{shown(path)}: {note}", stacklevel=2)
    return library.DataFrame(found) if pandas else library.DataFrame(found, nan_to_null=True)


def read_columns(path: StrPath, separator: str | None = None, encoding: str | None = None) -> dict[str, Array]:
    """Read a file as a dictionary {name: column}: the text cells of a CSV file, the typed columns of a Parquet file.

    Args:
        path, separator, encoding: as for `read_table`.

    Raises:
        ValueError, OSError: as for `read_table`.
        ImportError: neither pandas nor polars is installed; only Parquet files need them.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "prices.csv")
        ...     _ = path.write_text("price,left\\n1.50,yes\\n$2,no\\n")
        ...     features, target = fastnet.data.split_target(fastnet.data.read_columns(path), "left")
        >>> fastnet.data.TablePreparation().fit_transform(features).tolist(), target.tolist()
        ([[-1.0], [1.0]], ['yes', 'no'])
    """
    if str(path).lower().endswith(PARQUET_ENDINGS):
        return columns(_parquet(Path(path)))
    return read_cells(path, separator, encoding)


def read_cells(path: StrPath, separator: str | None = None, encoding: str | None = None) -> Cells:
    """Read a CSV file as text cells without surrounding spaces; empty cells are None.

    A TablePreparation accepts these cells, and reads their numbers and dates in the way it learnt.

    The first line that is neither empty nor a comment ("# ...") names the columns. A repeated name gets a number:
    "price", "price.2". Each line must have as many fields as the header; surplus fields at the end may be empty.
    Accents are composed (NFC).

    Args:
        path, separator, encoding: as for `read_table`.

    Returns:
        Cells: a dictionary {name: array of text} with the attributes `lines`, `mark` and `notes`.

    Raises:
        ValueError, OSError: as for `read_table`.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "prices.txt")
        ...     _ = path.write_text("sep=;\\nprice;price\\n1,5; 2 \\n;NA\\n")
        ...     cells = fastnet.data.read_cells(path)
        >>> cells["price"].tolist(), cells["price.2"].tolist(), cells.lines, cells.notes
        (['1,5', None], ['2', 'NA'], [3, 4], ["column 2 is renamed 'price.2': an earlier column is called 'price'"])
    """
    [cells] = read_blocks(path, None, separator, encoding)
    return cells


def read_blocks(path: StrPath, rows: int | None, separator: str | None = None,
                encoding: str | None = None) -> Iterator[Cells]:
    """Read a CSV file in blocks of rows, each as by `read_cells`.

    Args:
        path, separator, encoding: as for `read_table`.
        rows: number of rows in a block; None: one block with all rows.

    Raises:
        ValueError, OSError: as for `read_table`, while the blocks are read.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "sizes.csv")
        ...     _ = path.write_text("size\\n1\\n2\\n3\\n")
        ...     [block["size"].tolist() for block in fastnet.data.read_blocks(path, 2)]
        [['1', '2'], ['3']]
    """
    if str(path) != STANDARD_INPUT and not str(path).lower().endswith(TABLE_ENDINGS):
        hint = "; save it as CSV" if str(path).lower().endswith(SHEET_ENDINGS) else ""
        raise ValueError(f"cannot read {path} as a table: expected a name that ends in {', '.join(TABLE_ENDINGS)}"
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

def _library(purpose: str) -> tuple[Any, bool]:
    """(pandas or polars, whether it is pandas)."""
    try:
        return optional("pandas", purpose), True
    except ImportError as e:
        try:
            return importlib.import_module("polars"), False
        except ModuleNotFoundError:
            raise e from None


def _parquet(path: Path) -> Any:
    purpose = "reading Parquet files"
    library, pandas = _library(purpose)
    if pandas:
        optional("pyarrow", purpose)
    path.open("rb").close()                             # raises the system's error if there is no such file
    try:                                                # the index of a pandas frame becomes a column, as in polars
        table = (importlib.import_module("pyarrow.parquet").read_table(path).to_pandas(ignore_metadata=True) if pandas
                 else library.read_parquet(path))
    except MemoryError:
        raise
    except Exception as e:
        raise ValueError(f"cannot read {path} as Parquet: {e}") from e
    if not len(table):
        raise ValueError(f"{path} has no rows")
    return table
