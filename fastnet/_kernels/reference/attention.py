"""Scaled dot-product attention and its gradient.

q is (B, Tq, H, D), k (B, Tk, G, D), v (B, Tk, G, E) and out (B, Tq, H, E), in one real dtype; any strides, but that of
the last dimension is one element. G divides H: head h reads the keys and values of head h // (H // G). lse is (B, H,
Tq), contiguous. `mask` is None or (B or 1, H or 1, Tq or 1, Tk) in the same dtype, added to the scores.

With `diagonal`, query i attends to keys j <= i + diagonal only; 0 is causal attention. A query that attends to no key,
or whose scores are all -inf, has the result 0 and lse = inf.

With dropout, weight (b, h, i, j) is kept where its word is at least round(dropout * 2**32), and divided by 1 - dropout.
Its word is that of element ((b*H + h)*Tq + i) * W + j of the draw at `offset` from `state` (see random.py), W being Tk
rounded up to a multiple of 4.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.philox import words


def _scores(q, k, mask, scale, diagonal):
    """scale * q k' + mask as (B, H, Tq, Tk)."""
    groups = q.shape[2] // max(1, k.shape[2])
    scores = np.matmul(q.transpose(0, 2, 1, 3), np.repeat(k, groups, 2).transpose(0, 2, 3, 1)) * q.dtype.type(scale)
    if mask is not None:
        scores += mask
    if diagonal is not None:
        i, j = np.ogrid[:scores.shape[2], :scores.shape[3]]
        scores[:, :, j > i + diagonal] = -np.inf
    return scores


def _drop_factors(name, shape, dtype, state, offset, dropout):
    """The factor of each weight: 0, or 1 / (1 - dropout)."""
    if not 0 <= dropout < 1:
        raise ValueError(f"{name}: expected dropout of at least 0 and below 1, got {dropout}")
    b, h, queries, keys = shape
    width = -(-keys // 4) * 4
    draw = words(state, offset, b * h * queries * width).reshape(b, h, queries, width)[..., :keys]
    return (draw >= round(dropout * 2.0**32)) * dtype.type(1 / (1 - dropout))


def _summed(x, heads):
    """The sum of (B, H, T, D) over the heads that share keys, as (B, T, G, D)."""
    b, h, t, d = x.shape
    return x.reshape(b, heads, h // max(1, heads), t, d).sum(2).transpose(0, 2, 1, 3)


@kernel(outputs=2, flushes=True)
def attention(out, lse, q, k, v, mask, state, offset, scale, diagonal=None, dropout=0.0):
    """out = dropped(softmax(scale * q k' + mask)) v; lse = log(sum(exp(scale * q k' + mask))), for each head."""
    scores = _scores(q, k, mask, scale, diagonal)
    top = scores.max(3, keepdims=True, initial=-np.inf)
    top[top == -np.inf] = 0
    weights = np.exp(scores - top)
    total = weights.sum(3, keepdims=True)
    nothing = total == 0
    total[nothing] = 1
    weights /= total
    lse[...] = np.where(nothing, np.inf, top + np.log(total))[..., 0]
    if dropout:
        weights = weights * _drop_factors("attention", weights.shape, q.dtype, state, offset, dropout)
    groups = q.shape[2] // max(1, v.shape[2])
    out[...] = np.matmul(weights, np.repeat(v, groups, 2).transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)


@kernel(outputs=4, flushes=True)
def attention_backward(dq, dk, dv, dmask, q, k, v, mask, out, lse, dout, state, offset, scale, diagonal=None,
                       dropout=0.0):
    """The gradients of attention, from that of out and from its results. None: not wanted. dmask is (B, H, Tq, Tk).

    With weights p = exp(scale * q k' + mask - lse), kept factors m, and g = p * (m * (dout v') - sum(dout * out)):
    dv = (p * m)' dout, dq = scale * g k, dk = scale * g' q, dmask = g.
    """
    groups, heads = q.shape[2] // max(1, k.shape[2]), k.shape[2]
    p = np.exp(_scores(q, k, mask, scale, diagonal) - lse[..., None])
    kept = q.dtype.type(1)
    if dropout:
        kept = _drop_factors("attention_backward", p.shape, q.dtype, state, offset, dropout)
    slopes = dout.transpose(0, 2, 1, 3)
    g = np.matmul(slopes, np.repeat(v, groups, 2).transpose(0, 2, 3, 1)) * kept
    g -= (dout * out).sum(3).transpose(0, 2, 1)[..., None]
    g *= p
    if dv is not None:
        dv[...] = _summed(np.matmul((p * kept).transpose(0, 1, 3, 2), slopes), heads)
    if dmask is not None:
        dmask[...] = g
    g *= q.dtype.type(scale)
    if dq is not None:
        dq[...] = np.matmul(g, np.repeat(k, groups, 2).transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    if dk is not None:
        dk[...] = _summed(np.matmul(g.transpose(0, 1, 3, 2), q.transpose(0, 2, 1, 3)), heads)
