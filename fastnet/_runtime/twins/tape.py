"""The tensors' fields and the tape of fastnet/_kernels/tape.pyx in plain Python, for installs without the extension."""
from __future__ import annotations

import itertools
import sys
import types
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._runtime.twins.state import state

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Shape
    from fastnet._core.tensor import Tensor

_order = itertools.count()
_classes = []                           # the class that operations make, once it is there
_DEEPEST = 16                           # functions that call functions that ... hold an array

# Values that no array can be in: what a gradient function may hold without saying so.
_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes, slice, range, type(...)))
_PLAIN_BASES = (np.dtype, np.generic, np.ufunc, type, types.ModuleType)


class Storage:
    """What tensors that share memory share beside it: `version` counts every write in place."""

    __slots__ = ("version",)

    def __init__(self):
        self.version = 0


class TensorBase:
    """The fields of a tensor, and what is asked of it most."""

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
    crowded: int = 0                    # how many entries of _views make it worth a look which of them still live

    @property
    def shape(self) -> Shape:
        """The lengths of the dimensions, a tuple."""
        return self._data.shape

    @property
    def dtype(self) -> DType:
        """One of fastnet's six dtypes, a numpy.dtype."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim


blank = object.__new__


def tensors_are(cls):
    """Set the class of the tensors that operations make."""
    _classes[:] = [cls]


def wrapped(array, storage=None):
    """A tensor over an array; `storage` is that of the tensor whose memory it shares, if any."""
    t = blank(_classes[0])
    t._data = array
    t._storage = Storage() if storage is None else storage
    if state.recorder is not None:
        state.recorder.note_made(t)
    return t


def note_view(view, tensor):
    """Let a view and its base know of each other, so that a write into either finds both on the tape.

    The base of a view of a view is the same, unless that view is a leaf that gradients are to reach.
    """
    base = tensor._base
    if base is None or (tensor._requires_grad and tensor._node is None):
        base = tensor
    views = base._views
    if views is None:
        views = base.__dict__.setdefault("_views", [])      # one list, whichever thread comes first
    if len(views) > base.crowded:
        _drop_dead(base, views)
    view._base = base
    views.append(weakref.ref(view))


def _drop_dead(base, views):
    """Forget the views that are gone. Another thread may be adding one meanwhile, but must not do the same."""
    count, base.crowded = len(views), sys.maxsize
    views[:count] = [ref for ref in views[:count] if ref() is not None]
    base.crowded = 2 * len(views) + 8


def unwatched(out, inputs):
    """Whether a write into `out` has only to be counted: unknown, so Python looks closer."""
    return False


class gradient:
    """A function that gives a gradient, and the arrays that it reads: gradient(function, *saved).

    backward() calls `function(g, *saved)`, and raises instead if an argument or the result of the operation that is
    among them was changed in place.

    Args:
        function: from the gradient of an operation's result, and `saved`, to that of an argument: see `op`.
        saved: arrays, None, numbers, strings, or tuples of these.

    Example:
        >>> import fastnet
        >>> import numpy as np
        >>> slope = fastnet.autograd.gradient(np.multiply, np.array([2.0, 3.0]))
        >>> slope(np.array([10.0, 10.0]))
        array([20., 30.])
    """

    __slots__ = ("function", "saved", "rest")

    def __init__(self, function, *saved):
        self.function, self.saved = function, saved
        self.rest = None                # gradients of the arguments, as functions of what this one returns

    def __call__(self, *leading, out=None):
        if out is None:
            return self.function(*leading, *self.saved)
        return self.function(*leading, *self.saved, out=out)

    def then(self, *gradients):
        """Make this the first step of several arguments' gradients, which take its result for the gradient."""
        self.rest = gradients
        return self


def written(function, g, home):
    """function(g), written into the array `home` if the gradient function has a parameter named `out`."""
    plain = function.function if type(function) is gradient else function
    return function(g, out=home) if _takes_out(plain) else function(g)


def _takes_out(function):
    if type(function) is not types.FunctionType:
        return False
    code = function.__code__
    return "out" in code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]


class Node:
    """One operation on the tape: the way from its result's gradient to its arguments' gradients."""

    __slots__ = ("name", "first", "gradients", "edges", "saved", "shape", "dtype", "order", "retained", "__weakref__")

    def __init__(self, name, gradients, edges, saved, out):
        self.name = name
        self.first = None               # what the gradient goes through before the functions in `gradients`, or None
        self.gradients = gradients
        self.edges = edges              # (position, Node or leaf Tensor) of each argument that needs a gradient
        self.saved = saved              # (storage, version when saved, which argument; -1: the result)
        self.shape, self.dtype = out.shape, out.dtype
        self.order = node_number()      # arguments were made before results: descending order is a valid walk
        self.retained = None

    def __repr__(self):
        return f"<{self.name} backward>"


def node_number():
    """A number that every later node's `order` is above."""
    return next(_order)


def explained(function, explain):
    """`function`, with explain(function, args, kwargs, error) called before an error that None may have led to."""
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (AttributeError, TypeError) as error:
            explain(function, args, kwargs, error)
            raise
    return call


def differentiable(fn, name, view, bound, explain):
    """The operation on tensors that `fn` defines on arrays: see fastnet.autograd.op. Errors are `explained`.

    Args:
        bound: bound(fn, args, attributes) gives a call that names tensors as (arguments by position, others).
    """
    def operation(*args, **attributes):
        if any(isinstance(value, TensorBase) for value in attributes.values()):
            args, attributes = bound(fn, args, attributes)
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
        elif tracked and state.grad_enabled:    # an array counts no versions: a gradient may read a copy
            arrays = [np.array(a) if isinstance(given, np.ndarray) else a for given, a in zip(args, arrays)]
        out, gradients = fn(*arrays, **attributes)
        if view and not (args and isinstance(args[0], TensorBase)):
            raise TypeError(f"{name}: expected a tensor, got {type(args[0]).__name__ if args else 'nothing'}")
        out = np.asarray(out)               # of arrays without dimensions NumPy makes numbers
        result = wrapped(out, args[0]._storage if view else None)
        if out.dtype.kind == "f":
            if tracked and state.grad_enabled and gradients is not None:
                _attach(result, name, gradients, args, arrays)
            if view:
                note_view(result, args[0])
        return result
    return explained(operation, lambda _, args, attributes, error: explain(fn, args, attributes, error))


def _attach(result, name, gradients, args, arrays):
    """Put the operation that made `result` on the tape."""
    edges = []
    for i, a in enumerate(args):
        if isinstance(a, TensorBase) and a._requires_grad:
            edges.append((i, a if a._node is None else a._node))
    first = None
    if type(gradients) is gradient and gradients.rest is not None:
        first, gradients = gradient(gradients.function, *gradients.saved), gradients.rest
    if type(gradients) is tuple:
        if edges[-1][0] >= len(gradients):
            raise RuntimeError(f"{name}: argument {edges[-1][0] + 1} needs a gradient, the operation returned "
                               f"{len(gradients)}")
        needed = [i for i, _ in edges]                                  # what no edge needs is not kept alive
        gradients = tuple(g if i in needed else None for i, g in enumerate(gradients))
    read = []
    for function in (first, *gradients) if type(gradients) is tuple else (gradients,):
        if function is not None:
            _state_read(function, name, read)
    result._node = Node(name, gradients, edges, _versions(read, args, arrays, result), result._data)
    result._node.first = first
    result._requires_grad = True


# ---- what a node saved ----------------------------------------------------------------------------------------------

def _state_read(function, name, read):
    """Note the arrays that a gradient function states to read; refuse those that it holds without saying so."""
    if type(function) is gradient:
        _add_arrays(function.saved, name, read)
        function = function.function
    if not callable(function):
        raise TypeError(f"{name}: expected a gradient to be a function, got {type(function).__name__}")
    if type(function) is types.FunctionType:
        holder = _hidden(function)
    else:
        holder = None if _is_plain(function) else _described(function)
    if holder is not None:
        raise TypeError(f"{name}: a gradient function holds {holder}, and a change of it would "
                        "go unnoticed; state what it reads: fastnet.autograd.gradient(function, *arrays) calls "
                        "function(g, *arrays)")


def _add_arrays(values, name, read):
    for value in values:
        if isinstance(value, np.ndarray):
            read.append(value)
        elif type(value) is tuple:
            _add_arrays(value, name, read)
        elif not _is_plain(value):
            raise TypeError(f"{name}: a gradient saves arrays, numbers, and tuples of these, got "
                            f"{type(value).__name__}")


def _hidden(function, depth=0):
    """What a function holds that may be an array or have one in it, in its closure or its defaults; None: nothing."""
    for value in (*_contents(function.__closure__ or ()), *(function.__defaults__ or ()),
                  *(function.__kwdefaults__ or {}).values()):
        if not _is_plain(value, depth):
            return _described(value)
    return None


def _described(value):
    return f"an object of type {type(value).__name__}"


def _contents(cells):
    """What is in a closure's cells; of one that is empty yet, nothing."""
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:
            continue


def _is_plain(value, depth=0):
    """Whether a value holds no array that other code could change."""
    if type(value) is tuple:
        return all(_is_plain(part, depth) for part in value)
    if type(value) is types.FunctionType:
        return depth < _DEEPEST and _hidden(value, depth + 1) is None
    if type(value) is types.BuiltinFunctionType:
        return value.__self__ is None or isinstance(value.__self__, types.ModuleType)   # else a method of an object
    return type(value) in _PLAIN or isinstance(value, _PLAIN_BASES)


def _versions(read, args, arrays, result):
    """The storage and version of each array that is the result or an argument, or shares the memory of one."""
    saved = []
    for value in read:
        if _same_memory(value, result._data):
            saved.append((result._storage, result._storage.version, -1))
            continue
        i = _argument(value, arrays)
        if i is not None and isinstance(args[i], TensorBase):
            saved.append((args[i]._storage, args[i]._storage.version, i))
    return saved


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
