"""Reductions that run on NumPy alone. Shapes as in reduce.py: x is (outer, n, inner), reduced over the middle."""
import numpy as np

from fastnet._kernels.reference.contract import kernel


@kernel()
def prod(out, x):
    """out[o, i] = product over k of x[o, k, i]; 1 where n is 0. Integers and booleans multiply into an int64 `out`."""
    np.multiply.reduce(x, axis=1, dtype=out.dtype, out=out)


@kernel()
def cumsum(out, x):
    """out[o, k, i] = x[o, 0, i] + ... + x[o, k, i]; `out` has x's shape."""
    np.add.accumulate(x, axis=1, dtype=out.dtype, out=out)


@kernel()
def any(out, x):  # noqa: A001
    """out[o, i] (bool) = whether some x[o, k, i] is true, a NaN included; False where n is 0."""
    np.logical_or.reduce(x, axis=1, out=out)


@kernel()
def all(out, x):  # noqa: A001
    """out[o, i] (bool) = whether every x[o, k, i] is true; True where n is 0."""
    np.logical_and.reduce(x, axis=1, out=out)
