"""Batch-norm folding: running statistics and affine parameters of a batch norm go into the weights before it."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from fastnet.graph.form import Graph, Node, Value
from fastnet.graph.rewriting import Names, graph_pass, makers, readers, rebuilt

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["fold_batch_norm"]


@graph_pass
def fold_batch_norm(graph: Graph) -> Graph:
    """Fold each batch norm in evaluation mode into the convolution or linear map before it.

    With s = weight / sqrt(running_var + eps), the new filters are filters * s for each channel, and the new bias is
    (bias - running_mean) * s + shift. They are computed in float64 and are parameters under the names of the old ones.
    The operation before the batch norm must have no other reader. Jacob et al. 2018, https://arxiv.org/abs/1712.05877.

    Args:
        graph: the graph.

    Returns:
        A graph whose outputs differ by rounding.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(3, 2, bias=False), nn.BatchNorm1d(2))
        >>> fastnet.graph.fold_batch_norm(fastnet.graph.trace(model, fastnet.ones(5, 3)))
        Graph(input (5, 3)):
          0: linear_1 (5, 2) = linear(input, 0.weight, 0.bias)
          return linear_1
    """
    made, read_by = makers(graph), readers(graph)
    changed: dict[Node, Node] = {}
    substitutes: dict[Value, Value] = {}
    names = Names(graph)
    for norm in graph.nodes:
        first = made.get(norm.inputs[0]) if norm.inputs else None
        if first is not None and _is_pair(first, norm) and len(read_by[first.outputs[0]]) == 1 and (
                first.outputs[0] not in graph.outputs):
            changed[first] = _folded(first, norm, read_by, names)
            substitutes[norm.outputs[0]] = first.outputs[0]
    nodes = [changed.get(node, node) for node in graph.nodes if not substitutes.keys() & set(node.outputs)]
    return rebuilt(graph, nodes, substitutes)


def _is_pair(first: Node, norm: Node) -> bool:
    """Whether the second node is a batch norm that can be folded into the first one."""
    if norm.operation != "batch_norm" or norm.arguments["training"] or norm.arguments["running_mean"] is None:
        return False
    if first.operation not in _CHANNELS_OF_WEIGHT or first.arguments.get("activation", "none") != "none":
        return False
    if first.operation == "linear" and len(first.outputs[0].shape) != 2:
        return False
    return norm.arguments["x"] is first.outputs[0] and norm.arguments["residual"] is None and (
        norm.arguments["activation"] == "none") and all(x.data is not None for x in (*first.inputs[1:],
                                                                                      *norm.inputs[1:]))


def _per_filter(weight: Array, scale: Array, groups: int) -> Array:
    """Filters (O, ...) times a number for each of O."""
    return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))


def _per_channel_of_group(weight: Array, scale: Array, groups: int) -> Array:
    """Transposed filters (I, O/groups, ...) times a number for each of O."""
    shape = weight.shape
    scales = scale.reshape(groups, 1, shape[1], *(1,) * (weight.ndim - 2))
    return (weight.reshape(groups, shape[0] // groups, *shape[1:]) * scales).reshape(shape)


_CHANNELS_OF_WEIGHT = {"conv": _per_filter, "linear": _per_filter, "conv_transposed": _per_channel_of_group}


def _folded(first: Node, norm: Node, read_by: dict[Value, list[Node]], names: Names) -> Node:
    """The first node with the weights that include the batch norm."""
    mean, var, gamma, beta = (_float64_of(norm.arguments[name], default) for name, default in (
        ("running_mean", None), ("running_var", None), ("weight", 1.0), ("bias", 0.0)))
    scale = np.broadcast_to(gamma / np.sqrt(var + norm.arguments["eps"]), mean.shape)
    weight, bias = first.arguments["weight"], first.arguments["bias"]
    geometry = first.arguments.get("geometry")
    filters = _CHANNELS_OF_WEIGHT[first.operation](_float64_of(weight, None), scale, geometry.groups if geometry else 1)
    shift = (_float64_of(bias, 0.0) - mean) * scale + beta
    path = weight.name.rpartition(".")
    shared = len(read_by[weight]) > 1
    return dataclasses.replace(first, arguments=first.arguments | {
        "weight": _parameter_like(weight, filters, names.new(weight.name) if shared else weight.name),
        "bias": _parameter_like(weight, shift, bias.name if bias is not None and len(read_by[bias]) == 1 else names.new(
            f"{path[0]}{path[1]}bias" if bias is None else bias.name))})


def _float64_of(x: Value | None, default: float | None) -> Array:
    return np.asarray(default) if x is None or x.data is None else x.data.astype(np.float64)


def _parameter_like(weight: Value, array: Array, name: str) -> Value:
    """A parameter of the weight's kind and dtype."""
    shape: Shape = array.shape
    return Value(name, weight.kind, shape, weight.dtype, array.astype(weight.dtype))
