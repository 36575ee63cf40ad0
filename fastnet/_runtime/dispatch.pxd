cdef class KernelCall:
    cdef object compiled, fallback, packed, _reference_call
    cdef object reference_call(self)
    cdef int run_unary(self, out, x) except -1
    cdef int run_binary(self, out, x, y) except -1
    cdef int serve(self, refusal, tuple args, dict attrs) except -1
