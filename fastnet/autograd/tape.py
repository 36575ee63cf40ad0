"""The tape: which operation made a tensor.

`op` turns a function on arrays into a differentiable operation on tensors. The function returns its result and its
gradients: one function of the result's gradient for each positional argument (None where there is none to give), or one
function of (gradient, which arguments need one) that returns them all. A gradient function with a parameter `out=None`
may write into the array it is given, which saves a copy where the argument is a parameter.
"""
import functools
import itertools
import types
import weakref

import numpy as np

from fastnet.state import state
from fastnet.tensor import Tensor

_order = itertools.count()
CLOSED = ()                             # the gradients of a node whose backward has run


class Node:
    """One operation on the tape: the way from its result's gradient to its arguments' gradients."""

    __slots__ = ("name", "gradients", "edges", "saved", "shape", "dtype", "order", "retained", "__weakref__")

    def __init__(self, name, gradients, edges, saved, out):
        self.name = name
        self.gradients = gradients
        self.edges = edges              # (position, Node or leaf Tensor) of each argument that needs a gradient
        self.saved = saved              # (storage, version when saved, what it is)
        self.shape, self.dtype = out.shape, out.dtype
        self.order = next(_order)       # arguments were made before results: descending order is a valid walk
        self.retained = None

    def __repr__(self):
        return f"<{self.name} backward>"


# ---- recording operations -------------------------------------------------------------------------------------------

def op(fn=None, *, view=False):
    """Make a differentiable operation of `fn(*arrays, **attributes) -> (result, gradients)`.

    Tensors among the positional arguments reach `fn` as arrays. `gradients` may be None for a result that has none.
    Inside a compiled function the arrays must come from kernels, as those of `fastnet.functional` do.

    Args:
        fn: the function.
        view: the result shares its first argument's memory.

    Example:
        >>> import fastnet
        >>> @fastnet.autograd.op
        ... def double(x):
        ...     return x * 2, (lambda g: g * 2,)
        >>> x = fastnet.tensor([1.0, 2.0], requires_grad=True)
        >>> double(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])
    """
    if fn is None:
        return functools.partial(op, view=view)
    name = fn.__name__.strip("_")

    @functools.wraps(fn)
    def operation(*args, **attributes):
        tracked = False
        arrays = []
        for a in args:
            if isinstance(a, Tensor):
                arrays.append(a._data)
                tracked = tracked or a._requires_grad
            else:
                arrays.append(a)
        if state.recorder is not None:
            state.recorder.note_tensors(args)
        out, gradients = fn(*arrays, **attributes)
        result = Tensor._wrap(out, args[0]._storage if view else None)
        if tracked and state.grad_enabled and gradients is not None and out.dtype.kind == "f":
            _attach(result, name, gradients, args, arrays)
        if view and out.dtype.kind == "f":
            note_view(result, args[0])
        return result
    return operation


def note_view(view, tensor):
    """Let a view and its base know of each other, so that a write into either finds both on the tape.

    The base of a view of a view is the same, unless that view is a leaf that gradients are to reach.
    """
    base = tensor._base
    if base is None or (tensor._requires_grad and tensor._node is None):
        base = tensor
    if base._views is None:
        base.__dict__.setdefault("_views", set())           # one set, whichever thread comes first
    view._base = base
    base._views.add(weakref.ref(view, base._views.discard))


def holds(node, storage, since):
    """Whether a node, or one behind it that is later than the node number `since`, saved something of `storage`."""
    if not isinstance(node, Node) or node.order < since:
        return False
    return any(saved is storage for saved, _, _ in node.saved) or any(holds(n, storage, since) for _, n in node.edges)


def node_number():
    """A number that every later node's `order` is above."""
    return next(_order)


def _attach(result, name, gradients, args, arrays):
    """Put the operation that made `result` on the tape."""
    edges = []
    for i, a in enumerate(args):
        if isinstance(a, Tensor) and a._requires_grad:
            edges.append((i, a if a._node is None else a._node))
    if type(gradients) is tuple and len(edges) < len(gradients):       # what no edge needs is not kept alive either
        needed = [i for i, _ in edges]
        gradients = tuple(g if i in needed else None for i, g in enumerate(gradients))
    result._node = Node(name, gradients, edges, _saved(gradients, args, arrays, result), result._data)
    result._requires_grad = True


def _saved(gradients, args, arrays, result):
    """The arguments and the result that the gradient functions hold on to, with their versions.

    What a gradient needs is what its function closes over, so the closures are asked instead of the author.
    """
    saved = []
    for function in gradients if type(gradients) is tuple else (gradients,):
        for value in _held(function):
            if _same_memory(value, result._data):
                saved.append((result._storage, result._storage.version, "its result"))
                continue
            i = _argument(value, arrays)
            if i is not None and isinstance(args[i], Tensor):
                saved.append((args[i]._storage, args[i]._storage.version, f"argument {i + 1}"))
    return saved


def _held(function):
    """The arrays that a function closes over, itself, in tuples or through the functions it calls."""
    for cell in () if function is None else function.__closure__ or ():
        value = cell.cell_contents
        if type(value) is np.ndarray:
            yield value
        elif type(value) is tuple:
            yield from (x for x in value if type(x) is np.ndarray)
        elif type(value) is types.FunctionType and value is not function:
            yield from _held(value)


def _argument(value, arrays):
    """Which argument an array is, or is a view of."""
    for i, array in enumerate(arrays):
        if value is array:
            return i
    for i, array in enumerate(arrays):
        if type(array) is np.ndarray and _same_memory(value, array):
            return i
    return None


def _same_memory(value, array):
    """Whether `value` is `array`, or one is a view of the other, or both are views of one array."""
    base = value.base
    return value is array or value is array.base or (base is not None and (base is array or base is array.base))
