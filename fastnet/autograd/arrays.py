"""Copies and conversions of arrays, as kernel calls: a replay repeats these, and not NumPy's own."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.memory import empty
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType


def copy(x: Array) -> Array:
    """A contiguous copy of x."""
    out = empty(x.shape, x.dtype)
    K.copy(out, x)
    return out


def contiguous(x: Array) -> Array:
    """x itself if it is contiguous, else a contiguous copy."""
    return x if x.flags.c_contiguous else copy(x)


def cast(x: Array, dtype: DType) -> Array:
    """x itself if it has this dtype, else a converted copy."""
    if x.dtype == dtype:
        return x
    out = empty(x.shape, dtype)
    K.copy(out, x)
    return out
