"""Integers that stand for real factors and functions in quantised models. They are computed once, in float64."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet import dtypes

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Factor", "factor_of", "factors_of", "function_table", "gate_tables", "softmax_table"]

_GATE_INTERVALS = 512                            # intervals of a table of gates, from -8 to 8
_LEAST, _MOST = -31, 30                 # shifts
_SOFTMAX_BITS = 20


class Factor(NamedTuple):
    """A real factor as integers: multiplier * 2^(shift - 31)."""

    multiplier: int
    shift: int


def factors_of(factors: Any) -> tuple[Array, Array]:
    """Positive real factors as (multiplier, shift), two int32 arrays: factor = multiplier * 2^(shift - 31).

    Jacob et al. 2018, https://arxiv.org/abs/1712.05877: the multiplier is in [2^30, 2^31), or 0 for a factor below
    2^-32.

    Raises:
        ValueError: a factor that is negative, not finite, or 2^30 and more.

    Example:
        >>> factors_of([0.25, 3.0])
        (array([1073741824, 1610612736], dtype=int32), array([-1,  2], dtype=int32))
    """
    real = np.asarray(factors, np.float64)
    if not np.all((real >= 0) & (real < 2.0 ** _MOST)):
        raise ValueError(f"factors_of: expected factors from 0 up to 2**30, got {factors}")
    mantissa, shift = np.frexp(real)
    multiplier = np.rint(mantissa * 2.0 ** 31).astype(np.int64)
    carried = multiplier == 1 << 31
    multiplier, shift = np.where(carried, 1 << 30, multiplier), shift + carried
    gone = shift < _LEAST
    return np.where(gone, 0, multiplier).astype(np.int32), np.where(gone, 0, shift).astype(np.int32)


def factor_of(factor: float) -> Factor:
    """One positive real factor as integers; see `factors_of`.

    Example:
        >>> factor_of(0.75)
        Factor(multiplier=1610612736, shift=0)
    """
    multiplier, shift = factors_of(factor)
    return Factor(int(multiplier), int(shift))


def gate_tables() -> Array:
    """The sigmoid and the hyperbolic tangent of Q3.12 numbers as Q0.15: int16 (2, 513), for `quantized_lstm_cell`.

    Entry i is the function of (i - 256) / 32, times 2^15, rounded to nearest and clamped.

    Example:
        >>> gate_tables()[:, [0, 256, 512]]
        array([[    11,  16384,  32757],
               [-32768,      0,  32767]], dtype=int16)
    """
    x = (np.arange(_GATE_INTERVALS + 1) - _GATE_INTERVALS // 2) / 32
    real = np.stack([1 / (1 + np.exp(-x)), np.tanh(x)])
    return np.clip(np.rint(real * 2.0 ** 15), -(1 << 15), (1 << 15) - 1).astype(np.int16)


def softmax_table(scale: float) -> Array:
    """exp(-d * scale) * 2^20 for d from 0 to 255, rounded: int32 (256,), for `quantized_softmax`.

    Example:
        >>> softmax_table(1.0)[:3]
        array([1048576,  385750,  141909], dtype=int32)
    """
    return np.rint(np.exp(-scale * np.arange(256)) * 2.0 ** _SOFTMAX_BITS).astype(np.int32)


def function_table(function: Callable[[float], float], scale: float, zero_point: int, scale_out: float,
                   zero_out: int, dtype: Any = dtypes.int8) -> Array:
    """A function of one quantised number for all of its 256 values: (256,) of `dtype`, for `quantized_function`.

    Args:
        function: from float to float.
        scale, zero_point: of the argument.
        scale_out, zero_out: of the result.
        dtype: int8 or uint8, of the argument and the result.

    Example:
        >>> function_table(lambda x: max(x, 0.0), 0.5, 0, 0.5, -128)[[0, 128, 138, 255]]
        array([-128, -128, -118,   -1], dtype=int8)
    """
    limits = np.iinfo(dtype)
    results = [function((q - zero_point) * scale) / scale_out for q in range(int(limits.min), int(limits.max) + 1)]
    rounded = [math.copysign(math.floor(abs(r) + 0.5), r) for r in results]
    return np.clip(np.array(rounded) + zero_out, limits.min, limits.max).astype(dtype)
