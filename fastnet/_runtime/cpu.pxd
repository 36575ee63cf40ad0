cdef extern from "src/isa.h":
    enum: ISA_COUNT

cdef int selected_isa() noexcept nogil
cdef ptrdiff_t second_cache() noexcept nogil
cdef str isa_name(int number)
