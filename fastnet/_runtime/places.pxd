cdef class Places:
    cdef list places
    cdef object alike
    cpdef bint unchanged(self) except -1
    cdef bint alike_now(self, place) except -1
