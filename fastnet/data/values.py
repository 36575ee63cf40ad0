"""Conversion of columns to numbers and to text, and the mean and scale of numbers."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.data.dates import are_digit_dates, seconds

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["as_float32", "as_numbers", "as_texts", "holds_dates", "is_number", "mean_and_scale", "object_array"]

_LARGEST = 1e150                        # its square is finite in float64


def as_numbers(column: Array) -> Array:
    """Convert a column of numbers, bools or dates to float64. Missing values become NaN, dates become seconds.

    Raises:
        ValueError: the column contains text, infinity, or numbers beyond 1e150; the error names the row.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import as_numbers
        >>> as_numbers(np.array([1, 2]))
        array([1., 2.])
    """
    if column.dtype.kind == "M":
        return seconds(column)
    if column.dtype.kind not in "biuf":
        for row, value in enumerate(column.tolist()):
            if not (value is None or isinstance(value, int | float)):
                raise ValueError(f"expected a number, got {value!r} in row {row} (counted from 0)")
    values = column.astype(np.float64)
    _refuse(np.abs(values) > _LARGEST, values, f"expected a number of at most {_LARGEST:g}")
    return values


def as_float32(values: Array) -> Array:
    """Convert numbers to float32.

    Raises:
        ValueError: a number is too large for float32; the error names the row.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import as_float32
        >>> as_float32(np.array([0.5]))
        array([0.5], dtype=float32)
    """
    _refuse(np.abs(values) > np.finfo(np.float32).max, values, "expected a number that float32 can hold")
    return values.astype(np.float32)


def _refuse(large: Array, values: Array, expected: str) -> None:
    """Raise an error about the first large value, if there is one."""
    if large.any():
        row = int(np.argmax(large))
        expected = expected if np.isfinite(values[row]) else "expected a number"
        raise ValueError(f"{expected}, got {values[row]} in row {row} (counted from 0)")


def as_texts(column: Array) -> list[str | None]:
    """Convert a column to a list of text, None for missing values. Floats that are whole numbers have no ".0".

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import as_texts
        >>> as_texts(np.array([3.0, np.nan, 0.5]))
        ['3', None, '0.5']
    """
    if column.dtype.kind == "M":
        return [None if day is None else day.isoformat(" ").removesuffix(" 00:00:00")
                for day in column.astype("M8[us]").tolist()]
    return [value if type(value) is str and value.isascii() and value[:1] > " " and value[-1] > " " else _text(value)
            for value in column.tolist()]               # most cells are plain text and need no call


def holds_dates(column: Array) -> bool:
    """Whether all numbers of a column are dates such as 20190731.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import holds_dates
        >>> holds_dates(np.array([20190731, 20190801])), holds_dates(np.array([20190731, 20190732]))
        (True, False)
    """
    if column.dtype.kind not in "iuf" or not len(column) or not 19_000_101 <= column[0] < 21_000_000:
        return column.dtype.kind == "f" and bool(np.isnan(column[:1]).any()) and holds_dates(column[~np.isnan(column)])
    return are_digit_dates(as_texts(column))


def _text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def object_array(values: Sequence[Any]) -> Array:
    """A list as an array of Python objects, without converting nested lists.

    Example:
        >>> from fastnet.data.values import object_array
        >>> object_array(["a", [1, 2]])
        array(['a', list([1, 2])], dtype=object)
    """
    found = np.empty(len(values), object)
    found[:] = values
    return found


def mean_and_scale(numbers: Array) -> tuple[Any, Any]:
    """Mean and standard deviation of numbers; a standard deviation of 0 is replaced by 1.

    Both are computed from the differences to the first number, so that a large offset costs no precision.

    Args:
        numbers: float64, (N,) or (N, D).

    Returns:
        Two numbers, or two arrays (D,).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import mean_and_scale
        >>> mean_and_scale(np.array([0.1] * 10))
        (0.1, 1.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):     # for the largest numbers the results are not finite
        from_first = numbers - numbers[:1]
        mean, scale = numbers[0] + from_first.mean(0), from_first.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return (float(mean), float(scale)) if numbers.ndim == 1 else (mean, scale)


def is_number(value: object) -> bool:
    """Whether a value from a JSON file is a finite number within float64; JSON's integers have no bounds.

    Example:
        >>> from fastnet.data.values import is_number
        >>> is_number(0.5), is_number(float("nan")), is_number(10**400), is_number(True)
        (True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
