cdef int threads_for(double work, ptrdiff_t blocks) noexcept nogil
cdef int limit() noexcept nogil
cdef double clock() noexcept nogil
cdef void note_region(double work, double start) noexcept nogil
