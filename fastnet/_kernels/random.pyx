"""Random draws from Philox4x32-10. Contracts: reference/random.py.

Arguments that are out of range go to the reference, which raises the error.
"""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport nextafter, nextafterf
from libc.stdint cimport int64_t, uint64_t, uintptr_t

from fastnet._runtime.launch cimport (
    F32, I64, READ, U8, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, expect_dtype, family, submit, unpack)
from fastnet._runtime.map cimport set_elements

from fastnet._runtime.launch import NeedsPacking
from fastnet._kernels.reference import random as reference

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(random)
    """
    const Entry *const *random_tables

cdef extern from "src/random_slots.h":
    enum:
        OUT, X, KEPT, STATE, PROBABILITIES
        OFFSET, LOWEST, RANGE, THRESHOLD
        LOW, HIGH, BELOW_HIGH, MEAN, STD, SCALE

cdef Family _bodies = family(random_tables)
cdef Kernel _uniform = _bodies["random_uniform"], _normal = _bodies["random_normal"]
cdef Kernel _integers = _bodies["random_integers"], _bernoulli = _bodies["random_bernoulli"]
cdef Kernel _dropout = _bodies["dropout"], _dropout_backward = _bodies["dropout_backward"]


cdef void *unpack_state(str kernel, object state) except NULL:
    """The address of [seed, counter]: uint64, a dtype that unpack() does not take."""
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(state, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    except ValueError:
        raise NeedsPacking() from None
    cdef void *data = view.buf
    cdef bint aligned = <uintptr_t>data % 8 == 0
    cdef const char *kind = view.format
    if kind != NULL and kind[0] == c"=":        # NumPy's mark of an unaligned array
        kind += 1
    cdef bint right = kind != NULL and (kind[0] == c"Q" or kind[0] == c"L") and view.itemsize == 8 and view.len == 16
    PyBuffer_Release(&view)
    if not right:
        raise TypeError(f"{kernel}: expected the state as two uint64 numbers, [seed, counter]")
    if not aligned:
        raise NeedsPacking()
    return data


cdef int prepare_draw(Kernel kernel, Launch *launch, DType dtype, Array *out, object state, ptrdiff_t offset,
                      double cost) except -1:
    """Fill in a launch that draws into `out`; `cost` is the estimated nanoseconds an element."""
    kernel.prepare(launch, dtype)
    launch.p[OUT] = out.data
    launch.p[STATE] = unpack_state(kernel.name, state)
    launch.n[OFFSET] = offset
    set_elements(launch, out.size, cost)
    return 0


def random_uniform(out, state, offset, low=0.0, high=1.0):
    cdef Launch launch
    cdef Array o
    cdef double lo = low, hi = high
    unpack(out, &o, WRITE)
    prepare_draw(_uniform, &launch, o.dtype, &o, state, offset, 0.5 if o.dtype == F32 else 1.2)
    cdef double limit = FLT_MAX if o.dtype == F32 else DBL_MAX
    if not (lo <= hi and hi - lo <= limit and -limit <= lo and hi <= limit):
        reference.random_uniform(out, state, offset, low, high)
        return
    launch.s[LOW] = lo
    launch.s[HIGH] = hi
    launch.s[BELOW_HIGH] = nextafterf(<float>hi, <float>lo) if o.dtype == F32 else nextafter(hi, lo)
    submit(&launch)


def random_normal(out, state, offset, mean=0.0, std=1.0):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    prepare_draw(_normal, &launch, o.dtype, &o, state, offset, 1 if o.dtype == F32 else 18)
    launch.s[MEAN] = mean
    launch.s[STD] = std
    if not launch.s[STD] >= 0:
        reference.random_normal(out, state, offset, mean, std)
        return
    submit(&launch)


def random_integers(out, state, offset, low, high):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    expect_dtype("random_integers", "out", &o, I64)
    if not -2**63 <= low < high <= 2**63:
        reference.random_integers(out, state, offset, low, high)
        return
    prepare_draw(_integers, &launch, F32, &o, state, offset, 3)
    launch.n[LOWEST] = <ptrdiff_t><int64_t>low
    launch.n[RANGE] = <ptrdiff_t><uint64_t>((high - low) % 2**64)
    submit(&launch)


def random_bernoulli(out, p_array, state, offset):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    prepare_draw(_bernoulli, &launch, o.dtype, &o, state, offset, 0.5 if o.dtype == F32 else 1.2)
    bind(&launch, PROBABILITIES, "random_bernoulli", "p_array", p_array, READ, o.dtype, o.size)
    if submit(&launch):
        reference.random_bernoulli(out, p_array, state, offset)


cdef double keep_scale(double p):
    return 1 / (1 - p) if p < 1 else 0


def dropout(out, mask, x, state, offset, p):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    if not 0 <= p <= 1:
        reference.dropout(out, mask, x, state, offset, p)
        return
    prepare_draw(_dropout, &launch, o.dtype, &o, state, offset, 0.5)
    bind(&launch, KEPT, "dropout", "mask", mask, WRITE, U8, o.size)
    bind(&launch, X, "dropout", "x", x, READ, o.dtype, o.size)
    launch.n[THRESHOLD] = <ptrdiff_t>round(p * 2.0**32)
    launch.s[SCALE] = keep_scale(p)
    submit(&launch)


def dropout_backward(dx, mask, dy, p):
    cdef Launch launch
    cdef Array o
    unpack(dx, &o, WRITE)
    if not 0 <= p <= 1:
        reference.dropout_backward(dx, mask, dy, p)
        return
    _dropout_backward.prepare(&launch, o.dtype)
    launch.p[OUT] = o.data
    bind(&launch, KEPT, "dropout_backward", "mask", mask, READ, U8, o.size)
    bind(&launch, X, "dropout_backward", "dy", dy, READ, o.dtype, o.size)
    set_elements(&launch, o.size, 0.15)
    launch.s[SCALE] = keep_scale(p)
    submit(&launch)
