"""The tensors' fields and the tape of fastnet/_kernels/tape.pyx in plain Python, for installs without the extension."""
import itertools
import sys
import types
import weakref

import numpy as np

from fastnet._kernels.reference.state import state

_order = itertools.count()
_classes = []                           # the class that operations make, once it is there


class Storage:
    """What tensors that share memory share beside it: `version` counts every write in place."""

    __slots__ = ("version",)

    def __init__(self):
        self.version = 0


class TensorBase:
    """The fields of a tensor, and what is asked of it most."""

    _data: np.ndarray
    _storage: Storage
    # What most tensors never set lives here, so that making one sets two attributes.
    _requires_grad = False
    _grad = None
    _node = None
    _base = None
    _views = None
    _slot = None
    _grad_home = None
    crowded = 0                         # how many entries of _views make it worth a look which of them still live

    @property
    def shape(self):
        """The lengths of the dimensions, a tuple."""
        return self._data.shape

    @property
    def dtype(self):
        """One of fastnet's six dtypes, a numpy.dtype."""
        return self._data.dtype

    @property
    def ndim(self):
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


class Node:
    """One operation on the tape: the way from its result's gradient to its arguments' gradients."""

    __slots__ = ("name", "gradients", "edges", "saved", "shape", "dtype", "order", "retained", "__weakref__")

    def __init__(self, name, gradients, edges, saved, out):
        self.name = name
        self.gradients = gradients
        self.edges = edges              # (position, Node or leaf Tensor) of each argument that needs a gradient
        self.saved = saved              # (storage, version when saved, what it is)
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


def differentiable(fn, name, view, explain):
    """The operation on tensors that `fn` defines on arrays: see fastnet.autograd.op. Errors are `explained`."""
    def operation(*args, **attributes):
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
    if type(gradients) is tuple and edges[-1][0] >= len(gradients):
        raise RuntimeError(f"{name}: argument {edges[-1][0] + 1} needs a gradient, the operation returned "
                           f"{len(gradients)}")
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
            if i is not None and isinstance(args[i], TensorBase):
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
