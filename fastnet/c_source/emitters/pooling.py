"""Pooling over windows."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet.c_source.constants import float_text
from fastnet.c_source.program import Constant
from fastnet.c_source.rules import IMAGE_DIMENSIONS, emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code
    from fastnet.graph import Node

__all__ = ["pool_axes"]

_ADAPTIVE = 0, 1, 0, 1                  # kernel, stride, padding, dilation
_FIELDS = "size", "outputs", "kernel", "stride", "pad", "dilation"


def pool_axes(node: Node, code: Code) -> dict[str, Any]:
    """The structures `rows` and `columns` of a pool, and the number of its images.

    Args:
        node: with the arguments x and windows.
        code: to add to.
    """
    x, windows = node.arguments["x"], node.arguments["windows"]
    if len(x.shape) > IMAGE_DIMENSIONS:
        raise code.unsupported("is a pool over three dimensions, which has no rule for C")
    axes, lengths = windows.axes, windows.lengths
    sizes = (1, *x.shape[2:])[-2:]
    made = {name: Constant(f"{code.result.name}_{name}", None, "pool_axis", dict(zip(_FIELDS, (
        sizes[i], lengths[i + 1], *(_ADAPTIVE if axes is None else axes[i + 1])))))
        for i, name in enumerate(("rows", "columns"))}
    return {"x": x, "planes": math.prod(x.shape[:2]), **made}


@emitter("max_pool")
def emit_max_pool(node: Node, code: Code) -> None:
    """The largest element of each window."""
    if node.arguments["indices"] is not None:
        raise code.unsupported("returns indices, which has no rule for C")
    code.emit("max_pool($y, $x, $planes, &$rows, &$columns);", **pool_axes(node, code))


@emitter("avg_pool")
def emit_avg_pool(node: Node, code: Code) -> None:
    """The average of each window."""
    divisor = node.arguments["divisor_override"]
    padded = node.arguments["count_include_pad"] and node.arguments["windows"][0] is not None
    number = float(divisor) if divisor is not None else -1.0 if padded else 0.0
    code.emit(f"avg_pool($y, $x, $planes, &$rows, &$columns, {float_text(number)});", **pool_axes(node, code))
