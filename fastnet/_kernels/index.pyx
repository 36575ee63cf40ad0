"""Lookups by int64 indices and the checks that run before them. Contracts: reference/index.py."""
from fastnet._runtime.launch cimport (
    BLOCK, F64, I64, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim,
    expect_shape, family, rows_in_block, submit, unpack)

from fastnet._kernels.reference import index as reference

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(index)
    """
    const Entry *const *index_tables

cdef extern from "src/index_slots.h":
    enum:
        INDEX_COLUMNS
        OUT, X, INDEX, DY, WEIGHT
        COUNT, LIMIT, IGNORED, HAS_IGNORED, WIDTH, PADDING, OUTER, INDICES, INNER, BLOCK_ROWS

cdef Family _bodies = family(index_tables)
cdef Kernel _check_index = _bodies["check_index"], _check_finite = _bodies["check_finite"], _zeros = _bodies["zeros"]
cdef Kernel _embedding = _bodies["embedding"], _embedding_add = _bodies["embedding_add"]
cdef Kernel _gather = _bodies["gather"], _gather_backward = _bodies["gather_backward"]


# ---- checks ---------------------------------------------------------------------------------------------------------

cdef void set_count(Launch *launch, ptrdiff_t count, double cost) noexcept:
    """Divide a launch over `count` elements into blocks; `cost` is the estimated nanoseconds an element."""
    launch.n[COUNT] = count
    launch.blocks = ceil_div(count, BLOCK)
    launch.work = cost * count


def check_index(index, size, ignore_index=None, what="index"):
    cdef Launch launch
    cdef Array i
    unpack(index, &i)
    expect_dtype("check_index", "index", &i, I64)
    _check_index.prepare(&launch, F64)      # its only body is for int64
    launch.p[INDEX] = i.data
    launch.n[LIMIT] = size
    if ignore_index is not None:
        launch.n[IGNORED] = ignore_index
        launch.n[HAS_IGNORED] = 1
    set_count(&launch, i.size, 0.15)
    if submit(&launch):
        reference.check_index(index, size, ignore_index, what)      # raises the error for the first bad index


def check_finite(x, what="target"):
    cdef Launch launch
    cdef Array a
    unpack(x, &a)
    _check_finite.prepare(&launch, a.dtype)
    launch.p[X] = a.data
    set_count(&launch, a.size, 0.05)
    if submit(&launch):
        reference.check_finite(x, what)


# ---- embedding ------------------------------------------------------------------------------------------------------

cdef int expect_rows(str kernel, str name, const Array *rows, const Array *weight, const Array *index) except -1:
    """Check an embedding: `rows`, called `name`, has one row of the weight's width for each index."""
    cdef ptrdiff_t shape[2]
    expect_dtype(kernel, name, rows, weight.dtype)
    expect_dtype(kernel, "index", index, I64)
    expect_ndim(kernel, "weight", weight, 2)
    expect_ndim(kernel, "index", index, 1)
    shape[0], shape[1] = index.size, weight.shape[1]
    return expect_shape(kernel, name, rows, shape, 2)


def embedding(out, weight, index):
    cdef Launch launch
    cdef Array o, w, i
    unpack(out, &o, WRITE)
    unpack(weight, &w)
    unpack(index, &i)
    _embedding.prepare(&launch, o.dtype)
    expect_rows("embedding", "out", &o, &w, &i)
    launch.p[OUT] = o.data
    launch.p[WEIGHT] = w.data
    launch.p[INDEX] = i.data
    launch.n[COUNT] = i.size
    launch.n[LIMIT] = w.shape[0]
    launch.n[WIDTH] = w.shape[1]
    launch.n[BLOCK_ROWS] = rows_in_block(w.shape[1])
    launch.blocks = ceil_div(i.size, launch.n[BLOCK_ROWS])
    launch.work = 2.0 * i.size + 0.1 * o.size
    submit(&launch)


def embedding_backward(dweight, index, dy, padding_idx=None):
    cdef Launch launch
    cdef Array w, i, y
    unpack(dweight, &w, WRITE)
    unpack(index, &i)
    unpack(dy, &y)
    _zeros.prepare(&launch, w.dtype)
    expect_rows("embedding_backward", "dy", &y, &w, &i)
    launch.p[OUT] = w.data
    set_count(&launch, w.size, 0.05)
    submit(&launch)

    _embedding_add.prepare(&launch, w.dtype)
    launch.p[OUT] = w.data
    launch.p[INDEX] = i.data
    launch.p[DY] = y.data
    launch.n[COUNT] = i.size
    launch.n[LIMIT] = w.shape[0]
    launch.n[WIDTH] = w.shape[1]
    launch.n[PADDING] = -1 if padding_idx is None else padding_idx
    launch.blocks = ceil_div(w.shape[1], INDEX_COLUMNS)
    launch.work = 2.0 * i.size + 0.1 * y.size
    submit(&launch)


# ---- gather ---------------------------------------------------------------------------------------------------------

cdef int prepare_gather(Launch *launch, Kernel kernel, str name, const Array *result, const Array *x,
                        const Array *index) except -1:
    """Check a gather and fill in its sizes: `result`, called `name`, is (outer, m, inner), x is (outer, n, inner)."""
    cdef ptrdiff_t shape[3]
    kernel.prepare(launch, x.dtype)
    expect_dtype(kernel.name, name, result, x.dtype)
    expect_dtype(kernel.name, "index", index, I64)
    expect_ndim(kernel.name, "index", index, 3)
    expect_ndim(kernel.name, "x", x, 3)
    shape[0], shape[1], shape[2] = x.shape[0], index.shape[1], x.shape[2]
    expect_shape(kernel.name, "index", index, shape, 3)
    expect_shape(kernel.name, name, result, shape, 3)
    launch.n[OUTER] = x.shape[0]
    launch.n[LIMIT] = x.shape[1]
    launch.n[INDICES] = index.shape[1]
    launch.n[INNER] = x.shape[2]
    return 0


def gather(out, x, index):
    cdef Launch launch
    cdef Array o, a, i
    unpack(out, &o, WRITE)
    unpack(x, &a)
    unpack(index, &i)
    prepare_gather(&launch, _gather, "out", &o, &a, &i)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.p[INDEX] = i.data
    launch.n[BLOCK_ROWS] = rows_in_block(a.shape[2])
    launch.blocks = ceil_div(a.shape[0] * i.shape[1], launch.n[BLOCK_ROWS])
    launch.work = 1.0 * i.size
    submit(&launch)


def gather_backward(dx, index, dy):
    cdef Launch launch
    cdef Array x, i, y
    unpack(dx, &x, WRITE)
    unpack(index, &i)
    unpack(dy, &y)
    prepare_gather(&launch, _gather_backward, "dy", &y, &x, &i)
    launch.p[OUT] = x.data
    launch.p[INDEX] = i.data
    launch.p[DY] = y.data
    launch.n[BLOCK_ROWS] = rows_in_block((x.shape[1] + i.shape[1]) * x.shape[2])
    launch.blocks = ceil_div(x.shape[0], launch.n[BLOCK_ROWS]) * ceil_div(x.shape[2], INDEX_COLUMNS)
    launch.work = 0.05 * x.size + 2.0 * i.size
    submit(&launch)
