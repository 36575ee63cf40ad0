"""Programs from the graphs of a model file: names are made unique, functions expanded, and nodes put in order."""
from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import given_text, printable
from fastnet.onnx import forms, tensors
from fastnet.onnx.attributes import check_attributes
from fastnet.onnx.external import ExternalFiles
from fastnet.onnx.program import Program, names_read
from fastnet.onnx.registry import Node, Operator, UnsupportedError, find_operator
from fastnet.onnx.wire import DamagedFileError
from fastnet.random import Generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array

__all__ = ["GraphReader", "finished"]

MOST_NODES = 200_000                    # of a model, after functions were expanded
MOST_CALLS = 20_000                     # of functions, whose calls may double at each depth
MOST_DEPTH = 50                         # of functions that call functions
MOST_COPIED_BYTES = 2**28               # of constants in functions, which each call copies

_Scope = dict[str, str]                 # a name in the file -> the name of the value in the program


@dataclass
class _Place:
    """Where the nodes that are being read belong.

    Attributes:
        text: for names and messages: "" for the model's graph.
        scope: the values that the nodes may read.
        opsets: the version of each operator set, by domain.
        nodes: the nodes so far.
        attributes: of the call of a function, by name; None outside of functions.
        calls: the functions whose bodies are being expanded.
    """

    text: str
    scope: _Scope
    opsets: dict[str, int]
    nodes: list[Node] = field(default_factory=list)
    attributes: dict[str, forms.Attribute] | None = None
    calls: tuple[tuple[str, str, str], ...] = ()


class GraphReader:
    """Reads the graphs of one model.

    Args:
        model: the content of the file.
        files: for weights in other files; None if there are none.

    Attributes:
        constants: the arrays of initializers and of nodes named Constant, by name.
        initializers: the names of the constants that are initializers.
        nodes: of all graphs.
        unsupported: for each operator that is not supported the names of its nodes.
    """

    def __init__(self, model: forms.Model, files: ExternalFiles | None = None) -> None:
        self.files = files
        self.constants: dict[str, Array] = {}
        self.initializers: set[str] = set()
        self.nodes: list[Node] = []
        self.unsupported: dict[str, list[str]] = {}
        self._functions = {(_domain(f.domain), f.name, f.overload): f for f in model.functions}
        self._opsets = _versions(model.opset_import)
        self._used: set[str] = set()
        self._numbers: dict[str, int] = {}      # how many names were made of a name that is used
        self._calls = 0                 # of functions
        self._copied = 0                # bytes of constants in all calls of functions

    def program(self, graph: forms.Graph) -> Program:
        """The program of the model's graph.

        Args:
            graph: of the model.

        Raises:
            DamagedFileError: a name is defined twice or never, or nodes depend on each other in a circle.
        """
        return self._program(graph, _Place("", {}, self._opsets))

    def _program(self, graph: forms.Graph, place: _Place) -> Program:
        if graph.sparse_initializer:
            raise UnsupportedError("sparse initializers are not supported")
        given = {tensor.name for tensor in graph.initializer}
        defined: set[str] = set()
        for tensor in graph.initializer:
            name = self._define(tensor.name, place, defined)
            self._keep(name, tensors.array_of(tensor, self.files), place)
            self.initializers.add(name)
        inputs = tuple(self._define(x.name, place, defined) for x in graph.input if x.name not in given)
        self._read_nodes(graph.node, place, defined)
        outputs = tuple(_resolve(x.name, place, "output") for x in graph.output)
        return finished(graph.name, inputs, outputs, place.nodes)

    def _define(self, name: str, place: _Place, defined: set[str]) -> str:
        """A unique name for a value that the graph defines."""
        if not name:
            raise DamagedFileError(f"{place.text or 'the graph'} has a value without a name")
        if name in defined:
            raise DamagedFileError(f"expected one definition of the value {printable(name)!r}, got two")
        defined.add(name)
        unique, full = name, f"{place.text}.{name}"
        while unique in self._used:
            number = self._numbers[full] = self._numbers.get(full, 0) + 1
            unique = full if number == 1 else f"{full}_{number}"
        self._used.add(unique)
        place.scope[name] = unique
        return unique

    # ---- nodes ----

    def _read_nodes(self, nodes: Sequence[forms.Node], place: _Place, defined: set[str]) -> None:
        for node in _sorted_nodes(nodes, set(place.scope)):
            label = printable(node.name or ", ".join(filter(None, node.output)))
            if len(self.nodes) + len(self.constants) > MOST_NODES:
                raise DamagedFileError(f"expected at most {MOST_NODES} nodes, after functions were expanded, got more")
            self._read_node(node, label, place, defined)

    def _read_node(self, node: forms.Node, label: str, place: _Place, defined: set[str]) -> None:
        domain = _domain(node.domain)
        function = self._functions.get((domain, node.op_type, node.overload))
        if function is not None:
            self._expand(function, node, label, place, defined)
            return
        if not any(node.output):
            raise DamagedFileError(f"the {printable(node.op_type)} node {label!r} has no output")
        if node.op_type == "Constant" and not domain:
            value = _constant_value(node, self._attributes(node, label, place))
            self._keep(self._define(node.output[0], place, defined), value, place)
            return
        inputs = tuple(_resolve(name, place, f"the {node.op_type} node {label!r}") if name else ""
                       for name in _without_empty_end(node.input))
        operator = self._operator(node, label, domain, place)
        if operator is not None:
            _check_input_count(operator, label, len(inputs))
        attributes = self._attributes(node, label, place) if operator is not None else {}
        outputs = tuple(self._define(name, place, defined) if name else "" for name in _without_empty_end(node.output))
        if operator is not None:
            made = Node(label, operator, place.opsets[domain], inputs, outputs, attributes)
            made.generator = _generator_of(made)
            place.nodes.append(made)
            self.nodes.append(made)

    def _keep(self, name: str, value: Array, place: _Place) -> None:
        """Add a constant; those of functions are copied for each call."""
        self._copied += value.nbytes if place.calls else 0
        if self._copied > MOST_COPIED_BYTES:
            raise DamagedFileError(f"expected at most {MOST_COPIED_BYTES >> 20} MiB of constants in all calls of "
                                   "functions, got more")
        self.constants[name] = value

    def _operator(self, node: forms.Node, label: str, domain: str, place: _Place) -> Operator | None:
        """The operator of a node; None if fastnet has none, after that was noted."""
        version = place.opsets.get(domain)
        if version is None:
            raise DamagedFileError(f"the {printable(node.op_type)} node {label!r} has the domain "
                                   f"{printable(node.domain)!r}, whose version the model does not state")
        operator = find_operator(node.op_type, domain, version)
        if operator is None:
            full = printable(f"{domain}.{node.op_type}" if domain else node.op_type)
            known = find_operator(node.op_type, domain, 1 << 30) is not None
            text = f"{full} of version {version} of its operator set" if known else full
            self.unsupported.setdefault(text, []).append(label)
        return operator

    def _attributes(self, node: forms.Node, label: str, place: _Place) -> dict[str, Any]:
        check_attributes(node, label)
        found: dict[str, Any] = {}
        for entry in node.attribute:
            given = entry
            if entry.ref_attr_name:
                if place.attributes is None:
                    raise DamagedFileError(f"attribute {printable(entry.name)!r} of {label!r} refers to one of a "
                                           "function, outside of functions")
                if entry.ref_attr_name not in place.attributes:
                    continue
                given = place.attributes[entry.ref_attr_name]
            found[entry.name] = self._attribute_value(given.value(), f"{label}.{entry.name}", place)
        return found

    def _attribute_value(self, value: Any, text: str, place: _Place) -> Any:
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, forms.Tensor):
            return tensors.array_of(value, self.files)
        if isinstance(value, forms.Graph):
            inner = _Place(text, dict(place.scope), place.opsets, [], place.attributes, place.calls)
            return self._program(value, inner)
        if isinstance(value, list):
            return tuple(self._attribute_value(x, text, place) for x in value)
        return value

    def _expand(self, function: forms.Function, call: forms.Node, label: str, place: _Place,
                defined: set[str]) -> None:
        """Read the nodes of a function in place of the node that calls it."""
        key = (_domain(function.domain), function.name, function.overload)
        if key in place.calls or len(place.calls) >= MOST_DEPTH:
            raise DamagedFileError(f"the function {printable(function.name)!r} calls itself, or functions call each "
                                   f"other more than {MOST_DEPTH} deep")
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise DamagedFileError(f"expected at most {MOST_CALLS} calls of functions, got more")
        given = [_resolve(name, place, f"the {call.op_type} node {label!r}") if name else "" for name in call.input]
        if len(given) > len(function.input) or len(call.output) > len(function.output):
            raise DamagedFileError(f"the {printable(call.op_type)} node {label!r} has more inputs or outputs than its "
                                   "function")
        attributes = {entry.name: entry for entry in function.attribute_proto}
        attributes |= {entry.name: self._referred(entry, place) for entry in call.attribute
                       if not entry.ref_attr_name or entry.ref_attr_name in (place.attributes or {})}
        given += [""] * (len(function.input) - len(given))
        scope = dict(zip(function.input, given))
        inner = _Place(f"{place.text}.{label}" if place.text else label, scope,
                       place.opsets | _versions(function.opset_import), place.nodes, attributes, (*place.calls, key))
        self._read_nodes(function.node, inner, set(function.input))
        for name, result in zip(call.output, function.output):
            if name:
                if name in defined:
                    raise DamagedFileError(f"expected one definition of the value {printable(name)!r}, got two")
                defined.add(name)
                place.scope[name] = _resolve(result, inner, f"the function {function.name!r}")

    @staticmethod
    def _referred(entry: forms.Attribute, place: _Place) -> forms.Attribute:
        return (place.attributes or {})[entry.ref_attr_name] if entry.ref_attr_name else entry


def _check_input_count(operator: Operator, label: str, given: int) -> None:
    least, most = operator.least, operator.most
    if given < least or (most is not None and given > most):
        wanted = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise DamagedFileError(f"the {operator.name} node {label!r}: expected {wanted} inputs, got {given}")


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _versions(imports: Iterable[forms.OperatorSet]) -> dict[str, int]:
    return {_domain(entry.domain): entry.version for entry in imports}


def _without_empty_end(names: Sequence[str]) -> Sequence[str]:
    """Names without the empty ones at the end."""
    end = len(names)
    while end and not names[end - 1]:
        end -= 1
    return names[:end]


def _resolve(name: str, place: _Place, reader: str) -> str:
    if name not in place.scope:
        raise DamagedFileError(f"{printable(reader)} reads the value {printable(name)!r}, which nothing computes")
    return place.scope[name]


def _generator_of(node: Node) -> Generator | None:
    """A generator with the seed of a random node, if it has one."""
    seed = node.attribute("seed") if node.operator.random else None
    if seed is None:
        return None
    if not isinstance(seed, int | float) or not math.isfinite(seed):
        raise DamagedFileError(f"the {node}: expected a finite number as seed, got {given_text(seed)}")
    return Generator(int(seed))


def _constant_value(node: forms.Node, attributes: dict[str, Any]) -> Array:
    """The array of a node named Constant."""
    value = attributes.get("value")
    if isinstance(value, np.ndarray):
        return value
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64),
                        ("value_ints", np.int64)):
        if name in attributes:
            try:
                return np.asarray(attributes[name], dtype)
            except (TypeError, ValueError):
                raise DamagedFileError(f"Constant node {printable(node.name or node.output[0])!r}: expected numbers "
                                       f"as {name}") from None
    kinds = ", ".join(sorted(attributes)) or "no value"
    raise UnsupportedError(f"Constant node {printable(node.name or node.output[0])!r}: fastnet does not support "
                           f"{printable(kinds)}")


# ---- the order of nodes ----------------------------------------------------------------------------------------------

def _names_read(node: forms.Node) -> Iterator[str]:
    """The names that a node reads, those that its subgraphs capture included."""
    yield from filter(None, node.input)
    for entry in node.attribute:
        for graph in [*([] if entry.g is None else [entry.g]), *entry.graphs]:
            own = {*(x.name for x in graph.initializer), *(x.name for x in graph.input)}
            own.update(name for inner in graph.node for name in inner.output)
            inside = (name for inner in graph.node for name in _names_read(inner))
            yield from (name for name in (*inside, *(x.name for x in graph.output)) if name not in own)


def _sorted_nodes(nodes: Sequence[forms.Node], available: set[str]) -> Iterable[forms.Node]:
    """The nodes in an order in which each follows those that it reads: the given one, if it is.

    A value that no node computes does not delay a node; the caller reports it.
    """
    producers = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    before = [{producers[name] for name in _names_read(node) if name in producers and name not in available}
              for node in nodes]
    if all(j < i for i, needed in enumerate(before) for j in needed):
        return nodes
    after: list[list[int]] = [[] for _ in nodes]
    for i, needed in enumerate(before):
        for j in needed:
            after[j].append(i)
    waiting = [len(needed) for needed in before]
    ready = [i for i, count in enumerate(waiting) if not count]
    order = []
    while ready:
        i = heapq.heappop(ready)
        order.append(nodes[i])
        for j in after[i]:
            waiting[j] -= 1
            if not waiting[j]:
                heapq.heappush(ready, j)
    if len(order) < len(nodes):
        stuck = [printable(nodes[i].name or ", ".join(nodes[i].output)) for i, count in enumerate(waiting) if count]
        raise DamagedFileError(f"expected nodes that do not depend on themselves, got {len(stuck)} nodes in or after a "
                               f"circle: {', '.join(map(repr, stuck[:5]))}{', ...' if len(stuck) > 5 else ''}")
    return order


def finished(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...], nodes: Sequence[Node]) -> Program:
    """A program, with the names that it captures, and for each node those that no later node reads.

    Args:
        name, inputs, outputs: of the graph.
        nodes: new ones, in an order in which they can run.
    """
    own = {*inputs, *(y for node in nodes for y in node.outputs)}
    captures: dict[str, None] = {}
    last: dict[str, Node] = {}
    for node in nodes:
        for x in names_read(node):
            if x in own:
                last[x] = node
            else:
                captures[x] = None
        last.update((y, node) for y in node.outputs if y)
    captures.update((y, None) for y in outputs if y not in own)
    for x, node in last.items():
        if x not in outputs:
            node.drops = (*node.drops, x)
    return Program(name, inputs, outputs, tuple(nodes), tuple(captures))
