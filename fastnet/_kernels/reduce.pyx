"""Reductions over the middle of (outer, n, inner), and softmax. Contracts: reference/reduce.py.

A reduction is one launch over rows (inner == 1) or columns. If that would be too few blocks for several threads, it is
two launches: partial results of chunks into scratch memory, then a launch that joins them in the same order as the one
launch would. The shape alone decides between the two.
"""
from fastnet._runtime.launch cimport (
    F32, F64, I64, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype,
    expect_ndim, expect_shape, expect_size, family, rows_in_block, submit, unpack, unpack_like, unpack_sized)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from "src/chunks.h":
    enum: CHUNK
    enum: COLUMN_CHUNK
    enum: TILE

cdef extern from "src/reduce_slots.h":
    enum: ACROSS
    enum:
        OUT, MEAN, X, DY, PARTIAL, PARTIAL_M2, LOG_SUM, DX
        OUTER, LENGTH, INNER, BLOCK_ROWS, CHUNKS, CHUNK_LENGTH, ROOT
        DIVISOR, LEAST

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(reduce)
    """
    const Entry *const *reduce_tables

cdef Family _bodies = family(reduce_tables)

cdef enum:
    ENOUGH = 16                     # blocks; with fewer, a long reduction is two launches

cdef double COST = 0.05             # estimated nanoseconds to read an element
cdef double LEAST_SQUARES = 1e-27   # of a chunk of float32: a square below 1e-38 is flushed to 0


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


cdef class Across:
    """The bodies of a reduction of channels-last arrays."""
    cdef str name
    cdef Kernel positions, channels

    def __cinit__(self, str name, str bodies):
        self.name = name
        self.positions = _bodies[bodies + "_positions"]
        self.channels = _bodies[bodies + "_channels"]


# ---- shapes ---------------------------------------------------------------------------------------------------------

cdef int unpack_x(str name, object source, Array *x, Shape *shape) except -1:
    unpack(source, x)
    expect_ndim(name, "x", x, 3)
    shape.outer = x.shape[0]
    shape.n = x.shape[1]
    shape.inner = x.shape[2]
    return 0


cdef int unpack_reduced(str kernel, str name, object source, Array *out, const Shape *shape) except -1:
    """Unpack an output of shape (outer, inner)."""
    cdef ptrdiff_t expected[2]
    unpack(source, out, WRITE)
    expected[0], expected[1] = shape.outer, shape.inner
    return expect_shape(kernel, name, out, expected, 2)


cdef int expect_some(str name, ptrdiff_t n, const Shape *shape) except -1:
    if n == 0:
        raise ValueError(f"{name}: expected an axis of at least 1 element, "
                         f"got shape {(shape.outer, shape.n, shape.inner)}")
    return 0


cdef double cost(const Shape *shape, DType dtype) noexcept:
    return COST * (1 if dtype == F32 else 2) * (shape.outer * shape.inner * (shape.n + 4))


cdef bint is_split(const Shape *shape) noexcept:
    """Whether one launch would be too few blocks and the reduced axis is long enough for two."""
    if shape.inner == 1:
        return shape.outer < ENOUGH and shape.n > 2 * CHUNK
    return shape.outer * ceil_div(shape.inner, TILE) < ENOUGH and shape.n > 2 * COLUMN_CHUNK


# ---- launches -------------------------------------------------------------------------------------------------------

cdef void set_shape(Launch *launch, const Shape *shape) noexcept:
    launch.n[OUTER] = shape.outer
    launch.n[LENGTH] = shape.n
    launch.n[INNER] = shape.inner


cdef int prepare_whole(Launch *launch, Kernel rows, Kernel columns, DType dtype, const Shape *shape) except -1:
    """One launch over whole rows, or over tiles of columns."""
    (rows if shape.inner == 1 else columns).prepare(launch, dtype)
    set_shape(launch, shape)
    if shape.inner == 1:
        launch.n[BLOCK_ROWS] = rows_in_block(shape.n)
        launch.blocks = ceil_div(shape.outer, launch.n[BLOCK_ROWS])
    else:
        launch.blocks = shape.outer * ceil_div(shape.inner, TILE)
    launch.work = cost(shape, dtype)
    launch.s[DIVISOR] = 1
    return 0


cdef ptrdiff_t chunk_length(const Shape *shape) noexcept:
    return CHUNK if shape.inner == 1 else COLUMN_CHUNK


cdef ptrdiff_t prepare_chunks(Launch *launch, Reduction r, DType dtype, const Shape *shape) except -1:
    """The launch that reduces chunks. Returns the number of partial results."""
    (r.row_chunks if shape.inner == 1 else r.column_chunks).prepare(launch, dtype)
    cdef ptrdiff_t chunks = ceil_div(shape.n, chunk_length(shape))
    set_shape(launch, shape)
    launch.n[CHUNKS] = chunks
    launch.blocks = shape.outer * chunks * ceil_div(shape.inner, TILE)
    launch.work = cost(shape, dtype)
    return shape.outer * chunks * shape.inner


cdef int prepare_join(Launch *launch, Reduction r, DType dtype, const Shape *shape) except -1:
    """The launch that joins the results of chunks."""
    r.join.prepare(launch, dtype)
    set_shape(launch, shape)
    launch.n[CHUNK_LENGTH] = chunk_length(shape)
    launch.n[CHUNKS] = ceil_div(shape.n, chunk_length(shape))
    launch.blocks = shape.outer * ceil_div(shape.inner, TILE)
    launch.work = COST * 4 * shape.outer * launch.n[CHUNKS] * shape.inner
    launch.s[DIVISOR] = 1
    return 0


cdef int reduce(Reduction r, Array *out, Array *x, const Shape *shape, double divisor) except -1:
    """out = the reduction of x, divided by divisor."""
    cdef Launch launch
    cdef Block scratch = None
    if is_split(shape):
        scratch = allocate_block(prepare_chunks(&launch, r, x.dtype, shape) * sizeof(double))
        launch.p[PARTIAL] = scratch.data
        launch.p[X] = x.data
        submit(&launch)
        prepare_join(&launch, r, x.dtype, shape)
        launch.p[PARTIAL] = scratch.data
    else:
        prepare_whole(&launch, r.rows, r.columns, x.dtype, shape)
        launch.p[X] = x.data
    launch.p[OUT] = out.data
    launch.s[DIVISOR] = divisor
    return submit(&launch)


cdef int launch_reduction(Reduction r, object out, object x, bint averaged, bint extreme) except -1:
    cdef Array o, a
    cdef Shape shape
    unpack_x(r.name, x, &a, &shape)
    unpack_reduced(r.name, "out", out, &o, &shape)
    if a.dtype == F32 or a.dtype == F64:
        expect_dtype(r.name, "out", &o, a.dtype)
    if extreme:
        expect_some(r.name, shape.n, &shape)
    return reduce(r, &o, &a, &shape, shape.n if averaged else 1)


cdef int launch_across(Across bodies, object out, object x, ptrdiff_t axis, bint averaged, bint extreme) except -1:
    """Reduce the channels-last array (outer, positions, channels) over one of its last two axes."""
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    cdef ptrdiff_t expected[2]
    unpack_x(bodies.name, x, &a, &shape)
    if axis != 1 and axis != 2:
        raise ValueError(f"{bodies.name}: expected axis 1 or 2, got {axis}")
    (bodies.positions if axis == 1 else bodies.channels).prepare(&launch, a.dtype)
    unpack(out, &o, WRITE)
    expected[0], expected[1] = shape.outer, a.shape[3 - axis]
    expect_shape(bodies.name, "out", &o, expected, 2)
    expect_dtype(bodies.name, "out", &o, a.dtype)
    if extreme:
        expect_some(bodies.name, a.shape[axis], &shape)
    if axis == 1:
        launch.blocks = shape.outer * ceil_div(shape.inner, ACROSS)
    else:
        shape.outer, shape.n, shape.inner = shape.outer * shape.n, shape.inner, 1
        launch.blocks = ceil_div(shape.outer, ACROSS)
    set_shape(&launch, &shape)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.s[DIVISOR] = shape.n if averaged else 1
    launch.work = 2 * cost(&shape, a.dtype)
    return submit(&launch)


cdef int launch_argument(Pair pair, object out, object x) except -1:
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    unpack_x(pair.name, x, &a, &shape)
    unpack_reduced(pair.name, "out", out, &o, &shape)
    expect_dtype(pair.name, "out", &o, I64)
    expect_some(pair.name, shape.n, &shape)
    prepare_whole(&launch, pair.rows, pair.columns, a.dtype, &shape)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.work *= 2
    return submit(&launch)


cdef int launch_softmax(Pair pair, double element_cost, object out, object x, object dy=None) except -1:
    """Launch a kernel whose output has the shape of its inputs; `element_cost` is in nanoseconds."""
    cdef Launch launch
    cdef Array o, a, b
    cdef Shape shape
    unpack_x(pair.name, x, &a, &shape)
    unpack_like(pair.name, "the output", out, &o, WRITE, &a)
    prepare_whole(&launch, pair.rows, pair.columns, a.dtype, &shape)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    if dy is not None:
        unpack_like(pair.name, "dy", dy, &b, READ, &a)
        launch.p[DY] = b.data
    if shape.n == 0:
        return 0
    launch.work = element_cost * (1 if a.dtype == F32 else 8) * a.size
    return submit(&launch)


# ---- kernels --------------------------------------------------------------------------------------------------------

cdef Reduction _sum = Reduction("sum"), _mean = Reduction("mean", "sum"), _var = Reduction("var")
cdef Reduction _amax = Reduction("amax"), _amin = Reduction("amin"), _squares = Reduction("sum_squares", "squares")
cdef Reduction _square_sums = Reduction("square_sums", "squares")
cdef Across _sum_across = Across("sum_across", "sum"), _mean_across = Across("mean_across", "sum")
cdef Across _amax_across = Across("amax_across", "amax"), _amin_across = Across("amin_across", "amin")
cdef Kernel _sum_i64 = _bodies["sum_i64"], _quotient = _bodies["quotient"]
cdef Pair _argmax = Pair("argmax"), _argmin = Pair("argmin")
cdef Pair _softmax = Pair("softmax"), _softmax_backward = Pair("softmax_backward")
cdef Pair _logsumexp = Pair("logsumexp"), _logsumexp_backward = Pair("logsumexp_backward")
cdef Pair _log_softmax = Pair("log_softmax"), _log_softmax_backward = Pair("log_softmax_backward")


def sum(out, x):
    if not sum_integers(out, x):
        launch_reduction(_sum, out, x, False, False)


cdef bint sum_integers(object out, object x) except -1:
    """Sum all elements of int64; returns False for any other sum."""
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    unpack_x("sum", x, &a, &shape)
    if a.dtype != I64 or shape.outer != 1 or shape.inner != 1:
        return False
    unpack_reduced("sum", "out", out, &o, &shape)
    expect_dtype("sum", "out", &o, I64)
    _sum_i64.prepare(&launch, F64)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.n[LENGTH] = shape.n
    launch.blocks = 1
    launch.work = 5 + 0.1 * shape.n
    submit(&launch)
    return True


def mean(out, x):
    launch_reduction(_mean, out, x, True, False)


def weighted_mean(out, total, x, weights):
    cdef Launch launch
    cdef Array o, t, a, w
    cdef Shape shape
    unpack(x, &a)
    unpack_sized("weighted_mean", "weights", weights, &w, READ, a.dtype, a.size)
    unpack_sized("weighted_mean", "out", out, &o, WRITE, a.dtype, 1)
    unpack_sized("weighted_mean", "total", total, &t, WRITE, a.dtype, 1)
    shape.outer = shape.inner = 1
    shape.n = a.size
    reduce(_sum, &o, &a, &shape, 1)
    reduce(_sum, &t, &w, &shape, 1)
    _quotient.prepare(&launch, a.dtype)
    launch.p[OUT] = o.data
    launch.p[X] = t.data
    launch.blocks = launch.work = 1
    submit(&launch)


def amax(out, x):
    launch_reduction(_amax, out, x, False, True)


def amin(out, x):
    launch_reduction(_amin, out, x, False, True)


def sum_across(out, x, axis):
    launch_across(_sum_across, out, x, axis, False, False)


def mean_across(out, x, axis):
    launch_across(_mean_across, out, x, axis, True, False)


def amax_across(out, x, axis):
    launch_across(_amax_across, out, x, axis, False, True)


def amin_across(out, x, axis):
    launch_across(_amin_across, out, x, axis, False, True)


def argmax(out, x):
    launch_argument(_argmax, out, x)


def argmin(out, x):
    launch_argument(_argmin, out, x)


cdef int launch_var(str name, object out, object mean, object x, double correction, bint root) except -1:
    """The variance, or its root, and the mean."""
    cdef Launch launch
    cdef Array o, m, a
    cdef Shape shape
    cdef Block scratch = None
    cdef ptrdiff_t results
    # squares of float32 may have been flushed to 0 below it, which the root would show
    cdef double least = LEAST_SQUARES if root else 0
    unpack_x(name, x, &a, &shape)
    unpack_reduced(name, "out", out, &o, &shape)
    unpack_reduced(name, "mean", mean, &m, &shape)
    expect_dtype(name, "out", &o, a.dtype)
    expect_dtype(name, "mean", &m, F64)
    if is_split(&shape):
        results = prepare_chunks(&launch, _var, a.dtype, &shape)
        scratch = allocate_block(2 * results * sizeof(double))
        launch.p[PARTIAL] = scratch.data
        launch.p[PARTIAL_M2] = scratch.data + results * sizeof(double)
        launch.p[X] = a.data
        launch.s[LEAST] = least
        launch.work *= 2
        submit(&launch)
        prepare_join(&launch, _var, a.dtype, &shape)
        launch.p[PARTIAL] = scratch.data
        launch.p[PARTIAL_M2] = scratch.data + results * sizeof(double)
    else:
        prepare_whole(&launch, _var.rows, _var.columns, a.dtype, &shape)
        launch.p[X] = a.data
    launch.work *= 2
    launch.p[OUT] = o.data
    launch.p[MEAN] = m.data
    launch.n[ROOT] = root
    launch.s[DIVISOR] = max(shape.n - correction, 0.0)
    launch.s[LEAST] = least
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
    expect_dtype("sum_squares", "out", &o, a.dtype)
    expect_size("sum_squares", "out", &o, 1)
    shape.outer = shape.inner = 1
    shape.n = a.size
    reduce(_squares, &o, &a, &shape, 1)


def square_sums(out, x):
    launch_reduction(_square_sums, out, x, False, False)


def softmax(out, x):
    launch_softmax(_softmax, 0.35, out, x)


def softmax_backward(dx, y, dy):
    launch_softmax(_softmax_backward, 0.15, dx, y, dy)


def log_softmax(out, x):
    launch_softmax(_log_softmax, 0.35, out, x)


def log_softmax_backward(dx, y, dy):
    launch_softmax(_log_softmax_backward, 0.3, dx, y, dy)


def logsumexp(out, x):
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    unpack_x("logsumexp", x, &a, &shape)
    unpack_reduced("logsumexp", "out", out, &o, &shape)
    prepare_whole(&launch, _logsumexp.rows, _logsumexp.columns, a.dtype, &shape)
    expect_dtype("logsumexp", "out", &o, a.dtype)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.work = 0.35 * (1 if a.dtype == F32 else 8) * (a.size + o.size)
    submit(&launch)


def logsumexp_backward(dx, x, y, dy):
    cdef Launch launch
    cdef Array o, a
    cdef Shape shape
    cdef str name = "logsumexp_backward"
    unpack_x(name, x, &a, &shape)
    unpack_like(name, "dx", dx, &o, WRITE, &a)
    prepare_whole(&launch, _logsumexp_backward.rows, _logsumexp_backward.columns, a.dtype, &shape)
    launch.p[DX] = o.data
    launch.p[X] = a.data
    bind(&launch, LOG_SUM, name, "y", y, READ, a.dtype, shape.outer * shape.inner)
    bind(&launch, DY, name, "dy", dy, READ, a.dtype, shape.outer * shape.inner)
    launch.work = 0.3 * (1 if a.dtype == F32 else 8) * a.size
    submit(&launch)
