from cpython.ref cimport PyObject

cdef PyObject *current_recorder() noexcept
cdef bint gradients_recorded() noexcept
