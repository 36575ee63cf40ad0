cimport numpy as cnp
from libc.stdint cimport uintptr_t

from fastnet._runtime.cpu cimport ISA_COUNT
from fastnet._runtime.memory cimport Block
from fastnet._runtime.tuning cimport Tuner

cdef extern from "src/launch.h" nogil:
    enum:
        LAUNCH_POINTERS, LAUNCH_SIZES, LAUNCH_SCALARS
        BLOCK
    ctypedef int (*Body)(const Launch *, ptrdiff_t, ptrdiff_t) noexcept nogil
    struct Launch:
        Body body
        ptrdiff_t blocks
        double work
        void *p[LAUNCH_POINTERS]
        ptrdiff_t n[LAUNCH_SIZES]
        double s[LAUNCH_SCALARS]
        bint keeps_tiny
    ctypedef struct Entry:
        const char *name
        Body f32
        Body f64
        bint keeps_tiny
    ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) noexcept
    ptrdiff_t rows_in_block(ptrdiff_t width) noexcept

cdef enum:
    MAX_DIMS = 64                   # as NumPy

cdef enum DType:
    UNSUPPORTED = -2
    ABSENT = -1                     # of an optional array that is None
    F32 = 0
    F64 = 1
    I64 = 2
    I32 = 3
    U8 = 4
    BOOL = 5
    I8 = 6                          # this and I16 only for kernels that unpack with NARROW
    I16 = 7

cdef enum Access:                   # demands on an array; without any, it is read and must be contiguous
    READ = 0
    WRITE = 1
    STRIDED = 2                     # any strides that are multiples of the element size
    UNALIGNED = 4                   # any layout at all
    OPTIONAL = 8                    # None is allowed
    NARROW = 16                     # int8 and int16 are served

cdef struct Array:                  # an array as a kernel sees it
    char *data                      # NULL: absent
    DType dtype
    bint aligned                    # every element lies at a multiple of its size
    int ndim
    ptrdiff_t itemsize
    ptrdiff_t size                  # elements
    ptrdiff_t shape[MAX_DIMS]
    ptrdiff_t strides[MAX_DIMS]     # in bytes

cdef struct Moved:                  # a pointer into an input, which follows that input at each replay
    ptrdiff_t launch
    int slot
    int source
    ptrdiff_t offset

cdef class LaunchList:
    cdef Launch *items
    cdef Tuner tuner
    cdef Moved *moved
    cdef ptrdiff_t count, capacity, moves, moves_capacity
    cdef list inputs, constants, packings
    cdef readonly list calls
    cdef double *seconds            # of each launch in the last measured replay, or NULL
    cdef object constants_pool
    cdef bint is_constant(self, uintptr_t low, uintptr_t high) except -1
    cdef void note_work(self, const Launch *launch) noexcept
    cdef int append(self, const Launch *launch) except -1
    cdef int follow(self, int slot, int source, ptrdiff_t offset) except -1
    cdef ptrdiff_t run_at(self, const uintptr_t *addresses) except -2

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
cdef tuple shape_of(const Array *array)
cdef int unpack(object source, Array *array, int access=*) except -1
cdef int unpack_sized(str kernel, str name, object source, Array *array, int access, DType dtype,
                      ptrdiff_t size) except -1
cdef int unpack_like(str kernel, str name, object source, Array *array, int access, const Array *like) except -1
cdef int bind(Launch *launch, int slot, str kernel, str name, object source, int access, DType dtype,
              ptrdiff_t size) except -1
cdef int expect_dtype(str kernel, str name, const Array *array, DType dtype) except -1
cdef int expect_ndim(str kernel, str name, const Array *array, int ndim) except -1
cdef int expect_size(str kernel, str name, const Array *array, ptrdiff_t size) except -1
cdef int expect_shape(str kernel, str name, const Array *array, const ptrdiff_t *shape, int ndim) except -1
cdef int submit(const Launch *launch) except -1
cdef bint is_constant(const void *low, const void *high) except -1
cdef Block submit_packing(Launch *launch, int slot, ptrdiff_t nbytes, const void *source, ptrdiff_t source_bytes)
