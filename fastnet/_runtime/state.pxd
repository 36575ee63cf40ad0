from cpython.ref cimport PyObject

cdef PyObject *current_recorder() noexcept
cdef PyObject *current_pool() noexcept
cdef PyObject *current_tracer() noexcept
cdef PyObject *current_meters() noexcept
cdef tuple listeners()
cdef bint gradients_recorded() noexcept

cdef class Turn:
    cdef object acquire, release
    cdef readonly unsigned long holder

    cdef bint is_mine(self) noexcept
    cdef int take(self) except -1
    cdef int give(self) except -1
