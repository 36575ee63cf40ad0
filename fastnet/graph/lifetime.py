"""When the memory of each value of a graph is in use."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastnet.graph.form import Graph, Node, Value, same_form
from fastnet.graph.operations import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Lifetime", "lifetimes"]


@dataclass(frozen=True, eq=False)
class Lifetime:
    """When the memory of a value is in use.

    Attributes:
        owner: the value whose memory it is: the value itself, or of a view the value that it shares its memory with.
        first: the number of the node that writes it; -1 for an input.
        last: the number of the last node that reads it or a view of it; the number of nodes if an output does.
        in_place: an input of the node that writes it whose memory it can have: an elementwise operation may write its
            result there, because no later node reads it, and it has the same shape and its elements in order. None if
            there is none.

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
    found = {x: Lifetime(owner, first[owner], last[owner]) for x, owner in owners.items()}
    ordered = set(graph.inputs)
    for node in graph.nodes:
        y = node.outputs[0]
        if not node.is_view or (node.operation == "view" and node.inputs[0] in ordered):
            ordered.update(node.outputs)
        if node.operation in ELEMENTWISE:
            found[y] = replace(found[y], in_place=_in_place(node, found, ordered))
    return found


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


def _in_place(node: Node, times: Mapping[Value, Lifetime], ordered: Collection[Value]) -> Value | None:
    """The owner of the memory that the result of an elementwise node can have.

    Args:
        node: the node.
        times: lifetimes.
        ordered: values that have their elements in the order of their memory.
    """
    y = node.outputs[0]
    read = [x for x in dict.fromkeys(node.inputs) if x in times]
    for x in read:
        time = times[x]
        alone = all(other is x or times[other].owner is not time.owner for other in read)
        if (alone and x in ordered and time.first >= 0 and time.last == times[y].first
                and time.owner.nbytes == y.nbytes and same_form(x, y)):
            return time.owner
    return None
