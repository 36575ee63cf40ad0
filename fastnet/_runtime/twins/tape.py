"""Tensors' fields, nodes of the tape, and `differentiable` in plain Python: the twin of fastnet/_runtime/tape.pyx."""
from __future__ import annotations

import itertools
import sys
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._runtime.node_names import NodeName, next_functions
from fastnet._runtime.twins.dialect import dtype_for_caller, shape_for_caller
from fastnet._runtime.twins.pointwise import Pointwise
from fastnet._runtime.twins.saved import append_saved, argument_position, gradient, is_one_memory, without_rest
from fastnet._runtime.twins.state import state
from fastnet._runtime.twins.wrappers import explain_failures

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape
    from fastnet._core.tensor import Tensor

_order = itertools.count(1)
_classes: list[type[TensorBase]] = []           # one element: the class of the tensors that operations make


class Storage:
    """The version of a piece of memory: all tensors over it share this object, and each in-place write counts it up.
    """

    __slots__ = ("version",)

    version: int

    def __init__(self) -> None:
        self.version = 0


class TensorBase:
    """The fields of a tensor, and its most used properties."""

    _data: Array
    _storage: Storage
    # Most tensors never set these: as class attributes they cost nothing when a tensor is made.
    _requires_grad: bool = False
    _grad: Tensor | None = None
    _node: Node | None = None
    _base: TensorBase | None = None
    _views: list[weakref.ref[TensorBase]] | None = None
    _slot: tuple[Any, int] | None = None
    _grad_home: Array | None = None
    prune_above: int = 0                # dead views are removed when _views has more entries than this

    @property
    def shape(self) -> Shape:
        """The lengths of the dimensions, as a tuple of int."""
        return shape_for_caller(self._data.shape)

    @property
    def dtype(self) -> DType:
        """The numpy.dtype of the elements, one of fastnet's six."""
        return dtype_for_caller(self._data.dtype)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim


new_instance = object.__new__           # an instance of a class of tensors, without calling its constructor


def set_tensor_class(cls: type[TensorBase]) -> None:
    """Set the class of the tensors that operations make."""
    _classes[:] = [cls]


def wrapped(array: Array, storage: Storage | None = None) -> Tensor:
    """A tensor over an array.

    Args:
        storage: the storage of the tensor whose memory the array shares; by default a new one.
    """
    t: Any = new_instance(_classes[0])
    t._data = array
    t._storage = Storage() if storage is None else storage
    if state.recorder is not None:
        state.recorder.note_made(t)
    return t


def register_view(view: TensorBase, tensor: TensorBase) -> None:
    """Link a view of a tensor with its base, so that a write into either of them can update both on the tape.

    A view of a view has the same base as that view, unless that view is a leaf that requires a gradient.
    """
    base = tensor._base
    if base is None or (tensor._requires_grad and tensor._node is None):
        base = tensor
    views = base._views
    if views is None:
        views = base.__dict__.setdefault("_views", [])      # atomic: threads that race get one list
    if len(views) > base.prune_above:
        _remove_dead_views(base, views)
    view._base = base
    views.append(weakref.ref(view))


def _remove_dead_views(base, views):
    """Remove the references to dead views. Another thread may append a view meanwhile, but must not enter here."""
    count, base.prune_above = len(views), sys.maxsize
    views[:count] = [ref for ref in views[:count] if ref() is not None]
    base.prune_above = 2 * len(views) + 8


class Node:
    """A recorded operation on the tape, `tensor.grad_fn`: it leads from its result's gradient to its arguments'.

    `fastnet.autograd.op` makes a node for each call that needs gradients. backward() visits nodes by descending
    `order`, computes the gradients of the arguments in `edges`, and then clears `first`, `gradients`, `edges` and
    `saved`, unless the tape is retained.

    Args:
        name: of the operation.
        gradients: as a function under `fastnet.autograd.op` returns them.
        edges: (position, target) of each argument that needs a gradient; the target is the Node that made the
            argument, or the leaf tensor itself.
        saved: (storage, version, position) of each saved array: the storage's version during the forward pass, and
            the position of the argument, -1 for the result.
        out: the result's array, whose shape and dtype the node keeps.

    Attributes:
        first: a gradient function that runs before those in `gradients` (see `gradient.then`), or None.
        order: the number of this node. Arguments have lower numbers than results.
        saves: whether the gradients read arrays. backward() frees only such nodes: others can be visited again.
        hooks: of its result (fastnet.autograd.hooks.NodeHooks), or None.

    Example:
        >>> import fastnet
        >>> y = fastnet.ones(2, requires_grad=True) * 3
        >>> y.grad_fn, y.grad_fn.name, y.grad_fn.shape, len(y.grad_fn.edges)
        (<mul backward>, 'mul', (2,), 1)
    """

    __slots__ = ("label", "first", "gradients", "edges", "saved", "shape", "dtype", "order", "saves", "hooks",
                 "__weakref__")

    label: str
    first: Callable[[Array], Array] | None
    gradients: Any
    edges: tuple[tuple[int, Node | Tensor], ...]
    saved: tuple[tuple[Storage, int, int], ...]
    shape: Shape
    dtype: DType
    order: int
    saves: bool
    hooks: Any

    def __init__(self, name: str, gradients: Any, edges: Iterable[tuple[int, Node | Tensor]],
                 saved: Iterable[tuple[Storage, int, int]], out: Array) -> None:
        self.label, self.gradients, self.edges, self.saved = str(name), gradients, tuple(edges), tuple(saved)
        self.shape, self.dtype, self.saves = out.shape, out.dtype, True
        self.order = node_number()
        self.first = self.hooks = None

    @property
    def name(self) -> NodeName:
        """The name of the operation; called, it gives the name in PyTorch's style: "MulBackward0"."""
        return NodeName(self.label)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """(node, 0) of each argument that needs a gradient; an AccumulateGrad object stands for a leaf."""
        return next_functions(self.edges, Node)

    def __repr__(self) -> str:
        return f"<{self.label} backward>"


def node_number() -> int:
    """The next node number: all later nodes have a higher `order`."""
    return next(_order)


def differentiable(fn: Callable[..., Any], name: str, view: bool, bound: Callable[..., Any],
                   explain: Callable[..., None], pointwise: Pointwise | None = None) -> Callable[..., Any]:
    """The operation on tensors that `fn` defines on arrays: see fastnet.autograd.op.

    Args:
        bound: bound(fn, args, attributes) moves tensors given by keyword to their positions, and returns
            (positional arguments, keyword arguments).
        explain: as in `wrappers.explain_failures`.
        pointwise: ignored.
    """
    def operation(*args, **attributes):
        if any(isinstance(value, TensorBase) for value in attributes.values()):
            args, attributes = bound(fn, args, attributes)
        told = state.listeners
        for listener in told:
            listener.enter_operation(name, args)
        try:
            return apply(args, attributes)
        finally:
            for listener in told:
                listener.leave_operation()

    def apply(args, attributes):
        tracked = False
        arrays = []
        for a in args:
            if isinstance(a, TensorBase):
                arrays.append(a._data)
                tracked = tracked or a._requires_grad
            else:
                arrays.append(a)
        if state.recorder is not None:
            state.recorder.note_tensors(args)
        elif tracked and state.grad_enabled:    # a user's array has no version: gradients read a copy
            arrays = [np.array(a) if isinstance(given, np.ndarray) else a for given, a in zip(args, arrays)]
        out, gradients = fn(*arrays, **attributes)
        if view and not (args and isinstance(args[0], TensorBase)):
            raise TypeError(f"{name}: expected a tensor, got {type(args[0]).__name__ if args else 'nothing'}")
        out = np.asarray(out)               # NumPy's functions return numbers for 0-d arrays
        result = wrapped(out, args[0]._storage if view else None)
        if out.dtype.kind in "fcV":         # "V": bfloat16
            if tracked and state.grad_enabled and gradients is not None:
                _attach(result, name, gradients, args, arrays)
            if view:
                register_view(result, args[0])
        if state.tracer is not None:
            state.tracer.note_call(fn, name, args, attributes, result)
        return result
    return explain_failures(operation, lambda _, args, attributes, error: explain(fn, args, attributes, error))


def _attach(result, name, gradients, args, arrays):
    """Put the operation that made `result` on the tape."""
    edges: list[Any] = []
    for i, a in enumerate(args):
        if isinstance(a, TensorBase) and a._requires_grad:
            edges.append((i, a if a._node is None else a._node))
    first = None
    if type(gradients) is gradient and gradients.rest is not None:
        first, gradients = without_rest(gradients), gradients.rest
    if type(gradients) is tuple:
        if edges[-1][0] >= len(gradients):
            raise RuntimeError(f"{name}: expected a gradient for argument {edges[-1][0] + 1}, the operation returned "
                               f"{len(gradients)}")
        needed = [i for i, _ in edges]          # functions that no edge needs are not kept alive
        gradients = tuple(g if i in needed else None for i, g in enumerate(gradients))
    saved: list[Array] = []
    for function in (first, *gradients) if type(gradients) is tuple else (gradients,):
        if function is not None:
            append_saved(function, name, saved)
    result._node = Node(name, gradients, edges, _versions_of(saved, args, arrays, result), result._data)
    result._node.first, result._node.saves = first, bool(saved)
    result._requires_grad = True


def _versions_of(saved, args, arrays, result):
    """(storage, version, position) of each saved array that is the result (-1) or an argument, or a view of these."""
    versions = []
    for array in saved:
        if is_one_memory(array, result._data):
            versions.append((result._storage, result._storage.version, -1))
            continue
        i = argument_position(array, arrays)
        if i >= 0 and isinstance(args[i], TensorBase):
            versions.append((args[i]._storage, args[i]._storage.version, i))
    return versions
