cdef class Home:
    cdef public object leaf         # weakly, a leaf whose gradient a recording makes
    cdef public object array        # weakly, the array in which replays write it
    cdef public object place, outside
    cdef public bint fresh          # made anew, not added to what was there

cpdef bint undisturbed(list tensors, list gradients) except -1
cpdef put_back(list gradients)
