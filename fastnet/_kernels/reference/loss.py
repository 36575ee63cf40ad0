"""Losses, element by element or row by row, and their gradients; other kernels do the reduction.

Elementwise: out or dx, the input x and the target t have one shape and one real dtype. A gradient is multiplied by
`dy`, of that shape or a single element, and by the number `scale` (1/n for the mean).

Cross-entropy: x is (n, c), real; the weight of the classes is (c,). A gradient's dy has n elements or a single one.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel

# overflow gives inf and invalid operations give NaN, as in the compiled kernels
_silent = np.errstate(all="ignore")


@kernel(flushes=True)
@_silent
def mse_loss(out, x, t):
    """out = (x - t)^2."""
    np.subtract(x, t, out=out)
    np.multiply(out, out, out=out)


@kernel(flushes=True)
@_silent
def mse_loss_backward(dx, x, t, dy, scale):
    """dx = 2 (x - t) * dy * scale."""
    np.subtract(x, t, out=dx)
    _scale_by_gradient(dx, dy, 2 * scale)


@kernel(flushes=True)
@_silent
def l1_loss(out, x, t):
    """out = |x - t|."""
    np.subtract(x, t, out=out)
    np.abs(out, out=out)


@kernel(flushes=True)
@_silent
def l1_loss_backward(dx, x, t, dy, scale):
    """dx = sign(x - t) * dy * scale; the sign of NaN is 0, as in PyTorch."""
    np.subtract(x > t, x < t, out=dx, dtype=dx.dtype)
    _scale_by_gradient(dx, dy, scale)


@kernel(flushes=True)
@_silent
def huber_loss(out, x, t, delta):
    """out = (x - t)^2 / 2 where |x - t| < delta, else delta (|x - t| - delta/2)."""
    l1_loss(out, x, t)
    near = np.minimum(out, delta)       # near * (|x - t| - near/2) is both cases
    out -= 0.5 * near
    out *= near


@kernel(flushes=True)
@_silent
def huber_loss_backward(dx, x, t, dy, scale, delta):
    """dx = (x - t, limited to [-delta, delta]) * dy * scale."""
    np.subtract(x, t, out=dx)
    np.clip(dx, -delta, delta, out=dx)
    _scale_by_gradient(dx, dy, scale)


@kernel(flushes=True)
@_silent
def smooth_l1_loss(out, x, t, beta):
    """out = (x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta/2; beta == 0 is l1_loss."""
    l1_loss(out, x, t)
    if beta:
        near = np.minimum(out, beta)
        out -= 0.5 * near
        out *= near / beta


@kernel(flushes=True)
@_silent
def smooth_l1_loss_backward(dx, x, t, dy, scale, beta):
    """dx = ((x - t)/beta, limited to [-1, 1]) * dy * scale; beta == 0 is l1_loss_backward."""
    if not beta:
        l1_loss_backward(dx, x, t, dy, scale)
        return
    np.subtract(x, t, out=dx)
    dx /= beta
    np.clip(dx, -1, 1, out=dx)
    _scale_by_gradient(dx, dy, scale)


@kernel(flushes=True)
@_silent
def bce_with_logits(out, x, t, pos_weight=None):
    """out = -(pos_weight t log s + (1 - t) log(1 - s)) with s = sigmoid(x); pos_weight has x's shape, or is 1."""
    # log s = -(log1p(exp(-|x|)) + max(-x, 0)); added in this order, terms that cancel do so exactly
    tail = np.log1p(np.exp(-np.abs(x)))
    linear = np.maximum(-x, 0)
    if pos_weight is not None:
        w = _positive_weight(t, pos_weight)
        tail *= w
        linear *= w
    linear += (1 - t) * x
    np.add(linear, tail, out=out)


@kernel(flushes=True)
@_silent
def bce_with_logits_backward(dx, x, t, dy, scale, pos_weight=None):
    """dx = (s (1 + (pos_weight - 1) t) - pos_weight t) * dy * scale with s = sigmoid(x)."""
    s = 1 / (1 + np.exp(-x))
    if pos_weight is None:
        np.subtract(s, t, out=dx)
    else:
        np.subtract(_positive_weight(t, pos_weight) * s, pos_weight * t, out=dx)
    _scale_by_gradient(dx, dy, scale)


@kernel(flushes=True)
@_silent
def kl_div(out, x, t, log_target=False):
    """out = t (log t - x), with 0 log 0 = 0. x contains log-probabilities; so does t if log_target."""
    if log_target:
        np.multiply(np.exp(t), t - x, out=out)
    else:
        np.subtract(np.where(t == 0, 0, t * np.log(t)), t * x, out=out)


@kernel(flushes=True)
@_silent
def kl_div_backward(dx, x, t, dy, scale, log_target=False):
    """dx = -t * dy * scale, with exp(t) instead of t if log_target. x is not read."""
    np.negative(np.exp(t) if log_target else t, out=dx)
    _scale_by_gradient(dx, dy, scale)


@kernel(outputs=3, flushes=True)
@_silent
def cross_entropy(losses, weights, probs, x, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    """losses[i] = -(1-s) w[k] log p[i, k] - s/c sum_j w[j] log p[i, j], with k = target[i], p = softmax(x) in rows.

    s is label_smoothing, w the weight of the classes (1 if absent). target is (n,) int64. The loss of ignore_index is
    0; another target that is out of range gives NaN (check_index reports it before). weights[i] = w[k], or 0 if
    ignored: the mean is sum(losses) / sum(weights). probs = p.
    """
    rows, labels, bad = _picks(target, x.shape[1])
    weights[...] = 1 if weight is None or not weight.size else weight[labels]
    d, log_sum = _log_softmax_parts(probs, x)
    picked = d[rows, labels] if d.size else np.zeros_like(losses)
    picked[bad] = np.nan
    losses[...] = weights * (log_sum - picked)
    if label_smoothing:
        q = np.ones(x.shape[1], x.dtype) if weight is None else weight
        losses *= 1 - label_smoothing
        losses += label_smoothing / max(x.shape[1], 1) * (log_sum * q.sum() - d @ q)
    ignored = target == ignore_index
    losses[ignored] = 0
    weights[ignored] = 0


@kernel(flushes=True)
@_silent
def cross_entropy_backward(dx, probs, target, dy, total, weight=None, ignore_index=-100, label_smoothing=0.0):
    """dx = dlosses/dx * dy / total, with probs and target of cross_entropy; total is one element, or None for 1."""
    n, c = probs.shape
    rows, labels, bad = _picks(target, c)
    g = np.broadcast_to(dy.reshape(-1), n) / (1 if total is None else total.reshape(()))
    g[bad] = np.nan
    g[target == ignore_index] = 0
    a = g if weight is None or not c else g * weight[labels]
    if label_smoothing:
        q = np.ones(c, probs.dtype) if weight is None else weight
        a = a * (1 - label_smoothing)
        g *= label_smoothing / max(c, 1)
        np.multiply(probs, (a + g * q.sum())[:, None], out=dx)
        dx -= g[:, None] * q
        extra = g * (q.sum() * probs[rows, labels] - q[labels]) if c else 0
    else:
        np.multiply(probs, a[:, None], out=dx)
        extra = 0
    if c:
        # (p - 1) a rather than p a - a: p - 1 is exact for p near 1
        dx[rows, labels] = (probs[rows, labels] - 1) * a + extra


@kernel(outputs=2, flushes=True)
@_silent
def cross_entropy_probs(losses, probs, x, target, weight=None, label_smoothing=0.0):
    """losses[i] = -sum_j q[i, j] log p[i, j], p = softmax(x) in rows, q = w ((1-s) target + s/c); probs = p.

    target is (n, c), each row a distribution; s is label_smoothing, w the weight of the classes (1 if absent).
    """
    d, log_sum = _log_softmax_parts(probs, x)
    q = _smoothed(target, weight, label_smoothing)
    np.subtract(log_sum * q.sum(1), np.einsum("ij,ij->i", d, q), out=losses)


@kernel(flushes=True)
@_silent
def cross_entropy_probs_backward(dx, probs, target, dy, scale, weight=None, label_smoothing=0.0):
    """dx = (p sum_j q[i, j] - q) * dy * scale, with probs, target and q of cross_entropy_probs."""
    q = _smoothed(target, weight, label_smoothing)
    np.multiply(probs, q.sum(1, keepdims=True), out=dx)
    dx -= q
    dx *= dy.reshape(-1, 1) * scale


def _scale_by_gradient(dx, dy, scale):
    dx *= (dy.reshape(dx.shape) if dy.size == dx.size else dy.reshape(())) * scale


def _positive_weight(t, pos_weight):
    return 1 + (pos_weight - 1) * t


def _picks(target, classes):
    """Indices (rows, labels) of x[i, target[i]], and which targets are out of range; their labels are 0."""
    bad = (target < 0) | (target >= classes)
    return np.arange(target.size), np.where(bad, 0, target), bad


def _log_softmax_parts(probs, x):
    """Write probs = softmax(x) in rows; return d and l with log_softmax(x) = d - l[:, None]."""
    d = x - x.max(1, keepdims=True, initial=-np.inf)
    np.exp(d, out=probs)
    total = probs.sum(1, keepdims=True)
    probs /= total
    return d, np.log(total[:, 0])


def _smoothed(target, weight, label_smoothing):
    q = target
    if label_smoothing:
        q = target * (1 - label_smoothing) + label_smoothing / max(target.shape[1], 1)
    return q if weight is None else q * weight
