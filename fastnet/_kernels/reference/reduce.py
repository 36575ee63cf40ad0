"""Reductions over one axis, and softmax.

x is contiguous, of shape (outer, n, inner), and reduced over the middle: `out` is (outer, inner). Any single axis and
several adjacent axes can be written in this form.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(flushes=True)
def sum(out, x):
    """out[o, i] = sum over k of x[o, k, i]; 0 if n is 0. Integers and booleans sum into an int64 `out`."""
    np.add.reduce(x, axis=1, dtype=out.dtype, out=out)


@kernel(flushes=True)
def mean(out, x):
    """out[o, i] = sum over k of x[o, k, i] / n; NaN if n is 0."""
    np.add.reduce(x, axis=1, out=out)
    np.divide(out, x.shape[1], out=out)


@kernel(outputs=2, flushes=True)
def weighted_mean(out, total, x, weights):
    """out = sum of x / sum of weights, the mean of values x that have been multiplied by their weights; total is the
    sum of the weights. Both have one element, x and weights any equal shape. NaN if all weights are 0 or x is empty.
    """
    total[...] = weights.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        out[...] = x.sum() / total


@kernel(outputs=2, flushes=True)
def var(out, mean, x, correction=1):
    """mean as in `mean`, but float64; out[o, i] = sum over k of (x[o, k, i] - mean[o, i])^2 / max(n - correction, 0).

    Correct if the result is a normal number, even if the sum of squares overflows in x's dtype.
    """
    out[...] = _variance(mean, x, correction)


@kernel(outputs=2, flushes=True)
def std(out, mean, x, correction=1):
    """The mean and the square root of the variance, both as in var."""
    out[...] = np.sqrt(_variance(mean, x, correction))


def _variance(mean, x, correction):
    np.add.reduce(x, axis=1, dtype=np.float64, out=mean)
    np.divide(mean, x.shape[1], out=mean)
    centred = x - mean[:, None]
    return np.square(centred, out=centred).sum(axis=1) / max(x.shape[1] - correction, 0)


@kernel()
def amax(out, x):
    """out[o, i] = the largest of x[o, :, i]; NaN if any is NaN.

    Raises:
        ValueError: n is 0.
    """
    _expect_some("amax", x)
    np.maximum.reduce(x, axis=1, out=out)


@kernel()
def amin(out, x):
    """out[o, i] = the smallest of x[o, :, i]; NaN if any is NaN.

    Raises:
        ValueError: n is 0.
    """
    _expect_some("amin", x)
    np.minimum.reduce(x, axis=1, out=out)


@kernel(flushes=True)
def sum_across(out, x, axis):
    """The sum of a channels-last array x (N, positions, C) over axis 1 or 2, in the remaining shape.

    The bits are those of `sum` for the transposed array, (N*C, positions, 1) or (N, C, positions).
    """
    sum(*_positions_last(out, x, axis))


@kernel(flushes=True)
def mean_across(out, x, axis):
    """The mean, likewise; NaN of no elements."""
    mean(*_positions_last(out, x, axis))


@kernel()
def amax_across(out, x, axis):
    """The largest element, likewise; NaN if any is NaN.

    Raises:
        ValueError: x is empty along `axis`.
    """
    _expect_some("amax_across", x, axis)
    amax(*_positions_last(out, x, axis))


@kernel()
def amin_across(out, x, axis):
    """The smallest element, likewise; NaN if any is NaN.

    Raises:
        ValueError: x is empty along `axis`.
    """
    _expect_some("amin_across", x, axis)
    amin(*_positions_last(out, x, axis))


def _positions_last(out, x, axis):
    y = np.ascontiguousarray(x.transpose(0, 2, 1))
    n, c, positions = y.shape
    return (out.reshape(n * c, 1), y.reshape(n * c, positions, 1)) if axis == 1 else (out, y)


@kernel()
def argmax(out, x):
    """out[o, i] (int64) = the first k where x[o, k, i] is NaN, or where it is largest if there is no NaN.

    Raises:
        ValueError: n is 0.
    """
    _expect_some("argmax", x)
    np.argmax(x, axis=1, out=out)


@kernel()
def argmin(out, x):
    """out[o, i] (int64) = the first k where x[o, k, i] is NaN, or where it is smallest if there is no NaN.

    Raises:
        ValueError: n is 0.
    """
    _expect_some("argmin", x)
    np.argmin(x, axis=1, out=out)


def _expect_some(name, x, axis=1):
    if x.shape[axis] == 0:
        raise ValueError(f"{name}: expected an axis of at least 1 element, got shape {x.shape}")


@kernel(flushes=True)
def softmax(out, x):
    """out = exp(x - max x) / sum exp(x - max x) over the middle axis, all of shape (outer, n, inner).

    A row becomes NaN if it is all -inf or contains a NaN or inf.
    """
    if x.size:
        np.subtract(x, x.max(axis=1, keepdims=True), out=out)
        np.exp(out, out=out)
        np.divide(out, out.sum(axis=1, keepdims=True), out=out)


@kernel(flushes=True)
def softmax_backward(dx, y, dy):
    """dx = y * (dy - sum y*dy) over the middle axis, with y = softmax(x)."""
    np.multiply(y, dy, out=dx)
    np.subtract(dy, dx.sum(axis=1, keepdims=True), out=dx)
    np.multiply(dx, y, out=dx)


@kernel(flushes=True)
def log_softmax(out, x):
    """out = x - max x - log(sum exp(x - max x)) over the middle axis, all of shape (outer, n, inner)."""
    if x.size:
        np.subtract(x, x.max(axis=1, keepdims=True), out=out)
        np.subtract(out, np.log(np.exp(out).sum(axis=1, keepdims=True)), out=out)


@kernel(flushes=True)
def log_softmax_backward(dx, y, dy):
    """dx = dy - exp(y) * sum dy over the middle axis, with y = log_softmax(x)."""
    total = dy.sum(axis=1, keepdims=True)
    np.subtract(dy, np.exp(y) * total, out=dx)


@kernel(flushes=True)
def sum_squares(out, x):
    """The single element of `out` = the sum of x^2 over all of x, of any shape."""
    flat = x.reshape(-1)
    out[...] = np.dot(flat, flat)


@kernel(flushes=True)
def square_sums(out, x):
    """out[o, i] = sum over k of x[o, k, i]^2."""
    np.add.reduce(x * x, axis=1, out=out)


@kernel(flushes=True)
def logsumexp(out, x):
    """out[o, i] = log(sum over k of exp(x[o, k, i])), without overflow; -inf if n is 0."""
    top = x.max(axis=1, initial=-np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.log(np.exp((x - np.where(np.isinf(top), 0, top)[:, None]).astype(np.float64)).sum(axis=1))
    out[...] = np.where(np.isinf(top), top, top + total)


@kernel(flushes=True)
def logsumexp_backward(dx, x, y, dy):
    """dx[o, k, i] = exp(x[o, k, i] - y[o, i]) * dy[o, i], y the result of logsumexp; 0 where y is -inf."""
    with np.errstate(invalid="ignore"):
        dx[...] = np.where(y[:, None] == -np.inf, 0, np.exp(x - y[:, None]) * dy[:, None])
