"""Lookups by int64 indices and the checks that run before them. Contracts: reference/index.py."""
from fastnet._runtime.launch cimport (
    F64, I64, WRITE, Array, Entry, Family, Kernel, Launch, expect_dtype, expect_size, family, submit, unpack)

from fastnet._kernels.reference import index as reference

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(index)
    """
    const Entry *const *index_tables

cdef enum:                          # as in src/index.c
    BLOCK = 4096
    COLUMNS = 64

cdef Family _bodies = family(index_tables)
cdef Kernel _check_index = _bodies["check_index"], _check_finite = _bodies["check_finite"], _zeros = _bodies["zeros"]
cdef Kernel _embedding = _bodies["embedding"], _embedding_add = _bodies["embedding_add"]
cdef Kernel _gather = _bodies["gather"], _gather_backward = _bodies["gather_backward"]


cdef ptrdiff_t cut(ptrdiff_t n, ptrdiff_t size) noexcept:
    """How many blocks of `size` make `n`."""
    return (n + size - 1) // size


cdef ptrdiff_t in_block(ptrdiff_t width) noexcept:
    """How many rows of `width` elements make a block."""
    return BLOCK // width if 0 < width < BLOCK else 1


cdef int expect_rank(str kernel, str what, const Array *array, int ndim) except -1:
    return expect_size(kernel, f"the number of dimensions of {what}", array.ndim, ndim)


cdef int expect_shape(str kernel, str what, const Array *array, const Array *like) except -1:
    """Two arrays whose elements belong to each other must have one shape."""
    cdef int i
    expect_rank(kernel, what, array, like.ndim)
    for i in range(like.ndim):
        expect_size(kernel, f"dimension {i} of {what}", array.shape[i], like.shape[i])
    return 0


def check_index(index, size, ignore_index=None, what="index"):
    cdef Launch launch
    cdef Array i
    unpack(index, &i)
    expect_dtype("check_index", &i, I64)
    _check_index.prepare(&launch, F64)      # it has one body, for int64
    launch.p[0] = i.data
    launch.n[0] = i.size
    launch.n[1] = size
    if ignore_index is not None:
        launch.n[2] = ignore_index
        launch.n[3] = 1
    launch.blocks = cut(i.size, BLOCK)
    launch.work = 0.15 * i.size
    if submit(&launch):
        reference.check_index(index, size, ignore_index, what)      # names the first bad one


def check_finite(x, what="target"):
    cdef Launch launch
    cdef Array a
    unpack(x, &a)
    _check_finite.prepare(&launch, a.dtype)
    launch.p[0] = a.data
    launch.n[0] = a.size
    launch.blocks = cut(a.size, BLOCK)
    launch.work = 0.05 * a.size
    if submit(&launch):
        reference.check_finite(x, what)


def embedding(out, weight, index):
    cdef Launch launch
    cdef Array o, w, i
    unpack(out, &o, WRITE)
    unpack(weight, &w)
    unpack(index, &i)
    _embedding.prepare(&launch, o.dtype)
    expect_rank("embedding", "weight", &w, 2)
    match_rows("embedding", "out", &o, &w, &i)
    launch.p[0] = o.data
    launch.p[1] = w.data
    launch.p[2] = i.data
    launch.n[0] = i.size
    launch.n[1] = w.shape[1]
    launch.n[2] = w.shape[0]
    launch.n[3] = in_block(w.shape[1])
    launch.blocks = cut(i.size, launch.n[3])
    launch.work = 2.0 * i.size + 0.1 * o.size
    submit(&launch)


cdef int match_rows(str kernel, str what, const Array *rows, const Array *weight, const Array *index) except -1:
    expect_dtype(kernel, rows, weight.dtype)
    expect_dtype(kernel, index, I64)
    expect_rank(kernel, "index", index, 1)
    expect_rank(kernel, what, rows, 2)
    expect_size(kernel, f"the number of rows of {what}", rows.shape[0], index.size)
    return expect_size(kernel, f"the width of {what}", rows.shape[1], weight.shape[1])


def embedding_backward(dweight, index, dy, padding_idx=None):
    cdef Launch launch
    cdef Array w, i, y
    unpack(dweight, &w, WRITE)
    unpack(index, &i)
    unpack(dy, &y)
    _zeros.prepare(&launch, w.dtype)
    expect_rank("embedding_backward", "dweight", &w, 2)
    match_rows("embedding_backward", "dy", &y, &w, &i)
    launch.p[0] = w.data
    launch.n[0] = w.size
    launch.blocks = cut(w.size, BLOCK)
    launch.work = 0.05 * w.size
    submit(&launch)

    _embedding_add.prepare(&launch, w.dtype)
    launch.p[0] = w.data
    launch.p[1] = i.data
    launch.p[2] = y.data
    launch.n[0] = i.size
    launch.n[1] = w.shape[1]
    launch.n[2] = w.shape[0]
    launch.n[3] = -1 if padding_idx is None else padding_idx
    launch.blocks = cut(w.shape[1], COLUMNS)
    launch.work = 2.0 * i.size + 0.1 * y.size
    submit(&launch)


def gather(out, x, index):
    cdef Launch launch
    cdef Array o, a, i
    unpack(out, &o, WRITE)
    unpack(x, &a)
    unpack(index, &i)
    _gather.prepare(&launch, o.dtype)
    match_columns("gather", "out", &o, &a, &i)
    launch.p[0] = o.data
    launch.p[1] = a.data
    launch.p[2] = i.data
    launch.n[0] = a.shape[0]
    launch.n[1] = a.shape[1]
    launch.n[2] = i.shape[1]
    launch.n[3] = a.shape[2]
    launch.n[4] = in_block(a.shape[2])
    launch.blocks = cut(a.shape[0] * i.shape[1], launch.n[4])
    launch.work = 1.0 * i.size
    submit(&launch)


cdef int match_columns(str kernel, str what, const Array *out, const Array *x, const Array *index) except -1:
    expect_dtype(kernel, out, x.dtype)
    expect_dtype(kernel, index, I64)
    expect_rank(kernel, "index", index, 3)
    expect_shape(kernel, what, out, index)
    expect_rank(kernel, "x", x, 3)
    expect_size(kernel, "the outer size of index", index.shape[0], x.shape[0])
    return expect_size(kernel, "the inner size of index", index.shape[2], x.shape[2])


def gather_backward(dx, index, dy):
    cdef Launch launch
    cdef Array x, i, y
    unpack(dx, &x, WRITE)
    unpack(index, &i)
    unpack(dy, &y)
    _gather_backward.prepare(&launch, x.dtype)
    match_columns("gather_backward", "dy", &y, &x, &i)
    launch.p[0] = x.data
    launch.p[1] = i.data
    launch.p[2] = y.data
    launch.n[0] = x.shape[0]
    launch.n[1] = x.shape[1]
    launch.n[2] = i.shape[1]
    launch.n[3] = x.shape[2]
    launch.n[4] = in_block((x.shape[1] + i.shape[1]) * x.shape[2])
    launch.blocks = cut(x.shape[0], launch.n[4]) * cut(x.shape[2], COLUMNS)
    launch.work = 0.05 * x.size + 2.0 * i.size
    submit(&launch)
