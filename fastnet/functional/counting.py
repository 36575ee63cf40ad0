"""Distinct elements, their numbers, and repetition."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.state import forbid_reading, state
from fastnet._core.tensor import Tensor, method
from fastnet.functional.creation import arange
from fastnet.functional.dims import as_dim
from fastnet.functional.expansion import expand
from fastnet.functional.indexing import index_select
from fastnet.functional.running import cumsum
from fastnet.functional.shape import copied, reshape, unsqueeze
from fastnet.functional.sorting import searchsorted

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["bincount", "repeat_interleave", "unique", "unique_consecutive"]


# ---- distinct elements ----------------------------------------------------------------------------------------------

def _group_numbers(rows: Array) -> tuple[Array, Array]:
    """(whether each row (n, width) differs from the row before it, the number of the group of each row)."""
    starts = np.ones(len(rows), bool)
    if len(rows) > 1:
        starts[1:] = (rows[1:] != rows[:-1]).any(1)
    return starts, np.cumsum(starts) - 1


def _distinct(x: Array, rows: Array, dim: int, order: Array | None, inverse: bool,
              counts: bool) -> Tensor | tuple[Tensor, ...]:
    """The entries of x along a dimension whose rows differ from the one before them, in the given order."""
    starts, group = _group_numbers(rows if order is None else rows[order])
    first = np.flatnonzero(starts)
    results = [np.take(x, first if order is None else order[first], dim)]
    if inverse:
        places = group
        if order is not None:
            places = np.empty_like(group)
            places[order] = group
        results.append(places)
    if counts:
        results.append(np.diff(np.append(first, len(rows))))
    return _wrapped(results)


def _wrapped(results: list[Array]) -> Tensor | tuple[Tensor, ...]:
    tensors = tuple(Tensor._wrap(np.ascontiguousarray(a)) for a in results)
    return tensors if len(tensors) > 1 else tensors[0]


def _entries(name: str, input: Tensor, dim: int) -> tuple[Array, Array, int]:
    """The array of the input, its entries along a dimension as rows, and the dimension."""
    x, dim = np.atleast_1d(input._data), as_dim(input, dim)
    if x.size == 0 and x.shape[dim]:
        raise RuntimeError(f"{name}: expected elements in the entries along dimension {dim}, got shape "
                           f"{shape_text(input)}")
    return x, np.moveaxis(x, dim, 0).reshape(x.shape[dim], -1 if x.size else 0), dim


@method()
def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Tensor | tuple[Tensor, ...]:
    """The distinct elements of a tensor, sorted. Every NaN is distinct.

    Args:
        input: any shape.
        sorted: ignored; the result is always sorted.
        return_inverse: also return, for each element of the input, its place in the result.
        return_counts: also return how often each element occurs.
        dim: a dimension whose entries are compared instead of single elements.

    Returns:
        the elements, or a tuple of them, the inverse and the counts.

    Raises:
        RuntimeError: inside a compiled function, where the shape of the result cannot depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.unique(fastnet.tensor([3, 1, 3]), return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    forbid_reading("unique(), whose result's shape depends on values,")
    if dim is not None:
        x, rows, dim = _entries("unique", input, dim)
        order = np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(len(rows))
        return _distinct(x, rows, dim, order, return_inverse, return_counts)
    flat = input._data.reshape(-1)
    order = input.reshape(-1).argsort()._data
    found = _distinct(flat, flat[:, None], 0, order, return_inverse, return_counts)
    return _shaped(found, input, return_inverse)


def _shaped(found: Tensor | tuple[Tensor, ...], input: Tensor, inverse: bool) -> Tensor | tuple[Tensor, ...]:
    """The results with the inverse in the shape of the input."""
    if not inverse or not isinstance(found, tuple):
        return found
    return (found[0], found[1].reshape(input.shape), *found[2:])


@method()
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False,
                       dim: int | None = None) -> Tensor | tuple[Tensor, ...]:
    """The elements of a tensor without those that equal the one before them. Arguments are those of `unique`.

    Example:
        >>> import fastnet
        >>> fastnet.unique_consecutive(fastnet.tensor([1, 1, 2, 1]))
        tensor([1, 2, 1])
    """
    forbid_reading("unique_consecutive(), whose result's shape depends on values,")
    if dim is not None:
        x, rows, dim = _entries("unique_consecutive", input, dim)
        return _distinct(x, rows, dim, None, return_inverse, return_counts)
    flat = input._data.reshape(-1)
    return _shaped(_distinct(flat, flat[:, None], 0, None, return_inverse, return_counts), input, return_inverse)


@method()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 to the largest occurs, int64; or the sum of the weights of its occurrences.

    Args:
        input: integers, not negative, (n,).
        weights: (n,); the result is float64, or float32 for float32 weights.
        minlength: the least length of the result.

    Raises:
        RuntimeError: another dtype, negative numbers, another shape, or inside a compiled function, where the shape
            of the result cannot depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.bincount(fastnet.tensor([0, 2, 2]))
        tensor([1, 0, 2])
    """
    forbid_reading("bincount(), whose result's shape depends on values,")
    if input.dtype.kind not in "iu":
        raise RuntimeError(f"bincount: expected integers, got {input.dtype}")
    if input.ndim != 1 or (weights is not None and weights.shape != input.shape):
        also = "" if weights is None else f" and weights of shape {shape_text(weights)}"
        raise RuntimeError(f"bincount: expected an input of one dimension and weights of its shape, got shape "
                           f"{shape_text(input)}{also}")
    check_sizes("bincount", minlength=minlength)
    x = input._data
    if x.size and x.min() < 0:
        raise RuntimeError(f"bincount: expected numbers of 0 or more, got {x.min()} at position {int(x.argmin())}")
    counts = np.bincount(x, None if weights is None else weights._data, minlength)
    dtype = dtypes.int64 if weights is None else dtypes.float32 if weights.dtype == dtypes.float32 else dtypes.float64
    return Tensor._wrap(counts.astype(dtype, copy=False))


# ---- repetition -----------------------------------------------------------------------------------------------------

@overload
def repeat_interleave(input: Tensor, repeats: int | Tensor, dim: int | None = None, *,
                      output_size: int | None = None) -> Tensor: ...


@overload
def repeat_interleave(input: Tensor, *, output_size: int | None = None) -> Tensor: ...


@method()
def repeat_interleave(input: Tensor, repeats: int | Tensor | None = None, dim: int | None = None, *,
                      output_size: int | None = None) -> Tensor:
    """Repeat each entry along a dimension: entry i occurs repeats[i] times in a row.

    Args:
        input: any shape. Alone, it is `repeats`, and the result holds the numbers of entries.
        repeats: a number for all, or an integer tensor (n,), one for each entry.
        dim: a dimension; None flattens the input.
        output_size: the length of the result along the dimension, which a compiled function must be told if `repeats`
            is a tensor.

    Raises:
        RuntimeError: negative or floating-point repeats, another number of them than of entries, or a tensor of
            repeats inside a compiled function without output_size.

    Example:
        >>> import fastnet
        >>> fastnet.repeat_interleave(fastnet.tensor([5, 6]), fastnet.tensor([1, 2]))
        tensor([5, 6, 6])
    """
    if repeats is None:
        return _repeated_numbers(input, output_size)
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = as_dim(input, dim)
    x = input if input.ndim else input.reshape(1)
    if isinstance(repeats, Tensor) and repeats.numel() == 1 and output_size is None and state.recorder is None:
        repeats = int(repeats)
    if not isinstance(repeats, Tensor):
        return _repeated_evenly(x, repeats, dim)
    if repeats.ndim > 1 or repeats.numel() not in (1, x.shape[dim]):
        raise RuntimeError(f"repeat_interleave: expected 1 or {x.shape[dim]} repeats for dimension {dim} of shape "
                           f"{shape_text(input)}, got shape {shape_text(repeats)}")
    numbers = _repeated_numbers(expand(repeats.reshape(-1), (x.shape[dim],)), output_size)
    return index_select(x, dim, numbers)


def _repeated_evenly(x: Tensor, repeats: Any, dim: int) -> Tensor:
    check_sizes("repeat_interleave", repeats=repeats)
    wide = expand(unsqueeze(x, dim + 1), (*x.shape[:dim + 1], repeats, *x.shape[dim + 1:]))
    return reshape(copied(wide), (*x.shape[:dim], x.shape[dim] * repeats, *x.shape[dim + 1:]))


def _repeated_numbers(repeats: Tensor, output_size: int | None) -> Tensor:
    """The number i, repeats[i] times, for each i."""
    if not isinstance(repeats, Tensor):
        raise not_a_tensor("repeat_interleave", "repeats", repeats)
    if repeats.dtype not in (dtypes.int64, dtypes.int32) or repeats.ndim != 1:
        raise RuntimeError("repeat_interleave: expected int64 or int32 repeats of one dimension, got "
                           f"{repeats.dtype} of shape {shape_text(repeats)}")
    if output_size is None:
        forbid_reading("repeat_interleave() without output_size")
    if state.recorder is None:
        counts = repeats._data
        if counts.size and counts.min() < 0:
            raise RuntimeError(f"repeat_interleave: expected repeats of 0 or more, got {counts.min()}")
        total = int(counts.sum())
        if output_size not in (None, total):
            raise RuntimeError(f"repeat_interleave: expected output_size to be the sum of repeats, {total}, got "
                               f"{output_size}")
        return Tensor._wrap(np.repeat(np.arange(counts.size), counts))
    return searchsorted(cumsum(repeats.long(), 0), arange(output_size), right=True)
