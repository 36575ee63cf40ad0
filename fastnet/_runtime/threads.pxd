cdef int threads_for(double work, ptrdiff_t blocks, double share) noexcept nogil
cdef double usual_share() noexcept nogil
cdef bint share_is_forced() noexcept nogil
cdef bint pausing() noexcept nogil
cdef int limit() noexcept nogil
cdef double clock() noexcept nogil
cdef void note_region(double work, double start) noexcept nogil
