"""pandas and polars frames, as a dictionary of NumPy columns: what the rest of `fastnet.data` works on.

Neither library is imported: a frame of theirs cannot be there unless its user did.
"""
import datetime
import difflib
import sys
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from fastnet.data.cells import Cells, clean, objects
from fastnet.data.dates import utc

NESTED = (list, tuple, dict, set, np.ndarray)           # what a cell of a Parquet file can also hold
_NUMBERS = (bool, np.bool_, int, float, np.number, Decimal)
MIDNIGHT = datetime.date(1970, 1, 1)    # times of day are of this day
LISTED = 20                             # of so many columns an error gives the names


def _is(data, name):
    """Whether `data` is pandas' or polars' class of that name."""
    modules = (sys.modules.get(library) for library in ("pandas", "polars"))
    classes = tuple(getattr(module, name) for module in modules if hasattr(module, name))
    return isinstance(data, classes)


def is_frame(data):
    """Whether `data` is a pandas or polars DataFrame.

    Example:
        >>> from fastnet.data.frames import is_frame
        >>> is_frame([1, 2])
        False
    """
    return _is(data, "DataFrame")


def is_series(data):
    """Whether `data` is a pandas or polars Series.

    Example:
        >>> from fastnet.data.frames import is_series
        >>> is_series([1, 2])
        False
    """
    return _is(data, "Series")


def category_names(table):
    """The columns of a table whose dtype says that they are categories: pandas' category, polars' Categorical and Enum.

    Example:
        >>> from fastnet.data.frames import category_names
        >>> category_names({"colour": ["red"]})
        []
    """
    if not is_frame(table):
        return []
    return [_name(name) for name, dtype in zip(table.columns, table.dtypes)
            if str(dtype).startswith(("category", "Categorical", "Enum"))]


def is_time(data):
    """Whether a Series holds dates, times or durations.

    Example:
        >>> from fastnet.data.frames import is_time
        >>> is_time([1, 2])
        False
    """
    dtype: Any = getattr(data, "dtype", None)
    if dtype == np.dtype(object):
        return any(isinstance(value, datetime.date) for value in data)
    return dtype.is_temporal() if hasattr(dtype, "is_temporal") else getattr(dtype, "kind", "") in ("m", "M")


def columns(table):
    """A table as {name: column}.

    A column is a one-dimensional array of bools, integers or floats, missing ones NaN; of dates in UTC, datetime64[us],
    missing ones NaT, times of day as those of 1970-01-01; durations are seconds, float64. Anything else is an array of
    objects with None for missing ones.
    Names and text have no spaces around them, and accents in their composed form (NFC); empty text is missing.

    Args:
        table: a pandas or polars DataFrame, or a mapping from names to columns.

    Raises:
        TypeError: something else.
        ValueError: two columns of the same name, or columns of different lengths.

    Example:
        >>> import fastnet
        >>> fastnet.data.columns({"size": [1.5, None], "colour": ["red", None]})
        {'size': array([1.5, nan]), 'colour': array(['red', None], dtype=object)}
    """
    if isinstance(table, Cells):
        return table
    found = {name: column(part) for name, part in given_columns(table).items()}
    lengths = {name: len(part) for name, part in found.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns differ in length: {lengths}")
    return found


def given_columns(table):
    """A table as {name: column}, columns as they are in it. Errors are those of `columns`.

    Example:
        >>> from fastnet.data.frames import given_columns
        >>> given_columns({"size": [1.5, None]})
        {'size': [1.5, None]}
    """
    if is_frame(table):
        names = [_name(name) for name in table.columns]
        parts = [part for _, part in table.items()] if hasattr(table, "iloc") else table.get_columns()
    elif isinstance(table, Mapping):
        names, parts = [_name(name) for name in table], list(table.values())
    else:
        raise TypeError(f"expected a pandas or polars DataFrame or a mapping from names to columns, got "
                        f"{type(table).__name__}")
    check_different(names)
    return dict(zip(names, parts))


def _name(name):
    return clean(str(name)) or ""


def check_different(names):
    """Refuse names of columns that are given twice.

    Raises:
        ValueError: naming them.

    Example:
        >>> from fastnet.data.frames import check_different
        >>> check_different(["a", "b", "a"])
        Traceback (most recent call last):
            ...
        ValueError: more than one column is called 'a'
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"more than one column is called {_listed(twice)}")


def column(data):
    """One column, a Series or a sequence, as `columns` has it.

    Raises:
        ValueError: not one-dimensional.

    Example:
        >>> from fastnet.data.frames import column
        >>> column(["a", None]), column([True, False])
        (array(['a', None], dtype=object), array([ True, False]))
    """
    if is_series(data):
        return _of_pandas(data) if hasattr(data, "iloc") else _of_polars(data)
    array = np.asarray(unmasked(data))
    if array.ndim != 1:
        raise ValueError(f"expected a column of one dimension, got the shape {array.shape}")
    return _of_objects(array.astype(object)) if array.dtype.kind in "OSUT" else _plain(array)


def unmasked(data):
    """A masked array as a plain one in which what is masked is missing: NaN, or None among objects and text.

    Args:
        data: an array; anything else is given back.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.frames import unmasked
        >>> unmasked(np.ma.masked_array([1, -999], [False, True]))
        array([ 1., nan])
    """
    if not isinstance(data, np.ma.MaskedArray):
        return data
    if not np.ma.is_masked(data):
        return data.data
    plain = data.data.astype(data.dtype if data.dtype.kind in "fcmM" else np.float64 if data.dtype.kind in "biu"
                             else object)
    plain[data.mask] = None                                 # which is NaN among floats, NaT among dates
    return plain


def _of_pandas(series):
    kind = getattr(series.dtype, "kind", "O")
    if kind == "M" or kind == "m":
        return _plain(series.to_numpy(f"{'datetime' if kind == 'M' else 'timedelta'}64[us]"))
    if kind in "biuf":
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy()
        if series.hasnans:                                  # pandas' own dtypes have NA, also among integers
            return series.to_numpy(np.float64, na_value=np.nan)
        return series.to_numpy({"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64}[kind])
    values = np.array(series.astype(object), dtype=object)
    values[series.isna().to_numpy(np.bool_)] = None
    return _of_objects(values)


def _of_polars(series):
    if series.dtype.is_numeric() and (series.null_count() or series.dtype.is_decimal()):
        return series.cast(float).to_numpy()                # what is null is NaN
    if series.dtype.is_numeric() or series.dtype.is_temporal():
        array = series.to_numpy()
        return _plain(array) if array.dtype != object else _of_objects(array)
    return _of_objects(objects(series.to_list()))


def _of_objects(values):
    """Objects as what they all are: numbers and bools, dates, or else as they stand, text cleaned."""
    values = objects([clean(v) if isinstance(v, str) else v for v in values.tolist()])
    missing = np.array([v is None or (not isinstance(v, NESTED) and v != v) for v in values.tolist()], np.bool_)
    present = values[~missing].tolist()                     # NaN differs from itself
    if present and all(isinstance(v, _NUMBERS) for v in present):
        if missing.any() or any(isinstance(v, Decimal) for v in present):
            return np.array([np.nan if gone else float(v) for v, gone in zip(values.tolist(), missing)])
        array = np.array(present)
        return array if array.dtype.kind in "biuf" else np.array(list(map(float, present)))     # beyond 64 bits
    if present and all(isinstance(v, datetime.time) for v in present):
        values = objects([None if gone else datetime.datetime.combine(MIDNIGHT, v.replace(tzinfo=None))
                          for v, gone in zip(values.tolist(), missing)])
        present = values[~missing].tolist()
    if present and all(isinstance(v, datetime.date) for v in present):
        return np.array([None if gone else utc(v) for v, gone in zip(values.tolist(), missing)], "M8[us]")
    values[missing] = None
    return values


def _plain(array):
    """Dates in microseconds; durations as seconds; numbers as they are."""
    if array.dtype.kind == "M":
        return array.astype("M8[us]")
    if array.dtype.kind != "m":
        return array
    seconds = array.astype("m8[us]").astype(np.int64) / 1e6
    seconds[np.isnat(array)] = np.nan
    return seconds


# ---- columns by name ------------------------------------------------------------------------------------------------

def require(names, there):
    """Refuse a table that lacks columns.

    Args:
        names: those that must be there.
        there: those that are.

    Raises:
        ValueError: naming what is missing, what is there, and the closest name.

    Example:
        >>> from fastnet.data.frames import require
        >>> require(["speces"], ["size", "species"])
        Traceback (most recent call last):
            ...
        ValueError: there is no column 'speces'; did you mean 'species'? The columns are 'size', 'species'
    """
    there = dict.fromkeys(there)
    missing = [name for name in names if name not in there]
    if not missing:
        return
    there = list(there)
    close = difflib.get_close_matches(str(missing[0]), there, 1)
    guess = f"; did you mean {close[0]!r}? The" if close else "; the"
    more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
    plural = "are no columns" if len(missing) > 1 else "is no column"
    raise ValueError(f"there {plural} {_listed(missing)}{guess} columns are {_listed(there)}{more}")


def _listed(names):
    return ", ".join(map(repr, names[:LISTED]))


def split_target(table, target):
    """A table as its features and its target.

    Args:
        table: what `columns` takes.
        target: the name of the column that is to be predicted.

    Returns:
        ({name: column} of all others, the target's column).

    Raises:
        ValueError: there is no such column, or no other; see also `columns`.

    Example:
        >>> import fastnet
        >>> fastnet.data.split_target({"size": [1.5, 2.5], "kind": ["a", "b"]}, "kind")
        ({'size': array([1.5, 2.5])}, array(['a', 'b'], dtype=object))
    """
    named = columns(table)
    require([target], named)
    values, features = named[target], named.without([target]) if isinstance(named, Cells) else dict(named)
    features.pop(target, None)
    if not features:
        raise ValueError(f"the table has no column but the target {target!r}: there is nothing to predict it from")
    return features, values
