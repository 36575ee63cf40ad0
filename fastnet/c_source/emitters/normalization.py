"""Normalisation: of batches with running statistics, of groups of channels, and of rows."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnet.c_source.constants import float_text
from fastnet.c_source.program import count_of
from fastnet.c_source.rules import emitter

if TYPE_CHECKING:
    from typing import Any

    from fastnet.c_source.program import Code
    from fastnet.graph import Node


@emitter("batch_norm")
def emit_batch_norm(node: Node, code: Code) -> None:
    """A batch norm with running statistics, as a scale and a shift for each channel."""
    given: dict[str, Any] = node.arguments
    x = given["x"]
    if given["training"] or given["running_mean"] is None:
        raise code.unsupported("uses the statistics of the batch, which has no rule for C")
    if given["residual"] is not None or given["activation"] != "none":
        raise code.unsupported("is fused with other operations, which has no rule for C")
    mean, var, weight, bias = (None if given[name] is None else code.array(given[name]).astype(np.float64)
                               for name in ("running_mean", "running_var", "weight", "bias"))
    scale = (1 if weight is None else weight) / np.sqrt(var + given["eps"])
    shift = (0 if bias is None else bias) - mean * scale
    channels, size = x.shape[1], math.prod(x.shape[2:])
    code.emit(f"scale_channels($y, $x, $scale, $shift, {x.shape[0]}, {channels}, {size});", x=x, in_place=[x],
              scale=code.constant(f"{node.module}_scale", scale), shift=code.constant(f"{node.module}_shift", shift))


@emitter("layer_norm")
def emit_layer_norm(node: Node, code: Code) -> None:
    """A layer norm over the last dimensions."""
    _emit_normalized(node, code, "normalize", *node.arguments["shape"])


@emitter("rms_norm")
def emit_rms_norm(node: Node, code: Code) -> None:
    """An RMS norm over the last dimensions."""
    _emit_normalized(node, code, "normalize_rms", *node.arguments["shape"])


def _emit_normalized(node: Node, code: Code, function: str, rows: int, n: int) -> None:
    x, weight, bias = node.arguments["x"], node.arguments["weight"], node.arguments.get("bias")
    code.emit(f"{function}($y, $x, {rows}, {n}, {float_text(node.arguments['eps'])});", x=x, in_place=[x])
    _emit_affine(code, weight, bias, rows, n, 1)


def _emit_affine(code: Code, weight: Any, bias: Any, images: int, channels: int, size: int) -> None:
    """Scale and shift the channels of the result."""
    if weight is None and bias is None:
        return
    name = code.result.name
    scale = code.constant(f"{name}_scale", np.ones(channels)) if weight is None else weight
    shift = code.constant(f"{name}_shift", np.zeros(channels)) if bias is None else bias
    code.emit(f"scale_channels($y, $y, $scale, $shift, {images}, {channels}, {size});", scale=scale, shift=shift)


@emitter("group_norm")
def emit_group_norm(node: Node, code: Code) -> None:
    """A group norm."""
    x, groups = node.arguments["x"], node.arguments["groups"]
    images, channels = x.shape[:2]
    code.emit(f"normalize($y, $x, {images * groups}, {count_of(x) // (images * groups)}, "
              f"{float_text(node.arguments['eps'])});", x=x, in_place=[x])
    _emit_affine(code, node.arguments["weight"], node.arguments["bias"], images, channels, math.prod(x.shape[2:]))


