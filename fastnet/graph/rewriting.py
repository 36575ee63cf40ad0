"""Helpers of passes: a graph with other nodes, the check of the result, and names of new values."""
from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from fastnet.graph.dimension import mapped
from fastnet.graph.form import Graph, ModuleCall, Node, Value, values_in

__all__ = ["Names", "check", "graph_pass", "makers", "readers", "rebuilt", "with_values", "without_unread"]

_Pass = TypeVar("_Pass", bound=Callable[..., Graph])


def with_values(x: Any, substitutes: Mapping[Value, Value]) -> Any:
    """A nested argument with other values in place of some; a substitute is substituted in turn.

    Args:
        x: any value.
        substitutes: by the values that they replace.
    """
    def leaf(entry: Any) -> Any:
        while isinstance(entry, Value) and entry in substitutes:
            entry = substitutes[entry]
        return entry
    return mapped(x, leaf)


def rebuilt(graph: Graph, nodes: Iterable[Node], substitutes: Mapping[Value, Value] | None = None) -> Graph:
    """A graph with other nodes.

    Its parameters, buffers and constants are those that the nodes or the outputs read, and its module calls are those
    whose values it still has.

    Args:
        graph: the graph that it is made of.
        nodes: in order.
        substitutes: what nodes and outputs read in place of some values; a substitute is substituted in turn.
    """
    substitutes = substitutes or {}
    nodes = tuple(_with_arguments(node, with_values(node.arguments, substitutes)) for node in nodes)
    outputs = with_values(graph.outputs, substitutes)
    read = dict.fromkeys([value for node in nodes for value in values_in(node.arguments.values())] + list(outputs))
    found = {kind: {value.name: value for value in read if value.kind == kind}
             for kind in ("parameter", "buffer", "constant")}
    present = {*graph.inputs, *read, *(y for node in nodes for y in node.outputs)}
    calls = (ModuleCall(call.path, call.type, with_values(call.inputs, substitutes),
                        with_values(call.outputs, substitutes)) for call in graph.calls)
    return dataclasses.replace(
        graph, nodes=nodes, outputs=outputs, parameters=found["parameter"], buffers=found["buffer"],
        constants=found["constant"],
        calls=tuple(call for call in calls if present.issuperset((*call.inputs, *call.outputs))))


def _with_arguments(node: Node, arguments: dict[str, Any]) -> Node:
    same = all(x is node.arguments[name] for name, x in arguments.items())
    return node if same else dataclasses.replace(node, arguments=arguments)


def without_unread(graph: Graph, removable: Callable[[Node], bool]) -> Graph:
    """A graph without the nodes that may go and whose results nothing reads, themselves or through others.

    Args:
        graph: the graph.
        removable: whether a node may go.
    """
    kept: list[Node] = []
    read = set(graph.outputs)
    for node in reversed(graph.nodes):
        if not (read.isdisjoint(node.outputs) and removable(node)):
            kept.append(node)
            read.update(node.inputs)
    return rebuilt(graph, reversed(kept))


def readers(graph: Graph) -> dict[Value, list[Node]]:
    """The nodes that read each value, in order; a node that reads a value twice is there once.

    Args:
        graph: the graph.
    """
    found: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        for x in dict.fromkeys(node.inputs):
            found.setdefault(x, []).append(node)
    return found


def makers(graph: Graph) -> dict[Value, Node]:
    """The node that computes each value; inputs and parameters have none.

    Args:
        graph: the graph.
    """
    return {y: node for node in graph.nodes for y in node.outputs}


class Names:
    """Names for new values that no value of a graph has.

    Args:
        graph: the graph.

    Example:
        >>> import fastnet
        >>> from fastnet.graph.rewriting import Names
        >>> names = Names(fastnet.graph.trace(fastnet.nn.ReLU(), fastnet.ones(2)))
        >>> names.new("relu_1"), names.new("relu_1"), names.new("other")
        ('relu_1_2', 'relu_1_3', 'other')
    """

    def __init__(self, graph: Graph) -> None:
        self._taken = {value.name for value in (
            *graph.inputs, *graph.parameters.values(), *graph.buffers.values(), *graph.constants.values(),
            *(y for node in graph.nodes for y in node.outputs))}

    def new(self, wanted: str) -> str:
        """A free name, the wanted one if possible.

        Args:
            wanted: a name.
        """
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def check(graph: Graph) -> Graph:
    """Check that values are defined before they are read, once, and under different names, and return the graph.

    Args:
        graph: the graph.

    Raises:
        ValueError: names the value and the node.

    Example:
        >>> import dataclasses, fastnet
        >>> from fastnet.graph.rewriting import check
        >>> graph = fastnet.graph.trace(fastnet.nn.ReLU(), fastnet.ones(2))
        >>> check(dataclasses.replace(graph, inputs=()))
        Traceback (most recent call last):
            ...
        ValueError: relu_1 (2,) = relu(input) reads input before it is defined
    """
    members = (*graph.parameters.values(), *graph.buffers.values(), *graph.constants.values())
    defined = {*graph.inputs, *members}
    for node in graph.nodes:
        for x in node.inputs:
            if x not in defined:
                raise ValueError(f"{node} reads {x.name} before it is defined")
        for y in node.outputs:
            if y in defined:
                raise ValueError(f"{node} computes {y.name} again")
            defined.add(y)
    for y in graph.outputs:
        if y not in defined:
            raise ValueError(f"the output {y.name} is not defined")
    names: dict[str, Value] = {}
    for value in defined:
        if names.setdefault(value.name, value) is not value:
            raise ValueError(f"two values are named {value.name}")
    return graph


def graph_pass(function: _Pass) -> _Pass:
    """Check the result of a pass, as a decorator.

    Args:
        function: of a graph and options; it returns a graph.
    """
    @functools.wraps(function)
    def checked(graph: Graph, *args: Any, **options: Any) -> Graph:
        return check(function(graph, *args, **options))
    return checked      # type: ignore[return-value]    # the same signature
