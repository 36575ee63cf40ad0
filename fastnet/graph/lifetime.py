"""When the memory of each value of a graph is in use."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastnet.graph.form import Graph, Node, Value, same_form
from fastnet.graph.operations import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Lifetime", "lifetimes"]


@dataclass(frozen=True, eq=False)
class Lifetime:
    """When the memory of a value is in use.

    Attributes:
        owner: the value whose memory it is: the value itself, or of a view the value that it shares its memory with.
        first: the number of the node that writes it; -1 for an input.
        last: the number of the last node that reads it or a view of it; the number of nodes if an output does.
        in_place: an input of the node that writes it whose memory it can have: an elementwise operation may write its
            result there, because no later node reads it and the sizes are equal. None if there is none.

    Example:
        >>> import fastnet
        >>> from fastnet import nn
        >>> graph = fastnet.graph.trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), fastnet.ones(5, 3))
        >>> graph.lifetimes()[graph.outputs[0]].in_place
        Value(linear_1: float32 (5, 2))
    """

    owner: Value
    first: int
    last: int
    in_place: Value | None = None


def lifetimes(graph: Graph) -> dict[Value, Lifetime]:
    """The lifetime of each input and each result, except views of parameters and constants.

    Args:
        graph: the graph.
    """
    owners = _owners(graph)
    first = dict.fromkeys(graph.inputs, -1)
    last = dict(first)
    for i, node in enumerate(graph.nodes):
        for x in node.inputs:
            if x in owners:
                last[owners[x]] = i
        for y in node.outputs:
            if owners.get(y) is y:
                first[y] = last[y] = i
    for y in graph.outputs:
        if y in owners:
            last[owners[y]] = len(graph.nodes)
    writers = {y: node for node in graph.nodes for y in node.outputs}
    return {x: Lifetime(owner, first[owner], last[owner],
                        _in_place(writers[x], first[x], owners, first, last) if x in writers and owner is x else None)
            for x, owner in owners.items()}


def _owners(graph: Graph) -> dict[Value, Value]:
    """Of each value in memory that a run needs: the value whose memory it is."""
    owners = {x: x for x in graph.inputs}
    for node in graph.nodes:
        for y in node.outputs:
            if not node.is_view:
                owners[y] = y
            elif node.inputs[0] in owners:
                owners[y] = owners[node.inputs[0]]
    return owners


def _in_place(node: Node, number: int, owners: Mapping[Value, Value], first: Mapping[Value, int],
              last: Mapping[Value, int]) -> Value | None:
    """The input whose memory the result of a node can have."""
    if node.operation not in ELEMENTWISE:
        return None
    y = node.outputs[0]
    for x in node.inputs:
        owner = owners.get(x)
        if (owner is not None and first[owner] >= 0 and last[owner] == number and owner.nbytes == y.nbytes
                and same_form(x, y)):
            return owner
    return None
