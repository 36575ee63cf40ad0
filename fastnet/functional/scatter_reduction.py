"""Combinations of elements at the indices of a tensor along a dimension: sums, products, means and extremes."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.index_writes import IndexWrite, read_at, write_copy, write_into, written
from fastnet.functional.inplace import in_place
from fastnet.functional.scattering import scatter_arguments

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Number, Result

__all__ = ["scatter_reduce"]

_SCATTER_MODES = {"sum": "add", "mean": "add", "prod": "mul", "amax": "amax", "amin": "amin"}


def _neutral_number(mode: str, dtype: DType) -> Number:
    """The number that changes no result of a reduction."""
    if mode in ("amax", "amin"):
        low, high = (-math.inf, math.inf) if dtypes.is_floating(dtype) else (
            (False, True) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max))
        return low if mode == "amax" else high
    return int(mode == "mul")


@op
def _reduce(x: Array, index: Array, src: Array, *, how: IndexWrite, include_self: bool) -> Result[Array]:
    K.check_index(index, x.shape[how.dim])
    out = _initial_copy(x, index, how, include_self)
    write_into(out, index, src, how)
    slopes = _of_scattered_product if how.mode == "mul" else _of_scattered_extreme
    saved = (x, index, src, out, how.dim, include_self)
    return out, (gradient(slopes, *saved, False), None, gradient(slopes, *saved, True))


def _initial_copy(x: Array, index: Array, how: IndexWrite, include_self: bool) -> Array:
    """A copy of x, with the identity of the reduction at the indices unless x takes part."""
    if include_self:
        return kernels.contiguous_copy(x)
    return _filled(x, index, _neutral_number(how.mode, x.dtype), how.dim)


def _filled(x: Array, index: Array, value: Number, dim: int) -> Array:
    return written(x, index, kernels.full(index.shape, value, x.dtype), IndexWrite(dim, "put"))


def _flag(x: Array, y: Array, kernel: str = "eq") -> Array:
    """1 where a comparison holds, else 0, in the dtype of x."""
    return kernels.cast(kernels.binary(kernel, x, y, dtypes.bool_), x.dtype)


def _of_scattered_extreme(g: Array, x: Array, index: Array, src: Array, out: Array, dim: int, include_self: bool,
                          of_source: bool) -> Array:
    """The gradient of x or src for amax and amin: all elements that equal the result share it."""
    gather, add = IndexWrite(dim, "put"), IndexWrite(dim, "add")
    own, theirs = _flag(x, out), _flag(src, read_at(out, index, gather))
    if not include_self:
        own = _filled(own, index, 0, dim)
    share = kernels.div(g, written(own, index, theirs, add))
    return kernels.mul(theirs, read_at(share, index, gather)) if of_source else _nonzero_only(own, share)


def _nonzero_only(flags: Array, share: Array) -> Array:
    """share where the flag is 1, else 0."""
    return kernels.masked(kernels.cast(flags, dtypes.bool_), share)


def _of_scattered_product(g: Array, x: Array, index: Array, src: Array, out: Array, dim: int, include_self: bool,
                          of_source: bool) -> Array:
    """The gradient of x or src for products: g times the product of the other factors, exact for zeros."""
    gather, add = IndexWrite(dim, "put"), IndexWrite(dim, "add")
    zero = kernels.scalar(0, x.dtype)
    base = x if include_self else _filled(x, index, 1, dim)
    zeros = written(_flag(base, zero), index, _flag(src, zero), add)
    # the product of the other numbers
    rest = written(_without_zeros(base), index, _without_zeros(src), IndexWrite(dim, "mul"))
    if of_source:
        g, zeros, rest = (read_at(a, index, gather) for a in (g, zeros, rest))
        return kernels.mul(g, _others(src, zeros, rest))
    slope = kernels.mul(g, _others(base, zeros, rest))
    return slope if include_self else _filled(slope, index, 0, dim)


def _without_zeros(x: Array) -> Array:
    """x with 1 in place of 0."""
    return kernels.add(x, _flag(x, kernels.scalar(0, x.dtype)))


def _others(x: Array, zeros: Array, rest: Array) -> Array:
    """The product of all factors but x: `zeros` of them are 0, `rest` is the product of the others."""
    is_zero = _flag(x, kernels.scalar(0, x.dtype))
    alone = kernels.binary("eq", zeros, is_zero, dtypes.bool_)          # no other factor is 0
    return kernels.masked(alone, kernels.div(rest, _without_zeros(x)))


@method()
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *,
                   include_self: bool = True) -> Tensor:
    """Combine elements at indices along a dimension by a sum, a product, a mean or an extreme.

    Args:
        input, dim, index, src: as in `scatter`.
        reduce: "sum", "prod", "mean", "amax" or "amin". Equal extremes share the gradient evenly.
        include_self: whether the element of the input takes part; otherwise it only stays where no index names it.

    Raises:
        RuntimeError: an unknown reduction, or shapes or dtypes that do not fit.
        IndexError: an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.zeros(2).scatter_reduce(0, fastnet.tensor([0, 0, 1]), fastnet.tensor([1.0, 3.0, 2.0]), "amax")
        tensor([3., 2.])
    """
    if reduce not in _SCATTER_MODES:
        raise RuntimeError(f"scatter_reduce: expected reduce to be one of {', '.join(_SCATTER_MODES)}, got {reduce!r}")
    dim, index, src = scatter_arguments("scatter_reduce", input, dim, index, src)
    how = IndexWrite(dim, _SCATTER_MODES[reduce])
    if input.ndim == 0:
        return _scatter_reduced(input.reshape(1), index, src, how, include_self, reduce).reshape(())
    return _scatter_reduced(input, index, src, how, include_self, reduce)


def _scatter_reduced(input: Tensor, index: Tensor, src: Tensor, how: IndexWrite, include_self: bool,
                     reduce: str) -> Tensor:
    if how.mode != "add":
        return _reduce(input, index, src, how=how, include_self=include_self)
    base = input if include_self else input.scatter(how.dim, index, 0)
    total = write_copy(base, index, src, how)
    if reduce == "sum":
        return total
    ones = Tensor._wrap(kernels.full(input.shape, 1, input.dtype))
    ones = ones if include_self else ones.scatter(how.dim, index, 0)
    count = write_copy(ones, index, Tensor._wrap(kernels.full(index.shape, 1, input.dtype)), how)
    return total / count if dtypes.is_floating(input.dtype) else total // count


in_place("scatter_reduce_", "scatter_reduce")
