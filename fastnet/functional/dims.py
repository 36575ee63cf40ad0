"""Shapes and dimensions of arguments, checked and counted from the front, and arrays prepared for a reduction."""
from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty, view_rows
from fastnet._core.state import warn_user
from fastnet._core.tensor import Tensor
from fastnet.autograd.arrays import channel_rows
from fastnet.backend import K
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Dims, DType, Shape, Size

__all__ = [
    "as_dim",
    "as_dims",
    "as_rows",
    "as_shape",
    "as_size",
    "as_tuple",
    "asked_shape",
    "check_dimensions",
    "check_tensors",
    "filled_in",
    "implied_dim",
    "kept_size",
    "normalize_dim",
    "normalize_dims",
    "reduced_by",
]

_INTEGERS = (int, np.integer, Tensor)
_ONLY_INT = frozenset((int,))
_ACROSS = frozenset(("sum", "mean", "amax", "amin"))       # reductions with a kernel for channels-last arrays


def check_tensors(name: str, **tensors: object) -> None:
    """Refuse arguments that are not tensors.

    Raises:
        TypeError: it names the argument.
    """
    for what, x in tensors.items():
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, what, x)


# ---- shapes ---------------------------------------------------------------------------------------------------------

def as_shape(shape: tuple[Size, ...]) -> Shape:
    """A shape given as integers or as one tuple of them.

    Raises:
        TypeError: an element is not an integer.
    """
    if _ONLY_INT.issuperset(map(type, shape)):                  # the common case
        return shape                                            # type: ignore[return-value]
    if len(shape) == 1 and not isinstance(shape[0], _INTEGERS):
        shape = shape[0]                                        # type: ignore[assignment]   # a sequence of integers
    try:
        return tuple(map(operator.index, shape))                # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"expected integers, or one tuple of them, got {shape!r}") from None


def as_size(name: str, size: tuple[Size, ...]) -> Shape:
    """The shape of a new tensor.

    Raises:
        RuntimeError: a negative number.
    """
    shape = as_shape(size)
    if min(shape, default=0) < 0:
        check_sizes(name, size=shape)
    return shape


def asked_shape(input: Tensor, shape: tuple[Size, ...]) -> Shape:
    """A requested shape, checked. It may hold a -1, which NumPy resolves.

    Raises:
        RuntimeError: a length below -1.
    """
    if len(shape) != 1 or type(shape[0]) is not int:
        shape = as_shape(shape)
    if shape and min(shape) < -1:                               # type: ignore[operator, type-var]
        raise RuntimeError(f"shape {shape_text(shape)} does not fit a tensor of shape {shape_text(input)}: a length is "
                           "below -1")
    return shape                                                # type: ignore[return-value]


def filled_in(before: Shape, shape: Shape) -> Shape:
    """A shape with its -1 replaced by the length that keeps the number of elements of the shape `before`.

    Raises:
        RuntimeError: the numbers of elements differ; both shapes are named.
    """
    size, known = math.prod(before), math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known and size % known == 0:
        shape = tuple(size // known if n == -1 else n for n in shape)
    if -1 in shape or math.prod(shape) != size:
        raise RuntimeError(f"shape {shape_text(shape)} does not fit a tensor of shape {shape_text(before)}, "
                           f"{size} elements")
    return shape


def kept_size(size: Any) -> Any:
    """A size as a module keeps it: a list, as model files hold it, becomes a tuple."""
    return tuple(size) if isinstance(size, list) else size


def as_tuple(name: str, argument: str, value: Size, n: int) -> Shape:
    """An integer for all of n spatial dimensions, or a sequence with one for each, as a tuple of n integers.

    Args:
        name: the function that was called, for the error.
        argument: the name of the argument, for the error.
        value: an integer, or a tuple or list of 1 or n integers.
        n: the number of spatial dimensions.

    Raises:
        TypeError: not integers.
        RuntimeError: another number of integers.

    Example:
        >>> as_tuple("conv2d", "stride", 2, 2), as_tuple("conv2d", "stride", (2, 1), 2)
        ((2, 2), (2, 1))
    """
    values: Any = value if isinstance(value, tuple | list) else (value,)
    try:
        sizes = tuple(None if isinstance(v, bool) else operator.index(v) for v in values)
    except TypeError:
        sizes = (None,)
    expected = f"{name}: expected {argument} to be an integer or a tuple of {n} integers"
    if None in sizes:
        raise TypeError(f"{expected}, got {value!r}")
    if len(sizes) not in (1, n):
        raise RuntimeError(f"{expected}, got {value!r}")
    return sizes if len(sizes) == n else sizes * n              # type: ignore[return-value]


# ---- dimensions -----------------------------------------------------------------------------------------------------

def as_dim(input: Tensor | Array, dim: int, extra: int = 0) -> int:
    """A dimension counted from the front.

    Args:
        input: a tensor or an array; a 0-d one has dimension 0, as in PyTorch.
        dim: an integer; negative ones count from the back.
        extra: how many dimensions the result has more than `input`.

    Raises:
        TypeError: not an integer, or a bool.
        IndexError: out of range.
    """
    n = input.ndim + extra or 1
    if type(dim) is int and -n <= dim < n:                      # the common case
        return dim % n
    try:
        number = None if isinstance(dim, bool) else operator.index(dim)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"expected an integer as dimension, got {dim!r}")
    if not -n <= number < n:
        raise IndexError(f"dimension {number} is out of range for shape {shape_text(input)}: expected {-n} to {n - 1}")
    return number % n


def as_dims(name: str, input: Tensor | Array, dims: Size) -> list[int]:
    """One dimension or several as a list, counted from the front.

    Raises:
        RuntimeError: a dimension occurs twice.
    """
    listed = [as_dim(input, d) for d in (dims if isinstance(dims, tuple | list) else (dims,))]
    if len(set(listed)) < len(listed):
        raise RuntimeError(f"{name}: expected each dimension once, got {dims}")
    return listed


def implied_dim(name: str, input: Tensor) -> int:
    """The dimension that a softmax without `dim` is along, as in PyTorch, with a warning.

    Raises:
        TypeError: input is not a tensor.
    """
    check_tensors(name, input=input)
    dim = 0 if input.ndim in (0, 1, 3) else 1
    warn_user(f"{name}: dim is missing, and dimension {dim} is taken, as PyTorch does for {input.ndim} dimensions; "
              "give dim=-1 for the last dimension")
    return dim


def normalize_dims(x: Tensor | Array, dim: Dims) -> Shape:
    """`dim` as a sorted tuple of dimensions counted from the front; None and () stand for all.

    Raises:
        TypeError: not integers.
        IndexError: out of range.
        RuntimeError: a dimension occurs twice.
    """
    if type(dim) is int and -x.ndim <= dim < x.ndim:            # the common case
        return (dim % x.ndim,)
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        return tuple(range(x.ndim))
    return tuple(sorted(as_dims("dim", x, dim)))[:x.ndim]


def normalize_dim(x: Tensor | Array, dim: int) -> Shape:
    """A single dimension in the form of `normalize_dims`; () for a 0-d array.

    Raises:
        TypeError: not an integer.
        IndexError: out of range.
    """
    return (as_dim(x, dim),)[:x.ndim]


def check_dimensions(name: str, input: Tensor) -> None:
    """Refuse a 0-d tensor."""
    if input.ndim == 0:
        raise RuntimeError(f"{name}: expected a tensor with dimensions, got a 0-d tensor")


# ---- arrays for reductions ------------------------------------------------------------------------------------------

def as_rows(x: Array, dims: Sequence[int], keepdim: bool = False) -> tuple[Array, Shape, Shape]:
    """x as (outer, n, inner) with the reduced dimensions in the middle, and the shapes of the result.

    Returns:
        (array, the result's shape, its shape with the reduced dimensions as 1)
    """
    if len(dims) == x.ndim:                                 # all of them
        kept = (1,) * x.ndim
        return view_rows(contiguous(x), 0, x.ndim), kept if keepdim else (), kept
    first, last = (dims[0], dims[-1] + 1) if dims else (0, 0)
    before, after = x.shape[:first], x.shape[last:]
    kept, shape = before + (1,) * (last - first) + after, before + after
    if last - first > len(dims):                            # with others between them
        kept = tuple(1 if i in dims else n for i, n in enumerate(x.shape))
        rest = [i for i in range(x.ndim) if i not in dims]
        shape = tuple(x.shape[i] for i in rest)
        x = x.transpose(*rest, *dims)                       # packed below: the reduced dimensions last
        first, last = len(rest), x.ndim
    return view_rows(contiguous(x), first, last), kept if keepdim else shape, kept


def reduced_by(kernel: str, x: Array, dim: Dims, dtype: DType | None = None,
               keepdim: bool = False) -> tuple[Array, Shape, Shape]:
    """x reduced by a kernel over `dim`.

    Returns:
        (array, the result's shape, its shape with the reduced dimensions as 1)
    """
    dims = normalize_dims(x, dim)
    across = channel_rows(x, dims) if kernel in _ACROSS and not x.flags.c_contiguous else None
    if across is not None:
        return _reduced_across(kernel, x, dims, across, dtype, keepdim)
    x3, shape, kept = as_rows(x, dims, keepdim)
    out = empty((x3.shape[0], x3.shape[2]), dtype or x.dtype)
    getattr(K, kernel)(out, x3)
    return out, shape, kept


def _reduced_across(kernel: str, x: Array, dims: Shape, across: tuple[Array, int], dtype: DType | None,
                    keepdim: bool) -> tuple[Array, Shape, Shape]:
    """A channels-last array reduced in the order of its memory."""
    rows, axis = across
    out = empty((rows.shape[0], rows.shape[3 - axis]), dtype or x.dtype)
    getattr(K, kernel + "_across")(out, rows, axis)
    kept = tuple(1 if i in dims else n for i, n in enumerate(x.shape))
    return out, kept if keepdim else tuple(n for i, n in enumerate(x.shape) if i not in dims), kept
