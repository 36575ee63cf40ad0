"""Layer norm and RMS norm over rows and their gradients.

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


@kernel(outputs=2, flushes=True)
def rms_norm(out, rstd, x, weight, eps):
    """rstd = 1/sqrt(mean of x^2 + eps) of each row; out = x*rstd*weight."""
    rstd[...] = 1 / np.sqrt(np.einsum("rn,rn->r", x, x) / x.shape[1] + eps)
    np.multiply(x, rstd[:, None], out=out)
    if weight is not None:
        np.multiply(out, weight, out=out)


@kernel(outputs=2, flushes=True)
def rms_norm_backward(dx, dweight, x, weight, rstd, dy):
    """With h = x*rstd and g = dy*weight:

    dx = rstd*(g - h*sum(g*h)/n) over each row, dweight = sum over rows of dy*h.
    """
    h = x * rstd[:, None]
    if dweight is not None:
        np.einsum("rn,rn->n", dy, h, out=dweight)
    if dx is not None:
        g = dy if weight is None else dy * weight
        np.multiply(h, np.einsum("rn,rn->r", g, h)[:, None] / x.shape[1], out=h)
        np.subtract(g, h, out=dx)
        np.multiply(dx, rstd[:, None], out=dx)
