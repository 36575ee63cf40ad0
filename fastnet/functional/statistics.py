"""Medians, quantiles, modes, covariances and histograms."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet import dtypes
from fastnet._core.errors import one_of, shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor, method
from fastnet.functional.compare import where
from fastnet.functional.dims import as_dim
from fastnet.functional.indexing import gather
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.linear import matmul
from fastnet.functional.ordering import ValuesIndices, amax, amin
from fastnet.functional.reduction import mean, std, sum, var
from fastnet.functional.sorting import argsort, sort

if TYPE_CHECKING:
    from fastnet._core.annotations import Dims, DTypeLike

__all__ = ["MinMax", "aminmax", "corrcoef", "count_nonzero", "cov", "median", "mode", "msort", "nanmean", "nanmedian",
           "nanquantile", "nansum", "quantile", "std_mean", "var_mean"]


# ---- order ----------------------------------------------------------------------------------------------------------

def _middle(name: str, input: Tensor, dim: int | None, keepdim: bool, skip: bool) -> Any:
    """`median`, or `nanmedian` if `skip`."""
    if dim is None:
        if input.numel() == 0:
            return input.new_full((), math.nan)
        return _middle(name, input.reshape(-1), 0, False, skip).values
    axis = as_dim(input, dim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), input.new_zeros((), dtype=dtypes.int64))
    if input.shape[axis] == 0:
        raise IndexError(f"{name}: expected dimension {dim} not to have length 0, got shape {shape_text(input)}")
    order = argsort(input, axis)                        # NaN last
    undefined = (input != input).sum(axis, keepdim=True)
    n = input.shape[axis]
    place = (n - undefined - 1).clamp(min=0) // 2 if skip else where(undefined > 0, n - undefined, (n - 1) // 2)
    index = gather(order, axis, place)
    values = gather(input, axis, index)
    return ValuesIndices(values, index) if keepdim else ValuesIndices(values.squeeze(axis), index.squeeze(axis))


@method()
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median, of an even number of elements the lower one of the two in the middle; NaN if there is a NaN.

    Args:
        input: any shape.
        dim: a dimension, for (values, indices) along it; None for the median of all elements, one tensor.
        keepdim: keep the dimension, with length 1.

    Raises:
        IndexError: a dimension out of range, or of length 0.

    Example:
        >>> import fastnet
        >>> fastnet.median(fastnet.tensor([3.0, 1.0, 2.0, 9.0]))
        tensor(2.)
    """
    return _middle("median", input, dim, keepdim, False)


@method()
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of the elements that are not NaN. Arguments and errors are those of `median`.

    Example:
        >>> import fastnet
        >>> fastnet.nanmedian(fastnet.tensor([3.0, fastnet.nan, 2.0]))
        tensor(2.)
    """
    return _middle("nanmedian", input, dim, keepdim, True)


@method()
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent element along a dimension, the smallest of several, and the index where it occurs last.

    Args:
        input: any shape.
        dim: a dimension.
        keepdim: keep the dimension, with length 1.

    Raises:
        IndexError: a dimension out of range, or of length 0.

    Example:
        >>> import fastnet
        >>> fastnet.mode(fastnet.tensor([3, 1, 3, 2]))
        ValuesIndices(values=tensor(3), indices=tensor(2))
    """
    axis = as_dim(input, dim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), input.new_zeros((), dtype=dtypes.int64))
    if input.shape[axis] == 0:
        raise IndexError(f"mode: expected dimension {dim} not to have length 0, got shape {shape_text(input)}")
    x = input.movedim(axis, -1)
    counts = (x.unsqueeze(-1) == x.unsqueeze(-2)).sum(-1)               # how often each element occurs
    often = counts == counts.amax(-1, keepdim=True)
    smallest = where(often, x, amax(x, -1, keepdim=True)).amin(-1, keepdim=True)
    places = (x == smallest).long()
    n = x.shape[-1]
    index = n - 1 - places.flip(-1).argmax(-1, keepdim=True)
    index = index.movedim(-1, axis)
    values = gather(input, axis, index)
    return ValuesIndices(values, index) if keepdim else ValuesIndices(values.squeeze(axis), index.squeeze(axis))


@method()
def msort(input: Tensor) -> Tensor:
    """The input sorted along dimension 0.

    Example:
        >>> import fastnet
        >>> fastnet.msort(fastnet.tensor([2, 1]))
        tensor([1, 2])
    """
    return sort(input, 0).values


_BETWEEN = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str,
              skip: bool) -> Tensor:
    """`quantile`, or `nanquantile` if `skip`."""
    check_floating(name, input)
    if interpolation not in _BETWEEN:
        raise RuntimeError(str(one_of("interpolation", interpolation, _BETWEEN)))
    wanted = q if isinstance(q, Tensor) else input.new_full((), float(q))
    if wanted.ndim > 1 or input.numel() == 0 or wanted.dtype != input.dtype:
        raise RuntimeError(f"{name}: expected elements, and q as a number or a vector of {input.dtype}, got shape "
                           f"{shape_text(input)} and q of shape {shape_text(wanted)} and {wanted.dtype}")
    if not isinstance(q, Tensor) and not 0 <= q <= 1:
        raise RuntimeError(f"{name}: expected q between 0 and 1, got {q}")
    kept = [1] * input.ndim
    x = input.reshape(-1) if dim is None else input.movedim(as_dim(input, dim), -1) if input.ndim else input.reshape(1)
    if dim is not None:
        kept = [1 if d == as_dim(input, dim) else n for d, n in enumerate(input.shape)]
    ordered = sort(x, -1).values
    undefined = (x != x).sum(-1, keepdim=True)
    last = (x.shape[-1] - 1 - undefined if skip else undefined * 0 + (x.shape[-1] - 1)).clamp(min=0)
    place = wanted.reshape(-1) * last.to(x.dtype)                       # (..., number of quantiles)
    low, high, weight = _neighbours(place, interpolation)
    below, above = gather(ordered, -1, low.long()), gather(ordered, -1, high.long())
    result = below + (above - below) * weight if interpolation in ("linear", "midpoint") else below
    if not skip:
        result = where(undefined > 0, math.nan, result)
    result = result.movedim(-1, 0)
    result = result.reshape(result.shape[0], *kept) if keepdim else result
    return result if wanted.ndim else result.squeeze(0)


def _neighbours(place: Tensor, interpolation: str) -> tuple[Tensor, Tensor, Any]:
    """The places below and above, and the weight of the latter."""
    place = place.detach() if interpolation != "linear" else place
    if interpolation in ("linear", "midpoint"):
        low, high = place.floor(), place.ceil()
        return low.detach(), high.detach(), 0.5 if interpolation == "midpoint" else place - low
    chosen = {"lower": place.floor, "higher": place.ceil, "nearest": place.round}[interpolation]()
    return chosen, chosen, 0.0


@method()
def quantile(input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *,
             interpolation: str = "linear") -> Tensor:
    """Quantiles: the value at place q * (n - 1) of the n sorted elements; NaN if there is a NaN.

    Args:
        input: floating-point, any shape.
        q: a number from 0 to 1, or a vector of them, which become the first dimension.
        dim: a dimension; None for all elements.
        keepdim: keep the reduced dimensions, with length 1.
        interpolation: between two elements, "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        RuntimeError: integers, a number outside of [0, 1], no elements, or an unknown interpolation.

    Example:
        >>> import fastnet
        >>> fastnet.quantile(fastnet.tensor([1.0, 2.0, 4.0]), 0.75)
        tensor(3.)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@method()
def nanquantile(input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *,
                interpolation: str = "linear") -> Tensor:
    """Quantiles of the elements that are not NaN. Arguments and errors are those of `quantile`.

    Example:
        >>> import fastnet
        >>> fastnet.nanquantile(fastnet.tensor([1.0, fastnet.nan, 2.0]), 0.5)
        tensor(1.5)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


class MinMax(NamedTuple):
    """A named pair of the smallest and the largest element.

    Example:
        >>> import fastnet
        >>> fastnet.aminmax(fastnet.tensor([3, 1, 2])).max
        tensor(3)
    """

    min: Tensor
    max: Tensor


@method()
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest element, of all or along a dimension.

    Raises:
        RuntimeError: no elements.
        IndexError: a dimension out of range, or of length 0.

    Example:
        >>> import fastnet
        >>> fastnet.aminmax(fastnet.tensor([[3, 1], [2, 5]]), dim=1)
        MinMax(min=tensor([1, 2]), max=tensor([3, 5]))
    """
    dims = () if dim is None else dim
    if dim is None and input.numel() == 0:
        raise RuntimeError(f"aminmax: expected a dim for a tensor without elements, got shape {shape_text(input)}")
    return MinMax(amin(input, dims, keepdim), amax(input, dims, keepdim))


# ---- sums and moments -----------------------------------------------------------------------------------------------

@method()
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over dimensions, with 0 in place of NaN. Arguments are those of `sum`.

    Example:
        >>> import fastnet
        >>> fastnet.nansum(fastnet.tensor([1.0, fastnet.nan]))
        tensor(1.)
    """
    defined = input if not dtypes.is_floating(input.dtype) else where(input != input, 0.0, input)
    return sum(defined, dim, keepdim, dtype=dtype)


@method()
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The mean over dimensions of the elements that are not NaN. Arguments are those of `mean`.

    Raises:
        RuntimeError: integers; convert them first.

    Example:
        >>> import fastnet
        >>> fastnet.nanmean(fastnet.tensor([1.0, 3.0, fastnet.nan]))
        tensor(2.)
    """
    check_floating("nanmean", input)
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / (input == input).sum(dim, keepdim).to(total.dtype)


@method()
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """The number of elements that are not 0, int64.

    Example:
        >>> import fastnet
        >>> fastnet.count_nonzero(fastnet.tensor([0, 3, 4]))
        tensor(2)
    """
    return sum(input != 0, dim)


def var_mean(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """(variance, mean) over dimensions: see `var`.

    Example:
        >>> import fastnet
        >>> fastnet.var_mean(fastnet.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    axes = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


def std_mean(input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean) over dimensions: see `std`.

    Example:
        >>> import fastnet
        >>> fastnet.std_mean(fastnet.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    axes = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


@method()
def cov(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None,
        aweights: Tensor | None = None) -> Tensor:
    """The covariance matrix of variables in rows.

    Args:
        input: (variables, observations), or a vector of observations of one.
        correction: the sum of squares is divided by the number of observations minus this.
        fweights: (observations,), how often each observation counts; integers.
        aweights: (observations,), the importance of each observation.

    Raises:
        RuntimeError: more than 2 dimensions, or weights of another shape.

    Example:
        >>> import fastnet
        >>> fastnet.cov(fastnet.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov: expected at most 2 dimensions, got shape {shape_text(input)}")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    x = x.to(dtypes.float_of(x.dtype))
    for name, weight in (("fweights", fweights), ("aweights", aweights)):
        if weight is not None and tuple(weight.shape) != (x.shape[1],):
            raise RuntimeError(f"cov: expected {name} of shape ({x.shape[1]},), got {shape_text(weight)}")
        if weight is not None and dtypes.is_floating(weight.dtype) != (name == "aweights"):
            raise RuntimeError(f"cov: expected integers as fweights and floating-point aweights, got {weight.dtype} as "
                               f"{name}")
        if weight is not None and state.recorder is None and (weight._data < 0).any():
            raise RuntimeError(f"cov: expected {name} of 0 or more, got a negative one")
    weights = None if fweights is None else fweights.to(x.dtype)
    if aweights is not None:
        weights = aweights.to(x.dtype) if weights is None else weights * aweights
    total: Any = x.shape[1] if weights is None else weights.sum()
    average = x.mean(1, keepdim=True) if weights is None else (x * weights).sum(1, keepdim=True) / total
    count = total - correction
    if weights is not None and aweights is not None:
        count = total - correction * (weights * aweights).sum() / total
    deviation = x - average
    scaled = deviation if weights is None else deviation * weights
    divisor = count.clamp(min=0) if isinstance(count, Tensor) else x.new_full((), max(count, 0))
    result = matmul(scaled, deviation.t()) / divisor
    return result.squeeze() if input.ndim < 2 else result if len(result) != 1 else result.squeeze()


@method()
def corrcoef(input: Tensor) -> Tensor:
    """The matrix of correlation coefficients of variables in rows, limited to [-1, 1].

    Args:
        input: (variables, observations), or a vector of observations of one.

    Raises:
        RuntimeError: more than 2 dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.corrcoef(fastnet.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = c.diagonal().sqrt()
    return (c / deviation.unsqueeze(1) / deviation).clamp(-1.0, 1.0)
