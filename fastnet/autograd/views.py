"""In-place writes on the tape, through tensors and their views, with PyTorch's results.

A view knows its base, the tensor whose memory it shares, and the base knows its views (`tape.register_view`). If
gradients flow through a write, the base gets a new node, and every view a node derived from it. A tensor from detach()
is not a view: its place on the tape does not change.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet.autograd.arrays import contiguous, contiguous_copy
from fastnet.autograd.hooks import retain_node
from fastnet.autograd.rules import transposes
from fastnet.autograd.tape import Node, gradient
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["base_of", "check_recordable_write", "record_write"]

Region: TypeAlias = "tuple[Shape, int, tuple[int, ...]]"        # (shape, byte offset, strides) within a base


def base_of(x: Tensor) -> Any:
    """The tensor that x is a view of; x itself if it is not a view, or no longer shares its base's memory."""
    base = x._base
    return x if base is None or base._storage is not x._storage else base


def check_recordable_write(name: str, x: Tensor, base: Tensor) -> None:
    """Refuse a write into x that gradients flow through but the tape cannot represent.

    Raises:
        RuntimeError: inside a compiled function, x comes from outside; x is a view and its base is not contiguous; a
            view of the base is a leaf that requires a gradient.
    """
    if state.recorder is not None and not state.recorder.made_inside(base._data):
        raise RuntimeError(f"{name}: gradients cannot flow through a write into a tensor from outside the compiled "
                           "function, since replays would not repeat the change of its node; write into a clone() and "
                           "return it, or write under no_grad")
    if base is not x and not base._data.flags.c_contiguous:
        raise RuntimeError(f"{name}: gradients cannot flow through a write into a view of a tensor that is not "
                           "contiguous; write into the tensor itself, or use the form that returns its result")
    if any(view._requires_grad and view._node is None for view in _views(base)):
        raise RuntimeError(f"{name}: gradients cannot flow through a write into a tensor with a view that is a leaf "
                           "and requires a gradient; write into a clone()")


def record_write(x: Tensor, base: Tensor, node: Node | None) -> None:
    """Give x, which the result of `node` was written into, and all tensors that share its memory their new nodes.

    Args:
        node: None if the values have no gradient.
    """
    _replace_node(base, node if base is x else _node_of_written_base(base, x._data, node))
    for view in _views(base):
        _replace_node(view, None if base._node is None else _node_of_view(base, view._data))


def _views(base: Tensor) -> list[Any]:
    """The live views of a base that still share its memory."""
    views = (reference() for reference in tuple(base._views or ()))
    return [v for v in views if v is not None and v._storage is base._storage]


def _replace_node(tensor: Tensor, node: Node | None) -> None:
    """Set a tensor's node. A request to retain its gradient passes to the new node."""
    before = tensor._node
    hooks = None if before is None else before.hooks
    if node is not None and hooks is not None and hooks.retained is not None and hooks.retained() is tensor:
        hooks.retained = None
        retain_node(node, tensor)
    tensor._node, tensor._requires_grad = node, node is not None


def _node_of_written_base(base: Tensor, view: Array, node: Node | None) -> Node:
    """The node of a base after a write into its view: gradients in the view go to `node`, all others to the old node.
    """
    region = _region(base, view)
    edges = [(i, edge) for i, edge in enumerate((base._node, node)) if edge is not None]
    gradients = gradient(_without_region, region), gradient(_region_alone, region, base.shape)
    return Node("write into a view", gradients, edges, (), base._data)


def _without_region(g: Array, region: Region) -> Array:
    """g with zeros in a region."""
    out = contiguous_copy(g)
    K.copy(_at_region(out, region), np.zeros((), g.dtype))
    return out


def _region_alone(g: Array, region: Region, shape: Shape) -> Array:
    """The region of g."""
    return _at_region(contiguous(g), region)


def _surrounded(v: Array, region: Region, shape: Shape) -> Array:
    """Zeros in a shape, but for v in a region."""
    out = empty(shape, v.dtype)
    K.fill(out, 0.0)
    K.copy(_at_region(out, region), v)
    return out


transposes(_without_region)
transposes(_region_alone, _surrounded)


def _node_of_view(base: Tensor, view: Array) -> Node:
    """The node of a view of a written base: the base's gradient is the view's in its region, and 0 elsewhere."""
    assert base._node is not None
    repeats = any(n > 1 and stride == 0 for n, stride in zip(view.shape, view.strides))
    supported = base._data.flags.c_contiguous and not repeats
    back = gradient(_surrounded, _region(base, view), base.shape) if supported else _refuse_old_view
    return Node("view", (back,), [(0, base._node)], (), view)


def _refuse_old_view(g: Array) -> Array:
    raise RuntimeError("backward: a tensor was changed in place, with gradients, after this view of it was made; "
                       "gradients cannot flow through the old view, because it repeats elements or the tensor is not "
                       "contiguous; make the view again after the write")


def _region(base: Tensor, view: Array) -> Region:
    """The region of its base that the array of a view covers."""
    offset = view.__array_interface__["data"][0] - base.data_ptr() if view.size else 0
    return view.shape, offset, view.strides


def _at_region(array: Array, region: Region) -> Array:
    """The view of a region in another contiguous array with the base's shape and dtype."""
    shape, offset, strides = region
    return np.ndarray(shape, array.dtype, array, offset, strides)
