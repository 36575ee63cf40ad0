"""Common subexpressions: equal operations on the same values are computed once."""
from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from fastnet.graph.form import Graph, Node, Value
from fastnet.graph.operations import DRAWS, writes_state
from fastnet.graph.rewriting import graph_pass, rebuilt, with_values

__all__ = ["share_subexpressions"]


@graph_pass
def share_subexpressions(graph: Graph) -> Graph:
    """Compute equal operations on the same values, or on equal constants, once.

    Args:
        graph: the graph.

    Returns:
        A graph with the same bits.

    Example:
        >>> import fastnet
        >>> class Net(fastnet.nn.Module):
        ...     def forward(self, x):
        ...         return x.exp() + x.exp()
        >>> fastnet.graph.share_subexpressions(fastnet.graph.trace(Net(), fastnet.ones(2)))
        Graph(x (2,)):
          exp_1 (2,) = exp(x)
          add_1 (2,) = add(exp_1, exp_1)
          return add_1
    """
    substitutes = _equal_constants(graph)
    first: dict[Hashable, Node] = {}
    nodes = []
    for node in graph.nodes:
        arguments = with_values(node.arguments, substitutes)
        if node.operation in DRAWS or writes_state(node.operation, arguments):
            nodes.append(node)
            continue
        known = first.setdefault((node.operation, node.function, _common_part(arguments)), node)
        if known is node:
            nodes.append(node)
        else:
            substitutes.update(zip(node.outputs, known.outputs))
    return rebuilt(graph, nodes, substitutes)


def _equal_constants(graph: Graph) -> dict[Value, Value]:
    """The first of equal constants, by the others."""
    first: dict[Hashable, Value] = {}
    found = {}
    for value in graph.constants.values():
        assert value.data is not None
        known = first.setdefault((value.shape, value.dtype, value.data.tobytes()), value)
        if known is not value:
            found[value] = known
    return found


def _common_part(x: Any) -> Hashable:
    """What equal arguments have in common; values and objects are equal if they are the same."""
    if isinstance(x, dict):
        return "dict", *((name, _common_part(entry)) for name, entry in x.items())
    if isinstance(x, tuple | list):
        return type(x), *map(_common_part, x)
    if isinstance(x, bool | int | float | str | slice | np.dtype | None):
        return type(x), repr(x)
    return id(x)
