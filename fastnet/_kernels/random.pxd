"""The state of a random draw, for other kernels that draw."""

cdef void *unpack_state(str kernel, object state) except NULL
