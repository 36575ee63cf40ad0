"""What each call of a compiled function asks of its arguments and guards, without Python's price.

The twin without a compiler is reference/calls.py.
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uintptr_t

from fastnet._kernels.launch cimport MAX_DIMS, dtype_of

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object)


def describe(array):
    """A hashable description of an array: its dtype and layout, whether it is aligned and whether it can be written."""
    cdef Py_buffer view
    cdef Py_ssize_t words[2 + 2 * MAX_DIMS]
    cdef int i, ndim
    PyObject_GetBuffer(array, &view, PyBUF_STRIDED_RO | PyBUF_FORMAT)
    ndim = view.ndim
    if ndim <= MAX_DIMS:
        words[0] = dtype_of(view.format, view.itemsize)
        words[1] = 2 * (<uintptr_t>view.buf % view.itemsize == 0) + (not view.readonly)
        for i in range(ndim):
            words[2 + i] = view.shape[i]
            words[2 + ndim + i] = view.strides[i]
    PyBuffer_Release(&view)
    if ndim > MAX_DIMS:
        return array.shape, array.dtype, array.strides, array.flags.aligned, array.flags.writeable
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


def undisturbed(list tensors, list gradients):
    """Whether nothing at all has changed since the recording was made: False only says that Python must look closer.

    `tensors` are (weak reference, array, requires_grad); `gradients` are those of fastnet/autograd/leaves.py.
    """
    for ref, array, needs in tensors:
        tensor = ref()
        if tensor is None or tensor._data is not array or tensor._requires_grad is not needs:
            return False
    for gradient in gradients:
        if not in_place(gradient):
            return False
    return True


def identical(list containers, list seen, str but):
    """Whether lists and dicts hold the very objects that they held (a list each in `seen`), but under the key `but`."""
    cdef Py_ssize_t i
    for container, before in zip(containers, seen):
        if len(container) != len(<list>before):
            return False
        i = 0
        if isinstance(container, dict):
            for key, value in (<dict>container).items():
                if value is not (<list>before)[i] and not (isinstance(key, str) and key == but):
                    return False
                i += 1
        else:
            for value in <list>container:
                if value is not (<list>before)[i]:
                    return False
                i += 1
    return True


def put_back(list gradients):
    """Leave every gradient as the recorded run did."""
    for gradient in gradients:
        leaf = gradient.leaf()
        grad = None if leaf is None else leaf._grad
        if grad is not None and gradient.place is not None and grad._data is gradient.array():
            grad._storage.version += 1
        else:
            gradient.put_back()


cdef bint in_place(object gradient) except -1:
    """Whether a leaf's gradient lies where replays write it, and nobody but the leaf holds it or its memory."""
    if not gradient.fresh:              # added to in its place, whoever else looks on
        return True
    leaf = gradient.leaf()
    if leaf is None:
        return False
    grad = leaf._grad
    home = leaf._grad_home
    if grad is None or gradient.array() is not home or grad._data is not home:
        return False
    # beside these variables, the leaf holds the gradient, and the leaf and the gradient hold the memory
    return Py_REFCNT(grad) == 2 and Py_REFCNT(home) == 3
