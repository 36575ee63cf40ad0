"""The graph of a quantised model between its conversions: integers in, integers out."""
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnet.c_source.emitters.quantized import scale_and_zero
from fastnet.c_source.program import describe_node
from fastnet.graph import Graph, Value, remove_dead_code
from fastnet.graph.operations import MOVES
from fastnet.graph.rewriting import makers

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.graph import Node

__all__ = ["Scale", "float_operations", "integer_graph", "is_quantized"]

_MOVES = MOVES | {"pad"}
_QUANTIZATION = "quantize", "dequantize"
_WITH_INT8_FORMS = "conv", "linear"


class Scale(NamedTuple):
    """What an 8-bit integer stands for: (q - zero) * scale."""

    scale: float
    zero: int

    def quantized(self, x: Array) -> Array:
        """The integers of numbers."""
        steps = np.clip(np.rint(x / np.float32(self.scale)), -128 - self.zero, 127 - self.zero)
        return (np.where(np.isnan(x), 0, steps).astype(np.int32) + self.zero).astype(np.int8)


def is_quantized(graph: Graph) -> bool:
    """Whether operations of a graph compute with 8-bit integers."""
    return any(node.operation == "quantize" for node in graph.nodes)


def float_operations(graph: Graph) -> tuple[str, ...]:
    """The operations that compute with floating-point numbers, other than the conversions to and from integers."""
    return tuple(f"{node.operation}{f' of {node.module!r}' if node.module else ''}" for node in graph.nodes
                 if node.operation not in (*_QUANTIZATION, *_MOVES)
                 and any(x.dtype.kind == "f" and x.kind in ("input", "result") for x in (*node.inputs, *node.outputs)))


def integer_graph(graph: Graph) -> tuple[Graph, list[Scale], list[Scale]]:
    """A graph without the quantisation of its inputs and the dequantisation of its outputs, and the scales of both.

    Args:
        graph: of a quantised model.

    Raises:
        ValueError: the model is not quantised, or an operation in float reads an input or computes an output.
    """
    if not is_quantized(graph):
        raise ValueError("export_c: dtype='int8' takes a quantised model, see the schemes 'static' and 'qat' of "
                         "fastnet.quantize, where faster_only=False quantises small layers, too; this model has no "
                         "integers, use dtype='float32'")
    outputs = [_before_dequantize(graph, y) for y in graph.outputs]
    graph = _quantized_first(remove_dead_code(replace(graph, outputs=tuple(y for y, _ in outputs))))
    nodes = graph.nodes
    entries: dict[Value, Value] = {}
    scales, inputs = [], []
    for x in graph.inputs:
        readers = [node for node in nodes if x in node.inputs]
        found = {scale_and_zero(node) if node.operation == "quantize" else None for node in readers}
        scale = found.pop() if len(found) == 1 else None
        if scale is None:
            first = next((node for node in readers if node.operation != "quantize"), None)
            raise ValueError(f"export_c: dtype='int8' takes a model whose inputs are quantised first, with one scale, "
                             f"but {describe_node(first)} reads {x.name} in float; {_remedy_for(first)}")
        inputs.append(Value(x.name, "input", x.shape, np.dtype(np.int8)))
        entries |= {node.outputs[0]: inputs[-1] for node in readers}
        scales.append(Scale(*scale))
    kept = [_with_values(node, entries) for node in nodes if node.outputs[0] not in entries]
    made = replace(graph, nodes=tuple(kept), inputs=tuple(inputs),
                   outputs=tuple(entries.get(y, y) for y in graph.outputs))
    return made, scales, [scale for _, scale in outputs]


def _quantized_first(graph: Graph) -> Graph:
    """A graph that quantises before it moves elements, where it quantised after: the same integers."""
    while True:
        made = makers(graph)
        for node in graph.nodes:
            before = made.get(node.inputs[0]) if node.operation == "quantize" else None
            if before is not None and before.operation in _MOVES and scale_and_zero(node) is not None:
                graph = remove_dead_code(_exchanged(graph, before, node))
                break
        else:
            return graph


def _exchanged(graph: Graph, move: Node, quantize: Node) -> Graph:
    """A graph with a quantisation before the node that it followed."""
    x, y = move.inputs[0], quantize.outputs[0]
    q = Value(f"{y.name}_of_{x.name}", "result", x.shape, y.dtype)
    first = replace(quantize, outputs=(q,), arguments=quantize.arguments | {next(iter(quantize.arguments)): x})
    then = replace(_with_values(move, {x: q}), outputs=(y,))
    if move.operation == "pad":
        scale = Scale(*scale_and_zero(quantize))                # type: ignore[misc]
        then = replace(then, arguments=then.arguments | {
            "value": int(scale.quantized(np.asarray(move.arguments["value"], np.float32)))})
    nodes = [new for node in graph.nodes for new in ((first, then) if node is quantize else (node,))]
    return replace(graph, nodes=tuple(nodes))


def _before_dequantize(graph: Graph, y: Value) -> tuple[Value, Scale]:
    """The integers that an output stands for."""
    made = makers(graph)
    node = made.get(y)
    found = scale_and_zero(node) if node is not None and node.operation == "dequantize" else None
    if node is None or found is None:
        while node is not None and node.operation in _MOVES and node.inputs[0] in made:
            node = made[node.inputs[0]]
        raise ValueError(f"export_c: dtype='int8' takes a model whose outputs are dequantised last, but "
                         f"{describe_node(node)} computes {y.name} in float; {_remedy_for(node)}")
    return node.inputs[0], Scale(*found)


def _remedy_for(node: Node | None) -> str:
    """What helps against an operation in float at an end of a model."""
    name = "" if node is None else node.operation
    if name == "softmax":
        return ("leave it out, which keeps the order of the outputs, or use dtype='float32', which takes and gives "
                "float")
    if name in _WITH_INT8_FORMS:
        return "quantise with faster_only=False, which uses int8 also for layers that it makes slower"
    return "compute it outside of the model, or use dtype='float32', which takes and gives float"


def _with_values(node: Node, values: dict[Value, Value]) -> Node:
    def changed(x: Any) -> Any:
        if isinstance(x, Value):
            return values.get(x, x)
        return tuple(map(changed, x)) if type(x) in (list, tuple) else x
    return replace(node, arguments={name: changed(x) for name, x in node.arguments.items()})
