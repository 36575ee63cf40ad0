"""Does a recording still fit a call? The answers that a call asks for first, in C.

Optimizers and read gradients cost a Python call each. `_replay/guards.py` lists all questions.
The twin without a compiler is twins/guards.py.
"""
cimport cython
cimport numpy as cnp
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next
from cpython.ref cimport PyObject
from libc.stdint cimport uintptr_t
from libc.string cimport strlen

from fastnet._runtime.cpu cimport isa_name, selected_isa
from fastnet._runtime.launch cimport MAX_DIMS, dtype_of
from fastnet._runtime.memory cimport is_channels_last
from fastnet._runtime.places cimport Places
from fastnet._runtime.state cimport Turn, gradients_recorded
from fastnet._runtime.tape cimport Storage, TensorBase, referent
from fastnet._runtime.threads cimport limit

from fastnet import dtypes

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object)
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    PyObject *PyList_GET_ITEM(object, Py_ssize_t)


# ---- the context of a call ------------------------------------------------------------------------------------------

cdef list default_dtype = dtypes.DEFAULT


cdef class CallContext:
    """The settings that a recording depends on: gradient mode, threads, backend, instruction set, default dtype.

    It holds those of the thread that makes it. Equal contexts have equal hashes: it is part of a call's key.

    Args:
        table: the table of kernels in use; its `name` is the backend's.
    """

    def __init__(self, table):
        self.table, self.backend = table, table.name
        self.gradients, self.threads, self.isa = gradients_recorded(), limit(), selected_isa()
        self.dtype = default_dtype[0]

    cdef bint is_current(self) except -1:
        """Whether a call made now has this context."""
        return (self.gradients == gradients_recorded() and self.threads == limit() and self.isa == selected_isa()
                and self.table.name is self.backend and <object>PyList_GET_ITEM(default_dtype, 0) is self.dtype)

    def __eq__(self, other):
        if type(other) is not CallContext:
            return NotImplemented
        return (self.gradients == (<CallContext>other).gradients and self.threads == (<CallContext>other).threads
                and self.isa == (<CallContext>other).isa and self.backend == (<CallContext>other).backend
                and self.dtype == (<CallContext>other).dtype)

    def __hash__(self):
        return hash(self.backend) + 1000 * self.threads + 10 * self.isa + self.gradients

    def settings(self):
        """The settings and their values, as messages name them."""
        return {"gradient mode": bool(self.gradients), "threads": self.threads, "backend": self.backend,
                "instruction set": isa_name(self.isa), "default dtype": self.dtype.name}


# ---- where arrays lie in memory -------------------------------------------------------------------------------------

cdef object with_buffer(object array):
    """An array, or a view of it as integers if its dtype, such as bfloat16, cannot be in a buffer."""
    return array.view(f"u{array.itemsize}") if cnp.PyArray_Check(array) and cnp.PyArray_ISUSERDEF(array) else array


def layout_key(array):
    """A hashable description of an array: dtype, shape, strides, whether it is aligned and whether it is writable."""
    cdef Py_buffer view
    cdef Py_ssize_t words[2 + 2 * MAX_DIMS]
    cdef int i, ndim
    cdef bint foreign = cnp.PyArray_Check(array) and cnp.PyArray_ISUSERDEF(array)
    PyObject_GetBuffer(with_buffer(array), &view, PyBUF_STRIDED_RO | PyBUF_FORMAT)
    ndim = view.ndim                # at most MAX_DIMS: no array has more
    words[0] = dtype_of(view.format, view.itemsize)
    for i in range(<int>strlen(view.format) if view.format != NULL else 0):     # dtypes that kernels lack differ, too
        words[0] = words[0] * 256 + view.format[i]
    words[1] = 4 * foreign + 2 * (<uintptr_t>view.buf % view.itemsize == 0) + (not view.readonly)
    for i in range(ndim):
        words[2 + i] = view.shape[i]
        words[2 + ndim + i] = view.strides[i]
    PyBuffer_Release(&view)
    return PyBytes_FromStringAndSize(<char *>words, (2 + 2 * ndim) * sizeof(Py_ssize_t))


cdef int find_bounds(object array, uintptr_t *low, uintptr_t *high) except -1:
    cdef Py_buffer view
    cdef int i
    PyObject_GetBuffer(with_buffer(array), &view, PyBUF_STRIDED_RO)
    low[0] = high[0] = <uintptr_t>view.buf
    high[0] += view.itemsize if view.len else 0
    if view.len:
        for i in range(view.ndim):
            if view.strides[i] < 0:
                low[0] += view.strides[i] * (view.shape[i] - 1)
            else:
                high[0] += view.strides[i] * (view.shape[i] - 1)
    PyBuffer_Release(&view)
    return 0


def bounds(array):
    """The lowest address of an array's elements, and the first address above them."""
    cdef uintptr_t low, high
    find_bounds(array, &low, &high)
    return low, high


def overlaps(list arrays):
    """The pairs of arrays that share memory: (index, later index, distance in bytes) of each.

    A recording that was made for one array, given twice, must not serve two different arrays.
    """
    cdef uintptr_t low, high, other_low, other_high
    cdef Py_ssize_t i, j
    found = ()
    for j in range(1, len(arrays)):
        find_bounds(arrays[j], &low, &high)
        for i in range(j):
            find_bounds(arrays[i], &other_low, &other_high)
            if other_low < high and low < other_high:
                found += ((i, j, <Py_ssize_t>(low - other_low)),)
    return found


# ---- arguments ------------------------------------------------------------------------------------------------------

cdef class Layout:
    """The layout of a tensor among the arguments: dtype, shape, strides, alignment, whether it is writable."""
    cdef cnp.dtype dtype
    cdef int flags, ndim
    cdef Py_ssize_t shape[MAX_DIMS]
    cdef Py_ssize_t strides[MAX_DIMS]

    cdef bint match(self, cnp.ndarray array) noexcept:
        cdef int i
        if array.descr is not self.dtype or array.ndim != self.ndim or flags_of(array) != self.flags:
            return False
        for i in range(self.ndim):
            if array.shape[i] != self.shape[i] or array.strides[i] != self.strides[i]:
                return False
        return True


cdef int flags_of(cnp.ndarray array) noexcept:
    return cnp.PyArray_FLAGS(array) & (cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_WRITEABLE)


cdef Layout layout_of(array):
    """The layout of an array without gaps, contiguous or channels-last, else None.

    Only such arrays overlap exactly if their bounds do.
    """
    cdef Layout layout = Layout.__new__(Layout)
    cdef cnp.ndarray a
    cdef int i
    if not cnp.PyArray_CheckExact(array) or (<cnp.ndarray>array).ndim > MAX_DIMS:
        return None
    a = array
    layout.dtype, layout.flags, layout.ndim = a.descr, flags_of(a), a.ndim
    if not layout.flags & cnp.NPY_ARRAY_C_CONTIGUOUS and not is_channels_last(a, True):
        return None
    for i in range(a.ndim):
        layout.shape[i], layout.strides[i] = a.shape[i], a.strides[i]
    return layout


cdef class Arguments:
    """The positional arguments that a recording serves: tensors of the same layout, any float, identical objects."""

    cdef bint match(self, tuple args, list arrays) except -1:
        """Whether these arguments are served. The arrays of the tensors among them are appended to `arrays`."""
        cdef Py_ssize_t i, j, n = 0
        cdef uintptr_t low[MAX_TENSORS]
        cdef uintptr_t high[MAX_TENSORS]
        cdef TensorBase t
        if len(args) != len(self.expected):
            return False
        for i in range(len(args)):
            expected = self.expected[i]
            if type(expected) is not Layout:
                if args[i] is not expected and (expected is not float or type(args[i]) is not float):
                    return False
                continue
            if not isinstance(args[i], TensorBase):
                return False
            t = args[i]
            if t._requires_grad or not cnp.PyArray_CheckExact(t._data) or not (<Layout>expected).match(t._data):
                return False
            arrays.append(t._data)
            low[n] = <uintptr_t>cnp.PyArray_DATA(t._data)
            high[n] = low[n] + cnp.PyArray_NBYTES(t._data)
            for j in range(n):
                if low[j] < high[n] and low[n] < high[j]:
                    return False
            n += 1
        return True


def arguments_of(tuple args, bint any_float):
    """The Arguments of a call, or None if they cannot be compared by identity.

    Args:
        args: the positional arguments; there are no others.
        any_float: whether any float serves in place of another.
    """
    cdef Arguments found = Arguments.__new__(Arguments)
    cdef int tensors = 0
    found.expected = []
    if overlaps([(<TensorBase>a)._data for a in args if isinstance(a, TensorBase)]):
        return None
    for a in args:
        if isinstance(a, TensorBase):
            tensors += 1
            a = layout_of((<TensorBase>a)._data)
            if a is None or tensors > MAX_TENSORS:
                return None
        elif a is not None and type(a) not in (bool, int, float, str):
            return None
        elif type(a) is float and any_float:
            a = float
        found.expected.append(a)
    return found


# ---- tensors from outside, and gradients ----------------------------------------------------------------------------

cpdef bint tensors_identical(list tensors) except -1:
    """Whether tensors live, in the same arrays and with the same requires_grad.

    Args:
        tensors: (weak reference, array, requires_grad) of each.
    """
    for ref, array, requires_grad in tensors:
        tensor = referent(ref)
        if (tensor is None or (<TensorBase>tensor)._data is not array
                or (<TensorBase>tensor)._requires_grad != requires_grad):
            return False
    return True


cdef class FinalGradientBase:
    """The fields of a fastnet.autograd.leaves.FinalGradient."""


cdef bint in_place(FinalGradientBase final) except -1:
    """Whether a leaf's gradient lies where replays write it, held by nobody but the leaf."""
    if not final.fresh:                 # the replay adds to it in its place, which others may see
        return True
    leaf = referent(final.leaf)
    if leaf is None:
        return False
    grad = (<TensorBase>leaf)._grad
    array = (<TensorBase>leaf)._grad_home
    if grad is None or array is None or referent(final.array) is not array or (<TensorBase>grad)._data is not array:
        return False
    # references: to the gradient, this variable and the leaf; to the array, this variable, the leaf and the gradient
    return Py_REFCNT(grad) == 2 and Py_REFCNT(array) == 3


cdef class Guards:
    """The guards of a recording: with them, `Arguments` and `CallContext` decide whether it fits a call.

    Args:
        turn: the recording's Turn, which a thread takes for a replay.
        places: the Places of the Python values that the function read.
        entries: (dict, key, value) of values that must be the same object.
        checks: functions without arguments; each tells whether its guard holds.
        tensors: (weak reference, array, requires_grad) of tensors from outside.
        constants: (storage, version) of tensors whose values must be the same.
        gradients: the FinalGradient of each leaf.
    """

    def __init__(self, Turn turn, Places places, list entries, list checks, list tensors, list constants,
                 list gradients):
        self.turn, self.places, self.entries, self.checks = turn, places, entries, checks
        self.tensors, self.constants, self.gradients = tensors, constants, gradients

    cdef bint checks_hold(self) except -1:
        """Whether this thread is not within a replay of the recording, and the guards that need no tensors hold."""
        if self.turn.is_mine() or not self.places.unchanged():
            return False
        for holder, key, value in self.entries:
            if PyDict_GetItemWithError(holder, key) != <PyObject *>value:
                return False
        for storage, version in self.constants:
            if (<Storage>storage).version != <Py_ssize_t>version:
                return False
        for check in self.checks:
            if not check():
                return False
        return True

    cdef bint memory_identical(self) except -1:
        """Whether tensors from outside and gradients lie in the same arrays, and nobody else holds a gradient."""
        if not tensors_identical(self.tensors):
            return False
        for final in self.gradients:
            if not in_place(final):
                return False
        return True

    cdef bint identical(self) except -1:
        """Whether all guards hold without a look at the memory by value."""
        return self.checks_hold() and self.memory_identical()

    def hold(self):
        """Whether a replay would do what running the function would, and can begin now."""
        return self.checks_hold() and (self.memory_identical() or self.memory_equal())

    def memory_equal(self):
        """Whether tensors from outside and gradients lie in the same memory, if the arrays are others."""
        raise NotImplementedError


# ---- containers of an optimizer -------------------------------------------------------------------------------------

cdef class Contents:
    """The objects that lists and dicts hold, keys included, compared by identity.

    Args:
        containers: lists and dicts.
    """
    cdef list containers, before

    def __init__(self, containers):
        self.containers = list(containers)
        self.before = [tuple([part for entry in c.items() for part in entry] if isinstance(c, dict) else c)
                       for c in self.containers]

    def unchanged(self, str but=None):
        """Whether each container holds the same objects as when this was made.

        Args:
            but: a key of dicts, under which the object may be another.
        """
        cdef Py_ssize_t k, i, position
        cdef tuple before
        cdef PyObject *key
        cdef PyObject *value
        for k in range(len(self.containers)):
            container, before = self.containers[k], self.before[k]
            if isinstance(container, dict):
                i = position = 0
                with cython.critical_section(container):
                    if 2 * len(<dict>container) != len(before):
                        return False
                    while PyDict_Next(container, &position, &key, &value):
                        if key != <PyObject *>before[i] or (
                                value != <PyObject *>before[i + 1] and (but is None or <object>key != but)):
                            return False
                        i += 2
            else:
                if type(container) is not list:
                    return False
                with cython.critical_section(container):
                    if len(<list>container) != len(before):
                        return False
                    for i in range(len(before)):
                        if PyList_GET_ITEM(container, i) != <PyObject *>before[i]:
                            return False
        return True
