"""Kernel calls that allocate their result, which operations and gradients are composed of: arrays in, array out.

Imported as `kernels`: `kernels.add` takes arrays, the public `add` takes tensors.
"""
from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty, empty_channels_last, empty_like, empty_result, is_channels_last
from fastnet._replay.float_arguments import RecordedFloat
from fastnet.autograd.arrays import cast, contiguous, contiguous_copy, copy, dense, same
from fastnet.autograd.rules import transposes
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Number, Shape
    from fastnet._core.tensor import Tensor

__all__ = [
    "add",
    "binary",
    "broadcast_shape",
    "broadcast_shapes",
    "call_like",
    "cast",
    "check_array",
    "check_floating",
    "check_some_array",
    "contiguous",
    "contiguous_copy",
    "copy",
    "dense",
    "div",
    "fill",
    "full",
    "in_order",
    "masked",
    "memory_for",
    "mul",
    "neg",
    "operands",
    "quotient",
    "refuse_bool",
    "reshaped",
    "same",
    "scalar",
    "scale",
    "stored",
    "sub",
    "unary",
    "zeros",
    "zeros_like",
]

_ndarray, _asarray = np.ndarray, np.asarray
_PLAIN_NUMBERS = frozenset((int, float))
_SCALARS = numbers.Complex, np.bool_, np.ndarray


def broadcast_shapes(s: Shape, t: Shape) -> Shape:
    """The shape that two shapes broadcast to. Unlike NumPy's function it takes more than 32 dimensions.

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


def broadcast_shape(a: Array, b: Array) -> Shape:
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


def scalar(value: Any, dtype: DType, exact: bool = False) -> Array:
    """A number as a 0-d array, for kernels that broadcast.

    An integer out of the dtype's range wraps to its low bits, as in PyTorch's arithmetic.

    Args:
        exact: refuse such an integer instead, as PyTorch does where a value is only stored or chosen. Negative
            integers still wrap in an unsigned dtype.

    Raises:
        TypeError: not a number.
        RuntimeError: a number that the dtype cannot hold; both are named.
    """
    if type(value) is RecordedFloat:
        return value.array(dtype)
    if not isinstance(value, _SCALARS):
        raise TypeError(f"expected a tensor or a number, got {value!r}")
    try:
        return np.array(value, dtype)
    except (OverflowError, ValueError):         # an integer out of range, infinity or NaN
        return _low_bits(value, dtype, exact)


def _low_bits(value: Any, dtype: DType, exact: bool) -> Array:
    low, high = (-2**63, 2**64 - 1) if not exact else (-np.iinfo(dtype).max, np.iinfo(dtype).max)
    if not low <= value <= high or (exact and dtype.kind == "i"):
        limit = f"{np.iinfo(dtype).min} to {np.iinfo(dtype).max}" if exact else "at most 64 bits"
        raise RuntimeError(f"the number {value} does not fit {dtype}: expected {limit}")
    return np.array(value % 2**64, np.uint64).astype(dtype)


def reshaped(x: Array, shape: Shape) -> Array:
    """x in another shape. If it must be copied, a kernel does it, since a replay would not repeat a copy by NumPy."""
    return contiguous(x).reshape(shape)


def memory_for(shape: Shape, dtype: DType, out: Array | None) -> Array:
    """`out` if it is contiguous and of this shape and dtype, else a new array: for functions under `writes_out`."""
    if out is not None and out.shape == shape and out.dtype == dtype and out.flags.c_contiguous:
        return out
    return empty(shape, dtype)


def full(shape: Shape, value: Any, dtype: DType) -> Array:
    """An array of one value, filled by a kernel, so that every replay fills it again."""
    out = empty(shape, dtype)
    fill(out, value)
    return out


def stored(value: Any, dtype: DType) -> Array:
    """A Python number as a 0-d array of the dtype that it is stored in.

    Raises:
        RuntimeError: a number that the dtype cannot hold: NaN or infinity among integers, or one out of range.
    """
    if dtype.kind in "iu" and isinstance(value, float | np.floating):
        value = int(value) if np.isfinite(value) else value
    return scalar(value, dtype, exact=True)


def fill(out: Array, value: Any) -> None:
    """Write one value everywhere; RuntimeError for an integer that the dtype of `out` cannot hold."""
    try:
        K.fill(out, value if dtypes.is_floating(out.dtype) else stored(value, out.dtype).item())
    except (TypeError, ValueError):             # text, or an array
        raise TypeError(f"fill: expected a number, got {value!r}") from None


def operands(x: Any, y: Any, real: bool = False, exact: bool = False) -> tuple[Array, Array]:
    """Two arrays or Python numbers as arrays of their common dtype (PyTorch's promotion).

    Args:
        real: convert integers to float32 directly, not by way of their common dtype: 300 with a uint8 stays 300.
        exact: as in `scalar`.
    """
    x_array, y_array = type(x) is _ndarray, type(y) is _ndarray
    if x_array and y_array:
        if x.dtype is y.dtype and (not real or x.dtype.kind == "f"):
            return x, y
    elif x_array and x.dtype.kind == "f" and type(y) in _PLAIN_NUMBERS:      # common cases that need no promotion table
        return x, _asarray(y, x.dtype)
    elif y_array and y.dtype.kind == "f" and type(x) in _PLAIN_NUMBERS:
        return _asarray(x, y.dtype), y
    dtype = dtypes.result_type(x, y)
    if real:
        dtype = dtypes.float_of(dtype)
    return _as_operand(x, dtype, exact), _as_operand(y, dtype, exact)


def _as_operand(x: Any, dtype: DType, exact: bool) -> Array:
    return cast(x, dtype) if isinstance(x, np.ndarray) else scalar(x, dtype, exact)


def check_array(name: str, argument: str, x: object) -> None:
    """Refuse a number in place of a tensor. For the function of an operation, which gets arrays for tensors.

    Raises:
        TypeError: naming the argument.
    """
    if not isinstance(x, _ndarray):
        raise not_a_tensor(name, argument, x)


def check_some_array(name: str, x: object, y: object) -> None:
    """Refuse two numbers, in the function of an operation that takes a number in place of either tensor."""
    if not (isinstance(x, _ndarray) or isinstance(y, _ndarray)):
        raise TypeError(f"{name}: expected at least one tensor, got {type(x).__name__} and {type(y).__name__}")


def check_floating(name: str, x: Array | Tensor, argument: str = "input") -> None:
    """Refuse an array or a tensor that is not floating-point.

    Raises:
        RuntimeError: naming the argument and its dtype.
    """
    if not dtypes.is_floating(x.dtype):
        advice = "take its abs(), real or imag" if x.dtype.kind == "c" else "convert it with .float()"
        raise RuntimeError(f"{name}: expected a floating-point {argument}, got {x.dtype}; {advice}")


def refuse_bool(name: str, *operands: Any) -> None:
    """Refuse bool operands (arrays, tensors or numbers) of arithmetic that is not defined for bool."""
    if any((x.dtype if hasattr(x, "dtype") else dtypes.of_scalar(x)).kind == "b" for x in operands):
        raise RuntimeError(f"{name}: expected numbers, got bool; convert it with .long(), or use ~, ^, & and |")


def binary(kernel: str, a: Array, b: Array, dtype: DType | None = None) -> Array:
    """kernel(a, b), broadcast; `dtype` is the result's, by default a's."""
    shape = a.shape
    if shape != b.shape:
        shape = broadcast_shape(a, b)
    out = empty_result(shape, dtype or a.dtype, a, b)
    getattr(K, kernel)(out, a, b)
    return out


def unary(kernel: str, x: Array, dtype: DType | None = None, **attributes: Any) -> Array:
    """kernel(x), element by element."""
    out = empty_like(x, dtype)
    getattr(K, kernel)(out, x, **attributes)
    return out


def add(a: Array, b: Array) -> Array:
    """a + b."""
    return binary("add", a, b)


def sub(a: Array, b: Array) -> Array:
    """a - b."""
    return binary("sub", a, b)


def mul(a: Array, b: Array) -> Array:
    """a * b."""
    return binary("mul", a, b)


def div(a: Array, b: Array) -> Array:
    """a / b."""
    return binary("div", a, b)


def quotient(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0."""
    some = binary("ne", b, scalar(0, b.dtype), dtypes.bool_)
    return masked(some, div(a, b))


def zeros_like(x: Array) -> Array:
    """Zeros in x's shape, dtype and memory layout."""
    out = empty_like(x)
    fill(out, 0)
    return out


def zeros(shape: Shape, like: Array) -> Array:
    """Zeros in the dtype of an array, and channels-last if it is and has as many dimensions."""
    last = len(shape) == like.ndim and is_channels_last(like)
    out = (empty_channels_last if last else empty)(shape, like.dtype)
    fill(out, 0)
    return out


def neg(x: Array) -> Array:
    """-x."""
    return unary("neg", x)


def scale(x: Array, factor: Number) -> Array:
    """x times a Python number."""
    return binary("mul", x, scalar(factor, x.dtype))


def masked(mask: Array, x: Array) -> Array:
    """x where the bool array `mask` holds, else 0."""
    out = empty_result(broadcast_shape(mask, x), x.dtype, x, mask)
    K.where(out, mask, x, scalar(0, x.dtype))
    return out


def call_like(kernel: str, x: Array, *rest: Any, **attributes: Any) -> Array:
    """kernel(out, x, *rest) with out of x's shape, dtype and memory layout."""
    out = empty_like(x)
    getattr(K, kernel)(out, x, *rest, **attributes)
    return out


def in_order(x: Array, *shape: Any) -> Array:
    """x itself: the transpose of a function that only changes the shape."""
    return x


transposes(reshaped, in_order)
for _linear in (neg, scale, zeros_like):
    transposes(_linear)
