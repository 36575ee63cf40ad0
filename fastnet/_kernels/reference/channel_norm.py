"""Normalization over groups of channels and its gradients: batch, group and instance norm.

x is (N, R, C), or (R, C) for N = 1: images with channels last have R rows of C channels in each of N samples. mean and
var are (N, G), or (G,) for N = 1, where G divides C: each group of C/G adjacent channels of a sample has one mean and
one variance, over m = R*C/G elements. Batch norm is N = 1 and G = C, group norm any G, instance norm G = C. weight and
bias are (C,) or None for 1 and 0.
All arrays of one call have one real dtype, except means, which are float64: a mean far from 0 needs more digits than
float32 has. Running means have x's dtype. Outputs of a backward kernel that are not wanted are None.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


def _grouped(x, mean):
    """x as (N, R, G, C/G)."""
    n, groups = (x.shape[0] if x.ndim == 3 else 1), mean.shape[-1]
    return x.reshape(n, x.shape[-2], groups, x.shape[-1] // groups if groups else 0)


def _for_channels(statistic, x):
    """Statistics (N, G) or (G,) in the shape (N, 1, G, 1) of x from `_grouped`."""
    return statistic.reshape(x.shape[0], 1, x.shape[2], 1)


def _for_groups(parameter, x):
    """A weight or bias (C,) in the shape (G, C/G) of x from `_grouped`; None stays."""
    return None if parameter is None else parameter.reshape(x.shape[2:])


def _relu_of(name, activation):
    if activation not in ("none", "relu"):
        raise ValueError(f"{name}: unknown activation {activation!r}; choose from none, relu")
    return activation == "relu"


@kernel(outputs=2, flushes=True)
def channel_norm_stats(mean, var, x):
    """The mean and the biased variance of each group; NaN for groups without elements."""
    x = _grouped(x, mean)
    count = x.shape[1] * x.shape[3]
    m = np.add.reduce(x, axis=(1, 3), dtype=np.float64, keepdims=True) / count
    centred = x - m
    mean[...] = m.reshape(mean.shape)
    var[...] = (np.square(centred, out=centred).sum(axis=(1, 3)) / count).reshape(var.shape)


@kernel(flushes=True)
def channel_norm(out, x, mean, var, weight, bias, residual, eps, activation):
    """out = activation((x - mean)/sqrt(var + eps)*weight + bias + residual).

    residual is in x's shape, or None for 0; activation is none or relu.
    """
    out[...] = _with_statistics(x, mean, var, weight, bias, eps)
    if residual is not None:
        np.add(out, residual, out=out)
    if _relu_of("channel_norm", activation):
        np.maximum(out, 0, out=out)


@kernel(outputs=3, flushes=True)
def group_norm(out, mean, var, x, weight, bias, eps):
    """The mean and the biased variance of each group, and out = (x - mean)/sqrt(var + eps)*weight + bias."""
    channel_norm_stats(mean, var, x)
    channel_norm(out, x, mean, var, weight, bias, None, eps, "none")


@kernel(flushes=True)
def channel_affine(out, mean, var, weight, bias, eps):
    """The centre, scale and shift (3, C) with which channel_norm is (x - centre)*scale + shift."""
    scale = 1 / np.sqrt(var + var.dtype.type(eps))
    out[0] = mean
    out[1] = scale if weight is None else scale * weight
    out[2] = 0 if bias is None else bias
    out[2] += (out[0] - mean) * out[1]


def _with_statistics(x, mean, var, weight, bias, eps):
    h = _grouped(x, mean)
    out = (h - _for_channels(mean, h)).astype(x.dtype) * _scale(var, weight, h, eps)
    if bias is not None:
        out += _for_groups(bias, h)
    return out.reshape(x.shape)


def _scale(var, weight, h, eps):
    rstd = 1 / np.sqrt(_for_channels(var, h) + var.dtype.type(eps))
    return rstd if weight is None else rstd * _for_groups(weight, h)


@kernel(outputs=4, flushes=True)
def channel_norm_backward(dx, dresidual, dweight, dbias, x, y, mean, var, weight, bias, dy, eps, training, activation):
    """With rstd = 1/sqrt(var + eps), h = (x - mean)*rstd, and g = dy, or with relu 0 where the output <= 0, else dy:

    dresidual = g, dbias = sum(g) and dweight = sum(g*h) over each channel of all samples. In training, mean and var are
    those of x, and dx = rstd*(weight*g - sum(weight*g)/m - h*sum(weight*g*h)/m) with sums over a group. Otherwise they
    are constants, and dx = weight*rstd*g.

    y is the output. It may be None without a residual: then its sign is that of h*weight + bias. bias serves only this.
    """
    if _relu_of("channel_norm_backward", activation):
        output = _with_statistics(x, mean, var, weight, bias, eps) if y is None else y
        dy = np.where(output <= 0, 0, dy).astype(x.dtype)
    if dresidual is not None:
        dresidual[...] = dy
    g = _grouped(dy, mean)
    h = _grouped(x, mean)
    rstd = _scale(var, None, h, eps)
    h = ((h - _for_channels(mean, h)) * rstd).astype(x.dtype)
    if dbias is not None:
        dbias[...] = g.sum(axis=(0, 1)).reshape(-1)
    if dweight is not None:
        dweight[...] = np.einsum("nrgc,nrgc->gc", g, h).reshape(-1)
    if dx is None:
        return
    if weight is not None:
        g = g * _for_groups(weight, h)
    if training:
        count = h.shape[1] * h.shape[3]
        sums, dots = g.sum(axis=(1, 3), keepdims=True), np.einsum("nrgc,nrgc->ng", g, h)[:, None, :, None]
        g = g - sums / count - h * (dots / count)
    dx[...] = (g * rstd).reshape(x.shape)


@kernel(outputs=3, flushes=True)
def batch_norm_update_(running_mean, running_var, tracked, mean, var, count, momentum):
    """Update the running statistics, (C,), with those of a batch of `count` elements a channel.

    mean and var are (C,), or (N, C) for N samples, whose averages are taken. tracked (int64, 0-d) is increased by 1.
    Then running = (1 - m)*running + m*statistic, with m = momentum, or 1/tracked if that is None, and with the unbiased
    variance, var*count/(count - 1). A batch without samples or elements only increases tracked.
    """
    tracked += 1
    mean, var = np.atleast_2d(mean), np.atleast_2d(var)
    if not count or not len(mean):
        return
    m = 1 / tracked.item() if momentum is None else momentum
    mean, var = mean.mean(axis=0), var.mean(axis=0)
    running_mean *= 1 - m
    running_mean += m * mean
    unbiased = count / (count - 1) if count > 1 else np.nan
    running_var *= 1 - m
    running_var += m * unbiased * var
