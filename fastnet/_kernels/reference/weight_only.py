"""Products of float32 activations with weights of 8 or 4 bits, for models whose speed is that of memory.

A weight (N, K) is stored as integers q and stands for (q - zero) * scale, with a scale, and maybe a zero, for each
group of K/groups neighbours of a row. With 8 bits q is int8 (N, K). With 4 bits it is uint8 (N, K/2), two numbers from
0 to 15 in a byte, the first of them in its low half.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel

MIDDLE = 8                              # the number of 4 bits that stands for 0 unless there is a zero


def _real_numbers(weight, scale, zero):
    """The weight (N, K), float32."""
    if weight.dtype == np.uint8:
        q = np.stack([weight & 15, weight >> 4], axis=-1).reshape(len(weight), -1).astype(np.int32)
        middle = MIDDLE
    else:
        q, middle = weight.astype(np.int32), 0
    rows, k = q.shape
    groups = scale.shape[1]
    shape = rows, groups, k // max(groups, 1)
    zeros = np.int32(middle) if zero is None else zero.astype(np.int32)[:, :, None]
    return ((q.reshape(shape) - zeros).astype(np.float32) * scale[:, :, None]).reshape(rows, k)


@kernel()
def unpack_weight(out, weight, scale, zero=None):
    """out = (q - zero) * scale.

    Args:
        out: (N, K), float32.
        weight: (N, K), int8, or (N, K/2), uint8.
        scale: (N, groups), float32; groups divides K, and K/groups is even for 4 bits.
        zero: (N, groups), uint8 or int8, as the weight; None for 8 (4 bits) or 0.
    """
    out[...] = _real_numbers(weight, scale, zero)


@kernel(flushes=True)
def weight_only_matmul(out, x, weight, scale, zero=None, bias=None):
    """out = x @ ((q - zero) * scale)' + bias.

    Args:
        out: (M, N), float32.
        x: (M, K), float32.
        weight, scale, zero: as of `unpack_weight`.
        bias: (N,), float32, or None.
    """
    np.matmul(x, _real_numbers(weight, scale, zero).T, out=out)
    if bias is not None:
        out += bias
