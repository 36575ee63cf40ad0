cdef class Places:
    cdef list places
    cdef object alike
    cpdef bint unchanged(self) except -1
    cdef bint settle(self, place) except -1
