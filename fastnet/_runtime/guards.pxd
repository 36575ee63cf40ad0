from fastnet._runtime.places cimport Places
from fastnet._runtime.state cimport Turn

cdef enum:
    MAX_TENSORS = 16                # among the arguments of a call that a shortcut serves

cdef class CallContext:
    cdef object table
    cdef str backend
    cdef object dtype
    cdef bint gradients
    cdef int threads, isa
    cdef bint is_current(self) except -1

cdef class Arguments:
    cdef list expected              # the Layout of a tensor; `float` for any float; else that very object
    cdef bint match(self, tuple args, list arrays) except -1

cdef class FinalGradientBase:
    cdef public object leaf         # weakly, a leaf whose gradient a recording makes
    cdef public object array        # weakly, the array in which replays write it
    cdef public object place, outside
    cdef public bint fresh          # the recording writes the gradient, rather than add to an existing one

cdef class Guards:
    cdef readonly Places places
    cdef readonly list gradients
    cdef list entries, checks, tensors, constants
    cdef Turn turn
    cdef bint checks_hold(self) except -1
    cdef bint memory_identical(self) except -1
    cdef bint identical(self) except -1
