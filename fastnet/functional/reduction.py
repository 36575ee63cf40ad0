"""Sums, means and other reductions over dimensions. `dim` is an integer, a tuple, or None for all."""
from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.memory import empty
from fastnet._core.tensor import method
from fastnet.autograd import RESULT, gradient, on_tensors, op, transposes
from fastnet.autograd.arrays import sum_broadcast
from fastnet.autograd.tape import Along
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.creation import arange
from fastnet.functional.dims import as_rows, normalize_dim, normalize_dims, reduced_by
from fastnet.functional.kernel_calls import check_floating

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Dims, DType, DTypeLike, Result, Shape, Size
    from fastnet._core.tensor import Tensor

__all__ = ["all", "any", "logsumexp", "mean", "prod", "std", "sum", "sum_dtype", "var"]


def _spread(g: Array, kept: Shape, shape: Shape) -> Array:
    """The gradient of a reduction, broadcast to the shape of its argument."""
    return np.broadcast_to(g.reshape(kept), shape)


def _summed_to(v: Array, kept: Shape, shape: Shape) -> Array:
    return sum_broadcast(v, kept)


transposes(_spread, _summed_to)


def sum_dtype(x: Array, dtype: DTypeLike | None) -> DType:
    """The dtype of a sum or product: the given one, or by default that of x, and int64 for integers and bools."""
    if dtype is not None:
        return dtypes.as_dtype(dtype)
    return x.dtype if dtypes.category(x.dtype) >= 2 else dtypes.int64


@method()
@op(pointwise=Along("sum"))
def sum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Result[Array]:
    """The sum over dimensions. Integers and bools give int64.

    Args:
        input: any shape.
        dim: a dimension, a tuple of several, or None for all.
        keepdim: keep the reduced dimensions, with length 1.
        dtype: convert to this first.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: a dimension that occurs twice.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.sum(), x.sum(0), x.sum(1, keepdim=True).shape
        (tensor(10.), tensor([4., 6.]), (2, 1))
    """
    x = kernels.cast(input, sum_dtype(input, dtype))
    out, shape, kept = reduced_by("sum", x, dim, keepdim=keepdim)
    return out.reshape(shape), (gradient(_spread, kept, input.shape),)


@method()
@op(pointwise=Along("mean"))
def mean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Result[Array]:
    """The arithmetic mean over dimensions, sum(x) / n. Arguments and errors are those of `sum`.

    Raises:
        RuntimeError: integers; convert them first.

    Example:
        >>> import fastnet
        >>> fastnet.mean(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
        tensor([1.5, 3.5])
    """
    x = input if dtype is None else kernels.cast(input, dtypes.as_dtype(dtype))
    if x.dtype.kind != "c":
        check_floating("mean", x)
    out, shape, kept = reduced_by("mean", x, dim, keepdim=keepdim)
    count = x.size // builtins.max(out.size, 1)
    return out.reshape(shape), (gradient(_spread_evenly, kept, input.shape, builtins.max(count, 1)),)


def _spread_evenly(g: Array, kept: Shape, shape: Shape, count: int) -> Array:
    return _spread(kernels.scale(g, 1 / count), kept, shape)


def _averaged_to(v: Array, kept: Shape, shape: Shape, count: int) -> Array:
    return kernels.scale(sum_broadcast(v, kept), 1 / count)


transposes(_spread_evenly, _averaged_to)


@method()
def var(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The variance over dimensions, sum((x - mean)^2) / (n - correction).

    Args:
        input: any shape.
        dim: a dimension, a tuple of several, or None for all. As in PyTorch, a bool stands for `unbiased`.
        unbiased: True for a correction of 1, False for 0.
        keepdim: keep the reduced dimensions, with length 1.
        correction: overrides `unbiased`.

    Raises:
        RuntimeError: integers; convert them first.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([1.0, 2.0, 3.0])
        >>> fastnet.var(x), fastnet.var(x, unbiased=False)
        (tensor(1.), tensor(0.6667))
    """
    dim, ddof = _correction(dim, unbiased, correction)
    return _var(input, dim, keepdim, ddof)


def _correction(dim: Dims, unbiased: bool, correction: float | None) -> tuple[Dims, float]:
    """(dim, correction) of `var` and `std`. A bool given as `dim` is `unbiased`."""
    given, axes = (dim, None) if isinstance(dim, bool) else (unbiased, dim)
    return axes, float(given if correction is None else correction)


@op
def _var(input: Array, dim: Dims, keepdim: bool, ddof: float) -> Result[Array]:
    out, mean, share = _about_mean("var", input, dim, keepdim, ddof)
    return out, (gradient(_of_variance, input, mean, 2 * share), None, None, None)


@op
def _std(input: Array, dim: Dims, keepdim: bool, ddof: float) -> Result[Array]:
    out, mean, share = _about_mean("std", input, dim, keepdim, ddof)
    return out, (gradient(_of_deviation, input, mean, share, out), None, None, None)


def _about_mean(kernel: str, input: Array, dim: Dims, keepdim: bool, ddof: float) -> tuple[Array, Array, float]:
    """The variance or its root, the float64 mean with the reduced dimensions as 1, and 1 / (n - ddof)."""
    check_floating(kernel, input)
    x3, shape, kept = as_rows(input, normalize_dims(input, dim), keepdim)
    out, mean = (empty((x3.shape[0], x3.shape[2]), dtype) for dtype in (input.dtype, dtypes.float64))
    getattr(K, kernel)(out, mean, x3, ddof)
    divisor = x3.shape[1] - ddof
    return out.reshape(shape), mean.reshape(kept), 1 / divisor if divisor > 0 else float("nan")


def _centered_on_tape(x: Tensor, kept: Shape) -> Tensor:
    return x - x.mean(tuple(d for d, n in enumerate(kept) if n == 1), keepdim=True)


@on_tensors(lambda g, x, mean, factor: _centered_on_tape(x, mean.shape) * (g.reshape(mean.shape) * factor), 0, None)
def _of_variance(g: Array, x: Array, mean: Array, factor: float) -> Array:
    return kernels.mul(_centered(x, mean), kernels.scale(g.reshape(mean.shape), factor))


def _deviation_on_tape(g: Tensor, x: Tensor, mean: Tensor, factor: float, root: Tensor) -> Tensor:
    root = root.reshape(mean.shape)
    standard = _centered_on_tape(x, mean.shape) / root.where(root != 0, float("inf"))
    return standard * (g.reshape(mean.shape) * factor)


@on_tensors(_deviation_on_tape, 0, None, None, RESULT)
def _of_deviation(g: Array, x: Array, mean: Array, factor: float, root: Array) -> Array:
    # 0 rather than infinite where the deviation is 0
    standard = kernels.quotient(_centered(x, mean), root.reshape(mean.shape))
    return kernels.mul(standard, kernels.scale(g.reshape(mean.shape), factor))


def _centered(x: Array, mean: Array) -> Array:
    """x minus a float64 mean: first the mean rounded to the dtype of x, then the remainder."""
    nearest = kernels.cast(mean, x.dtype)
    centered = kernels.sub(x, nearest)
    if x.dtype == mean.dtype:
        return centered
    return kernels.sub(centered, kernels.cast(kernels.sub(mean, kernels.cast(nearest, mean.dtype)), x.dtype))


@method()
def std(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The standard deviation over dimensions, the square root of the variance.

    Arguments and errors are those of `var`.

    Example:
        >>> import fastnet
        >>> fastnet.std(fastnet.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    dim, ddof = _correction(dim, unbiased, correction)
    return _std(input, dim, keepdim, ddof)


@method()
@op
def prod(input: Array, dim: int | None = None, keepdim: bool = False, *,
         dtype: DTypeLike | None = None) -> Result[Array]:
    """The product along a dimension. Integers and bools give int64. The gradient is exact for zeros, too.

    Args:
        input: any shape.
        dim: a dimension, or None for all.
        keepdim: keep the reduced dimension, with length 1.
        dtype: convert to this first.

    Raises:
        TypeError: several dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.prod(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1)
        tensor([ 2., 12.])
    """
    wanted = sum_dtype(input, dtype)
    dims = normalize_dims(input, None) if dim is None else normalize_dim(input, dim)
    x3, shape, _ = as_rows(kernels.cast(input, wanted), dims, keepdim)
    out = empty((x3.shape[0], x3.shape[2]), wanted)
    K.prod(out, x3)
    return out.reshape(shape), (gradient(_of_product, x3, out.shape, input.shape),)


def _others_product(g: Tensor, x3: Tensor, reduced_shape: Shape, shape: Shape) -> Tensor:
    """g times the product of all other elements, at a cost of the square of their number."""
    outer, n, inner = x3.shape
    number = arange(n)
    own = (number.unsqueeze(1) == number).unsqueeze(-1)
    others = x3.unsqueeze(1).expand(outer, n, n, inner).where(own.logical_not(), 1.0)
    return (others.prod(2) * g.reshape(outer, 1, inner)).reshape(shape)


@on_tensors(_others_product, 0)
def _of_product(g: Array, x3: Array, reduced_shape: Shape, shape: Shape) -> Array:
    return kernels.call_like("prod_backward", x3, kernels.reshaped(g, reduced_shape)).reshape(shape)


@method()
@op
def any(input: Array, dim: Dims = None, keepdim: bool = False) -> Result[Array]:
    """Whether any element is true (not 0). Arguments are those of `sum`.

    Example:
        >>> import fastnet
        >>> fastnet.any(fastnet.tensor([[False, True], [False, False]]), 1)
        tensor([ True, False])
    """
    out, shape, _ = reduced_by("any", input, dim, dtypes.bool_, keepdim)
    return out.reshape(shape), None


@method()
@op
def all(input: Array, dim: Dims = None, keepdim: bool = False) -> Result[Array]:
    """Whether all elements are true (not 0). Arguments are those of `sum`.

    Example:
        >>> import fastnet
        >>> fastnet.all(fastnet.tensor([1.0, 2.0, 0.0]))
        tensor(False)
    """
    out, shape, _ = reduced_by("all", input, dim, dtypes.bool_, keepdim)
    return out.reshape(shape), None


@method()
def logsumexp(input: Tensor, dim: Size, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over dimensions, without overflow; -inf without elements. Integers give float32.

    Args:
        input: any shape.
        dim: a dimension, or a tuple of several.
        keepdim: keep the reduced dimensions, with length 1.

    Example:
        >>> import fastnet
        >>> fastnet.logsumexp(fastnet.tensor([1000.0, 1000.0]), 0)
        tensor(1000.6932)
    """
    return _log_sum(input.to(dtypes.float_of(input.dtype)), dim, keepdim)


@op(pointwise=Along("logsumexp"))
def _log_sum(input: Array, dim: Size, keepdim: bool) -> Result[Array]:
    dims = normalize_dims(input, dim)
    out, shape, _ = reduced_by("logsumexp", input, dims, keepdim=keepdim)
    return out.reshape(shape), (gradient(_of_log_sum, input, out, dims), None, None)


def _log_sum_on_tape(g: Tensor, x: Tensor, y: Tensor, dims: Shape) -> Tensor:
    kept = tuple(1 if d in dims else n for d, n in enumerate(x.shape))
    return (x - y.reshape(kept)).exp() * g.reshape(kept)


@on_tensors(_log_sum_on_tape, 0, RESULT)
def _of_log_sum(g: Array, x: Array, y: Array, dims: Shape) -> Array:
    adjacent = len(dims) == dims[-1] + 1 - dims[0] if dims else True
    order = list(range(x.ndim)) if adjacent else [*(d for d in range(x.ndim) if d not in dims), *dims]     # of as_rows
    x3, *_ = as_rows(x, dims)
    out = empty(x3.shape, x.dtype)
    K.logsumexp_backward(out, x3, y, kernels.reshaped(g, y.shape))
    return out.reshape([x.shape[d] for d in order]).transpose([order.index(d) for d in range(x.ndim)])
