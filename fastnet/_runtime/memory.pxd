cimport numpy as cnp

cdef class Pool:
    cdef char *free_list[256]       # a linked list of free blocks for each size class
    cdef readonly Py_ssize_t live   # blocks in use
    cdef readonly Py_ssize_t held   # bytes allocated from the system
    cdef readonly Py_ssize_t idle   # bytes on the free lists
    cdef readonly Py_ssize_t keep   # most bytes to keep on the free lists
    cdef char *_take(self, int size_class, Py_ssize_t nbytes) except NULL
    cdef void _give(self, char *data, int size_class) noexcept

cdef class Block:
    cdef char *data
    cdef Py_ssize_t nbytes
    cdef int size_class
    cdef readonly Pool pool

cdef Block allocate_block(Py_ssize_t nbytes)
cdef cnp.ndarray array_of(int ndim, cnp.npy_intp *shape, cnp.dtype dtype)
