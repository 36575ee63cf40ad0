"""The positions and weights of ONNX's Resize along one dimension, in NumPy."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Entries", "ResizedAxis", "nearest_entries", "positions", "weighted_entries"]


@dataclass(frozen=True)
class ResizedAxis:
    """A dimension that is resized.

    Attributes:
        size: its length.
        length: its new length.
        scale: the ratio, which need not be that of the lengths.
        start, end: the part of the input that is read, as fractions; for tf_crop_and_resize.
    """

    size: int
    length: int
    scale: float
    start: float = 0.0
    end: float = 1.0


class Entries(NamedTuple):
    """A weighted sum for each new position: result[rows[k]] += weights[k] * x[entries[k]]."""

    rows: Array
    entries: Array
    weights: Array


def positions(axis: ResizedAxis, transformation: str) -> Array:
    """The position in the input of each new element, by ONNX's coordinate_transformation_mode.

    Args:
        axis: the dimension.
        transformation: the mode.

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> from fastnet.onnx.coordinates import ResizedAxis, positions
        >>> positions(ResizedAxis(2, 4, 2.0), "half_pixel").tolist()
        [-0.25, 0.25, 0.75, 1.25]
    """
    i, wide = np.arange(axis.length, dtype=np.float64), axis.scale * axis.size
    if transformation == "asymmetric":
        return i / axis.scale
    if transformation == "align_corners":
        return i * 0.0 if wide == 1 else i * (axis.size - 1) / (wide - 1)
    if transformation == "tf_crop_and_resize":
        part = (axis.end - axis.start) * (axis.size - 1)
        return axis.start * (axis.size - 1) + (i * 0.0 + part / 2 if wide == 1 else i * part / (wide - 1))
    if transformation == "tf_half_pixel_for_nn":
        return (i + 0.5) / axis.scale
    middle = (i + 0.5) / axis.scale - 0.5
    if transformation == "pytorch_half_pixel":
        return middle if wide != 1 else i * 0.0 - 0.5
    if transformation == "half_pixel_symmetric":
        return middle + axis.size / 2 * (1 - axis.length / wide)
    if transformation == "half_pixel":
        return middle
    raise ValueError(f"expected a coordinate_transformation_mode of ONNX, got {transformation!r}")


def nearest_entries(where: Array, size: int, rounding: str) -> Array:
    """The index of the nearest element for each position.

    Args:
        where: positions.
        size: of the dimension.
        rounding: ONNX's nearest_mode.

    Raises:
        ValueError: an unknown mode.
    """
    rounded = {"round_prefer_floor": lambda: np.ceil(where - 0.5), "round_prefer_ceil": lambda: np.floor(where + 0.5),
               "floor": lambda: np.floor(where), "ceil": lambda: np.ceil(where)}
    if rounding not in rounded:
        raise ValueError(f"expected a nearest_mode of ONNX, got {rounding!r}")
    return rounded[rounding]().astype(np.int64).clip(0, size - 1)


def weighted_entries(where: Array, axis: ResizedAxis, cubic: float | None, antialias: bool, inside: bool) -> Entries:
    """The weights of linear or cubic interpolation.

    Args:
        where: positions.
        axis: the dimension.
        cubic: the coefficient of cubic interpolation, such as -0.75; None for linear interpolation.
        antialias: widen the filter when the dimension shrinks.
        inside: leave out elements beyond the ends; otherwise they equal the last one.
    """
    radius = 1 if cubic is None else 2
    stretch = min(axis.scale, 1.0) if antialias else 1.0
    reach = math.ceil(radius / stretch)
    taps = np.floor(where).astype(np.int64)[:, None] + np.arange(1 - reach, reach + 1)
    distance = np.abs(taps - where[:, None]) * stretch
    weights = np.maximum(1 - distance, 0) if cubic is None else _cubic_filter(distance, cubic)
    if inside:
        weights = np.where((taps < 0) | (taps >= axis.size), 0.0, weights)
    if inside or antialias:
        total = weights.sum(1, keepdims=True)
        weights = weights / np.where(total == 0, 1.0, total)
    rows = np.repeat(np.arange(len(where)), taps.shape[1])
    return Entries(rows, taps.clip(0, axis.size - 1).ravel(), weights.ravel())


def _cubic_filter(distance: Array, a: float) -> Array:
    """Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((distance - 5) * distance + 8) * distance * a - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
