"""Integer arithmetic of quantised kernels. NumPy's int64 stands for C's int32 and the 64-bit product of two of them.

Jacob et al. 2018, https://arxiv.org/abs/1712.05877, with the rounding of TensorFlow Lite.
"""
import numpy as np

LOWEST, HIGHEST = -1 << 31, (1 << 31) - 1
TABLE_STEP_BITS = 7                     # a table has an entry for every 128th int16


def multiplied(x, multiplier, shift):
    """x * multiplier * 2^(shift - 31): TensorFlow Lite's MultiplyByQuantizedMultiplier, as int64.

    x is shifted left by a positive shift, with saturation. The high half of twice the product with the multiplier is
    rounded to nearest, halves upwards. A negative shift then divides, rounding halves away from zero.

    Args:
        x: integers in the range of int32.
        multiplier: int32, not negative.
        shift: int32, from -31 to 30.
    """
    multiplier, shift = np.int64(multiplier), np.int64(shift)
    left = np.maximum(shift, 0)
    x = np.clip(np.int64(x), LOWEST >> left, HIGHEST >> left) << left
    return divided(x * multiplier + (1 << 30) >> 31, np.maximum(-shift, 0))


def divided(x, bits):
    """x / 2^bits, rounded to nearest, halves away from zero."""
    half = np.int64(1) << bits >> 1
    return np.where(x < 0, -(-x + half >> bits), x + half >> bits)


def wrapped(x):
    """Integers as int32, wrapped to their low bits."""
    return np.asarray(x, np.int64).astype(np.int32)


def requantized(sums, bias, multiplier, shift, zero_out, low, high):
    """clamp(multiplied(sums + bias) + zero_out, low, high); bias, multiplier and shift belong to the last axis."""
    if bias is not None:
        sums = wrapped(sums + np.int64(bias))
    return np.clip(multiplied(sums, multiplier, shift) + zero_out, low, high)


def interpolated(table, x):
    """A function of int16 by its table of 513 int16, with linear interpolation.

    Entry i is the function of -32768 + 128*i. Between two entries a and b the result is a + ((b - a)*rest + 64 >> 7).
    """
    place = np.int64(x) + (1 << 15)
    at, rest = place >> TABLE_STEP_BITS, place & (1 << TABLE_STEP_BITS) - 1
    values = np.asarray(table, np.int64)
    return values[at] + ((values[at + 1] - values[at]) * rest + (1 << TABLE_STEP_BITS - 1) >> TABLE_STEP_BITS)


def clamped16(x):
    """Integers clamped to the range of int16."""
    return np.clip(x, -(1 << 15), (1 << 15) - 1)
