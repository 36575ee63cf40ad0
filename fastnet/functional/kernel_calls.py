"""Kernel calls that allocate their result, which operations and gradients are composed of: arrays in, array out."""
import numbers

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty, empty_like
from fastnet._replay.numbers import Number
from fastnet.backend import K

_ndarray, _asarray = np.ndarray, np.asarray
_NUMBERS = frozenset((int, float))
_SCALARS = numbers.Real, np.bool_, np.ndarray


def broadcast_shapes(s, t):
    """The shape that two shapes broadcast to, of any number of dimensions: NumPy's function takes 32.

    Raises:
        ValueError: they do not broadcast.
    """
    short, long = sorted((s, t), key=len)
    shape = list(long)
    for i, n in enumerate(short, len(long) - len(short)):
        if shape[i] != n and n != 1:
            if shape[i] != 1:
                raise ValueError(f"they differ in dimension {i - len(long)}, {shape[i]} against {n}, and neither is 1")
            shape[i] = n
    return tuple(shape)


def broadcast_shape(a, b):
    """The shape that two arrays broadcast to.

    Raises:
        RuntimeError: they do not broadcast; both shapes are named.
    """
    if a.shape == b.shape:
        return a.shape
    try:
        return broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise RuntimeError(f"shapes {shape_text(a)} and {shape_text(b)} do not broadcast: {error}") from None


def scalar(value, dtype, exact=False):
    """A 0-d array, for the kernels that broadcast.

    Of an integer out of the dtype's range the low bits are taken, as PyTorch's arithmetic does.

    Args:
        exact: refuse such an integer instead, as PyTorch does where a value is only stored or chosen. Negative ones
            still wrap where the dtype has no sign.

    Raises:
        TypeError: no number.
        RuntimeError: a number that the dtype cannot hold; both are named.
    """
    if type(value) is Number:
        return value.array(dtype)
    if not isinstance(value, _SCALARS):
        raise TypeError(f"expected a tensor or a number, got {value!r}")
    try:
        return np.array(value, dtype)
    except (OverflowError, ValueError):         # an integer out of range, infinity or NaN
        return _low_bits(value, dtype, exact)


def _low_bits(value, dtype, exact):
    low, high = (-2**63, 2**64 - 1) if not exact else (-np.iinfo(dtype).max, np.iinfo(dtype).max)
    if not low <= value <= high or (exact and dtype.kind == "i"):
        limit = f"{np.iinfo(dtype).min} to {np.iinfo(dtype).max}" if exact else "at most 64 bits"
        raise RuntimeError(f"the number {value} does not fit {dtype}: expected {limit}")
    return np.array(value % 2**64, np.uint64).astype(dtype)


def cast(x, dtype):
    """x in another dtype; x itself where it has it."""
    if x.dtype == dtype:
        return x
    out = empty(x.shape, dtype)
    K.copy(out, x)
    return out


def contiguous(x):
    """x in C order; x itself where it is."""
    if x.flags.c_contiguous:
        return x
    out = empty(x.shape, x.dtype)
    K.copy(out, x)
    return out


def reshaped(x, shape):
    """x in another shape. Where that takes a copy it is a launch: NumPy's own would not be repeated by a replay."""
    return contiguous(x).reshape(shape)


def copy(x):
    """A contiguous copy."""
    out = empty(x.shape, x.dtype)
    K.copy(out, x)
    return out


def full(shape, value, dtype):
    """An array of one value. A launch: a replay fills it anew."""
    out = empty(shape, dtype)
    fill(out, value)
    return out


def stored(value, dtype):
    """A Python number as a 0-d array of the dtype that it is stored in.

    Raises:
        RuntimeError: a number that the dtype cannot hold: NaN or infinity among integers, or one out of range.
    """
    if dtype.kind in "iu" and isinstance(value, float | np.floating):
        value = int(value) if np.isfinite(value) else value
    return scalar(value, dtype, exact=True)


def fill(out, value):
    """Write one value everywhere; RuntimeError for an integer that out's dtype cannot hold."""
    K.fill(out, value if out.dtype.kind == "f" else stored(value, out.dtype).item())


def operands(x, y, real=False, exact=False):
    """Two arrays or Python numbers as arrays of their common dtype (PyTorch's promotion).

    Args:
        real: integers go to float32, straight from their own dtype: 300 beside a uint8 stays 300.
        exact: as in `scalar`.
    """
    x_array, y_array = type(x) is _ndarray, type(y) is _ndarray
    if x_array and y_array:
        if x.dtype is y.dtype and (not real or x.dtype.kind == "f"):
            return x, y
    elif x_array and x.dtype.kind == "f" and type(y) in _NUMBERS:      # the common cases, without the table's detour
        return x, _asarray(y, x.dtype)
    elif y_array and y.dtype.kind == "f" and type(x) in _NUMBERS:
        return _asarray(x, y.dtype), y
    dtype = dtypes.result_type(x, y)
    if real:
        dtype = dtypes.float_of(dtype)
    return tuple(cast(a, dtype) if isinstance(a, np.ndarray) else scalar(a, dtype, exact) for a in (x, y))


def check_array(name, argument, x):
    """Refuse a number in the place of a tensor, inside an operation that sees the tensors' arrays.

    Raises:
        TypeError: naming the argument.
    """
    if not isinstance(x, _ndarray):
        raise not_a_tensor(name, argument, x)


def check_some_array(name, x, y):
    """Refuse two numbers, inside an operation that takes a number for either tensor."""
    if not (isinstance(x, _ndarray) or isinstance(y, _ndarray)):
        raise TypeError(f"{name}: expected at least one tensor, got {type(x).__name__} and {type(y).__name__}")


def refuse_bool(name, *operands):
    """Refuse operands, arrays, tensors or numbers, of arithmetic that has no meaning for bool."""
    if any((x.dtype if hasattr(x, "dtype") else dtypes.of_scalar(x)).kind == "b" for x in operands):
        raise RuntimeError(f"{name} takes numbers, got bool; convert it with .long(), or use ~, ^, & and |")


def binary(kernel, a, b, dtype=None):
    """kernel(a, b), broadcast; `dtype` is the result's, by default a's."""
    out = empty(broadcast_shape(a, b), dtype or a.dtype)
    getattr(K, kernel)(out, a, b)
    return out


def unary(kernel, x, dtype=None, **attributes):
    """kernel(x), element by element."""
    out = empty(x.shape, dtype or x.dtype)
    getattr(K, kernel)(out, x, **attributes)
    return out


def add(a, b):
    """a + b."""
    return binary("add", a, b)


def sub(a, b):
    """a - b."""
    return binary("sub", a, b)


def mul(a, b):
    """a * b."""
    return binary("mul", a, b)


def div(a, b):
    """a / b."""
    return binary("div", a, b)


def quotient(a, b):
    """a / b, and 0 where b is 0."""
    some = binary("ne", b, scalar(0, b.dtype), dtypes.bool_)
    return masked(some, div(a, b))


def same(x):
    """x itself: the gradient of what only adds."""
    return x


def zeros_like(x):
    """Zeros in x's shape and dtype."""
    return full(x.shape, 0, x.dtype)


def neg(x):
    """-x."""
    return unary("neg", x)


def scale(x, factor):
    """x times a Python number."""
    return binary("mul", x, scalar(factor, x.dtype))


def masked(mask, x):
    """x where the bool array `mask` holds, else 0."""
    out = empty(broadcast_shape(mask, x), x.dtype)
    K.where(out, mask, x, scalar(0, x.dtype))
    return out


def call_like(kernel, x, *rest, **attributes):
    """kernel(out, x, *rest) with out of x's shape and dtype."""
    out = empty_like(x)
    getattr(K, kernel)(out, x, *rest, **attributes)
    return out
