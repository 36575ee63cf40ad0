"""Running sums, products, log-sums and extremes along the middle of (outer, n, inner), accumulated in float64."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


def _accumulated(out, function, x):
    if out.dtype == np.float32:         # after a million sums rounded to float32 the error is 1%
        out[...] = function.accumulate(x, axis=1, dtype=np.float64)
    else:
        function.accumulate(x, axis=1, dtype=out.dtype, out=out)


@kernel()
def cumsum(out, x, reverse=False):
    """out[o, k, i] = x[o, 0, i] + ... + x[o, k, i]; reversed, x[o, k, i] + ... + x[o, n - 1, i]."""
    if reverse:
        out, x = out[:, ::-1], x[:, ::-1]
    _accumulated(out, np.add, x)


@kernel()
def cumprod(out, x):
    """out[o, k, i] = x[o, 0, i] * ... * x[o, k, i]."""
    _accumulated(out, np.multiply, x)


@kernel(flushes=True)
def cumprod_backward(dx, x, y, dy):
    """dx[o, k, i] = the sum over j >= k of dy[o, j, i] * the product of x[o, :j + 1, i] without x[o, k, i].

    y is the result of cumprod. Nothing is divided, so that the gradient is right where x is 0.
    """
    later = np.zeros((x.shape[0], x.shape[2]))
    for k in range(x.shape[1] - 1, -1, -1):
        later = dy[:, k] + (x[:, k + 1] * later if k + 1 < x.shape[1] else 0.0)
        dx[:, k] = y[:, k - 1] * later if k else later


@kernel(flushes=True)
def logcumsumexp(out, x):
    """out[o, k, i] = log(exp(x[o, 0, i]) + ... + exp(x[o, k, i]))."""
    out[...] = np.logaddexp.accumulate(x, axis=1, dtype=np.float64)


@kernel(flushes=True)
def logcumsumexp_backward(dx, x, y, dy):
    """dx[o, k, i] = the sum over j >= k of dy[o, j, i] * exp(x[o, k, i] - y[o, j, i]); 0 where y[o, k, i] is -inf.

    y is the result of logcumsumexp.
    """
    later, after = np.zeros((x.shape[0], x.shape[2])), None
    for k in range(x.shape[1] - 1, -1, -1):
        here = y[:, k].astype(np.float64)
        if after is not None:
            later = _shifted(here, after) * later
        later = np.where(here == -np.inf, 0, dy[:, k] + later)
        dx[:, k] = np.where(here == -np.inf, 0, _shifted(x[:, k], here) * later)
        after = here


def _shifted(x, y):
    """exp(x - y), and 1 where both are the same infinity."""
    return np.where(x == y, 1, np.exp(x - y.astype(np.float64)))


@kernel()
def cummax(out, x):
    """out[o, k, i] (int64) = the index of the largest of x[o, :k + 1, i]: of equal ones the last, NaN the largest."""
    _places_of_extremes(out, x, np.greater_equal)


@kernel()
def cummin(out, x):
    """out[o, k, i] (int64) = the index of the smallest of x[o, :k + 1, i]: of equal ones the last, NaN the smallest."""
    _places_of_extremes(out, x, np.less_equal)


def _places_of_extremes(out, x, beats):
    best = x[:, :1].copy()
    place = np.zeros(best.shape, np.int64)
    for k in range(x.shape[1]):
        new = beats(x[:, k:k + 1], best) | (x[:, k:k + 1] != x[:, k:k + 1])
        best[new], place[new] = x[:, k:k + 1][new], k
        out[:, k:k + 1] = place
