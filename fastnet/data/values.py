"""Columns as numbers and as text, and what is learnt of numbers."""
import sys

import numpy as np

from fastnet.data.dates import are_digits, seconds

LARGEST = 1e150                         # whose square is no infinity


def as_numbers(column):
    """A column of numbers, bools or dates as float64, what is missing NaN; dates are seconds.

    Raises:
        ValueError: text, infinity, or numbers beyond 1e150; the row is named.

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
    _refuse(np.abs(values) > LARGEST, values, "too large")
    return values


def as_float32(values):
    """Numbers in float32, or an error.

    Raises:
        ValueError: a number is more than float32 has; the row is named.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import as_float32
        >>> as_float32(np.array([0.5]))
        array([0.5], dtype=float32)
    """
    _refuse(np.abs(values) > np.finfo(np.float32).max, values, "more than float32 has")
    return values.astype(np.float32)


def _refuse(large, values, why):
    if large.any():
        row = int(np.argmax(large))
        raise ValueError(f"expected a number, got {values[row]} in row {row} (counted from 0)"
                         + f", which is {why}" * bool(np.isfinite(values[row])))


def as_texts(column):
    """A column as a list of text, None where it is missing; a category 3 is "3", also where its column has floats.

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
            for value in column.tolist()]               # most cells need no call


def holds_dates(column):
    """Whether a column of numbers holds dates such as 20190731, all of them.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import holds_dates
        >>> holds_dates(np.array([20190731, 20190801])), holds_dates(np.array([20190731, 20190732]))
        (True, False)
    """
    if column.dtype.kind not in "iuf" or not len(column) or not 19_000_101 <= column[0] < 21_000_000:
        return column.dtype.kind == "f" and bool(np.isnan(column[:1]).any()) and holds_dates(column[~np.isnan(column)])
    return are_digits(as_texts(column))


def _text(value):
    if value is None or value != value:
        return None
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def mean_and_scale(numbers):
    """The mean and the standard deviation of numbers, the latter 1 where they are all the same.

    They are taken of the differences from the first number, so that an offset costs no precision.

    Args:
        numbers: (N,) or (N, D), float64.

    Returns:
        Two numbers, or two (D,) arrays.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.values import mean_and_scale
        >>> mean_and_scale(np.array([0.1] * 10))
        (0.1, 1.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):     # of the largest numbers there are: not finite
        from_first = numbers - numbers[:1]
        mean, scale = numbers[0] + from_first.mean(0), from_first.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return (float(mean), float(scale)) if numbers.ndim == 1 else (mean, scale)


def is_number(value):
    """Whether a value out of JSON is a finite number that float64 has: its integers have no bounds.

    Example:
        >>> from fastnet.data.values import is_number
        >>> is_number(0.5), is_number(float("nan")), is_number(10**400), is_number(True)
        (True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
