"""Linear maps of float32 numbers with weights of 8 and 4 bits."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet.c_source.program import count_of
from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node


@emitter("weight_only_linear")
def emit_weight_only_linear(node: Node, code: Code) -> None:
    """A linear map whose weights have scales in groups."""
    x, weight, scale, zero, bias = node.arguments.values()
    outputs, inputs, groups = weight.shape[0], x.shape[-1], scale.shape[-1]
    function = "weight_only_linear4" if weight.dtype == np.uint8 else "weight_only_linear"
    rows = count_of(x) // max(inputs, 1)
    code.emit(f"{function}($y, $x, $weight, $scale, $zero, $bias, {rows}, {inputs}, {outputs}, {groups});",
              x=x, weight=weight, scale=scale, zero=zero, bias=bias)


@emitter("dynamic_linear")
def emit_dynamic_linear(node: Node, code: Code) -> None:
    """A linear map that quantises its input by the range of each row."""
    x, weight, scale, bias, relu = node.arguments.values()
    outputs, inputs = weight.shape
    q = code.scratch(inputs, np.int8, f"{code.result.name}_input")
    rows = count_of(x) // max(inputs, 1)
    code.emit(f"dynamic_linear($y, $x, $q, $weight, $scale, $bias, {rows}, {inputs}, {outputs}, {int(relu)});",
              x=x, q=q, weight=weight, scale=scale, bias=bias, writes=[q])
