"""Tensors' fields, the nodes of the tape, and `differentiable`: the code that every eager operation runs.

The twin in plain Python is twins/tape.py. fastnet/_core/tensor.py documents the fields, fastnet/autograd the tape.
"""
import inspect

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.weakref cimport PyWeakref_NewRef

from fastnet._runtime.dialect cimport dtype_for_caller, shape_for_caller
from fastnet._runtime.pointwise cimport Pointwise
from fastnet._runtime.saved cimport append_saved, argument_position, gradient, is_one_memory, without_rest
from fastnet._runtime.state cimport current_meters, current_recorder, current_tracer, gradients_recorded, listeners

from fastnet._runtime.node_names import NodeName, next_functions

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX

cdef extern from *:
    """
    /* A new reference to what a weak reference leads to: NULL if it is gone. */
    static PyObject *live_referent(PyObject *ref) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject *found = NULL;
        return PyWeakref_GetRef(ref, &found) > 0 ? found : NULL;
    #else
        PyObject *found = PyWeakref_GetObject(ref);
        if (found == Py_None)
            return NULL;
        Py_XINCREF(found);
        return found;
    #endif
    }

    static Py_ssize_t add_one(Py_ssize_t *count) {
    #ifdef Py_GIL_DISABLED
        return _Py_atomic_add_ssize(count, 1) + 1;
    #else
        return ++*count;
    #endif
    }
    """
    PyObject *live_referent(object)
    Py_ssize_t add_one(Py_ssize_t *)

cdef type _Tensor = None            # the class of the tensors that operations make: fastnet.Tensor
cdef Py_ssize_t _latest = 0         # the number of the latest node


# ---- tensors --------------------------------------------------------------------------------------------------------

cdef class Storage:
    """The version of a piece of memory: all tensors over it share this object, and each in-place write counts it up.
    """


cdef class TensorBase:
    """The fields of a tensor, and its most used properties."""

    @property
    def shape(self):
        """The lengths of the dimensions, as a tuple of int."""
        return shape_for_caller(self._data.shape)

    @property
    def dtype(self):
        """The numpy.dtype of the elements, one of fastnet's six."""
        return dtype_for_caller(self._data.dtype)

    @property
    def ndim(self):
        """The number of dimensions."""
        return self._data.ndim


def set_tensor_class(type cls):
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
    """A tensor over an array.

    Args:
        storage: the storage of the tensor whose memory the array shares; by default a new one.
    """
    return wrap(array, storage)


def new_instance(type cls):
    """An instance of a class of tensors, without calling its constructor: no field is set."""
    return TensorBase.__new__(cls)


cdef object referent(object ref):
    """The object of a weak reference, or None."""
    cdef PyObject *found = live_referent(ref)
    if found == NULL:
        return None
    result = <object>found
    Py_DECREF(result)                   # `result` has its own reference
    return result


def register_view(TensorBase view not None, TensorBase tensor not None):
    """Link a view of a tensor with its base, so that a write into either of them can update both on the tape.

    A view of a view has the same base as that view, unless that view is a leaf that requires a gradient.
    """
    cdef TensorBase base = tensor._base
    cdef list views
    if base is None or (tensor._requires_grad and tensor._node is None):
        base = tensor
    view._base = base
    with cython.critical_section(base):         # threads may share a tensor that they make views of
        if base._views is None:
            base._views = []
        views = base._views
        if len(views) > base.prune_above:
            remove_dead_views(base, views)
        views.append(PyWeakref_NewRef(view, None))


cdef int remove_dead_views(TensorBase base, list views) except -1:
    """Remove the references to dead views. Another thread may append a view meanwhile, but must not enter here."""
    cdef Py_ssize_t count = len(views)
    base.prune_above = PY_SSIZE_T_MAX
    views[:count] = [ref for ref in views[:count] if referent(ref) is not None]
    base.prune_above = 2 * len(views) + 8
    return 0


# ---- the tape -------------------------------------------------------------------------------------------------------

@cython.trashcan(True)              # frees a long tape without recursion
cdef class Node:
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

    cdef readonly str label
    cdef public object first, gradients
    cdef public tuple edges, saved
    cdef public bint saves
    cdef readonly tuple shape
    cdef readonly object dtype
    cdef readonly Py_ssize_t order
    cdef public object hooks
    cdef object __weakref__

    __signature__ = inspect.signature(lambda name, gradients, edges, saved, out: None)

    def __init__(self, name, gradients, edges, saved, out):
        self.label, self.gradients, self.edges, self.saved = str(name), gradients, tuple(edges), tuple(saved)
        self.shape, self.dtype, self.saves = out.shape, out.dtype, True
        self.order = node_number()

    @property
    def name(self):
        """The name of the operation; called, it gives the name in PyTorch's style: "MulBackward0"."""
        return NodeName(self.label)

    @property
    def next_functions(self):
        """(node, 0) of each argument that needs a gradient; an AccumulateGrad object stands for a leaf."""
        return next_functions(self.edges, Node)

    def __repr__(self):
        return f"<{self.label} backward>"


def node_number():
    """The next node number: all later nodes have a higher `order`."""
    return add_one(&_latest)


def differentiable(fn, str name, bint view, bound, explain, Pointwise pointwise=None):
    """The operation on tensors that `fn` defines on arrays: see fastnet.autograd.op.

    Args:
        bound: bound(fn, args, attributes) moves tensors given by keyword to their positions, and returns
            (positional arguments, keyword arguments).
        explain: as in `wrappers.explain_failures`.
        pointwise: the elementwise kernel that computes the operation, or None.
    """
    def operation(*args, **attributes):
        try:
            if attributes and names_tensors(attributes):
                args, attributes = bound(fn, args, attributes)
            if current_meters() != NULL or current_recorder() != NULL:
                return apply_audibly(fn, name, view, pointwise, args, attributes)
            return apply(fn, name, view, pointwise, args, attributes)
        except (AttributeError, TypeError, ValueError) as error:
            explain(fn, args, attributes, error)
            raise
    return operation


cdef bint names_tensors(dict attributes):
    for value in attributes.values():
        if isinstance(value, TensorBase):
            return True
    return False


cdef apply_audibly(fn, str name, bint view, Pointwise pointwise, tuple args, dict attributes):
    """As `apply`; the meters of this thread and the recorder are told when the operation begins and ends."""
    cdef tuple told = listeners()
    for listener in told:
        listener.enter_operation(name, args)
    try:
        return apply(fn, name, view, pointwise, args, attributes)
    finally:
        for listener in told:
            listener.leave_operation()


cdef apply(fn, str name, bint view, Pointwise pointwise, tuple args, dict attributes):
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
    if pointwise is not None and recorder == NULL and current_tracer() == NULL:
        out = None if tracked and gradients_recorded() else pointwise.result(arrays, attributes)
        if out is not None:
            return wrap(out, None)
    if recorder != NULL:
        (<object>recorder).note_tensors(args)
    elif foreign and tracked and gradients_recorded():      # a user's array has no version: gradients read a copy
        arrays = tuple([np.array(a) if cnp.PyArray_Check(given) else a for given, a in zip(args, arrays)])
    out, gradients = fn(*arrays, **attributes) if attributes else fn(*arrays)
    if view and not (args and isinstance(args[0], TensorBase)):
        raise TypeError(f"{name}: expected a tensor, got {type(args[0]).__name__ if args else 'nothing'}")
    if not cnp.PyArray_Check(out):
        out = np.asarray(out)           # NumPy's functions return numbers for 0-d arrays
    result = wrap(out, (<TensorBase>args[0])._storage if view else None)
    if cnp.PyArray_ISFLOAT(out) or cnp.PyArray_ISCOMPLEX(out) or cnp.PyArray_ISUSERDEF(out):    # bfloat16
        if tracked and gradients is not None and gradients_recorded():
            attach(result, name, gradients, args, arrays)
        if view:
            register_view(result, args[0])
    if current_tracer() != NULL:
        (<object>current_tracer()).note_call(fn, name, args, attributes, result)
    return result


cdef int attach(TensorBase result, str name, gradients, tuple args, tuple arrays) except -1:
    """Put the operation that made `result` on the tape."""
    cdef list edges = [], needed, saved = []
    cdef Py_ssize_t i = 0
    cdef TensorBase t
    cdef Node node = Node.__new__(Node)
    for a in args:
        if isinstance(a, TensorBase) and (<TensorBase>a)._requires_grad:
            t = a
            edges.append((i, t if t._node is None else t._node))
        i += 1
    if type(gradients) is gradient and (<gradient>gradients).rest is not None:
        node.first, gradients = without_rest(gradients), (<gradient>gradients).rest
        append_saved(node.first, name, saved)
    if type(gradients) is tuple:
        if edges[len(edges) - 1][0] >= len(<tuple>gradients):
            raise RuntimeError(f"{name}: expected a gradient for argument {edges[len(edges) - 1][0] + 1}, the operation "
                               f"returned {len(<tuple>gradients)}")
        if len(edges) < len(<tuple>gradients):          # functions that no edge needs are not kept alive
            needed = [None] * len(<tuple>gradients)
            for i, _ in edges:
                needed[i] = (<tuple>gradients)[i]
            gradients = tuple(needed)
        for function in <tuple>gradients:
            if function is not None:
                append_saved(function, name, saved)
    else:
        append_saved(gradients, name, saved)
    node.label, node.gradients, node.edges = name, gradients, tuple(edges)
    node.saved, node.saves = versions_of(saved, args, arrays, result), len(saved) > 0
    node.shape, node.dtype, node.order = result._data.shape, result._data.dtype, node_number()
    result._node, result._requires_grad = node, True
    return 0


cdef tuple versions_of(list saved, tuple args, tuple arrays, TensorBase result):
    """(storage, version, position) of each saved array that is the result (-1) or an argument, or a view of these."""
    cdef list versions = []
    cdef Py_ssize_t i
    for array in saved:
        if is_one_memory(array, result._data):
            versions.append((result._storage, (<Storage>result._storage).version, -1))
            continue
        i = argument_position(array, arrays)
        if i >= 0 and isinstance(args[i], TensorBase):
            storage = (<TensorBase>args[i])._storage
            versions.append((storage, (<Storage>storage).version, i))
    return tuple(versions)
