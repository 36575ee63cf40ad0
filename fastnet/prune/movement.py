"""Rules of channels for operations that move elements: views, transpositions, slices."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.graph import Node
from fastnet.prune.analysis import Analysis, place_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["MOVES", "follow_move"]

# operation -> the same on an array, with the arguments of the node and the shape of its result
MOVES: dict[str, Callable[[Array, dict[str, Any], Any], Array]] = {
    "view": lambda x, a, shape: x.reshape(shape),
    "reshaped_copy": lambda x, a, shape: x.reshape(shape),
    "transposed": lambda x, a, shape: x.transpose(a["order"]),
    "expanded": lambda x, a, shape: np.broadcast_to(x, shape),
    "index_view": lambda x, a, shape: x[a["key"]],
    "flipped": lambda x, a, shape: np.flip(x, a["dims"]),
}


def follow_move(analysis: Analysis, node: Node) -> None:
    """Find the channels of the input in the result.

    They must be along one dimension of it and complete, since the same operation then moves fewer channels alike. A
    flattened image has each channel several times.

    Args:
        analysis: of the graph.
        node: a node whose operation is in `MOVES`.
    """
    value, out = node.inputs[0], node.outputs[0]
    found = analysis.of(value)
    if value.kind == "parameter" and node.operation == "transposed" and node.arguments["order"] == (1, 0):
        analysis.transposed[out] = value
    if found is None and value.kind in ("parameter", "buffer") and len(value.shape) == 1 and value.data is not None:
        analysis.put(value, 0, analysis.numbered(value, 0), value.data.astype(np.float64))
        found = analysis.of(value)
    if found is None:
        return
    count = len(found.numbers)
    marks = np.arange(count, dtype=np.int32).reshape(-1, *(1,) * (len(value.shape) - found.axis - 1))
    moved = MOVES[node.operation](np.broadcast_to(marks, value.shape), node.arguments, out.shape)
    axes = [d for d in range(moved.ndim) if _varies(moved, d)]
    if len(axes) > 1:
        analysis.refuse(node, f"{place_of(node)} divides them among several dimensions, such as attention heads or "
                              "groups")
        return
    if not axes:
        analysis.refuse(node, f"{place_of(node)} takes a single channel")
        return
    line = moved[tuple(slice(None) if d == axes[0] else 0 for d in range(moved.ndim))]
    if len(np.unique(line)) < count:
        analysis.refuse(node, f"{place_of(node)} takes a part of them")
        return
    analysis.put(out, axes[0], found.numbers[line], found.values[line])


def _varies(marks: Array, axis: int) -> bool:
    """Whether the marks differ along an axis."""
    return marks.shape[axis] > 1 and bool((marks != marks.take([0], axis)).any())
