"""Random draws from Philox4x32-10. Contracts: reference/random.py.

An argument that can't be served goes to the reference, which says why.
"""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport nextafter, nextafterf
from libc.stdint cimport int64_t, uint64_t, uintptr_t

from fastnet._runtime.launch cimport (
    F32, I64, U8, WRITE, Array, DType, Entry, Family, Kernel, Launch, expect_dtype, expect_size, family, submit, unpack)

from fastnet._runtime.launch import NeedsPacking
from fastnet._kernels.reference import random as reference

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(random)
    """
    const Entry *const *random_tables

cdef enum:
    BLOCK = 4096

cdef Family _bodies = family(random_tables)
cdef Kernel _uniform = _bodies["random_uniform"], _normal = _bodies["random_normal"]
cdef Kernel _integers = _bodies["random_integers"], _bernoulli = _bodies["random_bernoulli"]
cdef Kernel _dropout = _bodies["dropout"], _dropout_backward = _bodies["dropout_backward"]


cdef void *unpack_state(str kernel, object state) except NULL:
    """The address of [seed, counter]: uint64, which unpack() does not know."""
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
        raise TypeError(f"{kernel}: expected the state as 2 uint64 numbers, [seed, counter]")
    if not aligned:
        raise NeedsPacking()
    return data


cdef int draw(Kernel kernel, Launch *launch, DType dtype, Array *out, object state, ptrdiff_t offset, int slot,
              double cost) except -1:
    """Fill in a launch that draws into `out`: the state goes to pointer `slot`, `cost` is nanoseconds an element."""
    kernel.prepare(launch, dtype)
    launch.p[0] = out.data
    launch.p[slot] = unpack_state(kernel.name, state)
    launch.n[0] = out.size
    launch.n[1] = offset
    launch.blocks = (out.size + BLOCK - 1) // BLOCK
    launch.work = cost * out.size
    return 0


def random_uniform(out, state, offset, low=0.0, high=1.0):
    cdef Launch launch
    cdef Array o
    cdef double lo = low, hi = high
    unpack(out, &o, WRITE)
    draw(_uniform, &launch, o.dtype, &o, state, offset, 1, 0.5 if o.dtype == F32 else 1.2)
    cdef double limit = FLT_MAX if o.dtype == F32 else DBL_MAX
    if not (lo <= hi and hi - lo <= limit and -limit <= lo and hi <= limit):
        reference.random_uniform(out, state, offset, low, high)
        return
    launch.s[0] = lo
    launch.s[1] = hi
    launch.s[2] = nextafterf(<float>hi, <float>lo) if o.dtype == F32 else nextafter(hi, lo)
    submit(&launch)


def random_normal(out, state, offset, mean=0.0, std=1.0):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    draw(_normal, &launch, o.dtype, &o, state, offset, 1, 1 if o.dtype == F32 else 18)
    launch.s[0] = mean
    launch.s[1] = std
    if not launch.s[1] >= 0:
        reference.random_normal(out, state, offset, mean, std)
        return
    submit(&launch)


def random_integers(out, state, offset, low, high):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    expect_dtype("random_integers", &o, I64)
    if not -2**63 <= low < high <= 2**63:
        reference.random_integers(out, state, offset, low, high)
        return
    draw(_integers, &launch, F32, &o, state, offset, 1, 3)
    launch.n[2] = <ptrdiff_t><int64_t>low
    launch.n[3] = <ptrdiff_t><uint64_t>((high - low) % 2**64)
    submit(&launch)


def random_bernoulli(out, p_array, state, offset):
    cdef Launch launch
    cdef Array o, p
    unpack(out, &o, WRITE)
    unpack(p_array, &p)
    draw(_bernoulli, &launch, o.dtype, &o, state, offset, 1, 0.5 if o.dtype == F32 else 1.2)
    expect_dtype("random_bernoulli", &p, o.dtype)
    expect_size("random_bernoulli", "the size of p_array", p.size, o.size)
    launch.p[2] = p.data
    if submit(&launch):
        reference.random_bernoulli(out, p_array, state, offset)


cdef double keep_scale(double p):
    return 1 / (1 - p) if p < 1 else 0


cdef int unpack_dropout(str kernel, Launch *launch, Array *out, object mask, int mask_access, object x) except -1:
    """Check the mask and the input of a dropout against `out`, and point at them."""
    cdef Array m, a
    unpack(mask, &m, mask_access)
    unpack(x, &a)
    expect_dtype(kernel, &m, U8)
    expect_dtype(kernel, &a, out.dtype)
    expect_size(kernel, "the mask's size", m.size, out.size)
    expect_size(kernel, "the input's size", a.size, out.size)
    launch.p[0] = out.data
    launch.p[1] = m.data
    launch.p[2] = a.data
    return 0


def dropout(out, mask, x, state, offset, p):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    if not 0 <= p <= 1:
        reference.dropout(out, mask, x, state, offset, p)
        return
    draw(_dropout, &launch, o.dtype, &o, state, offset, 3, 0.5)
    unpack_dropout("dropout", &launch, &o, mask, WRITE, x)
    launch.n[2] = <ptrdiff_t>round(p * 2.0**32)
    launch.s[0] = keep_scale(p)
    submit(&launch)


def dropout_backward(dx, mask, dy, p):
    cdef Launch launch
    cdef Array o
    unpack(dx, &o, WRITE)
    if not 0 <= p <= 1:
        reference.dropout_backward(dx, mask, dy, p)
        return
    _dropout_backward.prepare(&launch, o.dtype)
    unpack_dropout("dropout_backward", &launch, &o, mask, 0, dy)
    launch.n[0] = o.size
    launch.blocks = (o.size + BLOCK - 1) // BLOCK
    launch.work = 0.15 * o.size
    launch.s[0] = keep_scale(p)
    submit(&launch)
