"""One graph of several traces of a model, in which integers that differ depend on the open dimensions."""
from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any, NoReturn

from fastnet.graph.form import Graph, ModuleCall, Node, Value
from fastnet.graph.open_dimensions import Fit

__all__ = ["unified"]


def unified(graphs: Sequence[Graph], fit: Fit) -> Graph:
    """One graph with `Dim` objects for the graphs of several traces.

    Args:
        graphs: one for each trace.
        fit: of the traces.

    Raises:
        RuntimeError: the list of operations, or an argument, depends on an open dimension in another way; the message
            names the operation and its module.
    """
    for graph in graphs[1:]:
        _check_operations(graphs[0], graph, fit)
    work = _Unifier(graphs, fit)
    inputs = tuple(work.value(x, "an input") for x in zip(*(graph.inputs for graph in graphs)))
    for nodes in zip(*(graph.nodes for graph in graphs)):
        work.add(nodes)
    end = Node("return", {}, (), "")
    outputs = tuple(work.read(y, "output", end) for y in zip(*(graph.outputs for graph in graphs)))
    calls = tuple(ModuleCall(call.path, call.type, tuple(map(work.final, call.inputs)),
                             tuple(map(work.final, call.outputs))) for call in graphs[0].calls)
    return dataclasses.replace(graphs[0], nodes=tuple(work.nodes), inputs=inputs, outputs=outputs,
                               constants=work.constants, calls=calls, sizes=dict(fit.example))


def _node_text(node: Node) -> str:
    return f"{node.operation} in module {node.module!r}" if node.module else node.operation


def _check_operations(first: Graph, other: Graph, fit: Fit) -> None:
    """Refuse traces with different operations."""
    names = ", ".join(fit.example)
    for a, b in zip(first.nodes, other.nodes):
        if (a.operation, a.module, [*a.arguments]) != (b.operation, b.module, [*b.arguments]):
            raise RuntimeError(f"trace: the operations of the model depend on the open dimension {names}: it calls "
                               f"{_node_text(a)} or {_node_text(b)}. Keep the same operations for all lengths.")
    if len(first.nodes) != len(other.nodes):
        longer = max(first.nodes, other.nodes, key=len)
        raise RuntimeError(f"trace: the number of operations of the model depends on the open dimension {names}: "
                           f"{_node_text(longer[min(len(first.nodes), len(other.nodes))])} is not always called. A "
                           "loop over an open dimension has no graph.")


class _Unifier:
    """Makes nodes and values with `Dim` objects from those of several traces.

    Args:
        graphs: one for each trace.
        fit: of the traces.
    """

    def __init__(self, graphs: Sequence[Graph], fit: Fit) -> None:
        self.fit = fit
        self.known: dict[Value, Value] = {}             # of each value of each trace: the one in the result
        self.nodes: list[Node] = []
        self.constants: dict[str, Value] = {}
        for graph in graphs:
            for ours, theirs in ((graphs[0].parameters, graph.parameters), (graphs[0].buffers, graph.buffers)):
                self.known.update((x, ours.get(name, x)) for name, x in theirs.items())

    def final(self, value: Value) -> Value:
        """The value of the result for one of the first trace."""
        return self.known.get(value, value)

    def value(self, values: Sequence[Value], subject: str) -> Value:
        """The value for those of the traces."""
        shape = self.fit.shape([x.shape for x in values])
        if shape is None or len({x.dtype for x in values}) > 1:
            raise RuntimeError(f"trace: the shape of {subject} is not linear in the open dimension "
                               f"{self._lengths()}: {', '.join(str(x.shape) for x in values)}")
        return self._known(values, dataclasses.replace(values[0], shape=shape))

    def _known(self, values: Sequence[Value], value: Value) -> Value:
        self.known.update((x, value) for x in values)
        return value

    def _lengths(self) -> str:
        """Each open dimension with its lengths in the traces."""
        return ", ".join(f"{name}={','.join(str(lengths[name]) for lengths in self.fit.traced)}"
                         for name in self.fit.example)

    def add(self, nodes: Sequence[Node]) -> None:
        """Add the node for those of the traces."""
        arguments = {name: self._argument([node.arguments[name] for node in nodes], name, nodes[0])
                     for name in nodes[0].arguments}
        outputs = tuple(self.value(y, f"the result of {_node_text(nodes[0])}")
                        for y in zip(*(node.outputs for node in nodes)))
        self.nodes.append(dataclasses.replace(nodes[0], arguments=arguments, outputs=outputs))

    def _argument(self, xs: Sequence[Any], name: str, node: Node) -> Any:
        first = xs[0]
        if any(type(x) is not type(first) for x in xs):
            self._refuse(xs, name, node)
        if isinstance(first, Value):
            return self.read(xs, name, node)
        if isinstance(first, tuple | list):
            if any(len(x) != len(first) for x in xs):
                self._refuse(xs, name, node)
            entries = [self._argument(entries, name, node) for entries in zip(*xs)]
            return first._make(entries) if hasattr(first, "_make") else type(first)(entries)
        if isinstance(first, dict):
            if any([*x] != [*first] for x in xs):
                self._refuse(xs, name, node)
            return {key: self._argument([x[key] for x in xs], name, node) for key in first}
        if isinstance(first, slice):
            return slice(*(self._argument(parts, name, node)
                           for parts in zip(*((x.start, x.stop, x.step) for x in xs))))
        if isinstance(first, numbers.Integral) and not isinstance(first, bool):
            found = self.fit.dim(xs)
            return self._refuse(xs, name, node) if found is None else found
        if not all(x is first or x == first or repr(x) == repr(first) for x in xs):
            self._refuse(xs, name, node)
        return first

    def _refuse(self, xs: Sequence[Any], name: str, node: Node) -> NoReturn:
        raise RuntimeError(f"trace: the argument {name} of {_node_text(node)} is not linear in the open dimension "
                           f"{self._lengths()}: {', '.join(map(repr, xs))[:200]}")

    def read(self, values: Sequence[Value], name: str, node: Node) -> Value:
        """The value that a node reads.

        Args:
            values: one for each trace.
            name: of the argument.
            node: of the first trace.
        """
        if values[0].kind == "constant" and values[0] not in self.known:
            self._add_constant(values, node)
        found = self.known.get(values[0])
        if found is None or any(self.known.get(x) is not found for x in values):
            self._refuse(values, name, node)
        return found

    def _add_constant(self, values: Sequence[Value], node: Node) -> None:
        """Add a constant, or a node that computes it if it depends on an open dimension."""
        first = values[0]
        arrays = [x.data for x in values if x.data is not None]
        repeated = self.fit.repeated(arrays)
        if repeated is None:
            counted = self.fit.counted(arrays)
            if counted is None:
                raise RuntimeError(
                    f"trace: {_node_text(node)} reads a tensor of shape {first.shape} that forward() makes, whose "
                    f"elements depend on the open dimension {self._lengths()}. Make it outside for the greatest "
                    "length, as a buffer, and take a slice of it.")
            self._compute(values, Node("arange", counted, (), node.module))
            return
        part, shape = repeated
        if part.shape == first.shape:                   # the same in all traces
            self.constants[first.name] = self._known(values, first)
            return
        constant = Value(f"{first.name}_part", "constant", part.shape, first.dtype, part)
        self.constants[constant.name] = constant
        self._compute(values, Node("expanded", {"x": constant, "shape": shape}, (), node.module, is_view=True))

    def _compute(self, values: Sequence[Value], node: Node) -> None:
        """Add a node that computes a constant of the traces."""
        shape = self.fit.shape([x.shape for x in values])
        assert shape is not None
        value = self._known(values, Value(values[0].name, "result", shape, values[0].dtype))
        self.nodes.append(dataclasses.replace(node, outputs=(value,)))
