"""Whatever people have their data in, as NumPy arrays of a dtype that fastnet has; and the search for NaN in it."""
import numbers
import warnings
import zlib
from decimal import Decimal

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import as_tensor
from fastnet._core.tensor import Tensor
from fastnet.data import frames
from fastnet.data.numerals import plain_numbers

BLOCK = 1 << 16                         # rows looked at in one go, where all at once could need too much memory
_LOST = 0.01                            # of the standard deviation may be lost in rounding
FOR_TEXT = "text and dates go through TablePreparation, labels through TargetPreparation"


def dtype_for(dtype, what="the data"):
    """The dtype of fastnet's in which numbers of `dtype` lose nothing: their own, or a wider one of the same kind.

    Args:
        dtype: a NumPy dtype, of any byte order.
        what: what the numbers are, for the error.

    Raises:
        TypeError: no numbers, or too wide ones (uint64, complex, long double).

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
    hint = f"; {FOR_TEXT}" if dtype.kind in "OSUTmM" else ""
    raise TypeError(f"{what}: expected numbers of one of the dtypes {', '.join(d.name for d in dtypes.ALL)}, got "
                    f"{dtype}{hint}")


def as_array(data, what="the data"):
    """`data` as a NumPy array of one of fastnet's dtypes, sharing its memory where it can.

    A frame becomes a float32 matrix with one column for each of its own, what is missing NaN. A Series or a list of
    floats becomes float32, one of integers int64. Arrays and tensors keep their dtype, or get the narrowest that loses
    nothing: float16 becomes float32, big-endian numbers native ones, an array of Python objects that are all numbers
    float32 or int64. What is masked in a masked array is NaN.

    Args:
        data: an array, a tensor, another library's array, a pandas or polars frame or Series, or a nested list.
        what: what it is, for errors.

    Raises:
        TypeError: text, dates or other things that are no numbers; columns are named.
        ValueError: a ragged list.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.as_array(np.array([1, 2], ">i2"))
        array([1, 2], dtype=int32)
        >>> fastnet.data.as_array([[1.0, 2.0], [3.0, 4.0]])
        array([[1., 2.],
               [3., 4.]], dtype=float32)
    """
    if frames.is_frame(data):
        return column_matrix(data, what)
    if frames.is_series(data):
        if frames.is_time(data):
            raise TypeError(f"{what}: expected numbers, got {data.dtype}; {FOR_TEXT}")
        column = frames.column(data)
        if column.dtype.kind == "f":
            return _narrowed(column)
        return column.astype(dtype_for(column.dtype, what), copy=False)
    if isinstance(data, Tensor):
        return data.detach().numpy()
    if not hasattr(data, "__array__"):
        data = _of_sequence(data, what)
    array = np.asarray(frames.unmasked(data))
    if array.dtype == object:
        array = _of_objects(array, what)
    return array.astype(dtype_for(array.dtype, what), copy=False)


def _narrowed(array):
    """In float32; what is too large for it becomes infinite, which `finite` finds."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def column_matrix(frame, what, dtype=np.float32, whole=False):
    """A frame of numbers as a matrix with one column for each of its own, what is missing NaN.

    Args:
        frame: of pandas or polars. Its columns may be bools, integers, floats, those with missing values, and objects
            that are all numbers.
        what: what it is, for errors.
        dtype: of the matrix.
        whole: make it int64 where all columns are whole numbers.

    Raises:
        TypeError: a column that holds something else; it is named, and the first such value.
        ValueError: there is no column, or two have one name.
    """
    given = frames.given_columns(frame)
    named = {name: frames.column(part) for name, part in given.items()}
    if not named:
        raise ValueError(f"{what} has no columns")
    strange = [name for name, column in named.items() if column.dtype == object or frames.is_time(given[name])]
    if strange:
        value = _no_number(given[strange[0]], named[strange[0]])
        if numbers_as_text(named[strange[0]].tolist()):
            raise TypeError(f"{what}: expected columns of numbers, {strange[0]!r} holds numbers as text, such as "
                            f"{value!r}: convert it (.astype(float) in pandas, .cast(float) in polars), or let "
                            "TablePreparation read the table")
        raise TypeError(f"{what}: expected columns of numbers, these hold something else: "
                        f"{', '.join(map(repr, strange))}, such as {value!r}; TablePreparation turns text and dates "
                        "into numbers")
    if whole and all(np.can_cast(column.dtype, np.int64) for column in named.values()):
        dtype = np.int64
    with np.errstate(over="ignore"):                        # `finite` finds what becomes infinite
        return np.stack(list(named.values()), axis=1).astype(dtype)


def _no_number(given, column):
    """The first value of a column that keeps it from being numbers; None where nothing is there."""
    if frames.is_time(given):
        return next((value for value in given if value is not None), None)
    return next((value for value in column.tolist()
                 if not (value is None or isinstance(value, numbers.Real | Decimal | np.bool_))), None)


def _of_sequence(data, what):
    try:
        return as_tensor(data).numpy()
    except (TypeError, ValueError) as e:
        raise type(e)(f"{what}: {e}") from None


def _of_objects(array, what):
    """An array of Python objects as numbers. Text that reads like a number is none: labels often are such text."""
    for place, value in np.ndenumerate(array):
        if not (value is None or isinstance(value, numbers.Real | np.bool_)):
            raise TypeError(f"{what}: expected numbers, got {value!r} ({type(value).__name__}) in {_place(place)}; "
                            f"{FOR_TEXT}")
    whole = all(isinstance(value, numbers.Integral) for value in array.flat)
    return array.astype(np.int64) if whole and array.size else _narrowed(array.astype(np.float64))


def numbers_as_text(values):
    """Whether all values that are there are text that reads as numbers.

    Example:
        >>> from fastnet.data.arrays import numbers_as_text
        >>> numbers_as_text(["1.5", None]), numbers_as_text(["1.5", "a"])
        (True, False)
    """
    return any(isinstance(value, str) for value in values) and plain_numbers(values, ".") is not None


def warn_of_lost(what, values, dtype, names=None):
    """Warn of columns far from zero beside their spread, such as timestamps, whose differences a dtype loses.

    Args:
        what: what the values are, for the warning.
        values: an array; only matrices of a wider dtype are looked at, of large ones some rows.
        dtype: what they are going to be rounded to.
        names: of the columns; by default their places.

    Example:
        >>> import warnings, numpy as np
        >>> from fastnet.data.arrays import warn_of_lost
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn_of_lost("x", np.array([[1.7e9, 1.0], [1.7e9 + 5, 2.0]]), np.dtype(np.float32))
        >>> print(str(caught[0].message).partition(",")[0])
        x: float32 rounds away the differences in the columns 0
    """
    if values.ndim != 2 or values.dtype.kind not in "iuf" or np.can_cast(values.dtype, dtype):
        return
    moved, spread = _rounding(values[::max(1, values.size // BLOCK)].astype(np.float64), dtype)
    lost = np.flatnonzero((spread > 0) & (moved > _LOST * spread)).tolist()
    if lost:
        named = ", ".join(str(i) if names is None else repr(names[i]) for i in lost[:frames.LISTED])
        more = f" and {len(lost) - frames.LISTED} more" if len(lost) > frames.LISTED else ""
        warnings.warn(f"{what}: {dtype} rounds away the differences in the columns {named}{more}, whose values are far "
                      "from zero beside their spread: subtract the mean of each column before, as "
                      "fastnet.data.TablePreparation and scikit-learn's StandardScaler do", stacklevel=2)


def _rounding(values, dtype):
    """(by how much rounding to a dtype moves values at most, their standard deviation), of each column."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = np.abs(values.astype(dtype).astype(np.float64) - values).max(0)
        return moved, (values - values[:1]).astype(np.float64).std(0)


def require_spread(values, dtype, what):
    """Refuse values whose differences are lost when they are rounded to a dtype: timestamps in float32.

    Args:
        values: (N,) or (N, D), numbers.
        dtype: what they are going to be rounded to.
        what: what they are, for the error.

    Raises:
        ValueError: rounding moves a value by more than a hundredth of the standard deviation of its column.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.arrays import require_spread
        >>> require_spread(np.array([1e9, 1e9 + 5]), np.float32, "y")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: y: float32 rounds values by up to 5, which spread by 2.5 only, ...
    """
    dtype = np.dtype(dtype)
    if values.dtype.itemsize <= dtype.itemsize and values.dtype.kind == "f":
        return
    moved, spread = _rounding(values, dtype)
    lost = np.argmax(np.ravel((spread > 0) & (moved > _LOST * spread)))
    moved, spread = np.ravel(moved)[lost], np.ravel(spread)[lost]
    if spread > 0 and moved > _LOST * spread:
        largest = np.abs(values).reshape(len(values), -1)[:, lost].max()
        raise ValueError(f"{what}: {dtype} rounds values by up to {moved:.3g}, which spread by {spread:.3g} only, far "
                         f"from zero ({largest:.3g}); standardise them first: "
                         "fastnet.data.TargetPreparation(standardise=True)")


def fingerprint(*arrays):
    """A number that other data hardly has: CRC-32 of the arrays' bytes.

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


# ---- NaN and infinity -----------------------------------------------------------------------------------------------

def finite(x, what="the data"):
    """Refuse NaN and infinity; returns x.

    Args:
        x: an array, a tensor, a pandas or polars frame or Series, or one of SciPy's sparse matrices.
        what: what it is, for the error.

    Raises:
        ValueError: naming how many values are NaN or infinite, and the row and column of the first. Rows and columns
            count from 0; a frame's columns go by their names.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.data.finite(np.array([[1.0, 2.0], [3.0, np.nan]]), "x")
        Traceback (most recent call last):
            ...
        ValueError: x: 1 value is NaN or infinite: nan in row 1, column 1 (counted from 0)
    """
    if frames.is_frame(x):
        for name, column in frames.columns(x).items():
            _check(column, f"{what}, column {name!r}")
    elif hasattr(x, "tocoo"):
        _check_sparse(x.tocoo(), what)
    elif frames.is_series(x):
        _check(frames.column(x), what)
    else:
        _check(x._data if isinstance(x, Tensor) else np.asarray(frames.unmasked(x)), what)
    return x


def _check(array, what):
    if array.dtype == object:
        array = np.array([_as_float(value) for value in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "fc" or not array.size:
        return
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum()):                        # one NaN or infinity makes the sum one: nothing to look for
            return
    rows = np.atleast_1d(array)
    count, first = 0, None
    for start in range(0, len(rows), BLOCK):
        places = np.argwhere(~np.isfinite(rows[start:start + BLOCK]))
        count += len(places)
        if first is None and len(places):
            first = (start + int(places[0][0]), *map(int, places[0][1:]))
    if count:
        raise _not_finite(what, count, rows[first], first)


def _check_sparse(x, what):
    bad = np.flatnonzero(~np.isfinite(x.data))
    if len(bad):
        row, column, value = min((int(x.row[i]), int(x.col[i]), x.data[i]) for i in bad)
        raise _not_finite(what, len(bad), value, (row, column))


def _not_finite(what, count, value, place):
    several = "values are NaN or infinite, the first" if count > 1 else "value is NaN or infinite:"
    return ValueError(f"{what}: {count} {several} {value} in {_place(place)} (counted from 0)")


def _as_float(value):
    """An object of a column as a float: missing ones NaN, and 0 for those that are no numbers."""
    return np.nan if value is None else float(value) if isinstance(value, numbers.Real) else 0.0


def _place(place):
    """The indices of an element in words."""
    if len(place) <= 2:
        return ", ".join(f"{name} {i}" for name, i in zip(("row", "column"), place))
    return f"row {place[0]}, at {tuple(place[1:])}"
