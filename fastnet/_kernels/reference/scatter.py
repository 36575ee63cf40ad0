"""Writes and additions at int64 indices along the middle of (outer, n, inner), in the order of the indices.

Callers check indices with check_index first. An index out of range receives nothing and reads as zero.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel

_COMBINATIONS = {"add": np.add, "mul": np.multiply, "amax": np.maximum, "amin": np.minimum}


@kernel(flushes=True)
def scatter_(out, index, src, reduce="put"):
    """out[o, index[o, j, i], i] = src[o, j, i] for each j in order, or its combination with the element that is there.

    out (outer, n, inner), index int64 and src (outer, m, inner). `reduce` is "put", "add", "mul", "amax" or "amin"; of
    the last two, NaN is the result if either is NaN.
    """
    outer, n, inner = out.shape
    if reduce != "put" and reduce not in _COMBINATIONS:
        raise ValueError(f"scatter_: unknown reduction {reduce!r}; choose from put, {', '.join(_COMBINATIONS)}")
    kept = (index >= 0) & (index < n)
    key = tuple(k[kept] for k in (np.broadcast_to(np.arange(outer)[:, None, None], index.shape), index,
                                  np.broadcast_to(np.arange(inner), index.shape)))
    if reduce == "put":
        out[key] = src[kept]
    else:
        _COMBINATIONS[reduce].at(out, key, src[kept])


@kernel()
def select_rows(out, x, index):
    """out[o, j] = x[o, index[j]]: x (outer, n, inner), index (m,) int64, out (outer, m, inner)."""
    kept = (index >= 0) & (index < x.shape[1])
    out[...] = 0
    out[:, kept] = x[:, index[kept]]


@kernel()
def copy_rows_(out, index, src):
    """out[o, index[j]] = src[o, j] for each j in order: out (outer, n, inner), index (m,), src (outer, m, inner)."""
    for j in np.flatnonzero((index >= 0) & (index < out.shape[1])):
        out[:, index[j]] = src[:, j]


@kernel()
def fill_rows_(out, index, value):
    """out[o, index[j]] = value for each j: out (outer, n, inner), index (m,), value 0-d or of one element."""
    out[:, index[(index >= 0) & (index < out.shape[1])]] = value


@kernel(flushes=True)
def add_rows_(out, index, src, alpha=1):
    """out[o, index[j]] += alpha * src[o, j] for each j in order; shapes as in copy_rows_."""
    kept = (index >= 0) & (index < out.shape[1])
    np.add.at(out.swapaxes(0, 1), index[kept], (src[:, kept] * out.dtype.type(alpha)).swapaxes(0, 1))
