"""Reductions over the middle of (outer, n, inner), and softmax. Contracts: reference/reduce.py.

A reduction is one launch over rows (inner == 1) or over columns. Where that would be too few blocks for several threads
it is two: partial results of chunks into scratch memory, then a launch that joins them, in the order in which the one
launch would have. Which of the two is the shape's choice alone.
"""
from fastnet._runtime.launch cimport (
    F32, F64, I64, WRITE, Array, DType, Entry, Family, Kernel, Launch, expect_dtype, expect_size, family, submit,
    unpack)
from fastnet._runtime.memory cimport Block, take

cdef extern from "src/cuts.h":
    enum: CHUNK
    enum: COLUMN_CHUNK
    enum: TILE

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(reduce)
    """
    const Entry *const *reduce_tables

cdef Family _bodies = family(reduce_tables)

cdef enum:
    ROW_BLOCK = 4096                # elements of whole rows in a block
    ENOUGH = 16                     # blocks; with fewer, a long reduction is split

cdef double COST = 0.05             # estimated nanoseconds to read an element
cdef double LEAST_SQUARES = 1e-27   # of a chunk of float32; a single square below 1e-38 is lost


cdef struct Shape:                  # reduced over the middle
    ptrdiff_t outer, n, inner


cdef class Reduction:
    """The bodies of one reduction."""
    cdef str name
    cdef Kernel rows, columns, row_chunks, column_chunks, join

    def __cinit__(self, str name, str bodies=None):
        bodies = bodies or name
        self.name = name
        self.rows = _bodies[bodies + "_rows"]
        self.columns = _bodies[bodies + "_columns"]
        self.row_chunks = _bodies[bodies + "_row_chunks"]
        self.column_chunks = _bodies[bodies + "_column_chunks"]
        self.join = _bodies[bodies + "_join"]


cdef class Pair:
    """The bodies of a kernel that is never split."""
    cdef str name
    cdef Kernel rows, columns

    def __cinit__(self, str name):
        self.name = name
        self.rows = _bodies[name + "_rows"]
        self.columns = _bodies[name + "_columns"]


# ---- shapes ---------------------------------------------------------------------------------------------------------

cdef int unpack_x(str name, object source, Array *x, Shape *shape) except -1:
    unpack(source, x)
    expect_size(name, "x's number of dimensions", x.ndim, 3)
    shape.outer = x.shape[0]
    shape.n = x.shape[1]
    shape.inner = x.shape[2]
    return 0


cdef int unpack_reduced(str name, object source, Array *out, const Shape *shape) except -1:
    """An output of shape (outer, inner)."""
    unpack(source, out, WRITE)
    expect_size(name, "an output's number of dimensions", out.ndim, 2)
    expect_size(name, "an output's first size", out.shape[0], shape.outer)
    expect_size(name, "an output's second size", out.shape[1], shape.inner)
    return 0


cdef int unpack_alike(str name, object source, Array *array, int access, const Array *x) except -1:
    unpack(source, array, access)
    expect_dtype(name, array, x.dtype)
    expect_size(name, "an array's number of dimensions", array.ndim, 3)
    expect_size(name, "an array's first size", array.shape[0], x.shape[0])
    expect_size(name, "an array's second size", array.shape[1], x.shape[1])
    expect_size(name, "an array's third size", array.shape[2], x.shape[2])
    return 0


cdef int expect_some(str name, const Shape *shape) except -1:
    if shape.n == 0:
        raise ValueError(f"{name}: no largest or smallest of an axis of size 0 "
                         f"(shape {(shape.outer, shape.n, shape.inner)})")
    return 0


cdef ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) noexcept:
    return (a + b - 1) // b


cdef double cost(const Shape *shape, DType dtype) noexcept:
    return COST * (1 if dtype == F32 else 2) * (shape.outer * shape.inner * (shape.n + 4))


cdef bint is_split(const Shape *shape) noexcept:
    """Whether one launch would be too few blocks, while there is enough along the reduced axis."""
    if shape.inner == 1:
        return shape.outer < ENOUGH and shape.n > 2 * CHUNK
    return shape.outer * ceil_div(shape.inner, TILE) < ENOUGH and shape.n > 2 * COLUMN_CHUNK


# ---- launches -------------------------------------------------------------------------------------------------------

cdef int prepare_whole(Launch *launch, Kernel rows, Kernel columns, DType dtype, const Shape *shape) except -1:
    """One launch over whole rows, or over tiles of columns."""
    (rows if shape.inner == 1 else columns).prepare(launch, dtype)
    launch.n[0] = shape.outer
    launch.n[1] = shape.n
    launch.n[2] = shape.inner
    if shape.inner == 1:
        launch.n[3] = max(1, ROW_BLOCK // max(shape.n, 1))
        launch.blocks = ceil_div(shape.outer, launch.n[3])
    else:
        launch.blocks = shape.outer * ceil_div(shape.inner, TILE)
    launch.work = cost(shape, dtype)
    launch.s[0] = 1
    return 0


cdef ptrdiff_t prepare_chunks(Launch *launch, Reduction r, DType dtype, const Shape *shape) except -1:
    """The launch that reduces chunks; returns how many a row or column has."""
    (r.row_chunks if shape.inner == 1 else r.column_chunks).prepare(launch, dtype)
    cdef ptrdiff_t chunks = ceil_div(shape.n, CHUNK if shape.inner == 1 else COLUMN_CHUNK)
    launch.n[0] = shape.outer
    launch.n[1] = shape.n
    launch.n[2] = shape.inner
    launch.n[3] = chunks
    launch.blocks = shape.outer * chunks * ceil_div(shape.inner, TILE)
    launch.work = cost(shape, dtype)
    return chunks


cdef int prepare_join(Launch *launch, Reduction r, DType dtype, const Shape *shape, ptrdiff_t chunks) except -1:
    """The launch that joins chunks' results."""
    r.join.prepare(launch, dtype)
    launch.n[0] = shape.outer
    launch.n[1] = chunks
    launch.n[2] = shape.inner
    launch.n[3] = CHUNK if shape.inner == 1 else COLUMN_CHUNK
    launch.n[4] = shape.n
    launch.blocks = shape.outer * ceil_div(shape.inner, TILE)
    launch.work = COST * 4 * shape.outer * chunks * shape.inner
    launch.s[0] = 1
    return 0


cdef int reduce(Reduction r, Array *out, Array *x, const Shape *shape, double divisor) except -1:
    """out = the reduction of x, over divisor."""
    cdef Launch launch
    cdef Block scratch = None
    cdef ptrdiff_t chunks
    if is_split(shape):
        chunks = prepare_chunks(&launch, r, x.dtype, shape)
        scratch = take(shape.outer * chunks * shape.inner * sizeof(double))
        launch.p[0] = scratch.data
        launch.p[1] = x.data
        submit(&launch)
        prepare_join(&launch, r, x.dtype, shape, chunks)
        launch.p[1] = scratch.data
    else:
        prepare_whole(&launch, r.rows, r.columns, x.dtype, shape)
        launch.p[1] = x.data
    launch.p[0] = out.data
    launch.s[0] = divisor
    return submit(&launch)


cdef int launch_reduction(Reduction r, object out, object x, bint averaged, bint extreme) except -1:
    cdef Array o, a
    cdef Shape shape
    unpack_x(r.name, x, &a, &shape)
    unpack_reduced(r.name, out, &o, &shape)
    if a.dtype == F32 or a.dtype == F64:
        expect_dtype(r.name, &o, a.dtype)
    if extreme:
        expect_some(r.name, &shape)
    return reduce(r, &o, &a, &shape, shape.n if averaged else 1)


cdef int launch_place(Pair pair, object out, object x) except -1:
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    unpack_x(pair.name, x, &a, &shape)
    unpack_reduced(pair.name, out, &o, &shape)
    expect_dtype(pair.name, &o, I64)
    expect_some(pair.name, &shape)
    prepare_whole(&launch, pair.rows, pair.columns, a.dtype, &shape)
    launch.p[0] = o.data
    launch.p[1] = a.data
    launch.work *= 2
    return submit(&launch)


cdef int launch_softmax(Pair pair, double element_cost, object out, object x, object y=None) except -1:
    """A kernel whose output has the shape of its inputs; `element_cost` in nanoseconds."""
    cdef Launch launch
    cdef Array o, a, b
    cdef Shape shape
    unpack_x(pair.name, x, &a, &shape)
    unpack_alike(pair.name, out, &o, WRITE, &a)
    prepare_whole(&launch, pair.rows, pair.columns, a.dtype, &shape)
    launch.p[0] = o.data
    launch.p[1] = a.data
    if y is not None:
        unpack_alike(pair.name, y, &b, 0, &a)
        launch.p[2] = b.data
    if shape.n == 0:
        return 0
    launch.work = element_cost * (1 if a.dtype == F32 else 8) * a.size
    return submit(&launch)


# ---- kernels --------------------------------------------------------------------------------------------------------

cdef Reduction _sum = Reduction("sum"), _mean = Reduction("mean", "sum"), _var = Reduction("var")
cdef Reduction _amax = Reduction("amax"), _amin = Reduction("amin"), _squares = Reduction("sum_squares", "squares")
cdef Kernel _sum_i64 = _bodies["sum_i64"]
cdef Pair _argmax = Pair("argmax"), _argmin = Pair("argmin")
cdef Pair _softmax = Pair("softmax"), _softmax_backward = Pair("softmax_backward")
cdef Pair _log_softmax = Pair("log_softmax"), _log_softmax_backward = Pair("log_softmax_backward")


def sum(out, x):
    if not sum_integers(out, x):
        launch_reduction(_sum, out, x, False, False)


cdef bint sum_integers(object out, object x) except -1:
    """The sum of all, if it is one of int64."""
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    unpack_x("sum", x, &a, &shape)
    if a.dtype != I64 or shape.outer != 1 or shape.inner != 1:
        return False
    unpack_reduced("sum", out, &o, &shape)
    expect_dtype("sum", &o, I64)
    _sum_i64.prepare(&launch, F64)
    launch.p[0] = o.data
    launch.p[1] = a.data
    launch.n[1] = shape.n
    launch.blocks = 1
    launch.work = 5 + 0.1 * shape.n
    submit(&launch)
    return True


def mean(out, x):
    launch_reduction(_mean, out, x, True, False)


def amax(out, x):
    launch_reduction(_amax, out, x, False, True)


def amin(out, x):
    launch_reduction(_amin, out, x, False, True)


def argmax(out, x):
    launch_place(_argmax, out, x)


def argmin(out, x):
    launch_place(_argmin, out, x)


cdef int launch_var(str name, object out, object mean, object x, double correction, bint root) except -1:
    """The variance, or its root, and the mean."""
    cdef Launch launch
    cdef Array o, m, a
    cdef Shape shape
    cdef Block scratch = None
    cdef ptrdiff_t chunks
    # below it the squares of float32 may have been flushed, which the root would show
    cdef double least = LEAST_SQUARES if root else 0
    unpack_x(name, x, &a, &shape)
    unpack_reduced(name, out, &o, &shape)
    unpack_reduced(name, mean, &m, &shape)
    expect_dtype(name, &o, a.dtype)
    expect_dtype(name, &m, F64)
    if is_split(&shape):
        chunks = prepare_chunks(&launch, _var, a.dtype, &shape)
        scratch = take(2 * shape.outer * chunks * shape.inner * sizeof(double))
        launch.p[0] = scratch.data
        launch.p[1] = scratch.data + shape.outer * chunks * shape.inner * sizeof(double)
        launch.p[2] = a.data
        launch.s[1] = least
        launch.work *= 2
        submit(&launch)
        prepare_join(&launch, _var, a.dtype, &shape, chunks)
        launch.p[2] = scratch.data
        launch.p[3] = scratch.data + shape.outer * chunks * shape.inner * sizeof(double)
    else:
        prepare_whole(&launch, _var.rows, _var.columns, a.dtype, &shape)
        launch.p[2] = a.data
    launch.work *= 2
    launch.p[0] = o.data
    launch.p[1] = m.data
    launch.n[5] = root
    launch.s[0] = max(shape.n - correction, 0.0)
    launch.s[1] = least
    return submit(&launch)


def var(out, mean, x, correction=1):
    launch_var("var", out, mean, x, correction, False)


def std(out, mean, x, correction=1):
    launch_var("std", out, mean, x, correction, True)


def sum_squares(out, x):
    cdef Array o, a
    cdef Shape shape
    unpack(x, &a)
    unpack(out, &o, WRITE)
    expect_dtype("sum_squares", &o, a.dtype)
    expect_size("sum_squares", "out's size", o.size, 1)
    shape.outer = shape.inner = 1
    shape.n = a.size
    reduce(_squares, &o, &a, &shape, 1)


def softmax(out, x):
    launch_softmax(_softmax, 0.35, out, x)


def softmax_backward(dx, y, dy):
    launch_softmax(_softmax_backward, 0.15, dx, y, dy)


def log_softmax(out, x):
    launch_softmax(_log_softmax, 0.35, out, x)


def log_softmax_backward(dx, y, dy):
    launch_softmax(_log_softmax_backward, 0.3, dx, y, dy)
