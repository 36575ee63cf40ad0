"""Padding and cropping."""
from __future__ import annotations

from typing import Any

import numpy as np

import fastnet
import fastnet.nn.functional as F
from fastnet import Tensor
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.operators.shapes import axis_of, given_axes, sliced
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator

_PAD_NAMES: dict[str, Any] = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}     # ONNX's names are NumPy's


def padded(node: Node, x: Any, pads: list[tuple[int, int]], value: Any) -> Any:
    """x with elements before and after each dimension; negative numbers remove elements.

    Args:
        node: with the attribute `mode`.
        x: any shape.
        pads: (before, after) of each dimension.
        value: of a constant.
    """
    checked_sizes([max(n + before + after, 0) for n, (before, after) in zip(x.shape, pads)], x.dtype)
    mode = node.attribute("mode", "constant")
    if mode == "constant" and isinstance(x, Tensor):
        return F.pad(x, [n for pair in reversed(pads) for n in pair], "constant", value)
    for axis, (before, after) in enumerate(pads):
        x = sliced(x, axis, max(-before, 0), x.shape[axis] - max(-after, 0), 1)
    widths = [(max(before, 0), max(after, 0)) for before, after in pads]
    if isinstance(x, np.ndarray):
        return np.pad(x, widths, constant_values=value) if mode == "constant" else np.pad(x, widths, _PAD_NAMES[mode])
    for axis, width in enumerate(widths):
        if any(width):
            places = np.pad(np.arange(x.shape[axis]), width, _PAD_NAMES[mode])
            x = fastnet.index_select(x, axis, as_tensor(places))
    return x


@operator("Pad", known=("pads", "value", "axes"))
def pad(node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    """x with elements before and after each axis, by the attribute `mode`."""
    if node.attribute("mode", "constant") not in ("constant", *_PAD_NAMES):
        raise node.refuse(f"the mode {node.attribute('mode')!r}")
    given = node.attribute("pads", node.attribute("paddings")) if pads is None else pads
    widths = [int(n) for n in np.ravel(given)]
    chosen = list(range(x.ndim)) if axes is None else [axis_of(axis, x.ndim) for axis in given_axes(node, axes) or []]
    if len(widths) != 2 * len(chosen):
        raise ValueError(f"expected {2 * len(chosen)} pads for {len(chosen)} axes, got {len(widths)}")
    each = [(0, 0)] * x.ndim
    for axis, before, after in zip(chosen, widths, widths[len(chosen):]):
        each[axis] = before, after
    number = node.attribute("value", 0.0) if value is None or value.size == 0 else np.ravel(value)[0].item()
    return padded(node, x, each, number if x.dtype.kind in "fc" else type(number)(number) if number else 0)


@operator("CenterCropPad", known=("shape",))
def center_crop_pad(node: Node, x: Tensor, shape: Any) -> Tensor:
    """x cropped, or padded with zeros, at both ends of each axis, to the given lengths."""
    axes = node.attribute("axes") or range(x.ndim)
    pads = [(0, 0)] * x.ndim
    for axis, n in zip(axes, shape):
        axis = axis_of(axis, x.ndim)
        extra = int(n) - x.shape[axis]
        before = abs(extra) // 2
        pads[axis] = (before, extra - before) if extra > 0 else (-before, extra + before)
    checked_sizes([n + sum(pair) for n, pair in zip(x.shape, pads)], x.dtype)
    return F.pad(x, [n for pair in reversed(pads) for n in pair])
