"""Weighted sums along an axis. Contracts: reference/resampling.py; division into blocks: src/resampling.inc.h."""
from fastnet._runtime.launch cimport (
    F32, I64, READ, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype, expect_ndim,
    expect_shape, family, rows_in_block, submit, unpack)

cdef extern from "src/resampling_slots.h":
    enum:
        OUT, X, STARTS, INDEX, WEIGHTS
        OUTER, LENGTH, OUT_LENGTH, INNER, ENTRIES, BLOCK_ROWS

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(resampling)
    """
    const Entry *const *resampling_tables

cdef Family _bodies = family(resampling_tables)
cdef Kernel _resample = _bodies["resample"]


def resample(out, x, starts, index, weights):
    cdef Launch launch
    cdef Array o, a, w
    cdef ptrdiff_t shape[3]
    unpack(x, &a)
    _resample.prepare(&launch, a.dtype)
    unpack(out, &o, WRITE)
    unpack(weights, &w)
    expect_ndim("resample", "x", &a, 3)
    expect_dtype("resample", "out", &o, a.dtype)
    expect_dtype("resample", "weights", &w, a.dtype)
    expect_ndim("resample", "out", &o, 3)
    shape[0], shape[1], shape[2] = a.shape[0], o.shape[1], a.shape[2]
    expect_shape("resample", "out", &o, shape, 3)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.p[WEIGHTS] = w.data
    bind(&launch, STARTS, "resample", "starts", starts, READ, I64, shape[1] + 1)
    bind(&launch, INDEX, "resample", "index", index, READ, I64, w.size)
    launch.n[OUTER] = shape[0]
    launch.n[LENGTH] = a.shape[1]
    launch.n[OUT_LENGTH] = shape[1]
    launch.n[INNER] = shape[2]
    launch.n[ENTRIES] = w.size
    launch.n[BLOCK_ROWS] = rows_in_block(shape[2])
    launch.blocks = ceil_div(shape[0] * shape[1], launch.n[BLOCK_ROWS]) if o.size else 0
    launch.work = (0.05 if a.dtype == F32 else 0.1) * (2.0 * o.size + shape[0] * w.size * shape[2])
    submit(&launch)
