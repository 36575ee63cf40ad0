"""Lookups and additions by int64 indices, and the checks that run before them.

Callers check indices with check_index first. An index out of range reads as zero and receives nothing, so that no
kernel reads or writes outside an array.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.lists import list_entries, list_rows


@kernel(check=True)
def check_index(index, size, ignore_index=None, what="index"):
    """Raise IndexError unless every element of `index` (int64, any shape) is in [0, size) or is ignore_index."""
    bad = _outside(index, size)
    if ignore_index is not None:
        bad &= index != ignore_index
    if bad.any():
        value, where = _first(index, bad)
        also = "" if ignore_index is None else f", or the ignore_index {ignore_index}"
        kind = what.rpartition(": ")[2]         # without the name of an operation
        raise IndexError(f"{what} {value}{where} is out of range: expected 0 <= {kind} < {size}{also}")


@kernel(check=True)
def check_finite(x, what="target"):
    """Raise ValueError unless every element of x (any shape) is a finite number."""
    bad = ~np.isfinite(x)
    if bad.any():
        value, where = _first(x, bad)
        raise ValueError(f"{what} is {value}{where}: expected finite numbers")


@kernel()
def embedding(out, weight, index):
    """out[i] = weight[index[i]]: weight (v, d), index (n,) int64, out (n, d); zeros where index[i] is out of range."""
    _lookup(out, weight, index, 0, np.take)


@kernel(flushes=True)
def embedding_backward(dweight, index, dy, padding_idx=None):
    """dweight[k] = the sum of dy[i] over index[i] == k, in the order of i; zeros for k == padding_idx.

    dweight (v, d), index (n,) int64, dy (n, d). All of dweight is written.
    """
    dweight[...] = 0
    skip = _outside(index, dweight.shape[0])
    if padding_idx is not None:
        skip |= index == padding_idx
    order = np.argsort(index, kind="stable")
    order = order[~skip[order]]
    if order.size:
        rows, starts = np.unique(index[order], return_index=True)
        dweight[rows] = np.add.reduceat(dy[order], starts, axis=0)


@kernel(flushes=True)
def embedding_bag_backward(dweight, index, starts, factors, dy):
    """dweight[index[k]] += factors[k] * dy[b] for each k of each bag b, in order; all of dweight is written.

    dweight (v, d); index int64 and factors (n,); bag b is starts[b] <= k < starts[b + 1]; dy (bags, d).
    """
    dweight[...] = 0
    bags = np.full(index.shape, -1)
    for entries in list_rows(starts, index, dweight.shape[0]):
        bags[entries[entries >= 0]] = np.flatnonzero(entries >= 0)
    for k in np.flatnonzero(bags >= 0):
        dweight[index[k]] += factors[k] * dy[bags[k]]


@kernel()
def embedding_bag_shares(out, index, starts, size):
    """out[k] = 1 / n, where n is the number of entries of its bag with 0 <= index < size, or 0 if there are none.

    out and index (n,); bags as in embedding_bag_backward. Entries outside of all bags get 0.
    """
    out[...] = 0
    counts = sum(((rows >= 0) for rows in list_rows(starts, index, size)), np.zeros(len(starts) - 1, np.int64))
    for entries in list_entries(starts, index.size):
        some = np.flatnonzero(entries >= 0)
        out[entries[some]] = np.where(counts[some] > 0, 1 / np.maximum(counts[some], 1), 0)


@kernel(outputs=2)
def embedding_bag_max(out, places, weight, index, starts):
    """out[b] = the largest elements of weight[index[k]] over bag b, by column; places = the rows that they are from.

    out (bags, d), places int64; weight (v, d); index and bags as in embedding_bag_backward. Of equal elements the first
    is taken, and NaN before any number. A bag without entries in range gives 0 and the place -1.
    """
    out[...] = 0
    places[...] = -1
    for entries in list_rows(starts, index, weight.shape[0]):
        some = np.flatnonzero(entries >= 0)
        row = index[entries[some]]
        x, best = weight[row], out[some]
        better = (places[some] < 0) | (x > best) | (np.isnan(x) & ~np.isnan(best))
        out[some] = np.where(better, x, best)
        places[some] = np.where(better, row[:, None], places[some])


@kernel()
def gather(out, x, index):
    """out[o, j, i] = x[o, index[o, j, i], i]: x (outer, n, inner), index int64 and out (outer, m, inner)."""
    _lookup(out, x, index, 1, _take_along_axis)


@kernel(flushes=True)
def gather_backward(dx, index, dy):
    """dx[o, k, i] = the sum of dy[o, j, i] over index[o, j, i] == k, in the order of j. All of dx is written.

    dx (outer, n, inner), index int64 and dy (outer, m, inner).
    """
    outer, n, inner = dx.shape
    flat = (np.arange(outer)[:, None, None] * n + index) * inner + np.arange(inner)
    kept = ~_outside(index, n)
    dx[...] = np.bincount(flat[kept], dy[kept], dx.size).reshape(dx.shape)


def _outside(index, size):
    return (index < 0) | (index >= size)


def _lookup(out, x, index, axis, take):
    # with any mode but "raise", take writes into `out` directly
    bad = _outside(index, x.shape[axis])
    if x.shape[axis]:
        take(x, index, axis, out, "clip")
    if bad.any():
        out[bad] = 0


def _take_along_axis(x, index, axis, out, mode):
    out[...] = np.take_along_axis(x, index.clip(0, x.shape[axis] - 1), axis)


def _first(x, bad):
    """The first bad element and its position in words, empty for a 0-d array."""
    position = tuple(int(i) for i in np.unravel_index(np.argmax(bad), x.shape))
    words = f" at position {position[0] if x.ndim == 1 else position}" if x.ndim else ""
    return x[position], words
