"""Sums, means and maxima of the rows of a table, for bags of different sizes."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.functional.creation import arange, full, zeros
from fastnet.functional.embedding import embedding, padding_row
from fastnet.functional.index_entries import index_add
from fastnet.functional.scatter_reduction import scatter_reduce
from fastnet.functional.shape import expand
from fastnet.functional.sorting import searchsorted

if TYPE_CHECKING:
    from typing import TypeAlias

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
    for argument, x in (("input", input), ("weight", weight)):
        if not isinstance(x, Tensor):
            raise not_a_tensor("embedding_bag", argument, x)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: expected mode to be 'sum', 'mean' or 'max', got {mode!r}")
    if input.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"embedding_bag: expected an int64 or int32 input, got {input.dtype}")
    if per_sample_weights is not None:
        _check_sample_weights(input, per_sample_weights, mode)
    padding_idx = padding_row("embedding_bag", padding_idx, len(weight) if weight.ndim else 0)
    flat = input.reshape(-1).long()
    bags = _number_of_bags(input, offsets, include_last_offset)
    rows = embedding(flat, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    counted = None if padding_idx is None else flat != padding_idx
    if mode == "max":
        return _largest_of_bags(rows, _bag_numbers(input, offsets, bags), bags, counted)
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    if counted is not None:
        kept = counted.to(weight.dtype)
        factors = kept if factors is None else factors * kept
    if factors is not None:
        rows = rows * factors.unsqueeze(1)
    if offsets is None and input.shape[1]:
        grid = rows.reshape(*input.shape, weight.shape[1])
        if mode == "sum" or counted is not None:
            total = grid.sum(1)
            return total if counted is None or mode == "sum" else total / _at_least_one(
                counted.reshape(input.shape).sum(1), weight)
        return grid.mean(1)
    bag = _bag_numbers(input, offsets, bags)
    total = index_add(zeros(bags, weight.shape[1], dtype=weight.dtype), 0, bag, rows)
    if mode == "sum":
        return total
    ones = full((len(flat),), 1.0, dtype=weight.dtype) if counted is None else counted.to(weight.dtype)
    return total / _at_least_one(index_add(zeros(bags, dtype=weight.dtype), 0, bag, ones), weight)


def _at_least_one(counts: Tensor, weight: Tensor) -> Tensor:
    """The divisors of means, (bags, 1)."""
    return counts.clamp(min=1).to(weight.dtype).unsqueeze(1)


def _largest_of_bags(rows: Tensor, bag: Tensor, bags: int, counted: Tensor | None) -> Tensor:
    """The largest element of each column of each bag; 0 for an empty bag."""
    if counted is not None:
        rows = rows.masked_fill(~counted.unsqueeze(1), float("-inf"))
    empty_bags = zeros(bags, rows.shape[1], dtype=rows.dtype)
    if len(rows) == 0:
        return empty_bags + rows.sum()              # 0, with a gradient
    largest = scatter_reduce(empty_bags, 0, expand(bag.unsqueeze(1), rows.shape), rows, "amax", include_self=False)
    return largest if counted is None else largest.masked_fill(largest == float("-inf"), 0)


def _check_sample_weights(input: Tensor, weights: Tensor, mode: str) -> None:
    if mode != "sum":
        raise RuntimeError(f"embedding_bag: expected mode 'sum' with per_sample_weights, got {mode!r}")
    if weights.shape != input.shape:
        raise RuntimeError(f"embedding_bag: expected per_sample_weights in the input's shape {shape_text(input)}, got "
                           f"{shape_text(weights)}")


def _number_of_bags(input: Tensor, offsets: Tensor | None, include_last: bool) -> int:
    """The number of bags, after a check of the input and the offsets."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: expected no offsets for an input of two dimensions, got shape "
                             f"{shape_text(offsets)}")
        return len(input)
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
    return bags


def _bag_numbers(input: Tensor, offsets: Tensor | None, bags: int) -> Tensor:
    """The bag of each index of the flattened input."""
    if offsets is None:
        return expand(arange(bags).unsqueeze(1), (bags, input.shape[1])).reshape(-1)
    if state.recorder is None:
        sizes = np.diff(np.append(offsets._data[:bags], len(input)))
        return Tensor._wrap(np.repeat(np.arange(bags), sizes))
    return searchsorted(offsets[:bags].long(), arange(len(input)), right=True) - 1


def _check_offsets(input: Tensor, offsets: Tensor) -> None:
    places = offsets._data
    if places.size and places[0] != 0:
        raise ValueError(f"embedding_bag: expected the first offset to be 0, got {places[0]}")
    if places.size and (places[-1] > len(input) or (places[1:] < places[:-1]).any()):
        raise ValueError(f"embedding_bag: expected ascending offsets up to {len(input)}, the length of the input, got "
                         f"{places.tolist()}")
