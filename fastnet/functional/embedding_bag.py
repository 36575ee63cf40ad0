"""Sums, means and maxima of the rows of a table, for bags of different sizes."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes, writes_out
from fastnet.autograd.sparse import add_rows_to_gradient
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.creation import arange
from fastnet.functional.dims import check_tensors
from fastnet.functional.embedding import frequencies, padding_row, shorten_rows, sparse_leaf
from fastnet.functional.indexing import gather_into, select_rows
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnet._core.annotations import Array, Result, Shape

__all__ = ["BagMode", "embedding_bag"]

BagMode: TypeAlias = Literal["sum", "mean", "max"]


def embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
                  norm_type: float = 2, scale_grad_by_freq: bool = False, mode: BagMode = "mean", sparse: bool = False,
                  per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
                  padding_idx: int | None = None) -> Tensor:
    """The sum, mean or maximum of the rows of a table in each bag: mode(weight[input[b]]); zeros for an empty bag.

    Args:
        input: int64 or int32, (bags, size), or (n,) with all bags one after the other.
        weight: (rows, width).
        offsets: for an input (n,), int64 or int32, (bags,): where each bag starts.
        max_norm, norm_type, scale_grad_by_freq, sparse: as in `embedding`.
        mode: "sum", "mean" or "max".
        per_sample_weights: in the shape of the input, a factor for each row; with mode "sum" only.
        include_last_offset: the last of (bags + 1,) offsets is the end of the last bag.
        padding_idx: a row that no bag counts.

    Raises:
        ValueError: an unknown mode, offsets that do not fit the input or do not start with 0, or padding_idx out of
            range.
        RuntimeError: dtypes or shapes that do not fit; per_sample_weights with another mode.
        IndexError: an index outside [0, rows).

    Example:
        >>> import fastnet
        >>> table = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> fastnet.nn.functional.embedding_bag(fastnet.tensor([0, 1, 1]), table, fastnet.tensor([0, 1]), mode="sum")
        tensor([[1., 2.],
                [6., 8.]])
    """
    check_tensors("embedding_bag", input=input, weight=weight)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: expected mode to be 'sum', 'mean' or 'max', got {mode!r}")
    if input.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"embedding_bag: expected an int64 or int32 input, got {input.dtype}")
    if per_sample_weights is not None:
        _check_sample_weights(input, per_sample_weights, mode)
    padding_idx = padding_row("embedding_bag", padding_idx, len(weight) if weight.ndim else 0)
    if weight.ndim != 2:
        raise RuntimeError(f"embedding_bag: expected a weight of two dimensions, got shape {shape_text(weight)}")
    starts = _bag_starts(input, offsets, include_last_offset)
    flat = input.reshape(-1).long()
    if max_norm is not None:
        shorten_rows("embedding_bag", weight, flat, max_norm, norm_type)
    if mode == "max":
        return _bag_maxima(weight, flat, starts, padding_idx)
    number = sparse_leaf(weight) if sparse else None
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    return _sums(weight, flat, starts, factors, mode == "mean", padding_idx, number, bool(scale_grad_by_freq))


@op
def _sums(weight: Array, flat: Array, starts: Array, factors: Array | None, mean: bool, padding_idx: int | None,
          number: int | None, scale_by_frequency: bool) -> Result[Array]:
    """The sum of factors[k] * weight[flat[k]] over each bag, or the mean without factors.

    `number` is that of a leaf with sparse gradients.
    """
    K.check_index(flat, weight.shape[0], what="token")
    rows = _counted_rows(flat, padding_idx)
    scales = empty(flat.shape, weight.dtype) if factors is None else contiguous(factors)
    if mean:
        K.embedding_bag_shares(scales, rows, starts, len(weight))
    elif factors is None:
        kernels.fill(scales, 1)
    out = _bag_totals(weight, rows, starts, scales)
    saved = rows, starts, scales, scale_by_frequency
    of_table = _of_table if factors is None else _of_weighted_table
    of_factors = None if factors is None else gradient(_of_factors, weight, rows, starts)
    if number is None:
        return out, (gradient(of_table, weight.shape, *saved), None, None, of_factors, None, None, None, None)
    return out, gradient(_of_touched_rows, number, weight.shape, None if factors is None else weight, *saved)


def _counted_rows(flat: Array, padding_idx: int | None) -> Array:
    """The index with -1, which kernels leave out, in place of padding_idx."""
    if padding_idx is None:
        return flat
    out = empty(flat.shape, flat.dtype)
    padding = kernels.binary("eq", flat, kernels.scalar(padding_idx, flat.dtype), dtypes.bool_)
    K.where(out, padding, kernels.scalar(-1, flat.dtype), flat)
    return out


def _bag_totals(weight: Array, rows: Array, starts: Array, scales: Array) -> Array:
    out = empty((len(starts) - 1, weight.shape[1]), weight.dtype)
    K.resample(out[None], contiguous(weight)[None], starts, rows, scales)
    return out


@writes_out
def _of_weighted_table(g: Array, shape: Shape, rows: Array, starts: Array, scales: Array, scale_by_frequency: bool, *,
                       out: Array | None = None) -> Array:
    total = kernels.memory_for(shape, g.dtype, out)
    K.embedding_bag_backward(total, rows, starts, _shared(scales, rows, shape, scale_by_frequency), contiguous(g))
    return total


@writes_out
def _of_table(g: Array, shape: Shape, *saved: Any, out: Array | None = None) -> Array:
    return _of_weighted_table(g, shape, *saved, out=out)


def _summed_again(v: Array, shape: Shape, rows: Array, starts: Array, scales: Array,
                  scale_by_frequency: bool) -> Array:
    return _bag_totals(v, rows, starts, _shared(scales, rows, shape, scale_by_frequency))


transposes(_of_table, _summed_again)            # without factors, which may have gradients, too


def _shared(scales: Array, rows: Array, shape: Shape, scale_by_frequency: bool) -> Array:
    """The scales of the gradient of a table of this shape."""
    if not scale_by_frequency:
        return scales
    return kernels.div(scales, frequencies(rows, shape[0], scales.dtype).reshape(-1))


def _of_touched_rows(g: Array, needed: list[bool], number: int, shape: Shape, weight: Array | None, rows: Array,
                     starts: Array, scales: Array, scale_by_frequency: bool) -> list[Array | None]:
    """Add the gradient to the sparse one of the leaf; the tape gets only that of the factors. Never in a recording."""
    distinct, places = np.unique(rows[rows >= 0], return_inverse=True)
    found = np.full(rows.shape, -1)
    found[rows >= 0] = places
    touched = len(distinct), shape[1]
    add_rows_to_gradient(number, distinct,
                         _of_weighted_table(g, touched, found, starts, scales, scale_by_frequency))
    of_factors = None if weight is None or not needed[3] else _of_factors(g, weight, rows, starts)
    return [of_factors if i == 3 else None for i in range(len(needed))]


def _of_factors(g: Array, weight: Array, rows: Array, starts: Array) -> Array:
    """The products of each row of the table with the gradient of its bag."""
    bag, every, out = (empty((1, rows.size), d) for d in (rows.dtype, rows.dtype, weight.dtype))
    K.arange(every, 0, 1)
    K.searchsorted(bag, starts[None, 1:], every, True)
    products = kernels.mul(select_rows(weight, rows, 0), select_rows(g, bag[0], 0))
    K.sum(out.reshape(rows.size, 1), products.reshape(rows.size, weight.shape[1], 1))
    return out[0]


@op
def _bag_maxima(weight: Array, flat: Array, starts: Array, padding_idx: int | None) -> Result[Array]:
    """The largest element of each column of each bag; 0 for an empty bag."""
    K.check_index(flat, weight.shape[0], what="token")
    shape = len(starts) - 1, weight.shape[1]
    out, places = empty(shape, weight.dtype), empty(shape, dtypes.int64)
    K.embedding_bag_max(out, places, contiguous(weight), _counted_rows(flat, padding_idx), starts)
    return out, (gradient(_of_largest, places, weight.shape), None, None, None)


@writes_out
def _of_largest(g: Array, places: Array, shape: Shape, *, out: Array | None = None) -> Array:
    total = kernels.memory_for(shape, g.dtype, out)
    K.gather_backward(total[None], places[None], contiguous(g)[None])
    return total


transposes(_of_largest, lambda v, places, shape: gather_into(v, places, 0))


def _check_sample_weights(input: Tensor, weights: Tensor, mode: str) -> None:
    if mode != "sum":
        raise RuntimeError(f"embedding_bag: expected mode 'sum' with per_sample_weights, got {mode!r}")
    if weights.shape != input.shape:
        raise RuntimeError(f"embedding_bag: expected per_sample_weights in the input's shape {shape_text(input)}, got "
                           f"{shape_text(weights)}")


def _bag_starts(input: Tensor, offsets: Tensor | None, include_last: bool) -> Tensor:
    """Where each bag starts, and the end of the last, int64, after a check of the input and the offsets."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: expected no offsets for an input of two dimensions, got shape "
                             f"{shape_text(offsets)}")
        return arange(len(input) + 1) * input.shape[1]
    if input.ndim != 1:
        raise ValueError(f"embedding_bag: expected an input of 1 or 2 dimensions, got shape {shape_text(input)}")
    if offsets is None or offsets.ndim != 1 or offsets.dtype not in (dtypes.int64, dtypes.int32):
        given = "none" if offsets is None else f"{offsets.dtype} of shape {shape_text(offsets)}"
        raise ValueError(f"embedding_bag: expected offsets for an input of one dimension, int64 or int32, got {given}")
    bags = len(offsets) - include_last
    if bags < 0:
        raise ValueError("embedding_bag: expected at least one offset with include_last_offset, got none")
    if state.recorder is None:
        _check_offsets(input, offsets)
    return _with_end(offsets, bags, len(input))


@op
def _with_end(offsets: Array, bags: int, end: int) -> Result[Array]:
    starts = empty((bags + 1,), dtypes.int64)
    K.copy(starts[:bags], offsets[:bags])
    kernels.fill(starts[bags:], end)
    return starts, None


def _check_offsets(input: Tensor, offsets: Tensor) -> None:
    places = offsets._data
    if places.size and places[0] != 0:
        raise ValueError(f"embedding_bag: expected the first offset to be 0, got {places[0]}")
    if places.size and (places[-1] > len(input) or (places[1:] < places[:-1]).any()):
        raise ValueError(f"embedding_bag: expected ascending offsets up to {len(input)}, the length of the input, got "
                         f"{places.tolist()}")
