"""Sorting, the largest elements, and binary search. NaN counts as the largest number."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, method
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_dim, normalize_dim
from fastnet.functional.indexing import gather, values_at
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.ordering import ValuesIndices
from fastnet.functional.shape import reshape

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result, TensorOrNumber

__all__ = ["argsort", "bucketize", "kthvalue", "searchsorted", "sort", "topk"]


@op
def _row_order(x: Array, kernel: str, dim: int, count: int, *attributes: bool | int) -> Result[Array]:
    """The `count` positions along a dimension, int64, that a kernel over rows gives."""
    rows = contiguous(x.swapaxes(dim, -1))
    n = rows.shape[-1]
    out = empty((rows.size // n if n else 0, count), dtypes.int64)
    getattr(K, kernel)(out, rows.reshape(len(out), n), *attributes)
    return contiguous(out.reshape(*rows.shape[:-1], count).swapaxes(dim, -1)), None


def _axis(input: Tensor, dim: int) -> tuple[Tensor, int]:
    """The input, as (1,) if it is 0-d, and the dimension counted from the front."""
    [axis] = normalize_dim(input, dim) or [0]
    return input if input.ndim else input.reshape(1), axis


@method()
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> Tensor:
    """The indices that sort a tensor along a dimension, int64; stable, with NaN as the largest.

    Args:
        input: any shape.
        dim: the dimension to sort along.
        descending: sort from the largest to the smallest.
        stable: ignored; equal elements always keep their order.

    Example:
        >>> import fastnet
        >>> fastnet.argsort(fastnet.tensor([2.0, 3.0, 1.0]))
        tensor([2, 0, 1])
    """
    x, axis = _axis(input, dim)
    return _row_order(x, "argsort", axis, x.shape[axis], bool(descending)).reshape(input.shape)


@method()
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> ValuesIndices:
    """Sort a tensor along a dimension: (values, indices). Stable, with NaN as the largest.

    Args:
        input: any shape.
        dim: the dimension to sort along.
        descending: sort from the largest to the smallest.
        stable: ignored; equal elements always keep their order.

    Example:
        >>> import fastnet
        >>> values, indices = fastnet.sort(fastnet.tensor([2.0, 3.0, 1.0]), descending=True)
        >>> values, indices
        (tensor([3., 2., 1.]), tensor([1, 0, 2]))
    """
    index = argsort(input, dim, descending)
    return ValuesIndices(values_at(input, index, as_dim(input, dim)) if input.ndim else input.clone(), index)


@method()
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The k largest or smallest elements along a dimension: (values, indices). Of equal elements the first ones.

    Args:
        input: any shape.
        k: the number of elements; at most the length of the dimension.
        dim: the dimension to choose along.
        largest: False chooses the smallest.
        sorted: ignored; the result is always sorted.

    Raises:
        RuntimeError: k is out of range.

    Example:
        >>> import fastnet
        >>> fastnet.topk(fastnet.tensor([2.0, 3.0, 1.0]), 2).values
        tensor([3., 2.])
    """
    x, axis = _axis(input, dim)
    n = x.shape[axis]
    check_sizes("topk", k=k)
    if not 0 <= k <= n:
        raise RuntimeError(f"topk: expected k from 0 to {n}, the length of dimension {dim} of shape "
                           f"{shape_text(input)}, got {k}")
    index = _row_order(x, "topk", axis, k, bool(largest))
    values = values_at(x, index, axis)
    return ValuesIndices(values, index) if input.ndim else ValuesIndices(*map(_of_0d, (values, index)))


def _of_0d(x: Tensor) -> Tensor:
    """The result for a 0-d tensor: 0-d, or empty if no element was asked for."""
    return reshape(x, ()) if x.numel() else x


@method()
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along a dimension, counted from 1: (values, indices).

    Args:
        input: any shape.
        k: from 1 to the length of the dimension.
        dim: the dimension to choose along.
        keepdim: keep the dimension, with length 1.

    Raises:
        RuntimeError: k is out of range.
        IndexError: a dimension out of range, or of length 0.

    Example:
        >>> import fastnet
        >>> fastnet.kthvalue(fastnet.tensor([2.0, 3.0, 1.0]), 2)
        ValuesIndices(values=tensor(2.), indices=tensor(0))
    """
    x, axis = _axis(input, dim)
    n = x.shape[axis]
    check_sizes("kthvalue", k=k)
    if n == 0:
        raise IndexError(f"kthvalue: expected dimension {dim} not to have length 0, got shape {shape_text(input)}")
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue: expected k from 1 to {n}, the length of dimension {dim} of shape "
                           f"{shape_text(input)}, got {k}")
    index = _row_order(x, "kth", axis, 1, k - 1)
    values = values_at(x, index, axis)
    if input.ndim == 0:
        return ValuesIndices(values.reshape(()), index.reshape(()))
    return ValuesIndices(values, index) if keepdim else ValuesIndices(values.squeeze(axis), index.squeeze(axis))


# ---- binary search --------------------------------------------------------------------------------------------------

@op
def _searched(x: Array, values: Array, dtype: DType, right: bool) -> Result[Array]:
    out = empty(values.shape, dtypes.int64)
    rows, m = (1, values.size) if x.ndim == 1 else (math.prod(values.shape[:-1]), values.shape[-1])
    K.searchsorted(out.reshape(rows, m), contiguous(x).reshape(rows, x.shape[-1]), contiguous(values).reshape(rows, m),
                   right)
    return kernels.cast(out, dtype), None


def searchsorted(sorted_sequence: Tensor, input: TensorOrNumber, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Tensor | None = None) -> Tensor:
    """The places at which elements would keep a sorted sequence sorted, by binary search, int64.

    The place i satisfies sequence[i - 1] < x <= sequence[i], or sequence[i - 1] <= x < sequence[i] if `right`.

    Args:
        sorted_sequence: (n,), or (..., n) with the other dimensions of the input; sorted along the last dimension.
        input: (..., m), any shape if the sequence has one dimension, or a number.
        out_int32: return int32.
        right: the place after equal elements.
        side: "left" or "right", in place of `right`.
        sorter: the indices that sort an unsorted sequence, as `argsort` gives them.

    Raises:
        RuntimeError: dtypes or shapes that do not fit, or a contradiction of side and right.

    Example:
        >>> import fastnet
        >>> fastnet.searchsorted(fastnet.tensor([1, 3, 5]), fastnet.tensor([3, 6]))
        tensor([1, 3])
    """
    if not isinstance(sorted_sequence, Tensor):
        raise not_a_tensor("searchsorted", "sorted_sequence", sorted_sequence)
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted: expected side to be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise RuntimeError("searchsorted: side='left' contradicts right=True; give one of them")
    values = input if isinstance(input, Tensor) else Tensor._wrap(kernels.scalar(input, dtypes.of_scalar(input)))
    if isinstance(input, Tensor) and input.dtype != sorted_sequence.dtype:
        raise RuntimeError(f"searchsorted: expected an input in the sequence's dtype {sorted_sequence.dtype}, got "
                           f"{input.dtype}")
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape or sorter.dtype != dtypes.int64:
            raise RuntimeError(f"searchsorted: expected an int64 sorter of shape {shape_text(sorted_sequence)}, got "
                               f"{sorter.dtype} of shape {shape_text(sorter)}")
        sorted_sequence = gather(sorted_sequence, -1, sorter)
    return _insertion_places("searchsorted", sorted_sequence, values, out_int32, right or side == "right")


def _insertion_places(name: str, sequence: Tensor, values: Tensor, out_int32: bool, right: bool) -> Tensor:
    if sequence.ndim == 0:
        raise RuntimeError(f"{name}: expected a sequence with dimensions, got a 0-d tensor")
    if sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(f"{name}: a sequence of shape {shape_text(sequence)} does not fit an input of shape "
                           f"{shape_text(values)}: expected one dimension, or the same shape but for the last one")
    dtype = dtypes.result_type(sequence._data, values._data)
    return _searched(sequence.to(dtype), values.to(dtype), dtypes.int32 if out_int32 else dtypes.int64, bool(right))


def bucketize(input: TensorOrNumber, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The bucket of each element: i where boundaries[i - 1] < x <= boundaries[i], int64.

    Args:
        input: any shape, or a number.
        boundaries: (n,), ascending.
        out_int32: return int32.
        right: boundaries[i - 1] <= x < boundaries[i] instead.

    Raises:
        RuntimeError: boundaries of another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.bucketize(fastnet.tensor([0.5, 1.0, 9.0]), fastnet.tensor([1.0, 2.0]))
        tensor([0, 0, 2])
    """
    if not isinstance(boundaries, Tensor):
        raise not_a_tensor("bucketize", "boundaries", boundaries)
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: expected boundaries of one dimension, got shape {shape_text(boundaries)}")
    values = input if isinstance(input, Tensor) else Tensor._wrap(kernels.scalar(input, dtypes.of_scalar(input)))
    return _insertion_places("bucketize", boundaries, values, out_int32, right)
