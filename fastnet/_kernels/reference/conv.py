"""Convolutions over (N, D, H, W, C), and their gradients.

Arrays of images are channels-last: x is (N, D, H, W, C), out is (N, OD, OH, OW, O) and weight is (O, C/groups, KD, KH,
KW), with the number of groups given by the shapes. `stride`, `padding` and `dilation` are triples of numbers for D, H
and W. `padding` counts the zeros before the first element of x; those after the last follow from the shape of out.
"""
import itertools

import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.finish import finish

SPATIAL = slice(1, 4)
_POSITIONS = [0, 1, 2, 3]                # N, D, H and W


@kernel(flushes=True)
def conv(out, x, weight, bias=None, residual=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1),
         activation="none", affine=None):
    """out[n, p, o] = sum_{t, c} x[n, p*stride + t*dilation - padding, c] * weight[o, c, t], finished as by `matmul`.

    p and t run over the positions of out and of the weight, and x is 0 outside of its bounds.

    Args:
        out: (N, OD, OH, OW, O); must not overlap the other arrays.
        x: (N, D, H, W, C).
        weight: (O, C/groups, KD, KH, KW).
        bias: (O,), or None.
        residual: of out's shape, or None.
        stride, padding, dilation: triples; padding may be negative.
        activation: none or one of those of `matmul`.
        affine: (3, O), centre, scale and shift of every channel, or None.
    """
    out[...] = 0
    padded = _zero_padded(x, out, weight, stride, padding, dilation)
    for tap, at in _taps(out, weight, stride, dilation):
        for o, c in _groups(x, weight):
            out[..., o] += padded[at][..., c] @ weight[o][(..., *tap)].T
    finish("conv", out, bias, affine, residual, activation)


@kernel(flushes=True)
def conv_separable(out, x, expand, expand_affine, depthwise, affine, project, project_affine, residual=None,
                   stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), activation="none"):
    """A 1x1, a depthwise and another 1x1 convolution over images, with the numbers of three calls of `conv`.

    wide = activation(affine of conv(x, expand)), narrow = activation(affine of conv(wide, depthwise)), out =
    affine of conv(narrow, project) + residual. Sandler et al. 2018, https://arxiv.org/abs/1801.04381.

    Args:
        out: (N, 1, OH, OW, O); must not overlap the other arrays.
        x: (N, 1, H, W, C).
        expand: (M, C), with M of 1 or more.
        expand_affine: (3, M), centre, scale and shift of every channel, or None.
        depthwise: (M, 1, 1, KH, KW), with KH from 1 to 64.
        affine: (3, M), or None.
        project: (O, M).
        project_affine: (3, O), or None.
        residual: of out's shape, or None.
        stride, padding, dilation: triples, of the depthwise convolution.
        activation: none or one of those of `matmul`.
    """
    wide, narrow = (np.empty((*shape[:-1], depthwise.shape[0]), x.dtype) for shape in (x.shape, out.shape))
    conv(wide, x, _as_1x1(expand), activation=activation, affine=expand_affine)
    conv(narrow, wide, depthwise, None, None, stride, padding, dilation, activation, affine)
    conv(out, narrow, _as_1x1(project), residual=residual, affine=project_affine)


def _as_1x1(weight):
    return weight.reshape(*weight.shape, 1, 1, 1)


@kernel(flushes=True)
def conv_input(dx, dy, weight, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1)):
    """The gradient of `conv` for its input, which is also the transposed convolution.

    dx[n, q, c] = sum_{o, t, p: p*stride + t*dilation - padding == q} dy[n, p, o] * weight[o, c, t] + bias[c].

    Args:
        dx: (N, D, H, W, C); must not overlap the other arrays.
        dy: (N, OD, OH, OW, O).
        weight: (O, C/groups, KD, KH, KW).
        bias: (C,), or None.
        stride, padding, dilation: triples.
    """
    padded = _zero_padded(np.zeros_like(dx), dy, weight, stride, padding, dilation)
    for tap, at in _taps(dy, weight, stride, dilation):
        for o, c in _groups(dx, weight):
            padded[at][..., c] += dy[..., o] @ weight[o][(..., *tap)]
    dx[...] = _without_padding(padded, dx, padding)
    if bias is not None:
        dx += bias


@kernel(flushes=True)
def conv_weight(dw, x, dy, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1)):
    """The gradient of `conv` for its weight.

    dw[o, c, t] = sum_{n, p} x[n, p*stride + t*dilation - padding, c] * dy[n, p, o].

    Args:
        dw: (O, C/groups, KD, KH, KW); must not overlap the other arrays.
        x: (N, D, H, W, C).
        dy: (N, OD, OH, OW, O).
        stride, padding, dilation: triples.
    """
    padded = _zero_padded(x, dy, dw, stride, padding, dilation)
    for tap, at in _taps(dy, dw, stride, dilation):
        for o, c in _groups(x, dw):
            dw[o][(..., *tap)] = np.tensordot(dy[..., o], padded[at][..., c], (_POSITIONS, _POSITIONS))


def _groups(x, weight):
    """(output channels, input channels) of each group, as slices."""
    per_group = weight.shape[1]
    groups = x.shape[-1] // per_group if per_group else 1
    outputs = weight.shape[0] // groups
    for g in range(groups):
        yield slice(g * outputs, (g + 1) * outputs), slice(g * per_group, (g + 1) * per_group)


def _taps(out, weight, stride, dilation):
    """(position in the kernel, index of the padded input whose elements meet it) for each position."""
    for tap in itertools.product(*map(range, weight.shape[2:])):
        yield tap, (slice(None), *(slice(t * d, t * d + (n - 1) * s + 1 if n else 0, s)
                                   for t, d, s, n in zip(tap, dilation, stride, out.shape[SPATIAL])))


def _zero_padded(x, out, weight, stride, padding, dilation):
    """x with zeros around it, in the size that the windows cover."""
    sizes = [max((n - 1) * s + (k - 1) * d + 1, 0) for n, s, k, d in zip(out.shape[SPATIAL], stride, weight.shape[2:],
                                                                        dilation)]
    padded = np.zeros((x.shape[0], *sizes, x.shape[-1]), x.dtype)
    here, there = _overlap(x.shape[SPATIAL], sizes, padding)
    padded[here] = x[there]
    return padded


def _without_padding(padded, x, padding):
    """The elements of a padded array that lie in x, and 0 for those of x that it does not cover."""
    here, there = _overlap(x.shape[SPATIAL], padded.shape[SPATIAL], padding)
    out = np.zeros_like(x)
    out[there] = padded[here]
    return out


def _overlap(sizes, padded_sizes, padding):
    """The common elements of an array and its padded form: (index of the padded array, index of the array)."""
    spans = [(max(-p, 0), max(min(n, m - p), max(-p, 0))) for n, m, p in zip(sizes, padded_sizes, padding)]
    return ((slice(None), *(slice(a + p, b + p) for (a, b), p in zip(spans, padding))),
            (slice(None), *(slice(a, b) for a, b in spans)))
