cimport numpy as cnp

cdef enum:                          # the dimensions of arrays over images: (N, C, L) to (N, C, D, H, W)
    CHANNELS_LAST_LEAST = 3
    CHANNELS_LAST_MOST = 5

cdef inline int channels_last_dim(int i, int ndim) noexcept:
    """The dimension at position i of channels-last memory, counted from the innermost: 1, the last, ..., 2, 0."""
    return 1 if i == 0 else 0 if i == ndim - 1 else ndim - i

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

cdef Block new_block(Pool pool, Py_ssize_t nbytes)
cdef Block allocate_block(Py_ssize_t nbytes)
cdef cnp.ndarray array_of(int ndim, cnp.npy_intp *shape, cnp.dtype dtype, bint channels_last=*)
cdef cnp.ndarray weak_view(cnp.ndarray x)
cdef cnp.ndarray rows_of(cnp.ndarray x, int first, int last)
cdef cnp.ndarray matrix_of(cnp.ndarray x, cnp.npy_intp rows, cnp.npy_intp columns)
cpdef bint is_channels_last(cnp.ndarray x, bint dense=*) noexcept
