"""Shapes, and values in another shape."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.registry import Node, operator


def axis_of(axis: int, ndim: int) -> int:
    """An axis counted from the first one.

    Args:
        axis: negative ones count from the end.
        ndim: the number of dimensions.
    """
    if not -ndim <= axis < ndim:
        raise ValueError(f"expected an index of {ndim}, from the start or the end, got {axis}")
    return axis % ndim


def given_axes(node: Node, axes: Any) -> list[int] | None:
    """The axes of a node, which are an attribute in old versions and an input in new ones; None if there are none.

    Args:
        node: the node.
        axes: its input, or None.
    """
    found = node.attribute("axes") if axes is None else axes
    return None if found is None else [int(axis) for axis in np.ravel(found)]


# ---- shapes ----------------------------------------------------------------------------------------------------------

@operator("Shape")
def shape(node: Node, x: Any) -> Any:
    """The lengths of the dimensions from `start` to `end`."""
    start, end = node.attribute("start", 0), node.attribute("end")
    return np.array(x.shape[start:end], np.int64)


@operator("Size")
def size(node: Node, x: Any) -> Any:
    """The number of elements."""
    return np.array(math.prod(x.shape), np.int64)


# ---- other shapes ----------------------------------------------------------------------------------------------------

@operator("Reshape", known=("shape",))
def reshape(node: Node, x: Any, shape: Any = None) -> Any:
    """x in another shape, in which 0 stands for the length in x, and -1 for the length that remains."""
    wanted = [int(n) for n in np.ravel(node.attribute("shape") if shape is None else shape)]
    if not node.attribute("allowzero", 0):
        if any(n == 0 and i >= x.ndim for i, n in enumerate(wanted)):
            raise ValueError(f"0 copies the length of a dimension, of which the input has {x.ndim}; got {wanted}")
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return x.reshape(tuple(wanted))


@operator("Flatten")
def flatten(node: Node, x: Any) -> Any:
    """A matrix: the dimensions before the axis, and the others."""
    axis = node.attribute("axis", 1)
    axis = axis if axis == x.ndim else axis_of(axis, x.ndim)
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operator("Squeeze", known=("axes",))
def squeeze(node: Node, x: Any, axes: Any = None) -> Any:
    """x without axes of length 1."""
    given = given_axes(node, axes)
    dropped = {axis_of(axis, x.ndim) for axis in given} if given is not None else {
        axis for axis, n in enumerate(x.shape) if n == 1}
    if any(x.shape[axis] != 1 for axis in dropped):
        raise ValueError(f"expected axes of length 1 of an input of shape {tuple(x.shape)}, got {given}")
    return x.reshape(tuple(n for axis, n in enumerate(x.shape) if axis not in dropped))


@operator("Unsqueeze", known=("axes",))
def unsqueeze(node: Node, x: Any, axes: Any = None) -> Any:
    """x with new axes of length 1."""
    given = given_axes(node, axes) or []
    ndim = x.ndim + len(given)
    added = {axis_of(axis, ndim) for axis in given}
    if len(added) < len(given):
        raise ValueError(f"expected different axes, got {given}")
    lengths = iter(x.shape)
    return x.reshape(tuple(1 if axis in added else next(lengths) for axis in range(ndim)))


@operator("Transpose")
def transpose(node: Node, x: Any) -> Any:
    """x with its axes in another order."""
    order = node.attribute("perm") or tuple(reversed(range(x.ndim)))
    return x.permute(order) if isinstance(x, Tensor) else x.transpose(order)


@operator("Identity")
def identity(node: Node, x: Any) -> Any:
    """x itself."""
    return x


@operator("Expand", known=("shape",))
def expand(node: Node, x: Any, shape: Any) -> Any:
    """x broadcast to a shape, both ways."""
    wanted = np.broadcast_shapes(tuple(x.shape), tuple(map(int, shape)))
    checked_sizes(wanted, x.dtype)
    return fastnet.broadcast_to(x, wanted) if isinstance(x, Tensor) else np.broadcast_to(x, wanted)


@operator("Tile", since=6, known=("repeats",))
def tile(node: Node, x: Any, repeats: Any) -> Any:
    """x repeated along each axis."""
    repeats = [int(times) for times in repeats]
    if len(repeats) != x.ndim:
        raise ValueError(f"expected {x.ndim} repeats for an input of shape {tuple(x.shape)}, got {repeats}")
    checked_sizes([n * times for n, times in zip(x.shape, repeats)], x.dtype)
    return np.tile(x, repeats) if isinstance(x, np.ndarray) else fastnet.tile(x, repeats) if repeats else x


@operator("Tile", known=("tiles", "axis"))
def tile_along(node: Node, x: Any, tiles: Any, axis: Any) -> Any:
    """x repeated along one axis: the first form of Tile."""
    repeats = [1] * x.ndim
    repeats[axis_of(int(axis.item()), x.ndim)] = int(tiles.item())
    return tile(node, x, repeats)


# ---- joining and cutting ---------------------------------------------------------------------------------------------

_CONCAT_NEEDS_AXIS = 4                  # the version of the operator set from which on there is no default


@operator("Concat")
def concat(node: Node, *parts: Any) -> Any:
    """Values one after the other along an axis."""
    axis = node.attribute("axis", 1 if node.opset < _CONCAT_NEEDS_AXIS else None)
    if axis is None:
        raise ValueError("expected the attribute axis, got none")
    axis = axis_of(axis, parts[0].ndim)
    length = sum(part.shape[axis] for part in parts if part.ndim > axis)
    checked_sizes([*parts[0].shape[:axis], length, *parts[0].shape[axis + 1:]], parts[0].dtype)
    if any(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate([np.asarray(part) for part in parts], axis)
    return parts[0] if len(parts) == 1 else fastnet.cat(parts, axis)


@operator("Split", known=("split",))
def split(node: Node, x: Tensor, split: Any = None) -> tuple[Tensor, ...]:
    """Consecutive parts of an axis."""
    axis = axis_of(node.attribute("axis", 0), x.ndim)
    sizes, parts = node.attribute("split") if split is None else split, node.attribute("num_outputs", len(node.outputs))
    if sizes is None:
        each = -(-x.shape[axis] // parts)
        sizes = [min(each, max(x.shape[axis] - i * each, 0)) for i in range(parts)]
    sizes = [int(n) for n in sizes]
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        raise ValueError(f"expected parts of axis {axis} of length {x.shape[axis]}, got {sizes}")
    return fastnet.split(x, sizes, axis)


def sliced(x: Any, axis: int, start: int, end: int, step: int) -> Any:
    """The elements of an axis from start to end, as a slice of a list.

    Args:
        x: a tensor or an array.
        axis: the axis.
        start, end, step: as in a Slice: out of range they stand for the ends.
    """
    if step == 0:
        raise ValueError("expected a step other than 0")
    places = range(*slice(start, end, step).indices(x.shape[axis]))
    before: tuple[Any, ...] = (slice(None),) * axis
    if isinstance(x, np.ndarray):
        return x[(*before, np.array(places, np.int64))]
    if step > 0:
        return x[(*before, slice(places.start, max(places.stop, places.start), step))]
    if not places:
        return x[(*before, slice(0, 0))]
    return fastnet.flip(x[(*before, slice(places[-1], places[0] + 1, -step))], (axis,))


@operator("Slice", known=("starts", "ends", "axes", "steps"))
def slice_(node: Node, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    """Slices of axes, as those of a list."""
    starts, ends = (np.ravel(node.attribute(name) if given is None else given)
                    for name, given in (("starts", starts), ("ends", ends)))
    chosen = given_axes(node, axes)
    chosen = list(range(len(starts))) if chosen is None or not chosen else chosen
    steps = np.ones(len(starts), np.int64) if steps is None else np.ravel(steps)
    if not len(starts) == len(ends) == len(chosen) == len(steps):
        raise ValueError(f"expected as many starts as ends, axes and steps, got {len(starts)}, {len(ends)}, "
                         f"{len(chosen)} and {len(steps)}")
    for start, end, axis, step in zip(starts, ends, chosen, steps):
        x = sliced(x, axis_of(axis, x.ndim), int(start), int(end), int(step))
    return x
