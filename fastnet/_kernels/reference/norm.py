"""Layer norm over rows and its gradient.

x is (rows, n), mean and rstd are (rows,), weight and bias (n,) or None for 1 and 0. All arrays of one call have one
real dtype, except means, which are float64: a mean far from 0 needs more digits than float32 has. Outputs of a backward
kernel that are not wanted are None.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(outputs=3, flushes=True)
def layer_norm(out, mean, rstd, x, weight, bias, eps):
    """mean, rstd = 1/sqrt(biased variance + eps) of each row; out = (x - mean)*rstd*weight + bias."""
    n = x.shape[1]
    np.add.reduce(x, axis=1, dtype=np.float64, out=mean)
    np.divide(mean, n, out=mean)
    centred = x - mean[:, None]
    rstd[...] = 1 / np.sqrt(np.einsum("rn,rn->r", centred, centred) / n + eps)
    out[...] = centred
    np.multiply(out, rstd[:, None], out=out)
    if weight is not None:
        np.multiply(out, weight, out=out)
    if bias is not None:
        np.add(out, bias, out=out)


@kernel(outputs=3, flushes=True)
def layer_norm_backward(dx, dweight, dbias, x, weight, mean, rstd, dy):
    """With h = (x - mean)*rstd and g = dy*weight:

    dx = rstd*(g - sum(g)/n - h*sum(g*h)/n) over each row, dweight = sum over rows of dy*h, dbias = sum over rows of dy.
    """
    n = x.shape[1]
    h = ((x - mean[:, None]) * rstd[:, None]).astype(x.dtype)
    if dbias is not None:
        np.add.reduce(dy, axis=0, out=dbias)
    if dweight is not None:
        np.einsum("rn,rn->n", dy, h, out=dweight)
    if dx is not None:
        g = dy if weight is None else dy * weight
        np.multiply(h, np.einsum("rn,rn->r", g, h)[:, None] / n, out=h)
        np.subtract(g, g.sum(axis=1, keepdims=True) / n, out=dx)
        np.subtract(dx, h, out=dx)
        np.multiply(dx, rstd[:, None], out=dx)
