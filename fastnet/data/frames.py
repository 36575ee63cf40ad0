"""Conversion of pandas and polars frames and of mappings to a dictionary of NumPy columns.

Neither library is imported: if the user has a frame, the library is loaded already.
"""
from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import did_you_mean, listed
from fastnet.data.cells import Cells, clean
from fastnet.data.dates import utc
from fastnet.data.values import object_array

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.data.annotations import Table

__all__ = ["MOST_LISTED", "NESTED", "category_names", "check_different", "column", "columns", "given_columns",
           "is_frame", "is_series", "is_time", "require", "split_target", "unmasked"]

NESTED: tuple[type, ...] = (list, tuple, dict, set, np.ndarray)     # cells of Parquet files that hold several values
MOST_LISTED = 20                        # names that an error lists
_NUMBER_TYPES = (bool, np.bool_, int, float, np.number, Decimal)
_DAY_OF_TIMES = datetime.date(1970, 1, 1)


def _is_of(data: object, name: str) -> bool:
    """Whether data is an instance of pandas' or polars' class of this name."""
    modules = (sys.modules.get(library) for library in ("pandas", "polars"))
    classes = tuple(getattr(module, name) for module in modules if hasattr(module, name))
    return isinstance(data, classes)


def is_frame(data: object) -> bool:
    """Whether data is a pandas or polars DataFrame.

    Example:
        >>> from fastnet.data.frames import is_frame
        >>> is_frame([1, 2])
        False
    """
    return _is_of(data, "DataFrame")


def is_series(data: object) -> bool:
    """Whether data is a pandas or polars Series.

    Example:
        >>> from fastnet.data.frames import is_series
        >>> is_series([1, 2])
        False
    """
    return _is_of(data, "Series")


def category_names(table: Table) -> list[str]:
    """The columns with a categorical dtype: pandas' category, polars' Categorical and Enum.

    Example:
        >>> from fastnet.data.frames import category_names
        >>> category_names({"colour": ["red"]})
        []
    """
    given: Any = table
    if not is_frame(given):
        return []
    return [_column_name(name) for name, dtype in zip(given.columns, given.dtypes)
            if str(dtype).startswith(("category", "Categorical", "Enum"))]


def is_time(data: Any) -> bool:
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


def columns(table: Table) -> dict[str, Array]:
    """Convert a table to a dictionary {name: column}.

    A column is a one-dimensional array of one of these kinds:

    - bools, integers or floats; missing values are NaN;
    - dates in UTC, datetime64[us]; missing dates are NaT. Times of day are times on 1970-01-01;
    - durations as seconds, float64;
    - Python objects for everything else; missing values are None.

    Names and text are stripped of surrounding spaces, and accents are composed (NFC). Empty text is missing.

    Args:
        table: a pandas or polars DataFrame, or a mapping from names to columns.

    Raises:
        TypeError: the table is something else.
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
        raise ValueError(f"expected columns of equal length, got {lengths}")
    return found


def given_columns(table: Table) -> dict[str, Any]:
    """A table as a dictionary {name: column}, without converting the columns. It raises the errors of `columns`.

    Example:
        >>> from fastnet.data.frames import given_columns
        >>> given_columns({"size": [1.5, None]})
        {'size': [1.5, None]}
    """
    given: Any = table
    if is_frame(given):
        names = [_column_name(name) for name in given.columns]
        parts = [part for _, part in given.items()] if hasattr(given, "iloc") else given.get_columns()
    elif isinstance(given, Mapping):
        names, parts = [_column_name(name) for name in given], list(given.values())
    else:
        raise TypeError(f"expected a pandas or polars DataFrame or a mapping from names to columns, got "
                        f"{type(table).__name__}")
    check_different(names)
    return dict(zip(names, parts))


def _column_name(name: object) -> str:
    return clean(str(name)) or ""


def check_different(names: Iterable[str]) -> None:
    """Raise if two columns have the same name.

    Raises:
        ValueError: naming the columns.

    Example:
        >>> from fastnet.data.frames import check_different
        >>> check_different(["a", "b", "a"])
        Traceback (most recent call last):
            ...
        ValueError: expected different names of columns, got several columns called 'a'
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"expected different names of columns, got several columns called {_names_text(twice)}")


def column(data: Any) -> Array:
    """Convert one column, a Series, an array or a list, as `columns` does.

    Raises:
        ValueError: the data are not one-dimensional.

    Example:
        >>> from fastnet.data.frames import column
        >>> column(["a", None]), column([True, False])
        (array(['a', None], dtype=object), array([ True, False]))
    """
    if is_series(data):
        return _pandas_column(data) if hasattr(data, "iloc") else _polars_column(data)
    array = np.asarray(unmasked(data))
    if array.ndim != 1:
        raise ValueError(f"expected a column of one dimension, got the shape {array.shape}")
    return _object_column(array.astype(object)) if array.dtype.kind in "OSUT" else _in_common_units(array)


def unmasked(data: Any) -> Any:
    """Convert a masked array to a plain one in which masked values are missing: NaN, NaT, or None among objects.

    Args:
        data: an array; anything else is returned unchanged.

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
    plain[data.mask] = None                                 # NumPy converts None to NaN or NaT
    return plain


def _pandas_column(series: Any) -> Array:
    kind = getattr(series.dtype, "kind", "O")
    if kind in ("M", "m"):
        return _in_common_units(series.to_numpy(f"{'datetime' if kind == 'M' else 'timedelta'}64[us]"))
    if kind in "biuf":
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy()
        if series.hasnans:                                  # pandas' own integer dtypes have missing values
            return series.to_numpy(np.float64, na_value=np.nan)
        return series.to_numpy({"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64}[kind])
    values = np.array(series.astype(object), dtype=object)
    values[series.isna().to_numpy(np.bool_)] = None
    return _object_column(values)


def _polars_column(series: Any) -> Array:
    if series.dtype.is_numeric() and (series.null_count() or series.dtype.is_decimal()):
        return series.cast(float).to_numpy()                # null becomes NaN
    if series.dtype.is_numeric() or series.dtype.is_temporal():
        array = series.to_numpy()
        return _in_common_units(array) if array.dtype != object else _object_column(array)
    return _object_column(object_array(series.to_list()))


def _object_column(values: Array) -> Array:
    """Convert Python objects to numbers or dates if all of them are; else only clean text and mark missing values."""
    values = object_array([clean(v) if isinstance(v, str) else v for v in values.tolist()])
    missing = np.array([v is None or (not isinstance(v, NESTED) and v != v) for v in values.tolist()], np.bool_)
    present = values[~missing].tolist()                     # NaN differs from itself
    if present and all(isinstance(v, _NUMBER_TYPES) for v in present):
        if missing.any() or any(isinstance(v, Decimal) for v in present):
            return np.array([np.nan if gone else float(v) for v, gone in zip(values.tolist(), missing)])
        array = np.array(present)               # integers beyond 64 bits stay objects, and become floats
        return array if array.dtype.kind in "biuf" else np.array(list(map(float, present)))
    if present and all(isinstance(v, datetime.time) for v in present):
        values = object_array([None if gone else datetime.datetime.combine(_DAY_OF_TIMES, v.replace(tzinfo=None))
                               for v, gone in zip(values.tolist(), missing)])
        present = values[~missing].tolist()
    if present and all(isinstance(v, datetime.date) for v in present):
        return np.array([None if gone else utc(v) for v, gone in zip(values.tolist(), missing)], "M8[us]")
    values[missing] = None
    return values


def _in_common_units(array: Array) -> Array:
    """Dates in microseconds and durations as float seconds; numbers unchanged."""
    if array.dtype.kind == "M":
        return array.astype("M8[us]")
    if array.dtype.kind != "m":
        return array
    seconds: Array = array.astype("m8[us]").astype(np.int64) / 1e6
    seconds[np.isnat(array)] = np.nan
    return seconds


# ---- columns by name ------------------------------------------------------------------------------------------------

def require(names: Iterable[str], there: Iterable[str]) -> None:
    """Raise if a table lacks some columns.

    Args:
        names: the required columns.
        there: the columns of the table.

    Raises:
        ValueError: naming the missing columns, the columns of the table, and the closest name.

    Example:
        >>> from fastnet.data.frames import require
        >>> require(["speces"], ["size", "species"])
        Traceback (most recent call last):
            ...
        ValueError: there is no column 'speces'; did you mean 'species'? The columns are 'size', 'species'
    """
    known = dict.fromkeys(there)
    missing = [name for name in names if name not in known]
    if not missing:
        return
    advice = did_you_mean(missing[0], known, "the columns are")
    plural = "are no columns" if len(missing) > 1 else "is no column"
    raise ValueError(f"there {plural} {_names_text(missing)}{advice} {_names_text(known)}")


def _names_text(names: Iterable[str]) -> str:
    return listed(map(repr, names), MOST_LISTED)


def split_target(table: Table, target: str) -> tuple[dict[str, Array], Array]:
    """Split a table into its features and its target.

    Args:
        table: a pandas or polars DataFrame, or a mapping from names to columns.
        target: the name of the column to predict.

    Returns:
        ({name: column} of the other columns, the target column), converted as by `columns`.

    Raises:
        ValueError: there is no such column, or no other column; see also `columns`.

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
        raise ValueError(f"expected columns to predict the target from, got a table with only the target {target!r}")
    return features, values
