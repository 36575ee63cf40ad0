"""Matrix products of 8-bit integers, summed exactly in int32.

a is (M, K), int8 or uint8; weight is (N, K), int8, or uint8 where it says so. Sums wrap to 32 bits, which takes a K of
more than 65,000. The results are the same bits on every instruction set.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.fixed_point import requantized, wrapped


def _product_sums(a, weight, zero_a=0, zero_weight=0):
    """The products of a - zero_a and weight - zero_weight, int32. float64 holds each of their sums exactly."""
    left, right = np.float64(a) - zero_a, np.float64(weight) - zero_weight
    return wrapped((left @ right.T).astype(np.int64))


@kernel()
def quantized_matmul(out, a, weight, bias, multiplier, shift, zero_a=0, zero_out=0, low=-128, high=127):
    """out = clamp((sum + bias) * multiplier * 2^(shift - 31) + zero_out, low, high), sum = (a - zero_a) @ weight'.

    The product with the multiplier is rounded as TensorFlow Lite does (tools/fixed_point.py).

    Args:
        out: (M, N), int8, uint8 or int16.
        a: (M, K), int8 or uint8.
        weight: (N, K), int8.
        bias: (N,), int32, or None.
        multiplier: (N,), int32, not negative.
        shift: (N,), int32, from -31 to 30.
        zero_a, zero_out: the integers that stand for 0.
        low, high: limits, within the dtype of out.
    """
    out[...] = requantized(_product_sums(a, weight, zero_a), bias, multiplier, shift, zero_out, low, high)


@kernel()
def integer_matmul(out, a, weight, zero_a=None, zero_weight=None):
    """out = (a - zero_a) @ (weight - zero_weight)'.

    Args:
        out: (M, N), int32.
        a: (M, K), int8 or uint8.
        weight: (N, K), int8 or uint8.
        zero_a: (M,), int32, for each row, or None for 0.
        zero_weight: (N,), int32, or None.
    """
    out[...] = _product_sums(a, weight, 0 if zero_a is None else zero_a[:, None],
                     0 if zero_weight is None else zero_weight[:, None])


@kernel()
def dequantized_matmul(out, a, weight, scale_a, zero_a, scale, bias=None, relu=False):
    """out = sum * (scale_a * scale) + bias, sum = (a - zero_a) @ weight'; each operation rounds to float32.

    Args:
        out: (M, N), float32.
        a: (M, K), int8.
        weight: (N, K), int8.
        scale_a, zero_a: (M,), float32 and int32, those of each row, as `quantize_rows` writes them.
        scale: (N,), float32.
        bias: (N,), float32, or None.
        relu: negative results become 0.
    """
    sums = _product_sums(a, weight, zero_a[:, None]).astype(np.float32)
    out[...] = sums * (scale_a[:, None] * scale)
    if bias is not None:
        out += bias
    if relu:
        np.maximum(out, 0, out=out)
