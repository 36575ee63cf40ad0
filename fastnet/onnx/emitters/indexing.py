"""Selection by index tensors, embeddings, and writes at indices."""
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import emits
from fastnet.onnx.writer import Operand, same_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Shape
    from fastnet.graph import Value
    from fastnet.onnx.writer import Writer

__all__: list[str] = []

# ---- selection -------------------------------------------------------------------------------------------------------


@emits("index")
def index(w: Writer, x: Value, picks: tuple[Any, ...]) -> str:
    """x[picks] for slices and index tensors."""
    axes = [axis for axis, pick in enumerate(picks) if not isinstance(pick, slice)]
    if any(isinstance(pick, slice) and pick != slice(None) for pick in picks):
        raise w.refuse("slices with bounds between index tensors cannot be written as ONNX")
    tensors = [picks[axis] for axis in axes]
    if any(pick.dtype.kind == "b" for pick in tensors):
        raise w.refuse("selection by a mask, whose result's shape depends on values, cannot be written as ONNX; use "
                       "where()")
    if len(axes) == 1:
        return w.add("Gather", x, w.cast(tensors[0], dtypes.int64), axis=axes[0])
    return _gathered_points(w, x, axes, tensors)


def _gathered_points(w: Writer, x: Value, axes: list[int], tensors: Sequence[Value]) -> str:
    """Several index tensors: a GatherND of the indexed dimensions, moved to the front."""
    rest = [axis for axis in range(len(x.shape)) if axis not in axes]
    result = w.add("GatherND", w.transpose(x, [*axes, *rest]), _points(w, tensors))
    dims = max(len(t.shape) for t in tensors)
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0                          # the index dimensions come where the indexed ones were
    return w.transpose(result, [*range(dims, dims + first), *range(dims), *range(dims + first, dims + len(rest))])


def _points(w: Writer, tensors: Sequence[Value]) -> str:
    """Index tensors, broadcast and joined as the coordinates of points, (..., number of tensors)."""
    ndim = max(len(t.shape) for t in tensors)
    names = [w.cast(t, dtypes.int64) for t in tensors]
    if not all(same_shape(t.shape, tensors[0].shape) for t in tensors):
        zeros = [w.add("Mul", name, w.scalar(0, dtypes.int64)) for name in names]       # of all their shapes
        names = [functools.reduce(lambda a, b: w.add("Add", a, b), zeros, name) for name in names]
    columns = [w.unsqueeze(name, ndim) for name in names]
    return columns[0] if len(columns) == 1 else w.add("Concat", *columns, axis=ndim)


@emits("gather", "values_at")
def gather(w: Writer, x: Value, index: Value, dim: int) -> str:
    """Elements at indices along a dimension."""
    return w.add("GatherElements", x, index, axis=dim)


@emits("selected")
def selected(w: Writer, x: Value, index: Value, dim: int) -> str:
    """Entries at indices along a dimension."""
    return w.add("Gather", x, index, axis=dim)


@emits("masked_entries")
def masked_entries(w: Writer, x: Value, mask: Value) -> str:
    """The elements where a mask is true."""
    places = w.transpose(w.add("NonZero", mask), (1, 0))
    return w.add("GatherND", x, places)


# ---- embeddings ------------------------------------------------------------------------------------------------------

@emits("embedding")
def embedding(w: Writer, weight: Value, index: Value, padding_idx: int | None, scale_by_frequency: bool) -> str:
    """Rows of a table."""
    return w.add("Gather", weight, index, axis=0)


@emits("sparse_embedding")
def sparse_embedding(w: Writer, weight: Value, index: Value, *options: Any) -> str:
    """Rows of a table."""
    return w.add("Gather", weight, index, axis=0)


@emits("one_hot")
def one_hot(w: Writer, index: Value, num_classes: int) -> str:
    """Vectors that are 1 at an index and else 0."""
    return w.add("OneHot", w.cast(index, dtypes.int64), w.constant(np.array(num_classes)), w.constant(np.array([0, 1])),
                 axis=-1)


@emits("with_end")
def with_end(w: Writer, offsets: Value, bags: int, end: int) -> str:
    """The starts of bags, and the end of the last."""
    return w.add("Concat", w.slice(w.cast(offsets, dtypes.int64), 0, 0, bags), w.ints([end]), axis=0)


@emits("sums")
def embedding_bags(w: Writer, weight: Value, flat: Value, starts: Value, factors: Value | None, mean: bool,
                   padding_idx: int | None, number: Any, scale_by_frequency: bool) -> str:
    """The sums or means of the rows of bags: a product with the matrix that tells which row is in which bag."""
    members = w.to(_members(w, flat, starts, padding_idx), weight.dtype)
    shares = members if factors is None else w.add("Mul", members, factors)
    sums = w.add("MatMul", shares, w.add("Gather", weight, flat, axis=0))
    if not mean:
        return sums
    counts = w.reduce("ReduceSum", members, [1], keepdims=True)
    return w.add("Div", sums, w.add("Max", counts, w.scalar(1, weight.dtype)))


@emits("bag_maxima")
def bag_maxima(w: Writer, weight: Value, flat: Value, starts: Value, padding_idx: int | None) -> str:
    """The largest element of each column of each bag; 0 for an empty bag."""
    members = w.unsqueeze(_members(w, flat, starts, padding_idx), 2)
    rows = w.unsqueeze(w.add("Gather", weight, flat, axis=0), 0)
    largest = w.reduce("ReduceMax", w.add("Where", members, rows, w.scalar(-np.inf, weight.dtype)), [1])
    counts = w.reduce("ReduceMax", w.to(members, dtypes.int32), [1])
    return w.add("Where", w.to(counts, dtypes.bool_), largest, w.scalar(0, weight.dtype))


def _members(w: Writer, flat: Value, starts: Value, padding_idx: int | None) -> str:
    """Whether each position is in each bag, (bags, positions)."""
    places = w.counted(flat.shape[0])
    ends = w.unsqueeze(w.slice(starts, 0, 1, np.iinfo(np.int64).max), 1)
    first = w.unsqueeze(w.slice(starts, 0, 0, -1), 1)
    members = w.add("And", w.add("GreaterOrEqual", places, first), w.add("Less", places, ends))
    if padding_idx is None:
        return members
    return w.add("And", members, w.add("Not", w.add("Equal", flat, w.scalar(padding_idx, flat.dtype))))


# ---- writes ----------------------------------------------------------------------------------------------------------

_SCATTER_REDUCTIONS = {"put": "none", "add": "add", "mul": "mul", "amax": "max", "amin": "min"}


@emits("apply")
def write_at(w: Writer, x: Value, index: Value, src: Value, how: Any) -> str:
    """A source written, or added, at indices along a dimension."""
    source: Operand = src
    if how.alpha != 1:
        source = w.add("Mul", src, w.scalar(how.alpha, src.dtype))
    if how.rows:                                                # whole entries
        shape = [-1 if d == how.dim else 1 for d in range(len(x.shape))]
        places = w.add("Expand", w.reshape(index, shape), w.ints(src.shape))
        return _scatter_node(w, x, places, source, how)
    if index.shape != src.shape:
        raise w.refuse("an index and a source of different shapes cannot be written as ONNX")
    return _scatter_node(w, x, index, source, how)


def _scatter_node(w: Writer, x: Operand, index: Operand, source: Operand, how: Any) -> str:
    reduction = _SCATTER_REDUCTIONS[how.mode]
    needed = {"none": 13, "add": 16, "mul": 16}.get(reduction, 18)
    if w.opset < needed:
        raise w.refuse(f"writing at indices with the reduction {reduction!r} needs opset_version {needed}")
    return w.add("ScatterElements", x, index, source, axis=how.dim, reduction=reduction if needed > 13 else None)


@emits("reduce")
def reduce_at(w: Writer, x: Value, index: Value, src: Value, how: Any, include_self: bool) -> str:
    """scatter_reduce with a product or an extreme."""
    if not include_self:
        raise w.refuse("scatter_reduce with include_self=False cannot be written as ONNX")
    return _scatter_node(w, x, index, src, how)


@emits("fill_copy")
def fill_copy(w: Writer, x: Value, dim: int, index: Value, value: Any) -> str:
    """A number in the entries at indices along a dimension."""
    shape = [n if d != dim else index.shape[0] for d, n in enumerate(x.shape)]
    places = w.add("Expand", w.reshape(index, [-1 if d == dim else 1 for d in range(len(shape))]), w.ints(shape))
    return w.add("ScatterElements", x, places, w.add("Expand", w.scalar(value, x.dtype), w.ints(shape)), axis=dim)


@emits("added")
def added(w: Writer, x: Value, values: Value, picks: tuple[Any, ...]) -> str:
    """Values added at the places that index tensors pick."""
    if w.opset < 16:
        raise w.refuse("adding at indices needs opset_version 16")
    return _scattered_points(w, x, values, picks, "add")


@emits("put")
def put(w: Writer, x: Value, value: Value, view: tuple[Any, ...], picks: tuple[Any, ...]) -> str:
    """x with x[view][picks] = value."""
    if picks:
        if any(k not in (slice(None), Ellipsis) for k in view):
            raise w.refuse("writing at slices and index tensors together cannot be written as ONNX")
        return _scattered_points(w, x, value, picks, None)
    if is_open(x.shape):
        raise w.refuse("writing into a part of a tensor needs fixed sizes")
    places = np.arange(int(np.prod(x.shape))).reshape(x.shape)[view]
    part = w.cast(value, x.dtype)
    part = part if value.shape == places.shape else w.add("Expand", part, w.ints(places.shape))
    flat = w.add("ScatterElements", w.reshape(x, [-1]), w.constant(places.reshape(-1)), w.reshape(part, [-1]), axis=0)
    return w.reshape(flat, x.shape)


def _scattered_points(w: Writer, x: Value, values: Value, picks: tuple[Any, ...], reduction: str | None) -> str:
    if any(isinstance(pick, slice) or pick.dtype.kind == "b" for pick in picks):
        raise w.refuse("writing at slices or masks between index tensors cannot be written as ONNX; use where()")
    shape: Shape = (*np.broadcast_shapes(*(t.shape for t in picks)), *x.shape[len(picks):])
    if is_open(shape) and values.shape != shape:
        raise w.refuse("writing one number at several places needs fixed sizes")
    source = w.cast(values, x.dtype)
    source = source if values.shape == shape else w.add("Expand", source, w.ints(shape))
    return w.add("ScatterND", x, _points(w, picks), source, reduction=reduction)
