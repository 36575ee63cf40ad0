"""Layer norm over rows, batch norm over channels, and their gradients.

Layer norm: x is (rows, n), mean and rstd are (rows,), weight and bias (n,) or None for 1 and 0.
Batch norm: x is (N, C, L), arrays over channels are (C,), and m = N*L is the number of elements of a channel.
All arrays of one call have one real dtype, except means, which are float64: a mean far from 0 needs more digits than
float32 has. Running means have x's dtype. Outputs of a backward kernel that are not wanted are None.
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
def batch_norm_stats(mean, var, x):
    """The mean and the biased variance of each channel; NaN for channels without elements."""
    count = x.shape[0] * x.shape[2]
    np.add.reduce(x, axis=(0, 2), dtype=np.float64, out=mean)
    np.divide(mean, count, out=mean)
    centred = x - mean[:, None]
    var[...] = np.square(centred, out=centred).sum(axis=(0, 2)) / count


@kernel(flushes=True)
def batch_norm(out, x, mean, var, weight, bias, eps):
    """out = (x - mean)/sqrt(var + eps)*weight + bias."""
    out[...] = x - mean[:, None]
    np.multiply(out, _inverse_deviation(var, weight, eps)[:, None], out=out)
    if bias is not None:
        np.add(out, bias[:, None], out=out)


def _inverse_deviation(var, weight, eps):
    rstd = 1 / np.sqrt(var + var.dtype.type(eps))
    return rstd if weight is None else rstd * weight


@kernel(outputs=3, flushes=True)
def batch_norm_backward(dx, dweight, dbias, x, mean, var, weight, dy, eps, training):
    """With rstd = 1/sqrt(var + eps) and h = (x - mean)*rstd, over each channel:

    dbias = sum(dy) and dweight = sum(dy*h). In training, the mean and the variance are those of x, and
    dx = weight*rstd*(dy - dbias/m - h*dweight/m). Otherwise they are constants, and dx = weight*rstd*dy.
    """
    count = x.shape[0] * x.shape[2]
    rstd = _inverse_deviation(var, None, eps)
    scale = _inverse_deviation(var, weight, eps)
    if dweight is not None or dbias is not None or training:
        h = ((x - mean[:, None]) * rstd[:, None]).astype(x.dtype)
        sums = dy.sum(axis=(0, 2))
        dots = np.einsum("ncl,ncl->c", dy, h)
    if dbias is not None:
        dbias[...] = sums
    if dweight is not None:
        dweight[...] = dots
    if dx is not None and training:
        np.multiply(h, (dots / count)[:, None], out=h)
        np.subtract(dy, (sums / count)[:, None], out=dx)
        np.subtract(dx, h, out=dx)
        np.multiply(dx, scale[:, None], out=dx)
    elif dx is not None:
        np.multiply(dy, scale[:, None], out=dx)


@kernel(outputs=3, flushes=True)
def batch_norm_update_(running_mean, running_var, tracked, mean, var, count, momentum):
    """Update the running statistics with those of a batch of `count` elements a channel.

    tracked (int64, 0-d) is increased by 1. Then running = (1 - m)*running + m*statistic, with m = momentum, or
    1/tracked if that is None, and with the unbiased variance, var*count/(count - 1). An empty batch only increases
    tracked.
    """
    tracked += 1
    if not count:
        return
    m = 1 / tracked.item() if momentum is None else momentum
    running_mean *= 1 - m
    running_mean += m * mean
    unbiased = count / (count - 1) if count > 1 else np.nan
    running_var *= 1 - m
    running_var += m * unbiased * var
