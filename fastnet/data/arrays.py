"""Conversion of users' data to NumPy arrays of fastnet's dtypes."""
from __future__ import annotations

import numbers
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor
from fastnet._core.tensor import Tensor
from fastnet.data import frames
from fastnet.data.numerals import plain_numbers

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike
    from fastnet.data.annotations import ArrayData, Frame

__all__ = ["as_array", "column_matrix", "dtype_for", "fingerprint", "numbers_as_text", "place_text"]

_FOR_TEXT = "use TablePreparation for text and dates, TargetPreparation for labels"


def dtype_for(dtype: DType, what: str = "the data") -> DType:
    """Choose the dtype of fastnet that holds all numbers of a NumPy dtype: the same, or a wider one of the same kind.

    Args:
        dtype: a NumPy dtype, of any byte order.
        what: what the numbers are, for the error.

    Raises:
        TypeError: the dtype is not numeric, or too wide (uint64, complex, long double).

    Example:
        >>> import numpy as np
        >>> from fastnet.data.arrays import dtype_for
        >>> dtype_for(np.dtype(">f8")), dtype_for(np.dtype(np.float16)), dtype_for(np.dtype(np.uint16))
        (dtype('float64'), dtype('float32'), dtype('int32'))
    """
    if dtype.kind in "biuf":
        native = dtype.newbyteorder("=")
        for wider in (native, *dtypes.ALL):
            if wider in dtypes.ALL and dtypes.category(wider) == dtypes.category(native) and np.can_cast(native, wider):
                return wider
    hint = f"; {_FOR_TEXT}" if dtype.kind in "OSUTmM" else ""
    raise TypeError(f"{what}: expected numbers of one of the dtypes {', '.join(d.name for d in dtypes.ALL)}, got "
                    f"{dtype}{hint}")


def as_array(data: ArrayData, what: str = "the data") -> Array:
    """Convert data to a NumPy array of one of fastnet's dtypes, without a copy where possible.

    - A frame becomes a float32 matrix with the same columns. Missing values become NaN.
    - A Series or a list of floats becomes float32, one of integers int64.
    - Arrays and tensors keep their dtype. If fastnet does not have it, they get the narrowest dtype that holds all of
      its values: float16 becomes float32, big-endian numbers become native ones.
    - An array of Python objects that are all numbers becomes float32 or int64.
    - Masked values of a masked array become NaN.

    Args:
        data: an array, a tensor, another library's array, a pandas or polars frame or Series, or a nested list.
        what: what the data are, for errors.

    Raises:
        TypeError: text, dates or other values that are not numbers; in a frame, the columns are named.
        ValueError: a ragged list.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.as_array(np.array([1, 2], ">i2"))
        array([1, 2], dtype=int32)
        >>> fastnet.data.as_array([[1.0, 2.0], [3.0, 4.0]])
        array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    given: Any = data
    if frames.is_frame(given):
        return column_matrix(given, what)
    if frames.is_series(given):
        return _series_array(given, what)
    if isinstance(given, Tensor):
        return given.detach().numpy()
    if not hasattr(given, "__array__"):
        given = _sequence_array(given, what)
    array = np.asarray(frames.unmasked(given))
    if array.dtype == object:
        array = _object_array(array, what)
    return array.astype(dtype_for(array.dtype, what), copy=False)


def _series_array(series: Any, what: str) -> Array:
    if frames.is_time(series):
        raise TypeError(f"{what}: expected numbers, got {series.dtype}; {_FOR_TEXT}")
    column = frames.column(series)
    if column.dtype.kind == "f":
        return _in_float32(column)
    return column.astype(dtype_for(column.dtype, what), copy=False)


def _in_float32(array: Array) -> Array:
    """Numbers too large for float32 become infinite; `finite` reports them."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def column_matrix(frame: Frame, what: str, dtype: DTypeLike = np.float32, whole: bool = False) -> Array:
    """Convert a frame of numbers to a matrix with the same columns; missing values become NaN.

    Args:
        frame: a pandas or polars frame. Its columns may hold bools, integers or floats, with missing values too, and
            Python objects that are all numbers.
        what: what the frame is, for errors.
        dtype: dtype of the matrix.
        whole: make the matrix int64 if all columns hold integers.

    Raises:
        TypeError: a column holds something else; the error names it and its first such value.
        ValueError: no columns, or two columns of the same name.
    """
    given = frames.given_columns(frame)
    named = {name: frames.column(part) for name, part in given.items()}
    if not named:
        raise ValueError(f"{what}: expected at least one column, got a frame without columns")
    strange = [name for name, column in named.items() if column.dtype == object or frames.is_time(given[name])]
    if strange:
        raise _not_numbers(what, strange, given[strange[0]], named[strange[0]])
    if whole and all(np.can_cast(column.dtype, np.int64) for column in named.values()):
        dtype = np.int64
    with np.errstate(over="ignore"):                        # `finite` reports numbers that become infinite
        return np.stack(list(named.values()), axis=1).astype(dtype)


def _not_numbers(what: str, names: list[str], given: Any, column: Array) -> TypeError:
    """The error about the columns `names`, the first of which is given."""
    value = _first_non_number(given, column)
    if numbers_as_text(column.tolist()):
        return TypeError(f"{what}: expected columns of numbers, but column {names[0]!r} holds numbers as text, such as "
                         f"{value!r}; convert it (.astype(float) in pandas, .cast(float) in polars), or let "
                         "TablePreparation read the table")
    return TypeError(f"{what}: expected columns of numbers, but these columns hold other values: "
                     f"{', '.join(map(repr, names))}, such as {value!r}; TablePreparation turns text and dates into "
                     "numbers")


def _first_non_number(given: Any, column: Array) -> Any:
    """The first value of a column that is neither a number nor missing; None if there is none."""
    if frames.is_time(given):
        return next((value for value in given if value is not None), None)
    return next((value for value in column.tolist()
                 if not (value is None or isinstance(value, numbers.Real | Decimal | np.bool_))), None)


def _sequence_array(data: Any, what: str) -> Array:
    try:
        return as_tensor(data).numpy()
    except (TypeError, ValueError) as e:
        raise type(e)(f"{what}: {e}") from None


def _object_array(array: Array, what: str) -> Array:
    """Convert an array of Python objects to numbers. Text is refused even if it reads as numbers: it may be labels."""
    for place, value in np.ndenumerate(array):
        if not (value is None or isinstance(value, numbers.Real | np.bool_)):
            raise TypeError(f"{what}: expected numbers, got {value!r} ({type(value).__name__}) in {place_text(place)}; "
                            f"{_FOR_TEXT}")
    whole = all(isinstance(value, numbers.Integral) for value in array.flat)
    return array.astype(np.int64) if whole and array.size else _in_float32(array.astype(np.float64))


def numbers_as_text(values: Sequence[object]) -> bool:
    """Whether all values that are not missing are text that reads as numbers.

    Example:
        >>> from fastnet.data.arrays import numbers_as_text
        >>> numbers_as_text(["1.5", None]), numbers_as_text(["1.5", "a"])
        (True, False)
    """
    return any(isinstance(value, str) for value in values) and plain_numbers(values, ".") is not None


def place_text(place: tuple[int, ...]) -> str:
    """Describe the position of an element in an array.

    Example:
        >>> from fastnet.data.arrays import place_text
        >>> place_text((1, 2)), place_text((1, 2, 3))
        ('row 1, column 2', 'row 1, at (2, 3)')
    """
    if len(place) <= 2:
        return ", ".join(f"{name} {i}" for name, i in zip(("row", "column"), place))
    return f"row {place[0]}, at {tuple(place[1:])}"


def fingerprint(*arrays: Array | Tensor) -> int:
    """Checksum of arrays (CRC-32 of their bytes), which tells different data apart.

    Args:
        arrays: NumPy arrays, or tensors.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.arrays import fingerprint
        >>> fingerprint(np.arange(3, dtype=np.uint8))
        139757951
    """
    number = 0
    for array in arrays:
        array = array.numpy() if isinstance(array, Tensor) else array
        number = zlib.crc32(np.ascontiguousarray(array).data, number)
    return number
