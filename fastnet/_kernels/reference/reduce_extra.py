"""Reductions that have only a NumPy form. Shapes as in reduce.py: x is (outer, n, inner), reduced over the middle."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def prod(out, x):
    """out[o, i] = product over k of x[o, k, i]; 1 if n is 0. Integers and booleans multiply into an int64 `out`."""
    np.multiply.reduce(x, axis=1, dtype=out.dtype, out=out)


@kernel()
def prod_backward(dx, x, dy):
    """dx[o, k, i] = dy[o, i] * the product of x[o, j, i] over j != k: correct where x is 0, unlike a division."""
    before, after = np.ones_like(x), np.ones_like(x)
    np.multiply.accumulate(x[:, :-1], axis=1, out=before[:, 1:])
    np.multiply.accumulate(x[:, :0:-1], axis=1, out=after[:, -2::-1])
    np.multiply(before, after, out=dx)
    dx *= dy[:, None]


@kernel()
def any(out, x):
    """out[o, i] (bool) = whether any x[o, k, i] is true (NaN is true); False if n is 0."""
    np.logical_or.reduce(x, axis=1, out=out)


@kernel()
def all(out, x):
    """out[o, i] (bool) = whether every x[o, k, i] is true; True if n is 0."""
    np.logical_and.reduce(x, axis=1, out=out)
