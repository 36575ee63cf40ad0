"""Reading and writing elements at indices."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.operators.shapes import axis_of
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator

_COMBINED_BY = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def counted_from_start(index: Tensor, n: int) -> Tensor:
    """Indices of a dimension of length n, of which negative ones count from the end, as int64 from 0 on.

    Args:
        index: integers.
        n: the length.
    """
    index = index.to(np.dtype(np.int64))
    return fastnet.where(index < 0, index + n, index)


# ---- reading ---------------------------------------------------------------------------------------------------------

@operator("Gather")
def gather(node: Node, x: Any, index: Tensor) -> Any:
    """The entries of an axis at indices."""
    axis = axis_of(node.attribute("axis", 0), x.ndim)
    if isinstance(x, np.ndarray):
        return np.take(x, np.asarray(index), axis)
    return x[(*(slice(None),) * axis, index.to(np.dtype(np.int64)))]


@operator("GatherElements")
def gather_elements(node: Node, x: Tensor, index: Tensor) -> Tensor:
    """The elements along an axis at the indices of each place."""
    axis = axis_of(node.attribute("axis", 0), x.ndim)
    return fastnet.gather(x, axis, counted_from_start(index, x.shape[axis]))


def positions(x: Tensor, indices: Tensor, batch_dims: int = 0) -> tuple[Tensor, int, int]:
    """The positions at which rows of indices address the first dimensions of a tensor.

    Args:
        x: (*batch, *sizes, *rest).
        indices: (*batch, *shape, K), where K is the number of sizes.
        batch_dims: the number of batch dimensions.

    Returns:
        Positions (*batch, *shape) among the batch * sizes elements; the number of these; that of elements in the rest.
    """
    count = indices.shape[-1]
    sizes = x.shape[batch_dims:batch_dims + count]
    if len(sizes) < count:
        raise ValueError(f"expected rows of at most {x.ndim - batch_dims} indices for an input of shape "
                         f"{tuple(x.shape)}, got {count}")
    batch = math.prod(x.shape[:batch_dims])
    found = as_tensor(np.arange(batch).reshape(*x.shape[:batch_dims], *(1,) * (indices.ndim - 1 - batch_dims)))
    for i, n in enumerate(sizes):
        index = counted_from_start(indices[..., i], n)
        found = found * n + (index if batch_dims == 0 and count == 1 else _checked_index(index, n))
    return fastnet.broadcast_to(found, indices.shape[:-1]), batch * math.prod(sizes), \
        math.prod(x.shape[batch_dims + count:])


def _checked_index(index: Tensor, n: int) -> Tensor:
    """The index. One beyond a dimension of length n is an error, since as a part of a position it might be valid."""
    return fastnet.index_select(as_tensor(np.arange(n)), 0, index.reshape(-1)).reshape(index.shape)


@operator("GatherND")
def gather_nd(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    """The parts at rows of indices."""
    batch_dims = node.attribute("batch_dims", 0)
    found, count, rest = positions(x, indices, batch_dims)
    rows = fastnet.index_select(x.reshape(count, rest), 0, found.reshape(-1))
    return rows.reshape((*indices.shape[:-1], *x.shape[batch_dims + indices.shape[-1]:]))


# ---- writing ---------------------------------------------------------------------------------------------------------

def scattered(node: Node, x: Tensor, axis: int, index: Tensor, updates: Tensor) -> Tensor:
    """x with updates at indices along an axis, combined as the attribute `reduction` says.

    Args:
        node: of the operator.
        x: any shape.
        axis: the axis.
        index: int64, counted from 0, in the shape of the updates.
        updates: in the dtype of x.
    """
    reduction = node.attribute("reduction", "none")
    if reduction == "none":
        return fastnet.scatter(x, axis, index, updates)
    if reduction == "add":
        return fastnet.scatter_add(x, axis, index, updates)
    if reduction not in _COMBINED_BY:
        raise node.refuse(f"the reduction {reduction!r}")
    return fastnet.scatter_reduce(x, axis, index, updates, _COMBINED_BY[reduction])


@operator("ScatterElements", "Scatter")
def scatter_elements(node: Node, x: Tensor, index: Tensor, updates: Tensor) -> Tensor:
    """x with updates along an axis at the indices of each place."""
    axis = axis_of(node.attribute("axis", 0), x.ndim)
    return scattered(node, x, axis, counted_from_start(index, x.shape[axis]), updates)


@operator("ScatterND")
def scatter_nd(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    """x with updates at rows of indices."""
    found, count, rest = positions(x, indices)
    index = fastnet.broadcast_to(found.reshape(-1, 1), (found.numel(), rest))
    return scattered(node, x.reshape(count, rest), 0, index, updates.reshape(found.numel(), rest)).reshape(x.shape)


@operator("TensorScatter")
def tensor_scatter(node: Node, cache: Tensor, update: Tensor, start: Tensor | None = None) -> Tensor:
    """A cache (N, ...) in which an update is written along an axis, from an index of each sample on."""
    axis, n = axis_of(node.attribute("axis", -2), cache.ndim), update.shape[0]
    length = update.shape[axis]
    starts = fastnet.zeros(n, dtype=np.dtype(np.int64)) if start is None else start
    places = starts.reshape(-1, 1) + as_tensor(np.arange(length))
    if node.attribute("mode", "linear") == "circular":
        places = fastnet.remainder(places, cache.shape[axis])
    shape = [n] + [length if i == axis else 1 for i in range(1, cache.ndim)]
    return fastnet.scatter(cache, axis, fastnet.broadcast_to(places.reshape(tuple(shape)), update.shape), update)
