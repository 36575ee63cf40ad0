"""Maxima and minima."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, overload

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import gradient, op, transposes
from fastnet.autograd.arrays import channel_rows
from fastnet.autograd.tape import Along
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import normalize_dim, normalize_dims, reduced_by
from fastnet.functional.indexing import gather
from fastnet.functional.kernel_calls import check_array, operands

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Dims, Result, Shape

__all__ = [
    "ValuesIndices", "amax", "amin", "argmax", "argmin", "max", "maximum", "min", "minimum",
]


class ValuesIndices(NamedTuple):
    """A named pair of values and their indices.

    Example:
        >>> import fastnet
        >>> best = fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]).max(1)
        >>> best.values, best.indices
        (tensor([3., 5.]), tensor([1, 0]))
    """

    values: Tensor
    indices: Tensor


# ---- the larger of two elements -------------------------------------------------------------------------------------

@op
def _maximum(x: Array, y: Array) -> Result[Array]:
    check_array("maximum", "input", x)
    check_array("maximum", "other", y)
    x, y = operands(x, y, exact=True)
    return kernels.binary("maximum", x, y), (gradient(_of_chosen, x, y, "lt"), gradient(_of_chosen, x, y, "gt"))


@op
def _minimum(x: Array, y: Array) -> Result[Array]:
    check_array("minimum", "input", x)
    check_array("minimum", "other", y)
    x, y = operands(x, y, exact=True)
    return kernels.binary("minimum", x, y), (gradient(_of_chosen, x, y, "gt"), gradient(_of_chosen, x, y, "lt"))


def _of_chosen(g: Array, x: Array, y: Array, lost: str) -> Array:
    """The gradient of x or y: 0 where the comparison `lost` of x and y is true, half of g where they are equal."""
    equal = kernels.binary("eq", x, y, dtypes.bool_)
    rest = kernels.masked(kernels.unary("logical_not", kernels.binary(lost, x, y, dtypes.bool_)), g)
    return kernels.sub(rest, kernels.masked(equal, kernels.scale(g, 0.5)))


transposes(_of_chosen)


@method()
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, element by element; NaN if either is NaN. Equal elements share the gradient.

    Example:
        >>> import fastnet
        >>> fastnet.maximum(fastnet.tensor([1.0, 5.0]), fastnet.tensor([3.0, 2.0]))
        tensor([3., 5.])
    """
    return _maximum(input, other)


@method()
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, element by element; NaN if either is NaN. Equal elements share the gradient.

    Example:
        >>> import fastnet
        >>> fastnet.minimum(fastnet.tensor([1.0, 5.0]), fastnet.tensor([3.0, 2.0]))
        tensor([1., 2.])
    """
    return _minimum(input, other)


# ---- the largest element --------------------------------------------------------------------------------------------

def _check_choice(name: str, input: Array, dim: Dims, of_none: type[Exception] = RuntimeError) -> None:
    """Refuse to choose from no elements.

    Args:
        name: of the operation, for errors.
        input: any shape.
        dim: the dimensions along which it chooses.
        of_none: the error if there are no elements and no `dim`.

    Raises:
        IndexError: a dimension of length 0.
    """
    if input.size:
        return
    if dim is None or dim == ():
        raise of_none(f"{name}: expected a dim for a tensor without elements, got shape {shape_text(input)}")
    for d in normalize_dims(input, dim):
        if input.shape[d] == 0:
            raise IndexError(f"{name}: expected dimension {d} not to have length 0, got shape {shape_text(input)}")


@op(pointwise=Along())
def _extreme(input: Array, kernel: str, dim: Dims, keepdim: bool) -> Result[Array]:
    """amax or amin; equal elements share the gradient evenly."""
    _check_choice(kernel, input, dim)
    out, shape, kept = reduced_by(kernel, input, dim)
    slope = gradient(_of_extreme, input, out.reshape(kept), normalize_dims(input, dim))
    return out.reshape(kept if keepdim else shape), (slope, None, None, None)


def _of_extreme(g: Array, x: Array, extreme: Array, dims: Shape) -> Array:
    ones = kernels.cast(kernels.binary("eq", x, extreme, dtypes.bool_), g.dtype)
    count, _, _ = reduced_by("sum", ones, dims)
    return kernels.mul(ones, kernels.div(g.reshape(extreme.shape), count.reshape(extreme.shape)))


def _at_extreme(v: Array, x: Array, extreme: Array, dims: Shape) -> Array:
    """The mean of v over the elements that are the extreme."""
    ones = kernels.cast(kernels.binary("eq", x, extreme, dtypes.bool_), v.dtype)
    count, _, _ = reduced_by("sum", ones, dims)
    total, _, _ = reduced_by("sum", kernels.mul(ones, v), dims)
    return kernels.div(total, count)


transposes(_of_extreme, _at_extreme)


@method()
def amax(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The largest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly.

    Args:
        input: any shape.
        dim: a dimension, a tuple of several, or None for all.
        keepdim: keep the reduced dimensions, with length 1.

    Raises:
        IndexError: a dimension out of range, or of length 0.
        RuntimeError: no elements.

    Example:
        >>> import fastnet
        >>> fastnet.amax(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]), 1)
        tensor([3., 5.])
    """
    return _extreme(input, "amax", dim, keepdim)


@method()
def amin(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The smallest element along dimensions; NaN if any is NaN. Equal elements share the gradient evenly.

    Arguments are those of `amax`.

    Example:
        >>> import fastnet
        >>> fastnet.amin(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]), 1)
        tensor([1., 2.])
    """
    return _extreme(input, "amin", dim, keepdim)


@op(pointwise=Along(dtype=dtypes.int64))
def _index_of_extreme(input: Array, kernel: str, dim: int | None, keepdim: bool) -> Result[Array]:
    dims = normalize_dims(input, None) if dim is None else normalize_dim(input, dim)
    _check_choice(kernel, input, dim, IndexError)
    across = channel_rows(input, dims)
    if across is not None and across[1] == 2:                   # the channels of an image are rows
        rows = across[0].reshape(-1, input.shape[1], 1)
        out = empty((rows.shape[0], 1), dtypes.int64)
        getattr(K, kernel)(out, rows)
        kept = (input.shape[0], 1, *input.shape[2:])
        return out.reshape(kept if keepdim else kept[:1] + kept[2:]), None
    out, shape, kept = reduced_by(kernel, input, dim, dtypes.int64)
    return out.reshape(kept if keepdim else shape), None


@method()
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element along a dimension, int64.

    Of equal elements it is the first. NaN counts as the largest.

    Args:
        input: any shape.
        dim: a dimension; None gives the index into the flattened tensor.
        keepdim: keep the reduced dimension, with length 1.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 3.0], [5.0, 2.0]])
        >>> fastnet.argmax(x), fastnet.argmax(x, 1)
        (tensor(2), tensor([1, 0]))
    """
    return _index_of_extreme(input, "argmax", dim, keepdim)


@method()
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element along a dimension, int64.

    Of equal elements it is the first. NaN counts as the smallest. Arguments are those of `argmax`.

    Example:
        >>> import fastnet
        >>> fastnet.argmin(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]), 1)
        tensor([0, 1])
    """
    return _index_of_extreme(input, "argmin", dim, keepdim)


def _dim_or_other(name: str, dim: int | Tensor | None, other: Tensor | None) -> int | Tensor | None:
    if dim is not None and other is not None:
        raise TypeError(f"{name}: expected dim or other, got both")
    return dim if other is None else other


def _chosen(input: Tensor, dim: int | Tensor | None, keepdim: bool, of_all: Callable[[Tensor], Tensor],
            of_two: Callable[[Tensor, Tensor], Tensor],
            index_of: Callable[[Tensor, int, bool], Tensor]) -> Tensor | ValuesIndices:
    """`max` or `min`, by functions for all elements, for two tensors, and for the indices along a dimension."""
    if dim is None:
        return of_all(input)
    if isinstance(dim, Tensor):
        return of_two(input, dim)
    index = index_of(input, dim, keepdim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), index)
    values = gather(input, dim, index if keepdim else index.unsqueeze(dim))
    return ValuesIndices(values if keepdim else values.squeeze(dim), index)


@overload
def max(input: Tensor) -> Tensor: ...


@overload
def max(input: Tensor, other: Tensor, /) -> Tensor: ...


@overload
def max(input: Tensor, *, other: Tensor) -> Tensor: ...


@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...


@method()
def max(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False, *,
        other: Tensor | None = None) -> Tensor | ValuesIndices:
    """The largest element; along a dimension, (values, indices); of two tensors, the larger elements.

    Over all elements, equal elements share the gradient; along `dim`, the first of them gets it.

    Args:
        input: any shape.
        dim: a dimension, or None for all elements; or the second tensor.
        keepdim: keep the reduced dimension, with length 1.
        other: the second tensor, by keyword.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[1.0, 3.0], [5.0, 2.0]])
        >>> fastnet.max(x)
        tensor(5.)
        >>> values, indices = fastnet.max(x, 1)
        >>> values, indices
        (tensor([3., 5.]), tensor([1, 0]))
    """
    return _chosen(input, _dim_or_other("max", dim, other), keepdim, amax, maximum, argmax)


@overload
def min(input: Tensor) -> Tensor: ...


@overload
def min(input: Tensor, other: Tensor, /) -> Tensor: ...


@overload
def min(input: Tensor, *, other: Tensor) -> Tensor: ...


@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...


@method()
def min(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False, *,
        other: Tensor | None = None) -> Tensor | ValuesIndices:
    """The smallest element; along a dimension, (values, indices); of two tensors, the smaller elements.

    Arguments and gradients are those of `max`.

    Example:
        >>> import fastnet
        >>> fastnet.min(fastnet.tensor([[1.0, 3.0], [5.0, 2.0]]))
        tensor(1.)
    """
    return _chosen(input, _dim_or_other("min", dim, other), keepdim, amin, minimum, argmin)
