from fastnet._runtime.launch cimport Array, DType, Kernel

cdef int expect_served(str kernel, const Array *array, DType dtype) except -1
cdef int launch_copy(Array *arrays) except -1
cdef int launch_walk(Kernel kernel, DType place, double cost, Array *arrays, int count) except -1
