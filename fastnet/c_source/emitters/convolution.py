"""Convolutions over one and two dimensions."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet.c_source.rules import IMAGE_DIMENSIONS, emitter

if TYPE_CHECKING:
    from fastnet.c_source.program import Code, Constant
    from fastnet.graph import Node

__all__ = ["conv_shape_of"]



def _conv_sizes(x: Any, y: Any, weight: Any, geometry: Any) -> dict[str, int]:
    """The fields of a `conv_shape`.

    Args:
        x, y: values, (N, C, L) or (N, C, H, W).
        weight: a value.
        geometry: stride, padding and dilation over (D, H, W), and groups.
    """
    (height, width), (out_height, out_width) = ((1, *value.shape[2:])[-2:] for value in (x, y))
    kernel = (1, *weight.shape[2:])[-2:]
    stride, padding, dilation, groups = geometry
    return {
        "images": x.shape[0], "channels": x.shape[1], "height": height, "width": width, "filters": y.shape[1],
        "out_height": out_height, "out_width": out_width, "kernel_height": kernel[0], "kernel_width": kernel[1],
        "stride_y": stride[-2], "stride_x": stride[-1], "pad_y": padding[-2], "pad_x": padding[-1],
        "dilation_y": dilation[-2], "dilation_x": dilation[-1], "groups": groups}


def conv_shape_of(node: Node, code: Code) -> Constant:
    """The structure `conv_shape` of a convolution.

    Args:
        node: with the arguments x, weight and geometry.
        code: to add to.

    Raises:
        NotImplementedError: three dimensions, or a streaming model that pads the future.
    """
    x, weight = node.arguments["x"], node.arguments["weight"]
    if len(x.shape) > IMAGE_DIMENSIONS:
        raise code.unsupported("is a convolution over three dimensions, which has no rule for C")
    geometry = node.arguments["geometry"]
    if code.streaming and len(x.shape) == IMAGE_DIMENSIONS - 1 and geometry[1][-1]:
        raise code.unsupported("pads both ends of time: with streaming=True, pad the past alone with "
                               "nn.functional.pad(x, (past, 0))")
    return code.struct("conv_shape", **_conv_sizes(x, code.result, weight, geometry))


@emitter("conv")
def emit_conv(node: Node, code: Code) -> None:
    """A convolution."""
    if node.arguments["activation"] not in ("none", "relu"):
        raise code.unsupported(f"has the activation {node.arguments['activation']!r}, which has no rule for C")
    y, shape = code.result, conv_shape_of(node, code)
    code.emit("conv($y, $x, $weight, $bias, &$shape);", x=node.arguments["x"], weight=node.arguments["weight"],
              bias=node.arguments["bias"], shape=shape)
    if node.arguments["activation"] == "relu":
        code.emit(f"for (int32_t i = 0; i < {math.prod(y.shape)}; i++)\n    $y[i] = relu($y[i]);")


@emitter("conv_transposed")
def emit_conv_transposed(node: Node, code: Code) -> None:
    """A transposed convolution."""
    shape = conv_shape_of(node, code)
    code.emit("conv_transposed($y, $x, $weight, $bias, &$shape);", x=node.arguments["x"],
              weight=node.arguments["weight"], bias=node.arguments["bias"], shape=shape)
