"""Rearrangement of channels and pixels in ONNX models."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.onnx.registry import Node, operator

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__: list[str] = []


@operator("DepthToSpace")
def depth_to_space(node: Node, x: Tensor) -> Tensor:
    """Channels as blocks of pixels; mode "DCR" has the block in the outer part of the channels, "CRD" in the inner."""
    r = node.attribute("blocksize")
    n, channels, h, w = x.shape
    c = channels // (r * r)
    if node.attribute("mode", "DCR") == "CRD":
        return x.reshape(n, c, r, r, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c, h * r, w * r)
    return x.reshape(n, r, r, c, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c, h * r, w * r)


@operator("SpaceToDepth")
def space_to_depth(node: Node, x: Tensor) -> Tensor:
    """Blocks of pixels as channels; the modes are those of DepthToSpace."""
    r = node.attribute("blocksize")
    n, c, height, width = x.shape
    h, w = height // r, width // r
    order = (0, 1, 3, 5, 2, 4) if node.attribute("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    return x.reshape(n, c, h, r, w, r).permute(*order).reshape(n, c * r * r, h, w)
