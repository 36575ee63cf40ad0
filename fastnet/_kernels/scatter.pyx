"""Writes and additions at int64 indices. Contracts: reference/scatter.py; division into blocks: src/scatter.inc.h."""
from fastnet._runtime.launch cimport (
    F32, F64, I32, I64, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype,
    expect_ndim, expect_shape, family, rows_in_block, submit, unpack)

from fastnet._kernels.reference import scatter as reference

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(scatter)
    """
    const Entry *const *scatter_tables

cdef extern from "src/scatter_slots.h":
    enum:
        SCATTER_COLUMNS
        OUT, INDEX, X
        OUTER, LENGTH, INNER, INDICES, BLOCK_ROWS
        ALPHA

cdef Family _bodies = family(scatter_tables)
cdef dict _scatter = {mode: _bodies["scatter_" + mode] for mode in ("put", "add", "mul", "amax", "amin")}
cdef Kernel _put = _scatter["put"]
cdef Kernel _select_rows = _bodies["select_rows"], _copy_rows = _bodies["copy_rows"], _add_rows = _bodies["add_rows"]
cdef Kernel _fill_rows = _bodies["fill_rows"]


cdef DType word_of(DType dtype) noexcept:
    """The real dtype of the same size, as which integers are copied."""
    return F64 if dtype == I64 else F32 if dtype == I32 else dtype


cdef void divide_columns(Launch *launch, const Array *indexed, ptrdiff_t indices) noexcept:
    """Divide a launch that writes at `indices` places of each column of (outer, n, inner)."""
    launch.n[OUTER] = indexed.shape[0]
    launch.n[LENGTH] = indexed.shape[1]
    launch.n[INNER] = indexed.shape[2]
    launch.n[INDICES] = indices
    launch.n[BLOCK_ROWS] = rows_in_block(indices * min(indexed.shape[2], <ptrdiff_t>SCATTER_COLUMNS))
    launch.blocks = ceil_div(indexed.shape[0], launch.n[BLOCK_ROWS]) * ceil_div(indexed.shape[2], SCATTER_COLUMNS)


cdef int prepare(Launch *launch, Kernel kernel, str name, object indexed, object index, object other, bint writes,
                 bint rows) except -1:
    """Check and bind arrays: `indexed` is (outer, n, inner), `other` (outer, m, inner), `index` like it or (m,).

    Args:
        writes: `indexed` is the output, not `other`.
        rows: whole rows are indexed.
    """
    cdef Array a, i, o
    cdef bint copies = kernel is _put or kernel is _select_rows or kernel is _copy_rows
    cdef ptrdiff_t shape[3]
    unpack(indexed, &a, WRITE if writes else 0)
    unpack(index, &i)
    unpack(other, &o, 0 if writes else WRITE)
    kernel.prepare(launch, word_of(a.dtype) if copies else a.dtype)
    expect_dtype(name, "index", &i, I64)
    expect_dtype(name, "src" if writes else "out", &o, a.dtype)
    expect_ndim(name, "out" if writes else "x", &a, 3)
    expect_ndim(name, "index", &i, 1 if rows else 3)
    shape[0], shape[1], shape[2] = a.shape[0], i.shape[0] if rows else i.shape[1], a.shape[2]
    expect_shape(name, "src" if writes else "out", &o, shape, 3)
    if not rows:
        expect_shape(name, "index", &i, shape, 3)
    launch.p[INDEX] = i.data
    launch.p[OUT] = a.data if writes else o.data
    launch.p[X] = o.data if writes else a.data
    divide_columns(launch, &a, shape[1])
    launch.work = (0.2 if rows and a.shape[2] > 1 else 1.0) * o.size + 2.0 * i.size
    if not writes:
        launch.n[BLOCK_ROWS] = rows_in_block(a.shape[2])
        launch.blocks = ceil_div(a.shape[0] * shape[1], launch.n[BLOCK_ROWS])
    return 0


def scatter_(out, index, src, reduce="put"):
    cdef Launch launch
    if reduce not in _scatter:
        reference.scatter_(out, index, src, reduce)         # raises the error
    prepare(&launch, _scatter[reduce], "scatter_", out, index, src, True, False)
    submit(&launch)


def select_rows(out, x, index):
    cdef Launch launch
    prepare(&launch, _select_rows, "select_rows", x, index, out, False, True)
    submit(&launch)


def copy_rows_(out, index, src):
    cdef Launch launch
    prepare(&launch, _copy_rows, "copy_rows_", out, index, src, True, True)
    submit(&launch)


def fill_rows_(out, index, value):
    cdef Launch launch
    cdef Array o, i
    unpack(out, &o, WRITE)
    unpack(index, &i)
    _fill_rows.prepare(&launch, word_of(o.dtype))
    expect_dtype("fill_rows_", "index", &i, I64)
    expect_ndim("fill_rows_", "out", &o, 3)
    expect_ndim("fill_rows_", "index", &i, 1)
    bind(&launch, X, "fill_rows_", "value", value, READ, o.dtype, 1)
    launch.p[OUT] = o.data
    launch.p[INDEX] = i.data
    divide_columns(&launch, &o, i.size)
    launch.work = (0.1 * o.shape[2] + 1.0) * o.shape[0] * i.size
    submit(&launch)


def add_rows_(out, index, src, alpha=1):
    cdef Launch launch
    prepare(&launch, _add_rows, "add_rows_", out, index, src, True, True)
    launch.s[ALPHA] = alpha
    submit(&launch)
