"""Dead code: nodes whose results nothing reads."""
from __future__ import annotations

from fastnet.graph.form import Graph
from fastnet.graph.operations import writes_state
from fastnet.graph.rewriting import graph_pass, without_unread

__all__ = ["remove_dead_code"]


@graph_pass
def remove_dead_code(graph: Graph) -> Graph:
    """Remove the nodes that no output depends on, except those that update running statistics.

    Args:
        graph: the graph.

    Returns:
        A graph with the same bits.

    Example:
        >>> import fastnet
        >>> class Net(fastnet.nn.Module):
        ...     def forward(self, x):
        ...         x.exp()
        ...         return x.relu()
        >>> fastnet.graph.remove_dead_code(fastnet.graph.trace(Net(), fastnet.ones(2)))
        Graph(x (2,)):
          relu_1 (2,) = relu(x)
          return relu_1
    """
    return without_unread(graph, lambda node: not writes_state(node.operation, node.arguments))
