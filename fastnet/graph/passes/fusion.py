"""Fusion: a convolution or linear map, a batch norm, a sum and an activation as one operation, with the same bits.

`fastnet.nn.fusion` has the activations that one kernel computes with a matrix product; this pass finds them in a graph.
"""
from __future__ import annotations

import dataclasses
from typing import Any

from fastnet.graph.form import Graph, Node, Value, same_form
from fastnet.graph.rewriting import graph_pass, makers, readers, rebuilt
from fastnet.nn.fusion import FUSED_ACTIVATIONS

__all__ = ["activation_of", "fuse"]


def activation_of(node: Node) -> str | None:
    """The activation that a node computes, by its name in the kernels of matrix products; None if it is no such.

    Args:
        node: the node.

    Example:
        >>> import fastnet
        >>> from fastnet.graph.passes.fusion import activation_of
        >>> [node] = fastnet.graph.trace(fastnet.nn.ReLU6(), fastnet.ones(2)).nodes
        >>> node.operation, activation_of(node)
        ('hardtanh', 'relu6')
    """
    if node.operation == "hardtanh" and (node.arguments["low"], node.arguments["high"]) == (0, 6):
        return "relu6"
    return node.operation if node.operation in FUSED_ACTIVATIONS else None


@graph_pass
def fuse(graph: Graph) -> Graph:
    """Fuse operations that one kernel computes, with the same bits.

    The fused operations are "conv_normed", activation(batch_norm(conv(x)) + residual) with any of the three parts,
    "linear_activated", and a "batch_norm" with a residual and a relu. They are for inference: `conv_normed` has no
    gradient.

    Args:
        graph: the graph.

    Returns:
        A graph with the same bits.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> fastnet.graph.fuse(fastnet.graph.trace(model, fastnet.ones(5, 3)))
        Graph(input (5, 3)):
          1: relu_1 (5, 4) = linear_activated(input, 0.weight, 0.bias, activation='relu')
          2: linear_2 (5, 2) = linear(relu_1, 2.weight, 2.bias)
          return linear_2
    """
    read_by = readers(graph)
    made = makers(graph)      # with nodes that were fused
    absorbed: set[Value] = set()
    for node in graph.nodes:
        for first in dict.fromkeys(node.inputs):
            before = made.get(first)
            if before is None or len(read_by[first]) > 1 or first in graph.outputs:
                continue
            fused = _one_node(before, node)
            if fused is not None:
                made[node.outputs[0]] = fused
                absorbed.add(first)
                break
    return rebuilt(graph, [made[node.outputs[0]] for node in graph.nodes if node.outputs[0] not in absorbed])


def _one_node(first: Node, second: Node) -> Node | None:
    """One node for two, in the place of the second; None if no kernel computes both."""
    for rule in (_with_batch_norm, _with_residual, _with_activation):
        made = rule(first, second)
        if made is not None:
            return dataclasses.replace(made, outputs=second.outputs, module=second.module, is_view=False)
    return None


def _as_conv_normed(conv: Node) -> Node:
    """A convolution as the operation that can also normalize, add and activate."""
    if conv.operation == "conv_normed":
        return conv
    plain = conv.arguments
    return dataclasses.replace(conv, operation="conv_normed", arguments={
        "x": plain["x"], "weight": plain["weight"], "bias": plain["bias"], "mean": None, "var": None, "scale": None,
        "shift": None, "residual": None, "eps": 0.0, "geometry": plain["geometry"], "sizes": plain["sizes"],
        "activation": plain["activation"]})


def _with(node: Node, **arguments: Any) -> Node:
    return dataclasses.replace(node, arguments=node.arguments | arguments)


def _is_conv(node: Node) -> bool:
    """Whether a node is a convolution that is not followed by an activation yet."""
    return node.operation in ("conv", "conv_normed") and node.arguments["activation"] == "none"


def _with_batch_norm(first: Node, second: Node) -> Node | None:
    norm = second.arguments
    if not _is_conv(first) or second.operation != "batch_norm" or norm["training"] or norm["running_mean"] is None:
        return None
    if norm["x"] is not first.outputs[0] or norm["activation"] != "none" or norm["residual"] is not None:
        return None
    conv = _as_conv_normed(first)
    if conv.arguments["mean"] is not None or conv.arguments["residual"] is not None or (
            norm["running_mean"].dtype != conv.arguments["weight"].dtype):
        return None
    return _with(conv, mean=norm["running_mean"], var=norm["running_var"], scale=norm["weight"], shift=norm["bias"],
                 eps=norm["eps"])


def _with_residual(first: Node, second: Node) -> Node | None:
    """A sum with a value of the same shape, which the kernel adds before the activation."""
    if second.operation != "add":
        return None
    result = first.outputs[0]
    x, y = second.arguments["x"], second.arguments["y"]
    residual = y if x is result else x
    if x is y or not isinstance(residual, Value) or not same_form(residual, result):
        return None
    if _is_conv(first):
        conv = _as_conv_normed(first)
        return _with(conv, residual=residual) if conv.arguments["residual"] is None else None
    if first.operation == "batch_norm" and first.arguments["activation"] == "none" and (
            first.arguments["residual"] is None):
        return _with(first, residual=residual)
    return None


def _with_activation(first: Node, second: Node) -> Node | None:
    activation = activation_of(second)
    if activation is None:
        return None
    if _is_conv(first):
        return _with(_as_conv_normed(first), activation=activation)
    if first.operation == "linear":
        return dataclasses.replace(first, operation="linear_activated",
                                   arguments=first.arguments | {"activation": activation})
    if first.operation == "batch_norm" and activation == "relu" and first.arguments["activation"] == "none":
        return _with(first, activation=activation)
    return None
