from fastnet._runtime.launch cimport MAX_DIMS, DType, Kernel

cdef struct Operand:                # an array of any layout
    char *data
    DType dtype
    bint aligned                    # every element stands at a multiple of its size
    int ndim
    ptrdiff_t itemsize
    ptrdiff_t shape[MAX_DIMS]
    ptrdiff_t step[MAX_DIMS]        # in bytes

cdef int look(object source, Operand *operand, bint writable=*) except -1
cdef int look_aligned(object source, Operand *operand, bint writable=*) except -1
cdef int expect_alike(str kernel, const Operand *operand, DType dtype) except -1
cdef int launch_copy(Operand *operands) except -1
cdef int launch_walk(Kernel kernel, DType place, double cost, Operand *operands, int count) except -1
