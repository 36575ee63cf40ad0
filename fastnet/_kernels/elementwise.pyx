"""Copies, constants, elementwise functions, arithmetic, comparisons and selection. Contracts: reference/elementwise.py.

The costs are nanoseconds an element with AVX2 and arrays in the cache.
"""
from libc.math cimport INFINITY
from libc.string cimport memcpy

from fastnet._runtime.launch cimport (
    BOOL, F32, F64, I32, I64, NARROW, STRIDED, U8, UNALIGNED, WRITE, Array, Entry, Family, Kernel, Launch, expect_ndim,
    family, submit, unpack)
from fastnet._runtime.map cimport (
    MAP_OUT, in_memory_order, is_walked_channels_last, launch_map, launch_map1, set_elements)
from fastnet._kernels.walk cimport expect_served, launch_copy, launch_walk

from fastnet._runtime.launch import UnsupportedDtype

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(elementwise)
    """
    const Entry *const *elementwise_tables

cdef extern from "src/elementwise_slots.h":
    enum:
        VALUE
        FIRST, INCREMENT
        FIRST_REAL, INCREMENT_REAL

cdef Family _bodies = family(elementwise_tables)
cdef Kernel _fill = _bodies["fill"], _fill_1 = _bodies["fill_1"]
cdef Kernel _arange = _bodies["arange"], _arange_i64 = _bodies["arange_i64"]
cdef Kernel _neg = _bodies["neg"], _abs = _bodies["abs"], _sqrt = _bodies["sqrt"], _square = _bodies["square"]
cdef Kernel _reciprocal = _bodies["reciprocal"], _exp = _bodies["exp"], _expm1 = _bodies["expm1"]
cdef Kernel _log = _bodies["log"], _log1p = _bodies["log1p"], _erf = _bodies["erf"]
cdef Kernel _clamp = _bodies["clamp"], _clamp_backward = _bodies["clamp_backward"]
cdef Kernel _add = _bodies["add"], _sub = _bodies["sub"], _mul = _bodies["mul"], _div = _bodies["div"]
cdef Kernel _maximum = _bodies["maximum"], _minimum = _bodies["minimum"], _pow = _bodies["pow"]
cdef Kernel _where = _bodies["where"], _where_1 = _bodies["where_1"]


# ---- copies and constants -------------------------------------------------------------------------------------------

def copy(out, x):
    cdef Array arrays[2]
    unpack(out, &arrays[0], WRITE | UNALIGNED | NARROW)
    unpack(x, &arrays[1], UNALIGNED | NARROW)
    launch_copy(arrays)


def join(out, axis, *parts):
    cdef Array whole
    cdef Array arrays[2]            # the place of a part, and the part
    cdef ptrdiff_t start = 0, n
    cdef int d, dim = axis
    cdef bint stacked
    unpack(out, &whole, WRITE | UNALIGNED | NARROW)
    if not 0 <= dim < whole.ndim:
        raise ValueError(f"join: expected an axis of an array of {whole.ndim} dimensions, got {dim}")
    for part in parts:
        unpack(part, &arrays[1], UNALIGNED | NARROW)
        if arrays[1].size == 0:
            continue
        stacked = arrays[1].ndim == whole.ndim - 1
        if not stacked:
            expect_ndim("join", "parts", &arrays[1], whole.ndim)
        n = 1 if stacked else arrays[1].shape[dim]
        if start + n > whole.shape[dim]:
            raise ValueError(f"join: expected parts for {whole.shape[dim]} entries, got {start + n}")
        arrays[0] = whole
        arrays[0].data += start * whole.strides[dim]
        arrays[0].shape[dim] = n
        if stacked:
            arrays[0].ndim -= 1
            for d in range(dim, arrays[0].ndim):
                arrays[0].shape[d], arrays[0].strides[d] = whole.shape[d + 1], whole.strides[d + 1]
        launch_copy(arrays)
        start += n


def fill(out, value):
    cdef Launch launch
    cdef Array o
    cdef float single
    cdef double real
    unpack(in_memory_order(out) if is_walked_channels_last(out) else out, &o, WRITE)
    if o.dtype == F32:
        _fill.prepare(&launch, F32)
        single = value
        memcpy(&launch.n[VALUE], &single, sizeof(single))
    elif o.dtype == F64:
        _fill.prepare(&launch, F64)
        real = value
        memcpy(&launch.n[VALUE], &real, sizeof(real))
    else:
        if not isinstance(value, (bool, int)):
            raise UnsupportedDtype("fill: a real value for an integer dtype")
        if o.dtype == BOOL:
            value = bool(value)
        elif o.dtype == U8 and not 0 <= value < 256 or o.dtype == I32 and not -2**31 <= value < 2**31:
            raise UnsupportedDtype("fill: out of range")
        if o.dtype == I32:
            _fill.prepare(&launch, F32)
        elif o.dtype == I64:
            _fill.prepare(&launch, F64)
        else:
            _fill_1.prepare(&launch, F32)
        launch.n[VALUE] = value
    launch.p[MAP_OUT] = o.data
    set_elements(&launch, o.size, 0.1)
    submit(&launch)


def arange(out, start, step):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    if o.dtype == I64:
        if not isinstance(start, int) or not isinstance(step, int):
            raise UnsupportedDtype("arange: real values for an integer dtype")
        _arange_i64.prepare(&launch, F64)
        launch.n[FIRST] = start
        launch.n[INCREMENT] = step
    else:
        _arange.prepare(&launch, o.dtype)
        launch.s[FIRST_REAL] = start
        launch.s[INCREMENT_REAL] = step
    launch.p[MAP_OUT] = o.data
    set_elements(&launch, o.size, 0.3)
    submit(&launch)


# ---- one input ------------------------------------------------------------------------------------------------------

def neg(out, x):
    launch_map(_neg, 0.15, out, x)


def abs(out, x):
    launch_map(_abs, 0.15, out, x)


def sqrt(out, x):
    launch_map(_sqrt, 0.4, out, x)


def square(out, x):
    launch_map(_square, 0.15, out, x)


def reciprocal(out, x):
    launch_map(_reciprocal, 0.3, out, x)


def exp(out, x):
    launch_map(_exp, 0.4, out, x)


def expm1(out, x):
    launch_map(_expm1, 0.4, out, x)


def log(out, x):
    launch_map(_log, 0.7, out, x)


def log1p(out, x):
    launch_map(_log1p, 0.9, out, x)


def erf(out, x):
    launch_map(_erf, 0.8, out, x)


def clamp(out, x, low, high):
    launch_map1(_clamp, 0.15, out, x, -INFINITY if low is None else low, INFINITY if high is None else high)


def clamp_backward(dx, x, dy, low, high):
    launch_map(_clamp_backward, 0.2, dx, x, dy, None, -INFINITY if low is None else low,
               INFINITY if high is None else high)


# ---- two inputs that broadcast --------------------------------------------------------------------------------------

cdef int unpack_binary(Array *arrays, object out, object a, object b) except -1:
    unpack(out, &arrays[0], WRITE | STRIDED)
    unpack(a, &arrays[1], STRIDED)
    unpack(b, &arrays[2], STRIDED)
    return 0


cdef int launch_binary(Kernel kernel, double cost, object out, object a, object b) except -1:
    cdef Array arrays[3]
    unpack_binary(arrays, out, a, b)
    expect_served(kernel.name, &arrays[2], arrays[1].dtype)
    expect_served(kernel.name, &arrays[0], arrays[1].dtype)
    return launch_walk(kernel, arrays[1].dtype, cost, arrays, 3)


def add(out, a, b):
    launch_binary(_add, 0.2, out, a, b)


def sub(out, a, b):
    launch_binary(_sub, 0.2, out, a, b)


def mul(out, a, b):
    launch_binary(_mul, 0.2, out, a, b)


def div(out, a, b):
    launch_binary(_div, 0.3, out, a, b)


def maximum(out, a, b):
    launch_binary(_maximum, 0.2, out, a, b)


def minimum(out, a, b):
    launch_binary(_minimum, 0.2, out, a, b)


def pow(out, a, b):
    launch_binary(_pow, 8, out, a, b)


cdef class Comparison:
    """The bodies of one comparison."""
    cdef Kernel reals, integers

    def __cinit__(self, str name):
        self.reals, self.integers = _bodies[name], _bodies[name + "_i64"]


cdef Comparison _eq = Comparison("eq"), _ne = Comparison("ne"), _lt = Comparison("lt")
cdef Comparison _le = Comparison("le"), _gt = Comparison("gt"), _ge = Comparison("ge")


cdef int launch_comparison(Comparison compare, object out, object a, object b) except -1:
    cdef Array arrays[3]
    unpack_binary(arrays, out, a, b)
    expect_served(compare.reals.name, &arrays[2], arrays[1].dtype)
    expect_served(compare.reals.name, &arrays[0], BOOL)
    if arrays[1].dtype == I64:
        return launch_walk(compare.integers, F64, 0.3, arrays, 3)
    return launch_walk(compare.reals, arrays[1].dtype, 0.2, arrays, 3)


def eq(out, a, b):
    launch_comparison(_eq, out, a, b)


def ne(out, a, b):
    launch_comparison(_ne, out, a, b)


def lt(out, a, b):
    launch_comparison(_lt, out, a, b)


def le(out, a, b):
    launch_comparison(_le, out, a, b)


def gt(out, a, b):
    launch_comparison(_gt, out, a, b)


def ge(out, a, b):
    launch_comparison(_ge, out, a, b)


def where(out, cond, a, b):
    cdef Array arrays[4]
    unpack(out, &arrays[0], WRITE | STRIDED)
    unpack(cond, &arrays[1], STRIDED)
    unpack(a, &arrays[2], STRIDED)
    unpack(b, &arrays[3], STRIDED)
    expect_served("where", &arrays[1], BOOL)
    expect_served("where", &arrays[2], arrays[0].dtype)
    expect_served("where", &arrays[3], arrays[0].dtype)
    if arrays[0].itemsize == 1:
        launch_walk(_where_1, F32, 0.2, arrays, 4)
    else:
        launch_walk(_where, F32 if arrays[0].itemsize == 4 else F64, 0.3, arrays, 4)
