"""Running sums, products and extremes along a dimension, and differences."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import check_sizes
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.compare import ne
from fastnet.functional.dims import as_dim, as_rows, check_dimensions, normalize_dim
from fastnet.functional.indexing import values_at
from fastnet.functional.inplace import in_place
from fastnet.functional.joining import cat
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.ordering import ValuesIndices
from fastnet.functional.reduction import sum_dtype
from fastnet.functional.splitting import narrow

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Result, Shape

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "logcumsumexp"]


def _scanned(kernel: str, x: Array, dims: Shape, *rest: Array, dtype: DType | None = None, **attributes: bool) -> Array:
    """The result of a running kernel, contiguous, in the shape of x; the other arrays have that shape, too."""
    x3, *_ = as_rows(x, dims)
    out = empty(x3.shape, dtype or x.dtype)
    getattr(K, kernel)(out, x3, *(contiguous(a).reshape(x3.shape) for a in rest), **attributes)
    return out.reshape(x.shape)


@method()
@op
def cumsum(input: Array, dim: int, *, dtype: DTypeLike | None = None) -> Result[Array]:
    """Cumulative sums along a dimension: out[i] = x[0] + ... + x[i].

    Args:
        input: any shape.
        dim: a dimension.
        dtype: convert to this first; by default int64 for integers and bools.

    Example:
        >>> import fastnet
        >>> fastnet.cumsum(fastnet.tensor([1, 2, 3]), 0)
        tensor([1, 3, 6])
    """
    x = kernels.cast(input, sum_dtype(input, dtype))
    dims = normalize_dim(x, dim)
    return _scanned("cumsum", x, dims), (gradient(_summed_back, dims),)


def _summed_back(g: Array, dims: Shape) -> Array:
    return _scanned("cumsum", g, dims, reverse=True)


transposes(_summed_back, lambda v, dims: _scanned("cumsum", v, dims))


@method()
@op
def cumprod(input: Array, dim: int, *, dtype: DTypeLike | None = None) -> Result[Array]:
    """Cumulative products along a dimension: out[i] = x[0] * ... * x[i]. The gradient is exact for zeros, too.

    Arguments are those of `cumsum`.

    Example:
        >>> import fastnet
        >>> fastnet.cumprod(fastnet.tensor([1, 2, 3]), 0)
        tensor([1, 2, 6])
    """
    x = kernels.cast(input, sum_dtype(input, dtype))
    dims = normalize_dim(x, dim)
    out = _scanned("cumprod", x, dims)
    return out, (gradient(_of_products, x, out, dims),)


def _of_products(g: Array, x: Array, y: Array, dims: Shape) -> Array:
    return _scanned("cumprod_backward", x, dims, y, g)


@method()
@op
def logcumsumexp(input: Array, dim: int) -> Result[Array]:
    """Logarithms of cumulative sums: out[i] = log(exp(x[0]) + ... + exp(x[i])), without overflow.

    Args:
        input: floating-point, any shape.
        dim: a dimension.

    Raises:
        RuntimeError: integers; convert them first.

    Example:
        >>> import fastnet
        >>> fastnet.logcumsumexp(fastnet.tensor([0.0, 0.0, 0.0]), 0)
        tensor([0.    , 0.6931, 1.0986])
    """
    kernels.check_floating("logcumsumexp", input)
    dims = normalize_dim(input, dim)
    out = _scanned("logcumsumexp", input, dims)
    return out, (gradient(_of_log_sums, input, out, dims),)


def _of_log_sums(g: Array, x: Array, y: Array, dims: Shape) -> Array:
    return _scanned("logcumsumexp_backward", x, dims, y, g)


@op
def _extreme_places(input: Array, kernel: str, dim: int) -> Result[Array]:
    return _scanned(kernel, input, normalize_dim(input, dim), dtype=dtypes.int64), None


def _extremes(kernel: str, input: Tensor, dim: int) -> ValuesIndices:
    index = _extreme_places(input, kernel, dim)
    return ValuesIndices(values_at(input, index, as_dim(input, dim)) if input.ndim else input.clone(), index)


@method()
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """The largest element so far along a dimension: (values, indices). Of equal ones the last; NaN stays.

    Args:
        input: any shape.
        dim: a dimension.

    Example:
        >>> import fastnet
        >>> values, indices = fastnet.cummax(fastnet.tensor([1.0, 3.0, 2.0]), 0)
        >>> values, indices
        (tensor([1., 3., 3.]), tensor([0, 1, 1]))
    """
    return _extremes("cummax", input, dim)


@method()
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """The smallest element so far along a dimension: (values, indices). Arguments are those of `cummax`.

    Example:
        >>> import fastnet
        >>> fastnet.cummin(fastnet.tensor([2.0, 3.0, 1.0]), 0).values
        tensor([2., 2., 1.])
    """
    return _extremes("cummin", input, dim)


@method()
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None,
         append: Tensor | None = None) -> Tensor:
    """Differences of neighbours along a dimension: out[i] = x[i + 1] - x[i], applied n times. Bools give `!=`.

    Args:
        input: one dimension or more.
        n: how many times.
        dim: a dimension.
        prepend, append: tensors that are joined before and after the input along `dim`.

    Raises:
        RuntimeError: a negative n, a 0-d tensor, or shapes that do not join.

    Example:
        >>> import fastnet
        >>> fastnet.diff(fastnet.tensor([1, 3, 6]))
        tensor([2, 3])
    """
    check_dimensions("diff", input)
    check_sizes("diff", n=n)
    dim = as_dim(input, dim)
    if n == 0:
        return input.clone()
    parts = [x for x in (prepend, input, append) if x is not None]
    x = input if len(parts) == 1 else cat(parts, dim)
    for _ in range(min(n, x.shape[dim])):
        length = max(x.shape[dim] - 1, 0)
        after, before = narrow(x, dim, x.shape[dim] - length, length), narrow(x, dim, 0, length)
        x = ne(after, before) if x.dtype.kind == "b" else after - before
    return x


for _method in ("cumsum", "cumprod"):
    in_place(_method + "_", _method)
