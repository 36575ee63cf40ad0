"""Writes in place, on the tape: through views and beside them, as PyTorch has them.

A view remembers the tensor whose memory it is, its base, and the base knows its views (`tape.note_view`). A write that
gradients flow through puts the base behind a new node, and derives from it every view that is still there. An alias
from detach() is no view: it has a place of its own on the tape.
"""
import numpy as np

from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet.autograd.tape import Node
from fastnet.autograd.walk import own_copy
from fastnet.backend import K


def base_of(x):
    """The tensor that x is a view of; x itself where it is none, or no longer shares its base's memory."""
    base = x._base
    return x if base is None or base._storage is not x._storage else base


def check_rewrite(name, x, base):
    """Refuse a write into x that gradients flow through, where its place on the tape cannot be kept.

    Raises:
        RuntimeError: inside a compiled function a tensor from outside, whose place would change in the recorded run
            alone; a view in a base of another layout; a base with a view that is a leaf requiring a gradient.
    """
    if state.recorder is not None and not state.recorder.made_inside(base._data):
        raise RuntimeError(f"{name}: a write that gradients flow through, into a tensor from outside the compiled "
                           "function, would change the tensor's place on the tape in the recorded run alone. Write "
                           "into a clone() and return what is needed, or write under no_grad")
    if base is not x and not base._data.flags.c_contiguous:
        raise RuntimeError(f"{name}: gradients cannot flow through a write into a view of a tensor that is not "
                           "contiguous; write into the tensor itself, or use the form that returns its result")
    if any(view._requires_grad and view._node is None for view in _views(base)):
        raise RuntimeError(f"{name}: a view of this tensor is a leaf that requires a gradient, which a write that "
                           "gradients flow through would change; write into a clone()")


def rewritten(x, base, node):
    """Put x, which the result of `node` was written into, and what shares its memory behind that node.

    With no node, nothing of what was written has a gradient.
    """
    _move(base, node if base is x else _partly_written(base, x._data, node))
    for view in _views(base):
        _move(view, None if base._node is None else _derived(base, view._data))


def _views(base):
    views = (reference() for reference in tuple(base._views or ()))
    return [v for v in views if v is not None and v._storage is base._storage]


def _move(tensor, node):
    """Put a tensor behind another node, with the wish to keep its gradient."""
    before = tensor._node
    if node is not None and before is not None and before.retained is not None and before.retained() is tensor:
        node.retained, before.retained = before.retained, None
    tensor._node, tensor._requires_grad = node, node is not None


def _partly_written(base, view, node):
    """The node of a base with a new value in the part that is its view: the gradient of each goes to where it is from.
    """
    part = _part(base, view)

    def rest(g):
        out = own_copy(g)
        K.copy(_take(out, part), np.zeros((), g.dtype))
        return out

    def written(g):
        return _take(g if g.flags.c_contiguous else own_copy(g), part)
    edges = [(i, edge) for i, edge in enumerate((base._node, node)) if edge is not None]
    return Node("write into a view", (rest, written), edges, (), base._data)


def _derived(base, view):
    """The node of a view of a base that was written: the view's gradient in its place, 0 elsewhere."""
    shape, part = base.shape, _part(base, view)
    repeats = any(n > 1 and stride == 0 for n, stride in zip(view.shape, view.strides))
    served = base._data.flags.c_contiguous and not repeats

    def spread(g):
        if not served:
            raise RuntimeError("a view's base was changed in place, by an operation that gradients flow through, after "
                               "the view was made; make the view again: where elements repeat, or the base is not "
                               "contiguous, this one cannot be followed")
        out = empty(shape, g.dtype)
        K.fill(out, 0.0)
        K.copy(_take(out, part), g)
        return out
    return Node("view", (spread,), [(0, base._node)], (), view)


def _part(base, view):
    """Where the array of a view lies in its base: (shape, byte offset, strides)."""
    offset = view.__array_interface__["data"][0] - base.data_ptr() if view.size else 0
    return view.shape, offset, view.strides


def _take(array, part):
    """That part of another contiguous array of the base's shape and dtype."""
    shape, offset, strides = part
    return np.ndarray(shape, array.dtype, array, offset, strides)
