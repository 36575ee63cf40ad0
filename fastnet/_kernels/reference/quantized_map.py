"""Quantised numbers element by element: conversions, sums, products, tables and softmax.

A quantised number q stands for (q - zero) * scale. Integer factors are pairs (multiplier, shift) for multiplier *
2^(shift - 31), rounded as TensorFlow Lite does (tools/fixed_point.py).
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.fixed_point import multiplied, wrapped

SUM_BITS = 20                           # terms of a sum are computed with this many more bits


def _byte_limits(dtype):
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def _as_bytes(x, scale, zero, dtype):
    """clamp(x / scale, rounded to nearest even, + zero); zero for NaN."""
    low, high = _byte_limits(dtype)
    t = np.rint(x / scale)
    t = np.where(np.isnan(t), np.float32(0), t)
    return np.clip(t, np.float32(low - zero), np.float32(high - zero)).astype(np.int32) + zero


@kernel()
def quantize(out, x, scale, zero):
    """out = clamp(x / scale, rounded to nearest even, + zero). NaN becomes zero.

    Args:
        out: (outer, channels, inner), int8 or uint8.
        x: (outer, channels, inner), float32.
        scale, zero: (channels,), float32 and int32.
    """
    out[...] = _as_bytes(x, scale[:, None], zero[:, None], out.dtype)


@kernel()
def dequantize(out, q, scale, zero):
    """out = (q - zero) * scale.

    Args:
        out: (outer, channels, inner), float32.
        q: (outer, channels, inner), int8, uint8 or int32.
        scale, zero: (channels,), float32 and int32.
    """
    np.multiply((q.astype(np.int32) - zero[:, None]).astype(np.float32), scale[:, None], out=out)


@kernel(outputs=3)
def quantize_rows(out, scale, zero, x):
    """Quantise each row by its own range, which always holds 0: dynamic quantisation.

    low = min(0, row), high = max(0, row), scale = (high - low) / 255, or 1 if that is 0; zero = least - low / scale,
    rounded to nearest even and clamped, where least is the smallest number of out's dtype. A row with NaN has the scale
    NaN.

    Args:
        out: (rows, n), int8 or uint8.
        scale, zero: (rows,), float32 and int32.
        x: (rows, n), float32.
    """
    least, most = _byte_limits(out.dtype)
    low, high = (f(x, axis=1, initial=0).astype(np.float32) for f in (np.min, np.max))
    scale[...] = (high - low) / np.float32(255)
    scale[scale == 0] = 1
    first = np.float32(least) - low / scale
    zero[...] = np.clip(np.rint(np.where(np.isnan(first), least, first)), least, most)
    out[...] = _as_bytes(x, scale[:, None], zero[:, None], out.dtype)


@kernel()
def requantize(out, q, source, result):
    """out = clamp((q - zero) * multiplier * 2^(shift - 31) + zero_out, low, high).

    Args:
        out: any shape, int8 or uint8.
        q: of out's shape, int8, uint8, int16 or int32.
        source: (zero, multiplier, shift) of q.
        result: (zero_out, low, high).
    """
    zero, multiplier, shift = source
    zero_out, low, high = result
    out[...] = np.clip(multiplied(wrapped(np.int64(q) - zero), multiplier, shift) + zero_out, low, high)


@kernel()
def quantized_add(out, a, b, left, right, result):
    """out = clamp(result of ((a - zero)*2^20 times its factor + (b - zero)*2^20 times its factor) + zero, low, high).

    Args:
        out: any shape, int8 or uint8.
        a, b: of out's shape and dtype.
        left, right: (zero, multiplier, shift) of a and b. The factors are at most 1/2, so that sums fit into 32 bits.
        result: (zero, multiplier, shift, low, high) of out.
    """
    terms = [multiplied(np.int64(q) - zero << SUM_BITS, multiplier, shift)
             for q, (zero, multiplier, shift) in ((a, left), (b, right))]
    zero, multiplier, shift, low, high = result
    out[...] = np.clip(multiplied(terms[0] + terms[1], multiplier, shift) + zero, low, high)


@kernel()
def quantized_mul(out, a, b, zero_a, zero_b, result):
    """out = clamp((a - zero_a)*(b - zero_b) * multiplier * 2^(shift - 31) + zero, low, high).

    Args:
        out: any shape, int8 or uint8.
        a, b: of out's shape and dtype.
        result: (zero, multiplier, shift, low, high) of out.
    """
    zero, multiplier, shift, low, high = result
    products = (np.int64(a) - zero_a) * (np.int64(b) - zero_b)
    out[...] = np.clip(multiplied(products, multiplier, shift) + zero, low, high)


@kernel()
def byte_table(out, q, table):
    """out = table[q], or table[q + 128] if q is int8. Any function of one quantised number.

    Args:
        out: any shape, int8 or uint8.
        q: of out's shape, int8 or uint8.
        table: (256,), of out's dtype.
    """
    out[...] = table[q.astype(np.int64) - _byte_limits(q.dtype)[0]]


@kernel()
def quantized_softmax(out, q, table):
    """out = least + min(255, (256*e + sum/2) / sum) in integers, e = table[largest - q], sum over the row; scale 1/256.

    Args:
        out: (rows, n), int8 or uint8, whose smallest number is least.
        q: (rows, n), int8 or uint8.
        table: (256,), int32: entry d is exp(-d * scale of q) * 2^20, rounded.
    """
    if not q.size:
        return
    values = q.astype(np.int64)
    e = table.astype(np.int64)[values.max(axis=1, keepdims=True) - values]
    total = e.sum(axis=1, keepdims=True)
    out[...] = np.minimum(255, (256 * e + total // 2) // total) + _byte_limits(out.dtype)[0]
