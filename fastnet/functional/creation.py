"""Tensor constructors. Inside a compiled function, every replay fills the new tensor again.

Each also takes `device`, `layout`, `pin_memory` and `memory_format`: see `fastnet.device`.
"""
from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import tensor
from fastnet._core.errors import check_sizes, shape_text
from fastnet._core.memory import empty as _empty, empty_like as _empty_like
from fastnet._core.placement import placed
from fastnet._core.shapes import ceil_div
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op, transposes, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_size
from fastnet.functional.keys import constant

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike, DType, DTypeLike, Number, Result, Size, TensorOrNumber

__all__ = [
    "arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "new_empty", "new_full", "new_ones",
    "new_tensor", "new_zeros", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]


def _as_tensor(array: Array, requires_grad: bool) -> Tensor:
    t = Tensor._wrap(array)
    return t.requires_grad_() if requires_grad else t


def _dtype(dtype: DTypeLike | None, default: DType | None = None) -> DType:
    return default or dtypes.DEFAULT[0] if dtype is None else dtypes.as_dtype(dtype)


@placed
def empty(*size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor with uninitialised values, to be written before it is read.

    Args:
        size: the shape, as numbers or as one tuple.
        dtype: float32 by default.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: a negative number.

    Example:
        >>> import fastnet
        >>> fastnet.empty(2, 3).shape
        (2, 3)
    """
    return _as_tensor(_empty(as_size("empty", size), _dtype(dtype)), requires_grad)


@placed
def zeros(*size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    Args:
        size: the shape, as numbers or as one tuple.
        dtype: float32 by default.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: a negative number.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(3)
        tensor([0., 0., 0.])
    """
    return _as_tensor(kernels.full(as_size("zeros", size), 0, _dtype(dtype)), requires_grad)


@placed
def ones(*size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones. Arguments and errors are those of `zeros`.

    Example:
        >>> import fastnet
        >>> fastnet.ones((1, 2))
        tensor([[1., 1.]])
    """
    return _as_tensor(kernels.full(as_size("ones", size), 1, _dtype(dtype)), requires_grad)


@placed
def full(size: Size, fill_value: Number, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value.

    Args:
        size: the shape, a tuple or an int.
        fill_value: the value.
        dtype: by default that of the value: float32, int64 or bool.
        requires_grad: record gradients for it.

    Example:
        >>> import fastnet
        >>> fastnet.full((2,), 7)
        tensor([7, 7])
    """
    dtype = _dtype(dtype, dtypes.of_scalar(fill_value))
    return _as_tensor(kernels.full(as_size("full", (size,)), fill_value, dtype), requires_grad)


@placed
def empty_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor with uninitialised values in the shape and, by default, the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.empty_like(fastnet.zeros(2, 3)).shape
        (2, 3)
    """
    return _as_tensor(_empty_like(input._data, _dtype(dtype, input.dtype)), requires_grad)


@placed
def zeros_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and, by default, the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.zeros_like(fastnet.tensor([1, 2]))
        tensor([0, 0])
    """
    return full_like(input, 0, dtype=dtype, requires_grad=requires_grad)


@placed
def ones_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and, by default, the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.ones_like(fastnet.tensor([3.0, 4.0]))
        tensor([1., 1.])
    """
    return full_like(input, 1, dtype=dtype, requires_grad=requires_grad)


@placed
def full_like(input: Tensor, fill_value: Number, *, dtype: DTypeLike | None = None,
              requires_grad: bool = False) -> Tensor:
    """One value in the shape and, by default, the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.full_like(fastnet.zeros(2), 7)
        tensor([7., 7.])
    """
    out = _empty_like(input._data, _dtype(dtype, input.dtype))
    kernels.fill(out, fill_value)
    return _as_tensor(out, requires_grad)


@method()
@placed
def new_empty(input: Tensor, *size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """`empty`, by default in the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).new_empty(3).dtype
        dtype('int64')
    """
    return empty(*size, dtype=dtype or input.dtype, requires_grad=requires_grad)


@method()
@placed
def new_zeros(input: Tensor, *size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """`zeros`, by default in the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).new_zeros(3)
        tensor([0, 0, 0])
    """
    return zeros(*size, dtype=dtype or input.dtype, requires_grad=requires_grad)


@method()
@placed
def new_ones(input: Tensor, *size: Size, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """`ones`, by default in the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).new_ones(3)
        tensor([1, 1, 1])
    """
    return ones(*size, dtype=dtype or input.dtype, requires_grad=requires_grad)


@method()
@placed
def new_full(input: Tensor, size: Size, fill_value: Number, *, dtype: DTypeLike | None = None,
             requires_grad: bool = False) -> Tensor:
    """`full`, by default in the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).new_full((3,), 7)
        tensor([7, 7, 7])
    """
    return full(size, fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad)


@method()
@placed
def new_tensor(input: Tensor, data: Tensor | ArrayLike, *, dtype: DTypeLike | None = None,
               requires_grad: bool = False) -> Tensor:
    """`fastnet.tensor`, by default in the dtype of `input`.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1.0, 2.0]).new_tensor([3])
        tensor([3.])
    """
    return tensor(data, dtype=dtype or input.dtype, requires_grad=requires_grad)


@placed
def arange(start: TensorOrNumber = 0, end: TensorOrNumber | None = None, step: TensorOrNumber = 1, *,
           dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """The numbers start, start + step, ... below end; arange(end) starts at 0.

    Args:
        start, end, step: numbers; the step may be negative. For an integer dtype their fractions are dropped.
        dtype: by default int64, or float32 if one of the three is a float.
        requires_grad: record gradients for it.

    Raises:
        RuntimeError: a step that does not lead from start to end, or an infinite range.

    Example:
        >>> import fastnet
        >>> fastnet.arange(3)
        tensor([0, 1, 2])
        >>> fastnet.arange(1.0, 0.0, -0.25)
        tensor([1.  , 0.75, 0.5 , 0.25])
    """
    if end is None:
        start, end = 0, start
    default = dtypes.DEFAULT[0] if any(map(_is_floating, (start, end, step))) else dtypes.int64
    dtype = _dtype(dtype, default)
    whole = [v if dtypes.is_floating(dtype) or not math.isfinite(v) else int(v) for v in (start, end, step)]
    if dtype == dtypes.int64:           # of narrower integers, PyTorch computes the count before it drops the fractions
        start, end, step = whole
    if step == 0 or not math.isfinite(end - start) or math.isnan(step) or (end - start) / step < 0:
        raise RuntimeError(f"arange: step {step} does not lead from {start} to {end}")
    count: Any = ceil_div(int(end - start), int(step)) if dtype == dtypes.int64 else math.ceil((end - start) / step)
    out = _empty((count,), dtype)
    K.arange(out, whole[0], whole[2])
    return _as_tensor(out, requires_grad)


def _is_floating(number: Any) -> bool:
    """Whether a Python number or a 0-d tensor is floating-point."""
    return isinstance(number, float | np.floating) or getattr(getattr(number, "dtype", None), "kind", "") == "f"


@placed
def linspace(start: TensorOrNumber, end: TensorOrNumber, steps: int, *, dtype: DTypeLike | None = None,
             requires_grad: bool = False) -> Tensor:
    """Evenly spaced numbers from start to end, both included.

    For an integer dtype, the fractions of start and end are dropped, then those of the results.

    Args:
        start, end: numbers or 0-d tensors.
        steps: the number of elements.
        dtype: float32 by default.
        requires_grad: record gradients for it.

    Raises:
        TypeError: steps is not an integer.
        RuntimeError: a negative number of steps, or a start or end that the dtype cannot hold.

    Example:
        >>> import fastnet
        >>> fastnet.linspace(0, 1, 5)
        tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    dtype = _dtype(dtype)
    check_sizes("linspace", steps=steps)
    steps = operator.index(steps)
    out = _empty((steps,), dtype)
    if dtypes.is_floating(dtype):
        start, end = float(start), float(end)
        step = (end - start) / (steps - 1) if steps > 1 else 0.0
        half = max(steps // 2, min(steps, 1))
        K.arange(out[:half], start, step)
        K.arange(out[half:][::-1], end, -step)
    else:
        for limit in (start, end):
            kernels.stored(float(limit), dtype)          # raises where the dtype cannot hold it
        K.copy(out, constant(_whole_steps(int(start), int(end), steps)))
    return _as_tensor(out, requires_grad)


def _whole_steps(start: int, end: int, steps: int) -> Array:
    """start + i * (end - start) / (steps - 1) without its fraction, exact in int64."""
    i, last = np.arange(steps), max(steps - 1, 1)
    quotient, rest = divmod(end - start, last)
    below = start + i * quotient + i * rest // last             # rounded down
    return below + ((below < 0) & (i * rest % last != 0))


@placed
def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix.

    Args:
        n, m: the numbers of rows and of columns (by default n).
        dtype: float32 by default.
        requires_grad: record gradients for it.

    Example:
        >>> import fastnet
        >>> fastnet.eye(2)
        tensor([[1., 0.],
                [0., 1.]])
    """
    m = n if m is None else m
    check_sizes("eye", n=n, m=m)
    rows, columns = arange(n).unsqueeze(1), arange(m).unsqueeze(0)
    t = (rows == columns).to(_dtype(dtype))
    return t.requires_grad_() if requires_grad else t


@op
def _triangle(x: Array, name: str, diagonal: int) -> Result[Array]:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected a tensor of at least two dimensions, got shape {shape_text(x)}")
    rows, columns = x.shape[-2:]
    cut = max(-rows, min(operator.index(diagonal), columns))
    return _cut(x, name == "triu", cut), (gradient(_cut, name == "triu", cut), None, None)


@writes_out
def _cut(x: Array, upper: bool, diagonal: int, *, out: Array | None = None) -> Array:
    result, matrices = kernels.memory_for(x.shape, x.dtype, out), (math.prod(x.shape[:-2]), *x.shape[-2:])
    K.triangle(result.reshape(matrices), kernels.reshaped(x, matrices), diagonal, upper)
    return result


transposes(_cut)


@method()
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices: zeros where column - row > diagonal.

    Args:
        input: (..., rows, columns).
        diagonal: 0 for the main diagonal, positive numbers for those above it.

    Raises:
        RuntimeError: fewer than two dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.tril(fastnet.ones(2, 2))
        tensor([[1., 0.],
                [1., 1.]])
    """
    return _triangle(input, "tril", diagonal)


@method()
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices: zeros where column - row < diagonal. Arguments are those of `tril`.

    Example:
        >>> import fastnet
        >>> fastnet.triu(fastnet.ones(2, 2), diagonal=1)
        tensor([[0., 1.],
                [0., 0.]])
    """
    return _triangle(input, "triu", diagonal)
