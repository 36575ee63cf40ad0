cimport numpy as cnp


cdef class gradient:
    cdef readonly object function
    cdef readonly tuple saved
    cdef readonly tuple rest        # set by `then`: functions from this function's result to the arguments' gradients

cdef gradient without_rest(gradient first)
cdef int append_saved(function, str name, list arrays) except -1
cdef Py_ssize_t argument_position(array, tuple arrays) except -2
cdef bint is_one_memory(cnp.ndarray a, cnp.ndarray b)
