"""Sorting, selection and binary search along rows. Contracts: reference/sorting.py; method: src/sorting.c."""
from fastnet._runtime.launch cimport (
    F32, F64, I32, I64, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype, expect_ndim, family,
    rows_in_block, submit, unpack)
from fastnet._runtime.memory cimport Block, allocate_block

from fastnet._runtime.launch import UnsupportedDtype

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(sorting)
    """
    const Entry *const *sorting_tables

cdef extern from "src/sorting_slots.h":
    enum:
        OUT, X, VALUES, SCRATCH
        ROWS, COLUMNS, BLOCK_ROWS, CHOSEN, DESCENDING, INTEGERS, SCRATCH_WORDS, SEARCHED, SHARED, RIGHT

cdef Family _bodies = family(sorting_tables)
cdef Kernel _argsort = _bodies["argsort"], _topk = _bodies["topk"], _kth = _bodies["kth"]
cdef Kernel _searchsorted = _bodies["searchsorted"]

cdef enum:
    MOST_BLOCKS = 64                # each has scratch memory
    MOST_SCRATCH = 1 << 23          # words in all, unless one row needs more
    SLACK = 16                      # words that a vector of elements may add


cdef int prepare(Launch *launch, Kernel kernel, object source, Array *x) except -1:
    """Bind x, (rows, n), of a real dtype, int64 or int32."""
    unpack(source, x)
    kernel.prepare(launch, F64 if x.dtype == I64 else F32 if x.dtype == I32 else x.dtype)
    expect_ndim(kernel.name, "x", x, 2)
    if x.shape[1] >> 32:
        raise UnsupportedDtype("more elements in a row than 32 bits count")
    launch.p[X] = x.data
    launch.n[ROWS] = x.shape[0]
    launch.n[COLUMNS] = x.shape[1]
    launch.n[INTEGERS] = x.dtype == I64 or x.dtype == I32
    return 0


cdef int launch_rows(Launch *launch, ptrdiff_t words, double cost) except -1:
    """Divide a launch over rows into blocks with `words` words of scratch memory each, and submit it."""
    cdef ptrdiff_t rows = launch.n[ROWS], most = max(1, min(<ptrdiff_t>MOST_BLOCKS, MOST_SCRATCH // max(words, 1)))
    cdef Block scratch
    launch.n[BLOCK_ROWS] = max(rows_in_block(launch.n[COLUMNS]), ceil_div(rows, most))
    launch.blocks = ceil_div(rows, launch.n[BLOCK_ROWS])
    launch.n[SCRATCH_WORDS] = words
    launch.work = cost * rows * launch.n[COLUMNS]
    scratch = allocate_block(max(1, launch.blocks * words) * 8)
    launch.p[SCRATCH] = scratch.data
    return submit(launch)


def argsort(out, x, descending=False):
    cdef Launch launch
    cdef Array a
    prepare(&launch, _argsort, x, &a)
    bind(&launch, OUT, "argsort", "out", out, WRITE, I64, a.size)
    launch.n[DESCENDING] = descending
    launch_rows(&launch, a.shape[1], 10)


def topk(out, x, descending=True):
    cdef Launch launch
    cdef Array a, o
    prepare(&launch, _topk, x, &a)
    unpack(out, &o, WRITE)
    expect_dtype("topk", "out", &o, I64)
    expect_ndim("topk", "out", &o, 2)
    if o.shape[0] != a.shape[0] or o.shape[1] > a.shape[1]:
        raise ValueError(f"topk: expected out with {a.shape[0]} rows of at most {a.shape[1]} elements, "
                         f"got shape {(o.shape[0], o.shape[1])}")
    launch.p[OUT] = o.data
    launch.n[CHOSEN] = o.shape[1]
    launch.n[DESCENDING] = descending
    launch_rows(&launch, 2 * a.shape[1] + SLACK, 2)


def kth(out, x, k):
    cdef Launch launch
    cdef Array a
    prepare(&launch, _kth, x, &a)
    bind(&launch, OUT, "kth", "out", out, WRITE, I64, a.shape[0])
    if not 0 <= k < a.shape[1]:
        raise ValueError(f"kth: expected k from 0 to {a.shape[1] - 1}, got {k}")
    launch.n[CHOSEN] = k
    launch.n[DESCENDING] = 0
    launch_rows(&launch, 2 * a.shape[1], 5)


def searchsorted(out, x, values, right=False):
    cdef Launch launch
    cdef Array a, v
    prepare(&launch, _searchsorted, x, &a)
    unpack(values, &v)
    expect_dtype("searchsorted", "values", &v, a.dtype)
    expect_ndim("searchsorted", "values", &v, 2)
    if a.shape[0] != 1 and a.shape[0] != v.shape[0]:
        raise ValueError(f"searchsorted: expected x with 1 or {v.shape[0]} rows, got {a.shape[0]}")
    bind(&launch, OUT, "searchsorted", "out", out, WRITE, I64, v.size)
    launch.p[VALUES] = v.data
    launch.n[ROWS] = v.shape[0]
    launch.n[SEARCHED] = v.shape[1]
    launch.n[SHARED] = a.shape[0] == 1
    launch.n[RIGHT] = right
    launch.n[BLOCK_ROWS] = 512
    launch.blocks = ceil_div(v.size, 512)
    launch.work = 20.0 * v.size
    submit(&launch)
