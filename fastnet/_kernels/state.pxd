from cpython.ref cimport PyObject

cdef PyObject *current_recorder() noexcept
cdef PyObject *current_pool() noexcept
cdef bint gradients_recorded() noexcept
