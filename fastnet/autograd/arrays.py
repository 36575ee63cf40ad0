"""Copies and conversions of arrays, as kernel calls: a replay repeats these, and not NumPy's own."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.memory import empty, empty_like, is_channels_last
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType


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


def cast(x: Array, dtype: DType) -> Array:
    """x itself if it has this dtype, else a converted copy."""
    if x.dtype == dtype:
        return x
    out = empty_like(x, dtype)
    K.copy(out, x)
    return out
