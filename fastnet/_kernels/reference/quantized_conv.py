"""Convolutions of 8-bit integers over (N, D, H, W, C), summed exactly in int32.

Shapes and windows are those of `conv`: x is (N, D, H, W, C), out is (N, OD, OH, OW, O) and weight is (O, C/groups, KD,
KH, KW). The padding stands for 0: it holds the zero point of x.
"""
import numpy as np

from fastnet._kernels.reference import conv as float_conv
from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.fixed_point import requantized, wrapped


def _conv_sums(shape, x, weight, zero_x, windows):
    """The convolution of x - zero_x, int32. float64 holds each sum exactly."""
    sums = np.empty(shape)
    float_conv.conv(sums, np.float64(x) - zero_x, np.float64(weight), None, None, *windows)
    return wrapped(sums.astype(np.int64))


@kernel()
def quantized_conv(out, x, weight, bias, multiplier, shift, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1),
                   zero_x=0, zero_out=0, low=-128, high=127):
    """out = clamp((sum + bias) * multiplier * 2^(shift - 31) + zero_out, low, high), as `quantized_matmul`.

    Args:
        out: (N, OD, OH, OW, O), int8, uint8 or int16.
        x: (N, D, H, W, C), int8 or uint8.
        weight: (O, C/groups, KD, KH, KW), int8.
        bias: (O,), int32, or None.
        multiplier, shift: (O,), int32.
        stride, padding, dilation: triples.
        zero_x, zero_out: the integers that stand for 0.
        low, high: limits, within the dtype of out.
    """
    sums = _conv_sums(out.shape, x, weight, zero_x, (stride, padding, dilation))
    out[...] = requantized(sums, bias, multiplier, shift, zero_out, low, high)


@kernel()
def integer_conv(out, x, weight, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), zero_x=0):
    """out = the convolution of x - zero_x with weight, int32."""
    out[...] = _conv_sums(out.shape, x, weight, zero_x, (stride, padding, dilation))
