"""Weighted sums along an axis: interpolation, and its gradient by the transposed table."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.lists import list_rows


@kernel(flushes=True)
def resample(out, x, starts, index, weights):
    """out[o, j] = the sum of weights[k] * x[o, index[k]] over starts[j] <= k < starts[j + 1], in this order.

    x (outer, n, inner), out (outer, m, inner); starts (m + 1,) and index (K,) int64; weights (K,) of x's dtype. An
    index out of range adds nothing.
    """
    out[...] = 0
    for rows in list_rows(starts, index, x.shape[1]):
        at = np.flatnonzero(rows >= 0)
        out[:, at] += weights[rows[at], None] * x[:, index[rows[at]]]
