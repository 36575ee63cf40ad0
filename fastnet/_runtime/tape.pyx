"""What every eager operation passes through: the fields of tensors, the nodes of the tape, and `differentiable`.

The twin without a compiler is twins/tape.py. What it all means is said in fastnet/tensor.py and fastnet/autograd.
"""
import types

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.weakref cimport PyWeakref_GetObject, PyWeakref_NewRef

from fastnet._runtime.state cimport current_recorder, gradients_recorded

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    PyObject *PyFunction_GetClosure(object)
    PyObject *PyFunction_GetDefaults(object)
    PyObject *PyFunction_GetKwDefaults(object)
    PyObject *PyCell_GET(PyObject *)

cdef enum:
    DEEPEST = 16                    # functions that call functions that ... hold an array

# Values that no array can be in: what a gradient function may hold without saying so.
cdef frozenset _PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes, slice, range, type(...)))
cdef type _Function = types.FunctionType, _BuiltinFunction = types.BuiltinFunctionType
cdef tuple _PLAIN_BASES = (np.dtype, np.generic, np.ufunc, type, types.ModuleType)

cdef type _Tensor = None            # the class that operations make: fastnet.tensor.Tensor
cdef Py_ssize_t _latest = 0         # the number of the latest node


# ---- tensors --------------------------------------------------------------------------------------------------------

cdef class Storage:
    """What tensors that share memory share beside it: `version` counts every write in place."""


cdef class TensorBase:
    """The fields of a tensor, and what is asked of it most."""

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


def tensors_are(type cls):
    """Set the class of the tensors that operations make."""
    global _Tensor
    _Tensor = cls


cdef TensorBase wrap(object array, Storage storage):
    cdef TensorBase t = TensorBase.__new__(_Tensor)
    cdef PyObject *recorder = current_recorder()
    t._data = array
    t._storage = Storage.__new__(Storage) if storage is None else storage
    if recorder != NULL:
        (<object>recorder).note_made(t)
    return t


def wrapped(array, storage=None):
    """A tensor over an array; `storage` is that of the tensor whose memory it shares, if any."""
    return wrap(array, storage)


def blank(type cls):
    """An instance of a class of tensors, with nothing set."""
    return TensorBase.__new__(cls)


def note_view(TensorBase view not None, TensorBase tensor not None):
    """Let a view and its base know of each other, so that a write into either finds both on the tape.

    The base of a view of a view is the same, unless that view is a leaf that gradients are to reach.
    """
    cdef TensorBase base = tensor._base
    cdef list views
    if base is None or (tensor._requires_grad and tensor._node is None):
        base = tensor
    if base._views is None:
        base._views = []
    views = base._views
    if len(views) > base.crowded:
        drop_dead(base, views)
    view._base = base
    views.append(PyWeakref_NewRef(view, None))


cdef int drop_dead(TensorBase base, list views) except -1:
    """Forget the views that are gone. Another thread may be adding one meanwhile, but must not do the same."""
    cdef Py_ssize_t count = len(views)
    base.crowded = PY_SSIZE_T_MAX
    views[:count] = [ref for ref in views[:count] if <object>PyWeakref_GetObject(ref) is not None]
    base.crowded = 2 * len(views) + 8
    return 0


def unwatched(TensorBase out not None, tuple inputs):
    """Whether a write into `out` of what is computed from `inputs` has only to be counted.

    There is more to it where gradients or a recording take part, where `out` is a view or shares memory with an input,
    and where it cannot be written as it lies: then fastnet/functional/inplace.py sees to it.
    """
    cdef char *low
    cdef char *high
    if (current_recorder() != NULL or out._requires_grad or out._base is not None
            or not cnp.PyArray_ISCARRAY(out._data)):
        return False
    low = <char *>cnp.PyArray_DATA(out._data)
    high = low + cnp.PyArray_NBYTES(out._data)
    for x in inputs:
        if ((<TensorBase?>x)._requires_grad or not cnp.PyArray_IS_C_CONTIGUOUS((<TensorBase>x)._data)
                or low < <char *>cnp.PyArray_DATA((<TensorBase>x)._data) + cnp.PyArray_NBYTES((<TensorBase>x)._data)
                and <char *>cnp.PyArray_DATA((<TensorBase>x)._data) < high):
            return False
    return True


# ---- the tape -------------------------------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class gradient:
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

    cdef readonly object function
    cdef readonly tuple saved
    cdef readonly tuple rest        # gradients of the arguments, as functions of what this one returns

    def __init__(self, function, *saved):
        self.function, self.saved = function, saved

    def __call__(self, *leading, out=None):
        if out is None:
            return self.function(*(leading + self.saved))
        return self.function(*(leading + self.saved), out=out)

    def then(self, *gradients):
        """Make this the first step of several arguments' gradients, which take its result for the gradient."""
        self.rest = gradients
        return self


def written(function, g, home):
    """function(g), written into the array `home` if the gradient function has a parameter named `out`."""
    cdef tuple saved = ()
    cdef object plain = function
    if type(function) is gradient:
        plain, saved = (<gradient>function).function, (<gradient>function).saved
    if not takes_out(plain):
        return function(g)
    if len(saved) == 1:                 # without a dictionary and a tuple: matrix products of small networks
        return plain(g, saved[0], out=home)
    return plain(g, *saved, out=home)


cdef bint takes_out(function):
    if type(function) is not _Function:
        return False
    if PyFunction_GetKwDefaults(function) != NULL and "out" in <dict>PyFunction_GetKwDefaults(function):
        return True
    if PyFunction_GetDefaults(function) == NULL:
        return False                # since it is optional
    return "out" in function.__code__.co_varnames[:function.__code__.co_argcount]


@cython.trashcan(True)              # a long tape goes node by node, not by recursion
cdef class Node:
    """One operation on the tape: the way from its result's gradient to its arguments' gradients."""

    cdef readonly str name
    cdef public object first        # what the gradient goes through before the functions in `gradients`, or None
    cdef public object gradients
    cdef public tuple edges         # (position, Node or leaf Tensor) of each argument that needs a gradient
    cdef public tuple saved         # (storage, version when saved, which argument; -1: the result)
    cdef readonly tuple shape
    cdef readonly object dtype
    cdef readonly Py_ssize_t order  # arguments were made before results: descending order is a valid walk
    cdef public object retained
    cdef object __weakref__

    def __init__(self, name, gradients, edges, saved, out):
        self.name, self.gradients, self.edges, self.saved = name, gradients, tuple(edges), tuple(saved)
        self.shape, self.dtype = out.shape, out.dtype
        self.order = node_number()

    def __repr__(self):
        return f"<{self.name} backward>"


def node_number():
    """A number that every later node's `order` is above."""
    global _latest
    _latest += 1
    return _latest


def explained(function, explain):
    """`function`, with explain(function, args, kwargs, error) called before an error that None may have led to."""
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (AttributeError, TypeError) as error:
            explain(function, args, kwargs, error)
            raise
    return call


def differentiable(fn, str name, bint view, bound, explain):
    """The operation on tensors that `fn` defines on arrays: see fastnet.autograd.op. Errors are `explained`.

    Args:
        bound: bound(fn, args, attributes) gives a call that names tensors as (arguments by position, others).
    """
    def operation(*args, **attributes):
        try:
            if attributes and names_tensors(attributes):
                args, attributes = bound(fn, args, attributes)
            return apply(fn, name, view, args, attributes)
        except (AttributeError, TypeError) as error:
            explain(fn, args, attributes, error)
            raise
    return operation


cdef bint names_tensors(dict attributes):
    for value in attributes.values():
        if isinstance(value, TensorBase):
            return True
    return False


cdef apply(fn, str name, bint view, tuple args, dict attributes):
    cdef tuple arrays = PyTuple_New(len(args))
    cdef PyObject *recorder = current_recorder()
    cdef TensorBase result
    cdef Py_ssize_t i = 0
    cdef bint tracked = False, foreign = False
    for a in args:
        if isinstance(a, TensorBase):
            tracked = tracked or (<TensorBase>a)._requires_grad
            a = (<TensorBase>a)._data
        elif cnp.PyArray_Check(a):
            foreign = True
        Py_INCREF(a)
        PyTuple_SET_ITEM(arrays, i, a)
        i += 1
    if recorder != NULL:
        (<object>recorder).note_tensors(args)
    elif foreign and tracked and gradients_recorded():      # an array counts no versions: a gradient may read a copy
        arrays = tuple([np.array(a) if cnp.PyArray_Check(given) else a for given, a in zip(args, arrays)])
    out, gradients = fn(*arrays, **attributes) if attributes else fn(*arrays)
    if view and not (args and isinstance(args[0], TensorBase)):
        raise TypeError(f"{name}: expected a tensor, got {type(args[0]).__name__ if args else 'nothing'}")
    if not cnp.PyArray_Check(out):
        out = np.asarray(out)           # of arrays without dimensions NumPy makes numbers
    result = wrap(out, (<TensorBase>args[0])._storage if view else None)
    if cnp.PyArray_ISFLOAT(out):
        if tracked and gradients is not None and gradients_recorded():
            attach(result, name, gradients, args, arrays)
        if view:
            note_view(result, args[0])
    return result


cdef gradient alone(gradient first):
    """A gradient function without those that follow it, which a node keeps by itself, as far as they are needed."""
    cdef gradient function = gradient.__new__(gradient)
    function.function, function.saved = first.function, first.saved
    return function


cdef int attach(TensorBase result, str name, gradients, tuple args, tuple arrays) except -1:
    """Put the operation that made `result` on the tape."""
    cdef list edges = [], needed, read = []
    cdef Py_ssize_t i = 0
    cdef TensorBase t
    cdef Node node = Node.__new__(Node)
    for a in args:
        if isinstance(a, TensorBase) and (<TensorBase>a)._requires_grad:
            t = a
            edges.append((i, t if t._node is None else t._node))
        i += 1
    if type(gradients) is gradient and (<gradient>gradients).rest is not None:
        node.first, gradients = alone(gradients), (<gradient>gradients).rest
        state_read(node.first, name, read)
    if type(gradients) is tuple:
        if edges[len(edges) - 1][0] >= len(<tuple>gradients):
            raise RuntimeError(f"{name}: argument {edges[len(edges) - 1][0] + 1} needs a gradient, the operation "
                               f"returned {len(<tuple>gradients)}")
        if len(edges) < len(<tuple>gradients):          # what no edge needs is not kept alive
            needed = [None] * len(<tuple>gradients)
            for i, _ in edges:
                needed[i] = (<tuple>gradients)[i]
            gradients = tuple(needed)
        for function in <tuple>gradients:
            if function is not None:
                state_read(function, name, read)
    else:
        state_read(gradients, name, read)
    node.name, node.gradients, node.edges = name, gradients, tuple(edges)
    node.saved = versions(read, args, arrays, result)
    node.shape, node.dtype, node.order = result._data.shape, result._data.dtype, node_number()
    result._node, result._requires_grad = node, True
    return 0


# ---- what a node saved ----------------------------------------------------------------------------------------------

cdef int state_read(function, str name, list read) except -1:
    """Note the arrays that a gradient function states to read; refuse those that it holds without saying so."""
    cdef str holder
    if type(function) is gradient:
        add_arrays((<gradient>function).saved, name, read)
        function = (<gradient>function).function
    if not callable(function):
        raise TypeError(f"{name}: expected a gradient to be a function, got {type(function).__name__}")
    if type(function) is _Function:
        holder = hidden(function, 0)
    else:
        holder = None if is_plain(function, 0) else described(function)
    if holder is not None:
        raise TypeError(f"{name}: a gradient function holds {holder}, and a change of it would "
                        "go unnoticed; state what it reads: fastnet.autograd.gradient(function, *arrays) calls "
                        "function(g, *arrays)")
    return 0


cdef int add_arrays(tuple values, str name, list read) except -1:
    for value in values:
        if cnp.PyArray_Check(value):
            read.append(value)
        elif type(value) is tuple:
            add_arrays(value, name, read)
        elif not is_plain(value, 0):
            raise TypeError(f"{name}: a gradient saves arrays, numbers, and tuples of these, got "
                            f"{type(value).__name__}")
    return 0


cdef str hidden(function, int depth):
    """What a function holds that may be an array or have one in it, in its closure or its defaults; None: nothing."""
    cdef PyObject *closure = PyFunction_GetClosure(function)
    if closure != NULL:
        for cell in <tuple>closure:
            if PyCell_GET(<PyObject *>cell) != NULL and not is_plain(<object>PyCell_GET(<PyObject *>cell), depth):
                return described(<object>PyCell_GET(<PyObject *>cell))
    if PyFunction_GetDefaults(function) != NULL:
        for value in <tuple>PyFunction_GetDefaults(function):
            if not is_plain(value, depth):
                return described(value)
    if PyFunction_GetKwDefaults(function) != NULL:
        for value in (<dict>PyFunction_GetKwDefaults(function)).values():
            if not is_plain(value, depth):
                return described(value)
    return None


cdef str described(value):
    return f"an object of type {type(value).__name__}"


cdef bint is_plain(value, int depth) except -1:
    """Whether a value holds no array that other code could change."""
    cdef type kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is tuple:
        for part in <tuple>value:
            if not is_plain(part, depth):
                return False
        return True
    if kind is _Function:
        return depth < DEEPEST and hidden(value, depth + 1) is None
    if kind is _BuiltinFunction:
        return value.__self__ is None or isinstance(value.__self__, types.ModuleType)   # else a method of an object
    return isinstance(value, _PLAIN_BASES)


cdef tuple versions(list read, tuple args, tuple arrays, TensorBase result):
    """The storage and version of each array that is the result or an argument, or shares the memory of one."""
    cdef list saved = []
    cdef Py_ssize_t i
    for value in read:
        if share(value, result._data):
            saved.append((result._storage, (<Storage>result._storage).version, -1))
            continue
        i = argument(value, arrays)
        if i >= 0 and isinstance(args[i], TensorBase):
            storage = (<TensorBase>args[i])._storage
            saved.append((storage, (<Storage>storage).version, i))
    return tuple(saved)


cdef Py_ssize_t argument(value, tuple arrays) except -2:
    """Which argument an array is, or is a view of; -1: none."""
    cdef Py_ssize_t i
    for i in range(len(arrays)):
        if value is arrays[i]:
            return i
    for i in range(len(arrays)):
        if cnp.PyArray_CheckExact(arrays[i]) and share(value, arrays[i]):
            return i
    return -1


cdef bint share(cnp.ndarray value, cnp.ndarray array):
    """Whether `value` is `array`, or one is a view of the other, or both are views of one array."""
    cdef PyObject *base = cnp.PyArray_BASE(value)
    cdef PyObject *other = cnp.PyArray_BASE(array)
    return (value is array or <PyObject *>value == other
            or (base != NULL and (base == <PyObject *>array or base == other)))
