"""Resize and Upsample of ONNX models."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.functional.axis_tables import weight_table
from fastnet.functional.compare import where as where_true
from fastnet.functional.indexing import index_select
from fastnet.functional.resampling import weighted_sums
from fastnet.nn import functional as F
from fastnet.onnx.coordinates import Entries, ResizedAxis, nearest_entries, positions, weighted_entries
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__: list[str] = []

_MOST_LENGTH = 2**31 - 1                # of a dimension that a scale gives


@operator("Upsample", since=7)
def upsample_by_attribute(node: Node, x: Tensor) -> Tensor:
    """The input with each dimension enlarged by a factor, an attribute."""
    return _enlarged(node, x, node.attribute("scales"))


@operator("Upsample", since=9, known=("scales",))
@operator("Resize", since=10, known=("scales",))
def upsample(node: Node, x: Tensor, scales: Array) -> Tensor:
    """The input with each dimension resized by a factor; positions are index / factor."""
    return _enlarged(node, x, scales.tolist())


def _enlarged(node: Node, x: Tensor, scales: Sequence[float]) -> Tensor:
    axes = {i: ResizedAxis(n, _scaled_length(n, scale), scale) for i, (n, scale) in enumerate(zip(x.shape, scales))}
    return _with_new_sizes(x, axes, node.attribute("mode", "nearest"), "asymmetric", {"nearest_mode": "floor"})


def _scaled_length(n: int, scale: float) -> int:
    """floor(n * scale). The product is rounded to float32, as in ONNX Runtime: 10 * 0.7 is 7."""
    if not 0 <= n * scale <= _MOST_LENGTH:
        raise ValueError(f"expected scales for lengths of 0 to {_MOST_LENGTH}, got {n} * {scale}")
    return math.floor(float(np.float32(n * scale)))


@operator("Resize", since=11, known=("roi", "scales", "sizes"))
def resize(node: Node, x: Tensor, roi: Array | None = None, scales: Array | None = None,
           sizes: Array | None = None) -> Tensor:
    """The input with dimensions resized: nearest neighbour, linear or cubic."""
    transformation = node.attribute("coordinate_transformation_mode", "half_pixel")
    axes = _axes(node, x, scales, sizes)
    if transformation == "tf_crop_and_resize":
        axes = _with_parts(node, x, axes, roi)
    return _with_new_sizes(x, axes, node.attribute("mode", "nearest"), transformation, node.attributes)


def _axes(node: Node, x: Tensor, scales: Array | None, sizes: Array | None) -> dict[int, ResizedAxis]:
    """The dimensions that are resized."""
    chosen = [axis % x.ndim for axis in node.attribute("axes", tuple(range(x.ndim)))]
    lengths = [x.shape[axis] for axis in chosen]
    if scales is not None and scales.size:
        return {axis: ResizedAxis(n, _scaled_length(n, scale), scale)
                for axis, n, scale in zip(chosen, lengths, scales.astype(np.float64).tolist())}
    if sizes is None or len(sizes) != len(chosen):
        raise ValueError(f"expected scales or sizes for {len(chosen)} dimensions")
    ratios = [int(m) / n for m, n in zip(sizes, lengths)]
    policy = node.attribute("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return {axis: ResizedAxis(n, int(m), ratio) for axis, n, m, ratio in zip(chosen, lengths, sizes, ratios)}
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return {axis: ResizedAxis(n, math.floor(scale * n + 0.5), scale) for axis, n in zip(chosen, lengths)}


def _with_parts(node: Node, x: Tensor, axes: dict[int, ResizedAxis], roi: Array | None) -> dict[int, ResizedAxis]:
    """The dimensions with the parts of them that are read."""
    if roi is None or len(roi) != 2 * len(axes):
        raise ValueError(f"tf_crop_and_resize: expected a roi of {2 * len(axes)} numbers")
    starts, ends = roi[:len(axes)].tolist(), roi[len(axes):].tolist()
    return {axis: ResizedAxis(a.size, a.length, a.scale, start, end)
            for (axis, a), start, end in zip(axes.items(), starts, ends)}


def _with_new_sizes(x: Tensor, axes: dict[int, ResizedAxis], mode: str, transformation: str,
             options: dict[str, Any]) -> Tensor:
    checked_sizes([max(axes[i].length, 1) if i in axes else n for i, n in enumerate(x.shape)], x.dtype)
    wanted = {axis: a for axis, a in axes.items() if (a.length, a.scale, a.start, a.end) != (a.size, 1, 0, 1)}
    if mode == "nearest":
        return _by_nearest(x, wanted, transformation, options)
    if x.dtype.kind != "f":
        return _with_new_sizes(x.to(dtypes.float64), axes, mode, transformation, options).to(x.dtype)
    for axis, a in wanted.items():
        where = positions(a, transformation)
        cubic = options.get("cubic_coeff_a", -0.75) if mode == "cubic" else None
        entries = weighted_entries(where, a, cubic, bool(options.get("antialias", 0)),
                                   bool(options.get("exclude_outside", 0)))
        x = _summed_entries(x, axis, a, entries)
        if transformation == "tf_crop_and_resize":
            x = _extrapolated(x, axis, (where < 0) | (where > a.size - 1), options)
    return x


def _summed_entries(x: Tensor, axis: int, a: ResizedAxis, entries: Entries) -> Tensor:
    rows, index, weights = entries
    return weighted_sums(x, axis, weight_table(rows, index, weights, a.length, x.dtype),
                         weight_table(index, rows, weights, a.size, x.dtype))


def _extrapolated(x: Tensor, axis: int, outside: Array, options: dict[str, Any]) -> Tensor:
    """x with the value for positions outside of the input."""
    if not outside.any():
        return x
    mask = as_tensor(outside.reshape(-1, *(1,) * (x.ndim - axis - 1)))
    return where_true(mask, float(options.get("extrapolation_value", 0.0)), x).to(x.dtype)


def _by_nearest(x: Tensor, axes: dict[int, ResizedAxis], transformation: str, options: dict[str, Any]) -> Tensor:
    found = {axis: nearest_entries(positions(a, transformation), a.size,
                                   options.get("nearest_mode", "round_prefer_floor")) for axis, a in axes.items()}
    if 3 <= x.ndim <= 5 and x.dtype.kind == "f" and axes and min(axes) > 1 and all(
            np.array_equal(index, np.arange(a.length) * a.size // a.length)
            for index, a in zip(found.values(), axes.values())):
        return F.interpolate(x, tuple(axes[i].length if i in axes else x.shape[i] for i in range(2, x.ndim)))
    for axis, index in found.items():
        x = index_select(x, axis, as_tensor(index))
        if transformation == "tf_crop_and_resize":
            where = positions(axes[axis], transformation)
            x = _extrapolated(x, axis, (where < 0) | (where > axes[axis].size - 1), options)
    return x
