"""Windows of images as columns, and their sums: unfold and its transpose, fold.

Images are (N, C, H, W). columns[n, c, i, j, y, x] is the element of channel c at row y*stride + i*dilation - padding
and column x*stride + j*dilation - padding. Stride, padding and dilation are pairs, for rows and columns.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def unfold(columns, x, stride, padding, dilation):
    """columns (N, C, kernel height, kernel width, rows, columns) = the windows of x (N, C, H, W); 0 outside of x."""
    columns[...] = 0
    for i, j, here, there in _kernel_elements(columns.shape, x.shape, stride, padding, dilation):
        columns[(slice(None), slice(None), i, j, *here)] = x[(..., *there)]


@kernel(flushes=True)
def fold(x, columns, stride, padding, dilation):
    """x (N, C, H, W) = at each element the sum of its occurrences in the windows, in the order of the kernel."""
    x[...] = 0
    for i, j, here, there in _kernel_elements(columns.shape, x.shape, stride, padding, dilation):
        x[(..., *there)] += columns[(slice(None), slice(None), i, j, *here)]


def _kernel_elements(columns, image, stride, padding, dilation):
    """(i, j, slices of columns, slices of the image) for each element of the kernel."""
    for place in np.ndindex(columns[2:4]):
        both = [_windows_within(count, n, s, k * d - p)
                for count, n, s, k, d, p in zip(columns[4:], image[2:], stride, place, dilation, padding)]
        yield (*place, [here for here, _ in both], [there for _, there in both])


def _windows_within(count, n, step, offset):
    """The windows y for which 0 <= y*step + offset < n, and those elements."""
    first = min(max(-(offset // step), 0), count)
    last = max(min(-((offset - n) // step), count), first)
    if first == last:
        return slice(0, 0), slice(0, 0)
    return slice(first, last), slice(first * step + offset, (last - 1) * step + offset + 1, step)
