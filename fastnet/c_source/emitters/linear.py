"""Linear layers, matrix products and tables of embeddings."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet.c_source.program import count_of
from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node


@emitter("linear")
def emit_linear(node: Node, code: Code) -> None:
    """x @ weight.T + bias."""
    x, weight, bias = node.arguments.values()
    outputs, inputs = weight.shape
    code.emit(f"linear($y, $x, $weight, $bias, {count_of(x) // max(inputs, 1)}, {inputs}, {outputs});", x=x,
              weight=weight, bias=bias)


@emitter("mm")
def emit_product(node: Node, code: Code) -> None:
    """A product of matrices or of batches of matrices."""
    a, b = node.inputs
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    if len(b.shape) == 2 and b.kind != "result" and b.data is not None:
        weight = code.constant(b.name, b.data.T)
        code.emit(f"linear($y, $x, $weight, NULL, {rows}, {inner}, {columns});", x=a, weight=weight)
        return
    batch = math.prod(code.result.shape[:-2])
    steps = [0 if math.prod(m.shape[:-2]) == 1 else m.shape[-2] * m.shape[-1] for m in (a, b)]
    code.emit(f"matmul($y, $a, $b, {batch}, {steps[0]}, {steps[1]}, {rows}, {inner}, {columns});", a=a, b=b)


@emitter("embedding")
def emit_embedding(node: Node, code: Code) -> None:
    """Rows of a table."""
    table, index = node.arguments["weight"], node.arguments["index"]
    rows, width = table.shape
    code.emit(f"embedding($y, $table, $index, {count_of(index)}, {rows}, {width});", table=table, index=index)
