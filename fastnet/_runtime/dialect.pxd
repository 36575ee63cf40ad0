cdef object shape_for_caller(object shape)
cdef object dtype_for_caller(object dtype)
