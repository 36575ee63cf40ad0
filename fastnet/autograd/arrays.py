"""Copies and conversions of arrays, as kernel calls: a replay repeats these, and not NumPy's own."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet._core.memory import empty, empty_like, is_channels_last
from fastnet._core.shapes import collapse_shape
from fastnet.backend import K

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, DType, Shape


def same(x: Array) -> Array:
    """x itself: the gradient of additions and copies."""
    return x


def copy(x: Array) -> Array:
    """A copy of x: channels-last if x is, else contiguous."""
    out = empty_like(x)
    K.copy(out, x)
    return out


def contiguous_copy(x: Array) -> Array:
    """A contiguous copy of x."""
    out = empty(x.shape, x.dtype)
    K.copy(out, x)
    return out


def contiguous(x: Array) -> Array:
    """x itself if it is contiguous, else a contiguous copy."""
    return x if x.flags.c_contiguous else contiguous_copy(x)


def dense(x: Array) -> Array:
    """x itself if it is contiguous, or channels-last without gaps; else a copy of it that is."""
    return x if x.flags.c_contiguous or is_channels_last(x, True) else copy(x)


def channel_rows(x: Array, dims: Sequence[int]) -> tuple[Array, int] | None:
    """A channels-last array as (N, positions, C), and the axis that stands for the dimensions `dims`.

    Returns:
        None for other arrays, and for dimensions that are not the channels, or all spatial ones, with or without the
        batch.
    """
    if not is_channels_last(x, True) or x.dtype.kind != "f":
        return None
    spatial = tuple(range(2, x.ndim))
    if tuple(dims) not in ((1,), spatial, (0, *spatial)):
        return None
    n, c = x.shape[:2]
    rows = x.transpose(0, *spatial, 1).reshape(n, math.prod(x.shape[2:]), c)
    if dims[0] == 0:
        rows = rows.reshape(1, n * rows.shape[1], c)
    return rows, 2 if dims[0] == 1 else 1


def cast(x: Array, dtype: DType) -> Array:
    """x itself if it has this dtype, else a converted copy."""
    if x.dtype == dtype:
        return x
    out = empty_like(x, dtype)
    K.copy(out, x)
    return out


def conjugated(x: Array) -> Array:
    """The conjugate of a complex array, which turns a gradient along the tape into PyTorch's; a real array itself."""
    if x.dtype.kind != "c":
        return x
    out = empty_like(x)
    K.conj(out, x)
    return out


def refuse_complex(x: Any) -> None:
    """Refuse a complex tensor where gradients of gradients are recorded."""
    if x.dtype.kind == "c":
        raise RuntimeError(f"create_graph: expected real tensors, got {x.dtype}; its second derivatives are not "
                           "supported")


def match_target(array: Array, target: Any) -> Array:
    """A gradient in the shape and dtype of its target, a tensor, node or array that was broadcast or converted."""
    if array.shape != target.shape:
        array = sum_broadcast(array, target.shape)
    return array if array.dtype == target.dtype else cast(array, target.dtype)


def sum_broadcast(array: Array, shape: Shape) -> Array:
    """The sum of a gradient over the dimensions that its argument, of this shape, was broadcast along."""
    extra = array.ndim - len(shape)
    axes = [i for i in range(array.ndim) if i < extra or (shape[i - extra] == 1 and array.shape[i] != 1)]
    while axes:
        last = axes.pop() + 1
        first = last - 1
        while axes and axes[-1] == first - 1:           # adjacent dimensions at once
            first = axes.pop()
        array = _sum_dimensions(array, first, last)
    return array.reshape(shape)


def _sum_dimensions(array: Array, first: int, last: int) -> Array:
    """The sum over adjacent dimensions, which remain with length 1."""
    kept = array.shape[:first] + (1,) * (last - first) + array.shape[last:]
    across = channel_rows(array, range(first, last))
    if across is not None:
        rows, axis = across
        total = empty((rows.shape[0], rows.shape[3 - axis]), array.dtype)
        K.sum_across(total, rows, axis)
    else:
        outer, n, inner = collapse_shape(array.shape, first, last)
        total = empty((outer, inner), array.dtype)
        K.sum(total, contiguous(array).reshape(outer, n, inner))    # or reshape would copy without a kernel call
    return total.reshape(kept)
