"""What each call of a compiled function asks of its arguments and guards, without Python's price.

The twin without a compiler is twins/calls.py.
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next
from cpython.ref cimport PyObject
from cpython.weakref cimport PyWeakref_GetObject
from libc.stdint cimport uintptr_t

from fastnet._runtime.launch cimport MAX_DIMS, dtype_of
from fastnet._runtime.tape cimport Storage, TensorBase

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object)
    PyObject *PyList_GET_ITEM(object, Py_ssize_t)


def describe(array):
    """A hashable description of an array: its dtype and layout, whether it is aligned and whether it can be written."""
    cdef Py_buffer view
    cdef Py_ssize_t words[2 + 2 * MAX_DIMS]
    cdef int i, ndim
    PyObject_GetBuffer(array, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT)
    ndim = view.ndim                # at most MAX_DIMS: no array has more
    words[0] = dtype_of(view.format, view.itemsize)
    words[1] = 2 * (<uintptr_t>view.buf % view.itemsize == 0) + (not view.readonly)
    for i in range(ndim):
        words[2 + i] = view.shape[i]
        words[2 + ndim + i] = view.strides[i]
    PyBuffer_Release(&view)
    return PyBytes_FromStringAndSize(<char *>words, (2 + 2 * ndim) * sizeof(Py_ssize_t))


cdef int find_bounds(object array, uintptr_t *low, uintptr_t *high) except -1:
    cdef Py_buffer view
    cdef int i
    PyObject_GetBuffer(array, &view, PyBUF_STRIDED_RO)
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
    """The lowest address of an array's elements, and the first one above them."""
    cdef uintptr_t low, high
    find_bounds(array, &low, &high)
    return low, high


def overlaps(list arrays):
    """How arrays share memory: a recording that saw one array twice must not serve two different ones."""
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


cdef class Home:
    """The fields of a fastnet.autograd.leaves.FinalGradient."""


cdef object referent(object ref):
    """What a weak reference leads to, or None."""
    return <object>PyWeakref_GetObject(ref)


cpdef bint undisturbed(list tensors, list gradients) except -1:
    """Whether nothing at all has changed since the recording was made: False only says that Python must look closer.

    `tensors` are (weak reference, array, requires_grad); `gradients` are those of fastnet/autograd/leaves.py.
    """
    for ref, array, needs in tensors:
        tensor = referent(ref)
        if tensor is None or (<TensorBase>tensor)._data is not array or (<TensorBase>tensor)._requires_grad != needs:
            return False
    for home in gradients:
        if not in_place(home):
            return False
    return True


cdef bint in_place(Home home) except -1:
    """Whether a leaf's gradient lies where replays write it, and nobody but the leaf holds it or its memory."""
    if not home.fresh:                  # added to in its place, whoever else looks on
        return True
    leaf = referent(home.leaf)
    if leaf is None:
        return False
    grad = (<TensorBase>leaf)._grad
    array = (<TensorBase>leaf)._grad_home
    if grad is None or array is None or referent(home.array) is not array or (<TensorBase>grad)._data is not array:
        return False
    # beside these variables, the leaf holds the gradient, and the leaf and the gradient hold the memory
    return Py_REFCNT(grad) == 2 and Py_REFCNT(array) == 3


cpdef put_back(list gradients):
    """Leave every gradient as the recorded run did."""
    cdef Home home
    for home in gradients:
        leaf = referent(home.leaf)
        grad = None if leaf is None else (<TensorBase>leaf)._grad
        if grad is not None and home.place is not None and (<TensorBase>grad)._data is referent(home.array):
            (<Storage>(<TensorBase>grad)._storage).version += 1
        else:
            home.put_back()


cdef class Watch:
    """Lists and dicts, to be asked whether they still hold the very objects that they held when this was made."""
    cdef list containers, seen

    def __init__(self, containers):
        self.containers = list(containers)
        self.seen = [tuple(c.values() if isinstance(c, dict) else c) for c in self.containers]

    def same(self, str but=None):
        """Whether they do; in dicts, what stands under the key `but` may be another object."""
        cdef Py_ssize_t k, i, position
        cdef tuple before
        cdef PyObject *key
        cdef PyObject *value
        for k in range(len(self.containers)):
            container, before = self.containers[k], self.seen[k]
            if isinstance(container, dict):
                i = position = 0
                if len(<dict>container) != len(before):
                    return False
                while PyDict_Next(container, &position, &key, &value):
                    if value != <PyObject *>before[i] and (but is None or <object>key != but):
                        return False
                    i += 1
            else:
                if type(container) is not list or len(<list>container) != len(before):
                    return False
                for i in range(len(before)):
                    if PyList_GET_ITEM(container, i) != <PyObject *>before[i]:
                        return False
        return True
