cimport numpy as cnp
from libc.stdint cimport uintptr_t

from fastnet._runtime.cpu cimport ISA_COUNT
from fastnet._runtime.tuning cimport Tuner

cdef extern from "src/launch.h":
    ctypedef int (*Body)(const Launch *, ptrdiff_t, ptrdiff_t) noexcept nogil
    struct Launch:
        Body body
        ptrdiff_t blocks
        double work
        void *p[12]
        ptrdiff_t n[28]
        double s[6]
        bint keeps_tiny
    ctypedef struct Entry:
        const char *name
        Body f32
        Body f64
        bint keeps_tiny

cdef enum:
    MAX_DIMS = 64                   # as NumPy

cdef enum DType:
    NONE = -1                       # an optional array that is absent
    F32 = 0
    F64 = 1
    I64 = 2
    I32 = 3
    U8 = 4
    BOOL = 5

cdef enum Access:
    READ = 0
    WRITE = 1
    STRIDED = 2                     # the kernel walks strides itself; otherwise the array must be contiguous
    OPTIONAL = 4                    # None is allowed

cdef struct Array:                  # an array as a kernel sees it
    char *data                      # NULL where absent
    DType dtype
    int ndim
    ptrdiff_t size                  # elements
    ptrdiff_t shape[MAX_DIMS]
    ptrdiff_t strides[MAX_DIMS]     # in elements

cdef struct Moved:                  # a pointer that lies in an input and follows it at each replay
    ptrdiff_t launch
    int slot
    int source
    ptrdiff_t offset

cdef class LaunchList:
    cdef Launch *items
    cdef Tuner tuner
    cdef Moved *moved
    cdef ptrdiff_t count, capacity, moves, moves_capacity
    cdef list inputs
    cdef int append(self, const Launch *launch) except -1
    cdef int follow(self, int slot, int source, ptrdiff_t offset) except -1
    cdef ptrdiff_t run_at(self, const uintptr_t *addresses) noexcept

cdef class Kernel:                  # one SIMD body for each instruction set and real type
    cdef str name
    cdef Body f32[ISA_COUNT]
    cdef Body f64[ISA_COUNT]
    cdef bint keeps_tiny
    cdef int prepare(self, Launch *launch, DType dtype) except -1

cdef class Family:
    cdef const Entry *const *tables

cdef Family family(const Entry *const *tables)
cdef int dtype_of(const char *format, Py_ssize_t itemsize) noexcept
cdef DType plain_dtype(cnp.ndarray source) noexcept
cdef int unpack(object source, Array *array, int access=*) except -1
cdef int expect_dtype(str kernel, const Array *array, DType dtype) except -1
cdef int expect_size(str kernel, str what, ptrdiff_t given, ptrdiff_t expected) except -1
cdef int submit(const Launch *launch) except -1
