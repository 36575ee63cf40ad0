"""Shape folding: changes of shape that do nothing, and chains of them that one does."""
from __future__ import annotations

import dataclasses
from typing import Any

from fastnet.graph.form import Graph, Node, Value, same_form
from fastnet.graph.rewriting import graph_pass, rebuilt, with_values, without_unread

__all__ = ["fold_shapes"]

_PLACE_COPIES = frozenset(("channels_last", "clone", "copied"))       # operations that change the place in memory alone


@graph_pass
def fold_shapes(graph: Graph) -> Graph:
    """Remove copies and changes of shape or dtype that change no value, and join chains of views and of transpositions.

    The results of a graph stay tensors with other memory than its inputs.

    Args:
        graph: the graph.

    Returns:
        A graph with the same bits.

    Example:
        >>> import fastnet
        >>> class Net(fastnet.nn.Module):
        ...     def forward(self, x):
        ...         return x.view(3, 2).reshape(6).t().exp()
        >>> fastnet.graph.fold_shapes(fastnet.graph.trace(Net(), fastnet.ones(2, 3)))
        Graph(x (2, 3)):
          view_2 (6,) = view(x, shape=(6,))
          exp_1 (6,) = exp(view_2)
          return exp_1
    """
    made: dict[Value, Node] = {}
    substitutes: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        node = dataclasses.replace(node, arguments=with_values(node.arguments, substitutes))
        node = _with_view_before(node, made)
        if _is_identity(node) and node.outputs[0] not in graph.outputs:
            substitutes[node.outputs[0]] = node.inputs[0]
        else:
            made[node.outputs[0]] = node
            nodes.append(node)
    folded = rebuilt(graph, nodes, substitutes)
    return without_unread(folded, lambda node: node.is_view or node.operation in _PLACE_COPIES)


def _is_identity(node: Node) -> bool:
    """Whether the result has the shape, the dtype and the elements of the first input."""
    if node.operation in _PLACE_COPIES:
        return True
    if not node.inputs or node.operation not in ("cast", "expanded", "reshaped_copy", "transposed", "view"):
        return False
    x, y = node.inputs[0], node.outputs[0]
    return same_form(x, y) and (node.operation != "transposed" or _axis_order(node) == tuple(range(len(x.shape))))


def _axis_order(node: Node) -> tuple[int, ...]:
    return tuple(i % len(node.outputs[0].shape) for i in node.arguments["order"])


def _with_view_before(node: Node, made: dict[Value, Node]) -> Node:
    """One node for a view of a view or a transposition of a transposition; else the node itself."""
    if node.operation == "reshaped_copy":
        node = dataclasses.replace(node, operation="view", is_view=True)
    before = made.get(node.inputs[0]) if node.inputs else None
    if before is None or before.operation != node.operation:
        return node
    if node.operation == "view":
        return _with_source(node, before)
    if node.operation == "transposed":
        first = _axis_order(before)
        return _with_source(node, before, order=tuple(first[i] for i in _axis_order(node)))
    return node


def _with_source(node: Node, before: Node, **arguments: Any) -> Node:
    """A node that reads what the node before it reads."""
    return dataclasses.replace(node, arguments=node.arguments | {"x": before.arguments["x"]} | arguments)
