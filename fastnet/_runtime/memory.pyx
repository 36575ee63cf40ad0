"""The memory pool of tensors: freed blocks are reused, so a step that has run once causes no page faults.

The twin without a compiler is twins/memory.py.
"""
cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport uintptr_t

from fastnet._runtime.state cimport current_pool

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyArray_Descr
    ctypedef struct PyTypeObject:
        pass
    object PyArray_NewFromDescr(PyTypeObject *subtype, PyArray_Descr *dtype, int ndim, cnp.npy_intp *shape,
                                cnp.npy_intp *strides, void *data, int flags, PyObject *parent)
    PyTypeObject PyArray_Type

cdef extern from "src/poison.h":
    void poison(void *memory, size_t nbytes) noexcept
    void unpoison(void *memory, size_t nbytes) noexcept

cdef extern from "src/huge_pages.h":
    enum: HUGE_PAGE
    void request_huge_pages(char *memory, size_t nbytes) noexcept

cdef extern from "src/launch.h":
    enum: CACHE_LINE
    ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) noexcept

ALIGNMENT = CACHE_LINE              # bytes; every block begins at a multiple of it

cdef enum:                          # words before a block's data. Free blocks' data is not used: replays write there
    RAW = -1                        # the address that malloc returned
    NEXT = -2                       # the next block of the free list

cdef enum:
    SMALLEST_POWER = 6              # a block has at least 2^SMALLEST_POWER bytes

cdef Py_ssize_t MOST = <Py_ssize_t>1 << 60      # bytes: more than any system has or the size classes can count


cdef int class_of(Py_ssize_t nbytes) noexcept:
    """The size class of a block. Each power of two has four, so at most a fifth of a block is unused."""
    cdef int power = SMALLEST_POWER
    while (<Py_ssize_t>1 << (power + 1)) < nbytes:
        power += 1
    cdef Py_ssize_t base = <Py_ssize_t>1 << power, quarter = base >> 2
    if nbytes <= base:
        return 4 * (power - SMALLEST_POWER)
    return <int>(4 * (power - SMALLEST_POWER) + ceil_div(nbytes - base, quarter))


cdef Py_ssize_t class_size(int size_class) noexcept:
    cdef Py_ssize_t base = <Py_ssize_t>1 << (SMALLEST_POWER + size_class // 4)
    cdef Py_ssize_t size = base + (base >> 2) * (size_class % 4)
    return ceil_div(size, CACHE_LINE) * CACHE_LINE


cdef class Pool:
    """Memory in size classes, each with a list of free blocks.

    Args:
        keep: the most bytes to keep for reuse. -1 keeps all until the pool is deleted, which a recording needs: its
            launches point at free blocks.
    """

    def __cinit__(self, Py_ssize_t keep=-1):
        self.keep = keep

    @cython.critical_section            # without a GIL, one thread at a time
    cdef char *_take(self, int size_class, Py_ssize_t nbytes) except NULL:
        cdef char *data = self.free_list[size_class]
        cdef Py_ssize_t size = class_size(size_class)
        if data != NULL:
            self.free_list[size_class] = (<char **>data)[NEXT]
            self.idle -= size
        else:
            data = <char *>allocate_aligned(size)
            if data == NULL:
                raise MemoryError(f"could not allocate {size} bytes")
            self.held += size
            poison(data, size)
        self.live += 1
        unpoison(data, nbytes)
        return data

    @cython.critical_section
    cdef void _give(self, char *data, int size_class) noexcept:
        cdef Py_ssize_t size = class_size(size_class)
        self.live -= 1
        if 0 <= self.keep < self.idle + size:
            release(data)
            self.held -= size
        else:
            (<char **>data)[NEXT] = self.free_list[size_class]
            self.free_list[size_class] = data
            self.idle += size
            if self.keep >= 0:              # a recording's free blocks are not poisoned: replays write into them
                poison(data, size)

    def allocate(self, nbytes):
        """An uninitialised Block of at least `nbytes` bytes."""
        return new_block(self, size_of(nbytes))

    @cython.critical_section
    def trim(self):
        """Return the free blocks to the system."""
        cdef char *data
        cdef int i
        for i in range(256):
            while self.free_list[i] != NULL:
                data = self.free_list[i]
                self.free_list[i] = (<char **>data)[NEXT]
                release(data)
                self.held -= class_size(i)
        self.idle = 0

    def __dealloc__(self):
        self.trim()


cdef void *allocate_aligned(Py_ssize_t size) noexcept:
    cdef char *raw = <char *>PyMem_RawMalloc(size + 2 * CACHE_LINE)
    if raw == NULL:
        return NULL
    cdef char *data = <char *>((<uintptr_t>raw + 2 * CACHE_LINE) & ~<uintptr_t>(CACHE_LINE - 1))
    (<char **>data)[RAW] = raw
    if size >= 2 * HUGE_PAGE:
        request_huge_pages(data, size)
    return data


cdef void release(char *data) noexcept:
    PyMem_RawFree((<char **>data)[RAW])


@cython.no_gc                       # __dealloc__ needs the pool, which the garbage collector would have cleared
cdef class Block:
    """Memory from a pool, aligned to 64 bytes. It returns to the pool when the last array over it is deleted."""

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.data, self.nbytes, 0, flags)

    def __dealloc__(self):
        if self.data != NULL:
            self.pool._give(self.data, self.size_class)


cdef Py_ssize_t size_of(object nbytes) except? -1:
    try:
        return nbytes
    except OverflowError:
        raise MemoryError(f"could not allocate {nbytes} bytes") from None


cdef Block new_block(Pool pool, Py_ssize_t nbytes):
    if nbytes < 0:
        raise ValueError(f"expected a number of bytes of 0 or more, got {nbytes}")
    if nbytes > MOST:
        raise MemoryError(f"could not allocate {nbytes} bytes")
    cdef Block block = Block.__new__(Block)
    block.size_class = class_of(nbytes)
    block.data = pool._take(block.size_class, nbytes)
    block.nbytes = nbytes
    block.pool = pool
    return block


shared = Pool(keep=512 << 20)
cdef Pool _shared = shared


cdef Block allocate_block(Py_ssize_t nbytes):
    cdef PyObject *pool = current_pool()
    return new_block(<Pool>pool if pool != NULL else _shared, nbytes)


def allocate(nbytes):
    """A Block from this thread's pool: that of the recording in progress, else the shared one."""
    return allocate_block(size_of(nbytes))


cpdef bint is_channels_last(cnp.ndarray x, bint dense=False) noexcept:
    """Whether the elements lie in the order (N, *spatial, C) and not in row-major order.

    There are 3 to 5 dimensions and at least 2 channels, which are contiguous. Unless it must be `dense`, the array may
    be a slice of a larger one.
    """
    cdef int d, i, ndim = x.ndim
    cdef Py_ssize_t span = cnp.PyArray_ITEMSIZE(x)
    if cnp.PyArray_IS_C_CONTIGUOUS(x) or not CHANNELS_LAST_LEAST <= ndim <= CHANNELS_LAST_MOST:
        return False
    if x.shape[1] < 2 or x.strides[1] != span:
        return False
    for i in range(ndim):
        d = channels_last_dim(i, ndim)
        if x.shape[d] > 1:
            if x.strides[d] < span or dense and x.strides[d] != span:
                return False
            span = x.strides[d] * x.shape[d]
    return True


cdef cnp.ndarray array_of(int ndim, cnp.npy_intp *shape, cnp.dtype dtype, bint channels_last=False):
    """An uninitialised array over a Block. np.ndarray(shape, dtype, block) would take four times as long."""
    cdef Py_ssize_t nbytes = dtype.itemsize
    cdef Py_ssize_t step = nbytes
    cdef cnp.npy_intp strides[CHANNELS_LAST_MOST]
    cdef double size = dtype.itemsize           # a double cannot overflow here
    cdef int i
    for i in range(ndim):
        if shape[i] < 0:
            raise ValueError(f"expected lengths of 0 or more, got {tuple([shape[i] for i in range(ndim)])}")
        size *= shape[i]
        nbytes *= shape[i]
    if size > <double>MOST:
        raise MemoryError(f"could not allocate {int(size)} bytes")
    cdef Block block = allocate_block(nbytes)
    if channels_last:
        for i in range(ndim):
            strides[channels_last_dim(i, ndim)] = step
            step *= shape[channels_last_dim(i, ndim)]
    Py_INCREF(dtype)                            # the array owns a reference to it, and to the block below
    array = PyArray_NewFromDescr(&PyArray_Type, <PyArray_Descr *>dtype, ndim, shape, strides if channels_last else NULL,
                                 block.data, cnp.NPY_ARRAY_CARRAY, NULL)
    cnp.set_array_base(array, block)
    return array


def empty(shape, cnp.dtype dtype not None):
    """An uninitialised array from this thread's pool, aligned to 64 bytes."""
    cdef cnp.npy_intp lengths[cnp.NPY_MAXDIMS]
    cdef int i, ndim = len(shape)
    if ndim > cnp.NPY_MAXDIMS:
        raise ValueError(f"expected at most {cnp.NPY_MAXDIMS} dimensions, got {ndim}")
    for i in range(ndim):
        lengths[i] = shape[i]
    return array_of(ndim, lengths, dtype)


def empty_like(cnp.ndarray x not None, cnp.dtype dtype=None):
    """An uninitialised array of x's shape and, by default, dtype: channels-last if x is, else contiguous."""
    return array_of(x.ndim, x.shape, x.descr if dtype is None else dtype, is_channels_last(x))


def empty_channels_last(shape, cnp.dtype dtype not None):
    """An uninitialised channels-last array of 3 to 5 dimensions."""
    cdef cnp.npy_intp lengths[CHANNELS_LAST_MOST]
    cdef int i, ndim = len(shape)
    if not CHANNELS_LAST_LEAST <= ndim <= CHANNELS_LAST_MOST:
        raise ValueError(f"expected 3 to 5 dimensions, got shape {shape}")
    for i in range(ndim):
        lengths[i] = shape[i]
    return array_of(ndim, lengths, dtype, True)


def empty_result(shape, cnp.dtype dtype not None, cnp.ndarray x not None, cnp.ndarray y not None):
    """An uninitialised array for an elementwise result: channels-last if an operand of its shape is, else contiguous.
    """
    for operand in (x, y):
        if is_channels_last(operand) and (<object>operand).shape == shape:
            return empty_like(operand, dtype)
    return empty(shape, dtype)


# ---- views ----------------------------------------------------------------------------------------------------------

cdef cnp.ndarray view_of(cnp.ndarray x, int ndim, cnp.npy_intp *shape, cnp.npy_intp *strides):
    """An array over the memory of another one. x.reshape and x.transpose take several times as long."""
    cdef cnp.ndarray view = ownerless(x, ndim, shape, strides, cnp.PyArray_FLAGS(x) & cnp.NPY_ARRAY_WRITEABLE)
    cnp.set_array_base(view, x)
    return view


cdef cnp.ndarray weak_view(cnp.ndarray x):
    """A view of an array that does not keep its memory alive."""
    return ownerless(x, x.ndim, x.shape, x.strides, 0)


cdef cnp.ndarray ownerless(cnp.ndarray x, int ndim, cnp.npy_intp *shape, cnp.npy_intp *strides, int flags):
    """An array over the memory of another one, which it does not keep alive."""
    cdef cnp.dtype dtype = x.descr
    Py_INCREF(dtype)
    return PyArray_NewFromDescr(&PyArray_Type, <PyArray_Descr *>dtype, ndim, shape, strides, cnp.PyArray_DATA(x),
                                flags, NULL)


def view_rows(cnp.ndarray x not None, int first, int last):
    """The view (outer, n, inner) of a contiguous array, with the elements of the dimensions [first, last) as n."""
    return rows_of(x, first, last)


cdef cnp.ndarray rows_of(cnp.ndarray x, int first, int last):
    """As `view_rows`."""
    cdef cnp.npy_intp shape[3]
    cdef cnp.npy_intp strides[3]
    cdef int d
    if not cnp.PyArray_IS_C_CONTIGUOUS(x):
        raise ValueError("view_rows: expected a contiguous array")
    shape[0] = shape[1] = shape[2] = 1
    for d in range(x.ndim):
        shape[0 if d < first else 1 if d < last else 2] *= x.shape[d]
    strides[2] = cnp.PyArray_ITEMSIZE(x)
    strides[1] = shape[2] * strides[2]
    strides[0] = shape[1] * strides[1]
    return view_of(x, 3, shape, strides)


cdef cnp.ndarray matrix_of(cnp.ndarray x, cnp.npy_intp rows, cnp.npy_intp columns):
    """The view (rows, columns) of a contiguous array with as many elements."""
    cdef cnp.npy_intp shape[2]
    cdef cnp.npy_intp strides[2]
    shape[0], shape[1] = rows, columns
    strides[0], strides[1] = columns * cnp.PyArray_ITEMSIZE(x), cnp.PyArray_ITEMSIZE(x)
    return view_of(x, 2, shape, strides)


def view_volume(cnp.ndarray x not None):
    """The view (N, D, H, W, C) of an array (N, C, *spatial). Spatial dimensions that it lacks come first, of length 1.
    """
    cdef cnp.npy_intp shape[CHANNELS_LAST_MOST]
    cdef cnp.npy_intp strides[CHANNELS_LAST_MOST]
    cdef int i, d, missing = CHANNELS_LAST_MOST - x.ndim
    if not CHANNELS_LAST_LEAST <= x.ndim <= CHANNELS_LAST_MOST:
        raise ValueError(f"expected an array with 3 to 5 dimensions, got {x.ndim}")
    for i in range(CHANNELS_LAST_MOST):
        if 0 < i <= missing:
            shape[i], strides[i] = 1, x.strides[0]
        else:
            d = 0 if i == 0 else 1 if i == CHANNELS_LAST_MOST - 1 else i + 1 - missing
            shape[i], strides[i] = x.shape[d], x.strides[d]
    return view_of(x, CHANNELS_LAST_MOST, shape, strides)


def view_images(cnp.ndarray volume not None, int ndim):
    """The view (N, C, *spatial) with `ndim` dimensions of an array (N, D, H, W, C): the inverse of `view_volume`."""
    cdef cnp.npy_intp shape[CHANNELS_LAST_MOST]
    cdef cnp.npy_intp strides[CHANNELS_LAST_MOST]
    cdef int i, d, missing = CHANNELS_LAST_MOST - ndim
    if volume.ndim != CHANNELS_LAST_MOST or not CHANNELS_LAST_LEAST <= ndim <= CHANNELS_LAST_MOST:
        raise ValueError(f"expected an array with 5 dimensions, got {volume.ndim}")
    for i in range(ndim):
        d = 0 if i == 0 else CHANNELS_LAST_MOST - 1 if i == 1 else i - 1 + missing
        shape[i], strides[i] = volume.shape[d], volume.strides[d]
    return view_of(volume, ndim, shape, strides)
