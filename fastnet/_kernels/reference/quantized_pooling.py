"""Pooling of 8-bit integers over windows of images (N, D, H, W, C).

out is (N, OD, OH, OW, C). `kernel`, `stride`, `padding` and `dilation` are triples, as of `conv`; positions outside of
the image take no part.
"""
import itertools

import numpy as np

from fastnet._kernels.reference.pooling import divisors
from fastnet._kernels.reference.tools.contract import kernel


def _connected_places(out, x, size, stride, padding, dilation=(1, 1, 1)):
    """For each position in the window: the (places of out, places of x) that it connects."""
    for tap in itertools.product(*map(range, size)):
        here, there = [], []
        for t, o, n, s, p, d in zip(tap, out.shape[1:4], x.shape[1:4], stride, padding, dilation):
            place = np.arange(o) * s - p + t * d
            here.append(np.flatnonzero((place >= 0) & (place < n)))
            there.append(place[here[-1]])
        images = np.arange(x.shape[0])
        yield np.ix_(images, *here), np.ix_(images, *there)


@kernel()
def quantized_average_pool(out, x, kernel, stride, padding, zero=0, count_include_pad=True):
    """out = the sum of q - zero over each window / its number of elements, halves away from zero, + zero.

    Args:
        out, x: int8 or uint8, of one scale and zero point.
        kernel, stride, padding: triples.
        zero: the integer that stands for 0.
        count_include_pad: divide by the number of elements inside the padded image, else inside the image.
    """
    sums = np.zeros(out.shape, np.int64)
    for here, there in _connected_places(out, x, kernel, stride, padding):
        sums[here] += np.int64(x[there]) - zero
    windows = tuple(zip(kernel, stride, padding, (1, 1, 1)))
    counts = np.maximum(divisors(x, out, windows, count_include_pad), 1)
    out[...] = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts) + zero


@kernel()
def quantized_max_pool(out, x, kernel, stride, padding, dilation=(1, 1, 1)):
    """out = the largest element of each window; the smallest number of the dtype for a window without elements."""
    out[...] = np.iinfo(out.dtype).min
    for here, there in _connected_places(out, x, kernel, stride, padding, dilation):
        out[here] = np.maximum(out[here], x[there])
