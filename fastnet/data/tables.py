"""Tables from files: CSV by our own reading of its form, then pandas' or polars' reading of its contents; Parquet."""
import csv
import datetime
import importlib
import re
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from fastnet._optional import optional
from fastnet.data.frames import check_different, column, columns, given_columns

SEPARATORS = ",;\t|"
QUOTED = re.compile(r'"[^"]*"')
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
DECIMAL = re.compile(r"\s*[+-]?\d+(,\d+)?\s*")
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{3}(\d{3})?)?)?(Z|[+-]\d\d:\d\d)?)?")      # ISO 8601
LONGEST = 1 << 24                       # characters in a field; more are a quotation mark that nobody closed


def read_table(path, separator=None, text=()):
    """A CSV or Parquet file as a frame: pandas' where it is installed, else polars'.

    The first line of a CSV file names the columns. Every line must have as many fields as it. Behind semicolons numbers
    may have decimal commas. A column of dates in the form of ISO 8601 holds dates, in UTC. In a column of text only an
    empty field is missing; among numbers and dates so are "NA", "NaN" and the like.

    Args:
        path: a file that ends in .csv, .tsv, .parquet or .pq.
        separator: what stands between the fields of a CSV file; by default the one of comma, semicolon, tab and bar
            that the first line has most of outside quotation marks.
        text: names of columns that are text in a CSV file whatever they look like, such as the `text_columns` of a
            TablePreparation: a category "01234" is no number. Columns that are not there are ignored.

    Returns:
        A DataFrame.

    Raises:
        ValueError: another ending; a line of another number of fields, which is named; a name given twice, or none, or
            numbers in place of names; no rows; a file that is no text or no Parquet file.
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
        table = _csv(path, _form(path, separator), text)
    else:
        raise ValueError(f"{path} is no table that can be read: expected a name that ends in .csv, .tsv, .parquet or "
                         ".pq")
    if not len(table):
        raise ValueError(f"{path} has no rows")
    return table


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
    try:
        return library.read_parquet(path)
    except MemoryError:
        raise
    except Exception as e:
        raise ValueError(f"{path} is no Parquet file that can be read: {e}") from e


# ---- the form of a CSV file -----------------------------------------------------------------------------------------

class _Form(NamedTuple):
    """How a CSV file is written: the columns' names, those of them that have none of their own, and what separates."""
    names: list
    nameless: list
    separator: str


def _form(path, separator):
    """The form, after every line was seen to have as many fields as the first.

    pandas fills short lines up with missing values, and takes one field too many in all lines for names of rows: the
    columns would be another's, and nothing would tell.
    """
    limit = csv.field_size_limit(LONGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            if "\0" in header or not header.strip():
                raise ValueError(f"{path} is no CSV file: its first line has no names of columns")
            separator = separator or max(SEPARATORS, key=QUOTED.sub("", header).count)
            file.seek(0)
            return _checked_lines(path, csv.reader(file, delimiter=separator, strict=True), separator)
    except UnicodeDecodeError as e:
        raise ValueError(f"{path} is no text in UTF-8: {e}") from None
    finally:
        csv.field_size_limit(limit)


def _checked_lines(path, lines, separator):
    try:
        given = [name.strip() for name in next(lines)]
        names = [name or f"Unnamed: {place}" for place, name in enumerate(given)]           # as pandas calls them
        check_different(names)
        _check_header([name for name in given if name])
        for fields in lines:
            if len(fields) != len(names) and fields:            # an empty line is none
                raise ValueError(f"expected {len(names)} fields as in the first line, got {len(fields)}")
    except UnicodeDecodeError:                                  # a ValueError, too, but nobody knows of which line
        raise
    except (csv.Error, ValueError) as e:
        raise ValueError(f"{path}, line {lines.line_num}: {e}") from None
    nameless = [name for name, own in list(zip(names, given))[1:] if not own]       # the first may number the rows
    return _Form(names, nameless, separator)


def _check_header(names):
    """Refuse a first line of numbers, but for those in order: 0, 1, 2; 2023, 2024; wavelengths."""
    if names and all(map(NUMBER.fullmatch, names)):
        numbers = [float(name.replace(",", ".")) for name in names]
        if any(b <= a for a, b in pairwise(numbers)):
            raise ValueError("expected the names of the columns, got numbers: put a line of names before them")


# ---- its contents ---------------------------------------------------------------------------------------------------

def _csv(path, form, text):
    library, pandas = _library("reading CSV files")
    read = partial(_read_pandas if pandas else _read_polars, library, path, form)
    table = read()
    table.columns = form.names
    table = _without_nameless(path, table, form)
    changed, words = {}, []
    for name, values in columns(table).items():
        found = (_decimals(values, form) or _dates(values)) if name not in text else None
        if found:
            changed[name] = found
        elif name in text or (values.dtype == object and any(value is not None for value in values)):
            words.append(name)
    if words:                                       # once more, as they stand: "NA" among words is one
        as_they_stand = given_columns(read([form.names.index(name) for name in words]))
        changed |= zip(words, as_they_stand.values())
    if pandas:
        return table.assign(**changed)
    return table.with_columns(library.Series(name, values) for name, values in changed.items())


def _read_pandas(library, path, form, places=None):
    """The file as pandas' frame, or its columns at these places, as text."""
    as_text = {} if places is None else {"usecols": places, "dtype": str, "keep_default_na": False, "na_values": [""]}
    return library.read_csv(path, sep=form.separator, low_memory=False, encoding="utf-8-sig",
                            **as_text)


def _read_polars(library, path, form, places=None):
    """The same of polars."""
    kinds = ({"infer_schema_length": None, "null_values": ["", "NA", "NaN", "nan"]} if places is None
             else {"columns": places, "infer_schema": False, "null_values": [""]})
    return library.read_csv(path, separator=form.separator, **kinds)


def _without_nameless(path, table, form):
    """A table without the empty columns that separators at the end of all lines make."""
    for name in form.nameless:
        if not all(v is None or v != v for v in column(table[name]).tolist()):
            raise ValueError(f"{path}: column {form.names.index(name) + 1} has no name")
    return table[[name for name in form.names if name not in form.nameless]]


def _decimals(values, form):
    """A column of text as numbers whose decimals stand behind a comma, None if any of it is none."""
    texts = values.tolist() if values.dtype == object and form.separator == ";" else []
    present = [text for text in texts if text is not None]
    if not all(isinstance(text, str) and DECIMAL.fullmatch(text) for text in present):
        return None
    if not any("," in text for text in present):
        return None
    return [None if text is None else float(text.replace(",", ".")) for text in texts]


def _dates(values):
    """A column of text as dates in UTC, None if any of it is no date."""
    texts = values.tolist() if values.dtype == object else []
    if not any(texts) or not all(text is None or (isinstance(text, str) and DATE.fullmatch(text)) for text in texts):
        return None
    try:
        found = [text and datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in texts]
    except ValueError:                              # of a month 13
        return None
    return [day.astimezone(datetime.timezone.utc).replace(tzinfo=None) if day and day.tzinfo else day for day in found]
