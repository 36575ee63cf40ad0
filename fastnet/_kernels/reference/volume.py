"""Gathers over up to three spatial dimensions: padding and nearest neighbours.

Arrays are (outer, depth, height, width, inner). An index list of each spatial dimension says which of the input's
planes, rows and columns each one of the output copies. An index out of range copies nothing.
"""
import itertools

import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.lists import list_rows


@kernel()
def take_volume(out, x, planes, rows, columns, value):
    """out[o, i, j, k] = x[o, planes[i], rows[j], columns[k]]; `value` where an index is out of range.

    x (outer, d, h, w, inner); planes (D,), rows (H,) and columns (W,) int64; out (outer, D, H, W, inner).
    """
    out[...] = np.array(value).astype(out.dtype)
    source, target = [], []
    for index, n in zip((planes, rows, columns), x.shape[1:4]):
        target.append(np.flatnonzero((index >= 0) & (index < n)))
        source.append(index[target[-1]])
    everything = np.arange(x.shape[0])
    out[np.ix_(everything, *target)] = x[np.ix_(everything, *source)]


@kernel(flushes=True)
def take_volume_backward(dx, dy, planes, plane_starts, rows, row_starts, columns, column_starts):
    """dx[o, i, j, k] = the sum of dy[o, a, b, c] over a in planes[plane_starts[i]:plane_starts[i + 1]], and so on.

    dx (outer, d, h, w, inner) and dy (outer, D, H, W, inner); plane_starts (d + 1,), row_starts (h + 1,) and
    column_starts (w + 1,) are int64, as the lists. Planes are added first, then rows, then columns, in the order of the
    lists.
    """
    lists = [np.where(rows >= 0, index[rows], -1) if index.size else rows
             for index, rows in ((index, list_rows(starts, index, n)) for index, starts, n in zip(
                 (planes, rows, columns), (plane_starts, row_starts, column_starts), dy.shape[1:4]))]
    dx[...] = 0
    everything = np.arange(dx.shape[0])
    for lists_of_one in itertools.product(*lists):
        target = [np.flatnonzero(index >= 0) for index in lists_of_one]
        source = [index[at] for index, at in zip(lists_of_one, target)]
        dx[np.ix_(everything, *target)] += dy[np.ix_(everything, *source)]
