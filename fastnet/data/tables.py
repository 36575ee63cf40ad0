"""Tables from files: CSV by our own reading of its form, then pandas' or polars' reading of its contents; Parquet."""
import csv
import importlib
from pathlib import Path

from fastnet._optional import optional
from fastnet.data.frames import check_different

SEPARATORS = ",;\t|"
LONGEST = 1 << 24                       # characters in a field; more are a quotation mark that nobody closed


def read_table(path, separator=None):
    """A CSV or Parquet file as a frame: pandas' where it is installed, else polars'.

    The first line of a CSV file names the columns. Every line must have as many fields as it.

    Args:
        path: a file that ends in .csv, .tsv, .parquet or .pq.
        separator: what stands between the fields of a CSV file; by default the one of comma, semicolon, tab and bar
            that the first line has most of.

    Returns:
        A DataFrame.

    Raises:
        ValueError: another ending; a line of another number of fields, which is named; a name given twice; no rows; a
            file that is no text or no Parquet file.
        OSError: there is no such file.
        ImportError: neither pandas nor polars is installed.

    Example:
        >>> import pathlib, tempfile, fastnet
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "flowers.csv")
        ...     _ = path.write_text("size,kind\\n1.5,a\\n2.5,b\\n")
        ...     table = fastnet.data.read_table(path)
        >>> fastnet.data.columns(table)
        {'size': array([1.5, 2.5]), 'kind': array(['a', 'b'], dtype=object)}
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in (".parquet", ".pq"):
        table = _parquet(path)
    elif ending in (".csv", ".tsv"):
        table = _csv(path, _checked_separator(path, separator))
    else:
        raise ValueError(f"{path} is no table that can be read: expected a name that ends in .csv, .tsv, .parquet or "
                         ".pq")
    if not len(table):
        raise ValueError(f"{path} has no rows")
    return table


def _library(purpose):
    """pandas or polars, and whether it is pandas."""
    try:
        return optional("pandas", "tables", purpose), True
    except ImportError as e:
        try:
            return importlib.import_module("polars"), False
        except ModuleNotFoundError:
            raise e from None


def _parquet(path):
    library, _ = _library("reading Parquet files")
    path.open("rb").close()                             # whether there is such a file is for the system to say
    try:
        return library.read_parquet(path)
    except (ImportError, MemoryError):                  # pandas says how to install what it reads with
        raise
    except Exception as e:
        raise ValueError(f"{path} is no Parquet file that can be read: {e}") from e


def _csv(path, separator):
    library, pandas = _library("reading CSV files")
    if pandas:
        return library.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig")
    return library.read_csv(path, separator=separator, infer_schema_length=None, null_values=["", "NA", "NaN", "nan"])


# ---- the form of a CSV file -----------------------------------------------------------------------------------------

def _checked_separator(path, separator):
    """What separates the fields, after every line was seen to have as many as the first.

    pandas fills short lines up with missing values, and takes one field too many in all lines for names of rows: the
    columns would be another's, and nothing would tell.
    """
    limit = csv.field_size_limit(LONGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            if "\0" in header or not header.strip():
                raise ValueError(f"{path} is no CSV file: its first line has no names of columns")
            separator = separator or max(SEPARATORS, key=header.count)
            file.seek(0)
            _check_lines(path, csv.reader(file, delimiter=separator, strict=True))
    except UnicodeDecodeError as e:
        raise ValueError(f"{path} is no text in UTF-8: {e}") from None
    finally:
        csv.field_size_limit(limit)
    return separator


def _check_lines(path, lines):
    try:
        names = next(lines)
        check_different(names)
        for fields in lines:
            if len(fields) != len(names) and fields:            # an empty line is none
                raise ValueError(f"expected {len(names)} fields as in the first line, got {len(fields)}")
    except UnicodeDecodeError:                                  # a ValueError, too, but nobody knows of which line
        raise
    except (csv.Error, ValueError) as e:
        raise ValueError(f"{path}, line {lines.line_num}: {e}") from None
