"""Products of arrays with rows in their last dimension, and the gradients of linear layers."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.memory import empty
from fastnet.autograd import on_tensors, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["as_matrix", "bias_gradient", "input_gradient", "product", "weight_gradient"]


def product(a: Array, b: Array, out: Array | None = None) -> Array:
    """a @ b for (M, K) and (K, N), or both with a leading batch dimension; written into `out` if the shape fits."""
    shape = (a.shape[0], b.shape[1]) if a.ndim == 2 else a.shape[:-1] + b.shape[-1:]
    if out is None or out.shape != shape:
        out = empty(shape, a.dtype)
    K.matmul(out, a, b)
    return out


def as_matrix(x: Array) -> Array:
    """x as (rows, last dimension)."""
    return x if x.ndim == 2 else kernels.reshaped(x, (math.prod(x.shape[:-1]), x.shape[-1]))


@on_tensors(lambda g, weight, shape: g @ weight, 1)
def input_gradient(g: Array, weight: Array, shape: Shape) -> Array:
    """The gradient of the input of a linear layer, in its shape, from that of the output and the weight (out, in)."""
    return product(as_matrix(g), weight).reshape(shape)


@on_tensors(lambda g, rows: g.reshape(len(rows), g.shape[-1]).t() @ rows, 0)
@writes_out
def weight_gradient(g: Array, rows: Array, *, out: Array | None = None) -> Array:
    """The gradient of the weight (out, in) of a linear layer, from that of the output and the input (rows, in)."""
    return product(as_matrix(g).T, rows, out)


@on_tensors(lambda g: g.sum(tuple(range(g.ndim - 1))) if g.ndim > 1 else g)
@writes_out
def bias_gradient(g: Array, *, out: Array | None = None) -> Array:
    """The gradient of the bias (out,) of a linear layer from that of the output."""
    total = empty((1, g.shape[-1]), g.dtype) if out is None else out.reshape(1, -1)
    K.sum(total, kernels.contiguous(as_matrix(g))[None])
    return total.reshape(-1) if out is None else out
