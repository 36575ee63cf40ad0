"""Lookups by int64 indices and the checks that run before them. Contracts: reference/index.py."""
from fastnet._runtime.launch cimport (
    BLOCK, F64, I64, READ, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype, expect_ndim,
    expect_shape, expect_size, family, rows_in_block, submit, unpack)

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
        OUT, X, INDEX, DY, STARTS, FACTORS, FOUND, WEIGHT
        COUNT, LIMIT, IGNORED, HAS_IGNORED, WIDTH, PADDING, OUTER, INDICES, INNER, BAGS, BLOCK_ROWS

cdef Family _bodies = family(index_tables)
cdef Kernel _check_index = _bodies["check_index"], _check_finite = _bodies["check_finite"], _zeros = _bodies["zeros"]
cdef Kernel _embedding = _bodies["embedding"], _embedding_add = _bodies["embedding_add"]
cdef Kernel _bag_add = _bodies["bag_add"], _bag_max = _bodies["bag_max"]
cdef Kernel _bag_shares = _bodies["bag_shares"]
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


# ---- bags -----------------------------------------------------------------------------------------------------------

cdef int set_bags(Launch *launch, str kernel, const Array *weight, object index, object starts,
                  ptrdiff_t bags) except -1:
    """Check and bind the table and the lists of rows of `bags` bags; the body is prepared."""
    cdef Array i
    unpack(index, &i)
    expect_dtype(kernel, "index", &i, I64)
    launch.p[INDEX] = i.data
    bind(launch, STARTS, kernel, "starts", starts, READ, I64, bags + 1)
    launch.n[COUNT] = i.size
    launch.n[LIMIT] = weight.shape[0]
    launch.n[WIDTH] = weight.shape[1]
    launch.n[BAGS] = bags
    launch.work = (2.0 + 0.2 * weight.shape[1]) * i.size
    return 0


cdef int bind_starts(Launch *launch, str kernel, object starts) except -1:
    """Bind the starts of bags and the end of the last."""
    cdef Array s
    unpack(starts, &s)
    expect_dtype(kernel, "starts", &s, I64)
    if s.size == 0:
        raise ValueError(f"{kernel}: expected at least one element of starts, got none")
    launch.p[STARTS] = s.data
    launch.n[BAGS] = s.size - 1
    return 0


def embedding_bag_backward(dweight, index, starts, factors, dy):
    cdef Launch launch
    cdef Array w, y
    cdef str name = "embedding_bag_backward"
    unpack(dweight, &w, WRITE)
    unpack(dy, &y)
    _zeros.prepare(&launch, w.dtype)
    expect_ndim(name, "dweight", &w, 2)
    expect_ndim(name, "dy", &y, 2)
    expect_dtype(name, "dy", &y, w.dtype)
    if y.shape[1] != w.shape[1]:
        raise ValueError(f"{name}: expected dy of width {w.shape[1]}, got {y.shape[1]}")
    launch.p[OUT] = w.data
    set_count(&launch, w.size, 0.05)
    submit(&launch)

    _bag_add.prepare(&launch, w.dtype)
    launch.p[OUT] = w.data
    launch.p[DY] = y.data
    set_bags(&launch, name, &w, index, starts, y.shape[0])
    bind(&launch, FACTORS, name, "factors", factors, READ, w.dtype, launch.n[COUNT])
    launch.blocks = ceil_div(w.shape[1], INDEX_COLUMNS)
    submit(&launch)


def embedding_bag_max(out, places, weight, index, starts):
    cdef Launch launch
    cdef Array o, w
    cdef str name = "embedding_bag_max"
    unpack(out, &o, WRITE)
    unpack(weight, &w)
    _bag_max.prepare(&launch, w.dtype)
    expect_ndim(name, "weight", &w, 2)
    expect_ndim(name, "out", &o, 2)
    expect_dtype(name, "out", &o, w.dtype)
    if o.shape[1] != w.shape[1]:
        raise ValueError(f"{name}: expected out of width {w.shape[1]}, got {o.shape[1]}")
    launch.p[OUT] = o.data
    launch.p[X] = w.data
    bind(&launch, FOUND, name, "places", places, WRITE, I64, o.size)
    set_bags(&launch, name, &w, index, starts, o.shape[0])
    launch.n[BLOCK_ROWS] = rows_in_block(o.shape[1])
    launch.blocks = ceil_div(o.shape[0], launch.n[BLOCK_ROWS])
    submit(&launch)


def embedding_bag_shares(out, index, starts, size):
    cdef Launch launch
    cdef Array o, i
    cdef str name = "embedding_bag_shares"
    unpack(out, &o, WRITE)
    unpack(index, &i)
    _bag_shares.prepare(&launch, o.dtype)
    expect_dtype(name, "index", &i, I64)
    launch.p[OUT] = o.data
    launch.p[INDEX] = i.data
    bind_starts(&launch, name, starts)
    launch.n[COUNT] = i.size
    launch.n[LIMIT] = size
    expect_size(name, "out", &o, i.size)
    launch.blocks = 1
    launch.work = i.size
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
