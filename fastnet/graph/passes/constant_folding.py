"""Constant folding: nodes that read only constants run once, now."""
from __future__ import annotations

from fastnet.autograd import no_grad
from fastnet.graph.dimension import is_open
from fastnet.graph.form import Graph, Node, Value
from fastnet.graph.operations import DRAWS, writes_state
from fastnet.graph.rewriting import graph_pass, rebuilt
from fastnet.graph.running import node_result

__all__ = ["fold_constants"]


@graph_pass
def fold_constants(graph: Graph, freeze: bool = False) -> Graph:
    """Replace each node that reads only constants by its result.

    A node that draws random numbers or depends on an open dimension stays, and so does a view that repeats elements.

    Args:
        graph: the graph.
        freeze: take parameters and buffers as constants, too. The graph then no longer follows the model's weights
            where it has folded them.

    Returns:
        A graph with the same bits.

    Example:
        >>> import fastnet
        >>> class Net(fastnet.nn.Module):
        ...     def forward(self, x):
        ...         return x + fastnet.arange(2.0) * 3
        >>> fastnet.graph.fold_constants(fastnet.graph.trace(Net(), fastnet.ones(2)))
        Graph(x (2,)):
          add_1 (2,) = add(x, mul_1)
          return add_1
    """
    kinds = ("constant", "parameter", "buffer") if freeze else ("constant",)
    found: dict[Value, Value] = {}
    nodes = []
    for node in graph.nodes:
        inputs = [found.get(x, x) for x in node.inputs]
        if inputs and all(x.kind in kinds for x in inputs) and _can_fold(node):
            [folded] = rebuilt(graph, [node], found).nodes
            found[node.outputs[0]] = _constant(folded)
        else:
            nodes.append(node)
    return rebuilt(graph, nodes, found)


def _can_fold(node: Node) -> bool:
    repeats = node.is_view and node.outputs[0].nbytes > node.inputs[0].nbytes
    return not (repeats or len(node.outputs) > 1 or node.operation in DRAWS or is_open(node.arguments)
                or writes_state(node.operation, node.arguments))


def _constant(node: Node) -> Value:
    """The result of a node as a constant of the same name."""
    with no_grad():
        array = node_result(node)._data
    return Value(node.outputs[0].name, "constant", array.shape, array.dtype,
                 array.copy() if node.is_view or not array.flags.owndata else array)
