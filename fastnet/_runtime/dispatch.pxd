cdef class KernelCall:
    cdef object compiled, kernel, fallback, packed
    cdef dict __dict__              # of functools.wraps
    cdef int run_unary(self, out, x) except -1
    cdef int run_binary(self, out, x, y) except -1
    cdef int serve(self, refusal, tuple args, dict attrs) except -1
