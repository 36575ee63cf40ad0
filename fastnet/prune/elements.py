"""Rules of channels for operations on elements: those of the operands are tied."""
from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.graph import Node, Value
from fastnet.graph.dimension import mapped
from fastnet.graph.operations import ELEMENTWISE
from fastnet.graph.running import node_result
from fastnet.prune.analysis import Analysis, place_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["ELEMENT_RULES", "apply_identity"]

_ALSO = "add_into", "cast", "hardtanh_into", "relu_into", "sub_into"


def apply_identity(analysis: Analysis, node: Node) -> None:
    """Give the result the channels of the input: of a copy, or of dropout, which is the identity in evaluation.

    Args:
        analysis: of the graph.
        node: the node.
    """
    found = analysis.of(node.inputs[0])
    if found is not None:
        analysis.put(node.outputs[0], found.axis, found.numbers, found.values)


def _tie_operands(analysis: Analysis, node: Node) -> None:
    """Tie the channels of all operands, which broadcast."""
    out = node.outputs[0]
    n = len(out.shape)
    places = {found.axis + n - len(x.shape) for x in node.inputs if (found := analysis.of(x)) is not None}
    if not places:
        return
    if len(places) > 1:
        analysis.refuse(node, f"{place_of(node)} combines channels of different dimensions")
        return
    [axis] = places
    numbers, values = [], {}
    for x in dict.fromkeys(node.inputs):
        own = axis - n + len(x.shape)
        size = x.shape[own] if own >= 0 else 1
        found = analysis.of(x)
        if found is not None and size == out.shape[axis]:
            numbers.append(found.numbers)
            values[x] = found.values
        elif size == 1:
            if found is not None:
                analysis.ties.fix(found.numbers, f"{place_of(node)} repeats it for other channels")
            values[x] = _number_repeated(x, out.shape[axis])
        elif found is None and x.kind in ("parameter", "buffer"):
            numbers.append(analysis.numbered(x, own))
            values[x] = x.data.reshape(-1).astype(np.float64) if x.data is not None and x.data.size == size else (
                np.full(size, np.nan))
        else:
            analysis.refuse(node, f"{place_of(node)} combines them with values whose channels are fixed")
            return
    for others in numbers[1:]:
        analysis.ties.tie(others, numbers[0])
    analysis.put(out, axis, numbers[0], _constant_results(node, values, out.shape[axis]))


def _number_repeated(x: Value, count: int) -> Array:
    """The values of an operand without channels: a number, or NaN."""
    return np.full(count, float(x.data.reshape(-1)[0]) if x.data is not None and x.data.size == 1 else np.nan)


def _constant_results(node: Node, values: dict[Value, Array], count: int) -> Array:
    """The results for constant channels; NaN for channels that vary."""
    varies = np.any([np.isnan(v) for v in values.values()], axis=0)
    constants = {x: Value(x.name, "constant", (count,), x.dtype, np.nan_to_num(v).astype(x.dtype))
                 for x, v in values.items()}
    arguments: Any = mapped(node.arguments, lambda x: constants[x] if isinstance(x, Value) else x)
    result = node_result(dataclasses.replace(node, arguments=arguments)).numpy().astype(np.float64)
    found = np.where(varies, np.nan, np.broadcast_to(result, (count,)))
    if node.operation == "mul":                         # 0 times anything
        found[np.any([v == 0 for v in values.values()], axis=0)] = 0
    return found


ELEMENT_RULES: dict[str, Callable[[Analysis, Node], None]] = dict.fromkeys((*ELEMENTWISE, *_ALSO), _tie_operands)
