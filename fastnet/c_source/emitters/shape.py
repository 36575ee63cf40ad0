"""Changes of shape, parts, concatenation and padding."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.c_source.constants import float_text
from fastnet.c_source.loops import broadcast_strides, contiguous_strides, element, loops
from fastnet.c_source.program import count_of
from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node, Value


@emitter("view", "copied", "reshaped_copy", "clone", "channels_last")
def emit_same_elements(node: Node, code: Code) -> None:
    """The same elements in the same order."""
    code.alias(code.result, node.inputs[0])


@emitter("transposed")
def emit_transposed(node: Node, code: Code) -> None:
    """Another order of the dimensions."""
    x, order = node.arguments["x"], node.arguments["order"]
    strides = contiguous_strides(x.shape)
    code.view(x, tuple(strides[d] for d in order))


@emitter("expanded")
def emit_expanded(node: Node, code: Code) -> None:
    """Repeated elements."""
    x = node.arguments["x"]
    code.view(x, broadcast_strides(x.shape, code.result.shape))


@emitter("index_view")
def emit_index_view(node: Node, code: Code) -> None:
    """A part that integers and slices select."""
    x, key = node.arguments["x"], node.arguments["key"]
    strides, offset = _strides_of_part(x.shape, key)
    code.view(x, strides, offset)


def _strides_of_part(shape: Any, key: Any) -> tuple[tuple[int, ...], int]:
    """The strides of array[key] and its first element."""
    whole = np.empty(shape, np.int8)
    part = whole[key]
    return tuple(part.strides), part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]


@emitter("cat")
def emit_cat(node: Node, code: Code) -> None:
    """Concatenation along a dimension."""
    y, dim = code.result, node.arguments["dim"] % max(len(code.result.shape), 1)
    to, start = contiguous_strides(y.shape), 0
    for part in node.inputs:
        if count_of(part):
            code.copy(part, part.shape, to, contiguous_strides(part.shape), start * to[dim])
            start += part.shape[dim]


@emitter("flipped")
def emit_flipped(node: Node, code: Code) -> None:
    """Elements in reverse order along dimensions."""
    x, dims = node.arguments["x"], node.arguments["dims"]
    own = contiguous_strides(x.shape)
    code.view(x, tuple(-s if d in dims else s for d, s in enumerate(own)),
              sum((x.shape[d] - 1) * own[d] for d in dims))


@emitter("pad")
def emit_pad(node: Node, code: Code) -> None:
    """Padding with a constant; of the past with earlier inputs in a streaming model."""
    x, pads, mode, value = node.arguments.values()
    if mode != "constant":
        raise code.unsupported(f"has mode {mode!r}, which has no rule for C")
    y, pads = code.result, ((0, 0),) * (len(x.shape) - len(pads)) + tuple(pads)
    if code.streaming and pads[-1][0] > 0 and pads[-1][1] == 0 and not any(map(any, pads[:-1])):
        _emit_past(code, x, pads[-1][0], value)
        return
    own, to = contiguous_strides(x.shape), contiguous_strides(y.shape)
    block = tuple(n + min(before, 0) + min(after, 0) for n, (before, after) in zip(x.shape, pads))
    start = sum(max(before, 0) * s for (before, _), s in zip(pads, to))
    offset = sum(max(-before, 0) * s for (before, _), s in zip(pads, own))
    fill = float_text(value) if y.dtype.kind == "f" else code.integer(int(value))
    code.emit(f"for (int32_t i = 0; i < {math.prod(y.shape)}; i++)\n    $y[i] = {fill};")
    code.copy(x, block, to, own, start, offset)


def _emit_past(code: Code, x: Value, past: int, value: float) -> None:
    """The past elements of each row, then those of x. The last ones become the past of the next call."""
    steps = x.shape[-1]
    rows, length = count_of(x) // steps, past + steps
    kept = code.state(f"{code.result.name}_past", rows * past, x.dtype, value)
    at = {name: element(f"${name}", (size, 1)) for name, size in (("y", length), ("x", steps), ("past", past))}
    shifted = {first: element("$y", (length, 1), first) for first in (past, steps)}
    body = "\n".join(["{", *(f"    for (int32_t j = 0; j < {n}; j++)\n        {to} = {source};" for n, to, source in (
        (past, at["y"], at["past"]), (steps, shifted[past], at["x"]), (past, at["past"], shifted[steps]))), "}"])
    code.emit(loops((rows,), body), x=x, past=kept)
