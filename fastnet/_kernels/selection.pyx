"""Selections by position and by mask. Contracts: reference/selection.py; division into blocks: src/selection.c."""
from fastnet._runtime.launch cimport (
    BLOCK, BOOL, F32, F64, I32, I64, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim,
    family, rows_in_block, submit, unpack, unpack_like)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(selection)
    """
    const Entry *const *selection_tables

cdef extern from "src/selection_slots.h":
    enum:
        OUT, X, COUNTS
        OUTER, ROWS, COLUMNS, BLOCK_ROWS, DIAGONAL, UPPER, COUNT, PLACES

cdef Family _bodies = family(selection_tables)
cdef Kernel _triangle = _bodies["triangle"], _count_true = _bodies["count_true"]
cdef Kernel _true_places = _bodies["true_places"]


def triangle(out, x, diagonal, upper=False):
    cdef Launch launch
    cdef Array o, a
    unpack(x, &a)
    unpack_like("triangle", "out", out, &o, WRITE, &a)
    _triangle.prepare(&launch, F64 if a.dtype == I64 else F32 if a.dtype == I32 else a.dtype)
    expect_ndim("triangle", "x", &a, 3)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.n[OUTER] = a.shape[0]
    launch.n[ROWS] = a.shape[1]
    launch.n[COLUMNS] = a.shape[2]
    launch.n[DIAGONAL] = diagonal
    launch.n[UPPER] = upper
    launch.n[BLOCK_ROWS] = rows_in_block(a.shape[2])
    launch.blocks = ceil_div(a.shape[0] * a.shape[1], launch.n[BLOCK_ROWS])
    launch.work = 0.1 * a.size
    submit(&launch)


def true_places(out, mask):
    cdef Launch launch
    cdef Array o, m
    unpack(mask, &m)
    unpack(out, &o, WRITE)
    expect_dtype("true_places", "mask", &m, BOOL)
    expect_dtype("true_places", "out", &o, I64)
    cdef ptrdiff_t blocks = ceil_div(m.size, BLOCK)
    cdef Block counts = allocate_block(max(1, blocks) * 8)
    _count_true.prepare(&launch, F64)
    launch.p[X] = m.data
    launch.p[COUNTS] = counts.data
    launch.n[COUNT] = m.size
    launch.blocks = blocks
    launch.work = 0.05 * m.size
    submit(&launch)

    _true_places.prepare(&launch, F64)
    launch.p[OUT] = o.data
    launch.p[X] = m.data
    launch.p[COUNTS] = counts.data
    launch.n[COUNT] = m.size
    launch.n[PLACES] = o.size
    launch.blocks = blocks
    launch.work = 0.4 * m.size
    submit(&launch)
