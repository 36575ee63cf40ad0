"""Sorting, selection and binary search along rows. NaN is the largest number; equal elements keep their order."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def argsort(out, x, descending=False):
    """out[r] = the int64 positions that sort x[r]: x and out (rows, n)."""
    if descending:
        np.subtract(x.shape[1] - 1, np.argsort(x[:, ::-1], axis=1, kind="stable")[:, ::-1], out=out)
    else:
        out[...] = np.argsort(x, axis=1, kind="stable")


@kernel()
def topk(out, x, descending=True):
    """out[r] = the positions of the first k elements of x[r] in sorted order: x (rows, n), out (rows, k), k <= n."""
    order = np.empty(x.shape, np.int64)
    argsort(order, x, descending)
    out[...] = order[:, :out.shape[1]]


@kernel()
def kth(out, x, k):
    """out[r, 0] = the position of the element of x[r] at place k in sorted order: x (rows, n), 0 <= k < n."""
    out[:, 0] = np.argsort(x, axis=1, kind="stable")[:, k]


@kernel()
def searchsorted(out, x, values, right=False):
    """out[r, j] = the number of elements of x[r] below values[r, j], or not above it if `right`.

    x (rows, n) sorted, or (1, n) for all rows; values (rows, m) of the same dtype; out (rows, m) int64.
    """
    for r in range(len(values)):
        out[r] = np.searchsorted(x[r if len(x) > 1 else 0], values[r], "right" if right else "left")
