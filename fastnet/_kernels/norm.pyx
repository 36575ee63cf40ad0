"""Layer norm and RMS norm and their gradients. Contracts: reference/norm.py; division into blocks: src/norm.inc.h."""
from fastnet._runtime.launch cimport (
    F32, F64, OPTIONAL, READ, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_ndim, family, rows_in_block,
    submit, unpack, unpack_like, unpack_sized)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from "src/chunks.h":
    enum: GROUP
    enum: TILE

cdef extern from "src/norm_slots.h":
    enum:
        OUT, X, DY, MEAN, RSTD, WEIGHT, BIAS, DWEIGHT, DBIAS, PARTIAL_DWEIGHT, PARTIAL_DBIAS, DX
        ROWS, COLUMNS, BLOCK_ROWS, PARTS
        EPS

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(norm)
    """
    const Entry *const *norm_tables

cdef Family _bodies = family(norm_tables)
cdef Kernel _layer_norm = _bodies["layer_norm"], _layer_norm_backward = _bodies["layer_norm_backward"]
cdef Kernel _join_gradients = _bodies["join_gradients"]

cdef enum:
    SUM_BLOCK = 16384               # elements in a block that sums over rows

cdef double COST = 0.1              # estimated nanoseconds an element of float32


cdef double cost(const Array *x, double passes) noexcept:
    return COST * passes * (1 if x.dtype == F32 else 2) * x.size


# ---- layer norm -----------------------------------------------------------------------------------------------------

def layer_norm(out, mean, rstd, x, weight, bias, eps):
    normalize(out, mean, rstd, x, weight, bias, eps, "layer_norm", READ)


def rms_norm(out, rstd, x, weight, eps):
    normalize(out, None, rstd, x, weight, None, eps, "rms_norm", OPTIONAL)


cdef int normalize(out, mean, rstd, x, weight, bias, double eps, str name, int mean_access) except -1:
    """Layer norm, or RMS norm if `mean_access` allows the mean to be absent."""
    cdef Launch launch
    cdef Array o, m, r, a, w, b
    unpack(x, &a)
    _layer_norm.prepare(&launch, a.dtype)
    expect_ndim(name, "x", &a, 2)
    cdef ptrdiff_t rows = a.shape[0], n = a.shape[1]
    unpack_like(name, "out", out, &o, WRITE, &a)
    unpack_sized(name, "mean", mean, &m, WRITE | mean_access, F64, rows)
    unpack_sized(name, "rstd", rstd, &r, WRITE, a.dtype, rows)
    unpack_sized(name, "weight", weight, &w, OPTIONAL, a.dtype, n)
    unpack_sized(name, "bias", bias, &b, OPTIONAL, a.dtype, n)
    launch.p[OUT] = o.data
    launch.p[MEAN] = m.data
    launch.p[RSTD] = r.data
    launch.p[X] = a.data
    launch.p[WEIGHT] = w.data
    launch.p[BIAS] = b.data
    launch.n[ROWS] = rows
    launch.n[COLUMNS] = n
    launch.n[BLOCK_ROWS] = rows_in_block(n)
    launch.s[EPS] = eps
    launch.blocks = ceil_div(rows, launch.n[BLOCK_ROWS])
    launch.work = cost(&a, 2)
    submit(&launch)
    return 0


def layer_norm_backward(dx, dweight, dbias, x, weight, mean, rstd, dy):
    differentiate(dx, dweight, dbias, x, weight, mean, rstd, dy, "layer_norm_backward", READ)


def rms_norm_backward(dx, dweight, x, weight, rstd, dy):
    differentiate(dx, dweight, None, x, weight, None, rstd, dy, "rms_norm_backward", OPTIONAL)


cdef int differentiate(dx, dweight, dbias, x, weight, mean, rstd, dy, str name, int mean_access) except -1:
    """The gradients of `normalize`."""
    cdef Launch launch
    cdef Array od, ow, ob, a, w, m, r, g
    cdef Block weights = None, biases = None
    unpack(x, &a)
    _layer_norm_backward.prepare(&launch, a.dtype)
    expect_ndim(name, "x", &a, 2)
    cdef ptrdiff_t rows = a.shape[0], n = a.shape[1]
    unpack_like(name, "dx", dx, &od, WRITE | OPTIONAL, &a)
    unpack_sized(name, "dweight", dweight, &ow, WRITE | OPTIONAL, a.dtype, n)
    unpack_sized(name, "dbias", dbias, &ob, WRITE | OPTIONAL, a.dtype, n)
    unpack_sized(name, "weight", weight, &w, OPTIONAL, a.dtype, n)
    unpack_sized(name, "mean", mean, &m, mean_access, F64, rows)
    unpack_sized(name, "rstd", rstd, &r, READ, a.dtype, rows)
    unpack_like(name, "dy", dy, &g, READ, &a)
    # rows of a block, a multiple of GROUP
    cdef ptrdiff_t height = GROUP * max(1, ceil_div(SUM_BLOCK, max(n, 1) * GROUP)), blocks = ceil_div(rows, height)
    cdef bint joined = blocks != 1 and (ow.data != NULL or ob.data != NULL)
    launch.p[DX] = od.data
    launch.p[DWEIGHT] = ow.data
    launch.p[DBIAS] = ob.data
    if joined and ow.data != NULL:
        weights = allocate_block(max(blocks, 1) * n * sizeof(double))
        launch.p[DWEIGHT] = weights.data
    if joined and ob.data != NULL:
        biases = allocate_block(max(blocks, 1) * n * sizeof(double))
        launch.p[DBIAS] = biases.data
    launch.p[X] = a.data
    launch.p[WEIGHT] = w.data
    launch.p[MEAN] = m.data
    launch.p[RSTD] = r.data
    launch.p[DY] = g.data
    launch.n[ROWS] = rows
    launch.n[COLUMNS] = n
    launch.n[BLOCK_ROWS] = height
    launch.blocks = blocks
    launch.work = cost(&a, 3)
    submit(&launch)
    if not joined:
        return 0
    _join_gradients.prepare(&launch, a.dtype)
    launch.p[DWEIGHT] = ow.data
    launch.p[DBIAS] = ob.data
    launch.p[PARTIAL_DWEIGHT] = weights.data if weights is not None else NULL
    launch.p[PARTIAL_DBIAS] = biases.data if biases is not None else NULL
    launch.n[COLUMNS] = n
    launch.n[PARTS] = blocks
    launch.blocks = ceil_div(n, TILE)
    launch.work = COST * 4 * blocks * n
    submit(&launch)
    return 0
