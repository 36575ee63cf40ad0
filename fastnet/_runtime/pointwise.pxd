cimport numpy as cnp

cdef class Pointwise:
    cdef str kernel
    cdef object dtype
    cdef int operands
    cdef bint first_number, second_number, attributes
    cdef object result(self, tuple arrays, dict attributes)

cdef class Along(Pointwise):
    cdef bint reduces

cdef int call_unary(str kernel, out, x) except -1
cdef int call_binary(str kernel, out, x, y) except -1
cdef bint is_plain(object x) noexcept
cdef object operand_like(cnp.ndarray x, object y)
cdef bint broadcasts(cnp.ndarray x, cnp.ndarray whole) noexcept
cdef bint has_shape_of(cnp.ndarray x, cnp.ndarray y) noexcept
cdef object join_plain(tuple arrays, int dim, bint stacks)
cdef object product(cnp.ndarray x, object factor)
