"""Layer norm, batch norm and their gradients. Contracts: reference/norm.py; division into blocks: src/norm.inc.h."""
from fastnet._runtime.launch cimport (
    F32, F64, I64, OPTIONAL, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, ceil_div, expect_ndim,
    family, rows_in_block, submit, unpack, unpack_like, unpack_sized)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from "src/chunks.h":
    enum: GROUP
    enum: COLUMN_CHUNK
    enum: TILE

cdef extern from "src/norm_slots.h":
    enum:
        OUT, X, DY, MEAN, VAR, WEIGHT, BIAS, DWEIGHT, DBIAS, SCALES, SHIFTS, DOTS
        DX, RSTD, PARTIAL_DWEIGHT, PARTIAL_DBIAS, SUMS, CHUNK_MEANS, CHUNK_M2, CENTRES, SLOPES
        RUNNING_MEAN, RUNNING_VAR, TRACKED
        ROWS, COLUMNS, BLOCK_ROWS, PARTS
        IMAGES, CHANNELS, LENGTH, CHUNK_IMAGES, CHUNKS, SPREAD, COLUMN_COUNT, REAL_MEANS
        HAS_MOMENTUM, HAS_ELEMENTS
        EPS, SHARE, MOMENTUM, UNBIASED

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(norm)
    """
    const Entry *const *norm_tables

cdef Family _bodies = family(norm_tables)
cdef Kernel _layer_norm = _bodies["layer_norm"], _layer_norm_backward = _bodies["layer_norm_backward"]
cdef Kernel _join_gradients = _bodies["join_gradients"], _join_channels = _bodies["join_channels"]
cdef Kernel _narrow_moments = _bodies["narrow_moments"], _wide_moments = _bodies["wide_moments"]
cdef Kernel _narrow_scales = _bodies["narrow_scales"]
cdef Kernel _narrow_batch_norm = _bodies["narrow_batch_norm"], _wide_batch_norm = _bodies["wide_batch_norm"]
cdef Kernel _narrow_sums = _bodies["narrow_sums"], _wide_sums = _bodies["wide_sums"]
cdef Kernel _channel_gradients = _bodies["channel_gradients"]
cdef Kernel _narrow_backward = _bodies["narrow_backward"], _wide_backward = _bodies["wide_backward"]
cdef Kernel _update = _bodies["batch_norm_update_"]

cdef enum:
    SUM_BLOCK = 16384               # elements in a block that sums over rows
    WIDE_CHANNEL = 64               # elements of a channel in an image from which on it is a row

cdef double COST = 0.1              # estimated nanoseconds an element of float32


cdef double cost(const Array *x, double passes) noexcept:
    return COST * passes * (1 if x.dtype == F32 else 2) * x.size


# ---- layer norm -----------------------------------------------------------------------------------------------------

def layer_norm(out, mean, rstd, x, weight, bias, eps):
    cdef Launch launch
    cdef Array o, m, r, a, w, b
    unpack(x, &a)
    _layer_norm.prepare(&launch, a.dtype)
    expect_ndim("layer_norm", "x", &a, 2)
    cdef ptrdiff_t rows = a.shape[0], n = a.shape[1]
    unpack_like("layer_norm", "out", out, &o, WRITE, &a)
    unpack_sized("layer_norm", "mean", mean, &m, WRITE, F64, rows)
    unpack_sized("layer_norm", "rstd", rstd, &r, WRITE, a.dtype, rows)
    unpack_sized("layer_norm", "weight", weight, &w, OPTIONAL, a.dtype, n)
    unpack_sized("layer_norm", "bias", bias, &b, OPTIONAL, a.dtype, n)
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


def layer_norm_backward(dx, dweight, dbias, x, weight, mean, rstd, dy):
    cdef Launch launch
    cdef Array od, ow, ob, a, w, m, r, g
    cdef Block weights = None, biases = None
    unpack(x, &a)
    _layer_norm_backward.prepare(&launch, a.dtype)
    expect_ndim("layer_norm_backward", "x", &a, 2)
    cdef ptrdiff_t rows = a.shape[0], n = a.shape[1]
    unpack_like("layer_norm_backward", "dx", dx, &od, WRITE | OPTIONAL, &a)
    unpack_sized("layer_norm_backward", "dweight", dweight, &ow, WRITE | OPTIONAL, a.dtype, n)
    unpack_sized("layer_norm_backward", "dbias", dbias, &ob, WRITE | OPTIONAL, a.dtype, n)
    unpack_sized("layer_norm_backward", "weight", weight, &w, OPTIONAL, a.dtype, n)
    unpack_sized("layer_norm_backward", "mean", mean, &m, READ, F64, rows)
    unpack_sized("layer_norm_backward", "rstd", rstd, &r, READ, a.dtype, rows)
    unpack_like("layer_norm_backward", "dy", dy, &g, READ, &a)
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
        return
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


# ---- batch norm -----------------------------------------------------------------------------------------------------

cdef struct Channels:               # x of shape (N, C, L)
    ptrdiff_t N, C, L
    bint wide                       # a channel of an image is a row; else an image is a row of C*L columns
    ptrdiff_t images                # in a chunk of a channel's sum
    ptrdiff_t chunks
    ptrdiff_t spread                # columns that a channel has in a chunk's sums
    bint real_means                 # means are of x's dtype, not float64


cdef int unpack_channels(str name, object source, Array *x, Channels *ch) except -1:
    unpack(source, x)
    expect_ndim(name, "x", x, 3)
    ch.N = x.shape[0]
    ch.C = x.shape[1]
    ch.L = x.shape[2]
    ch.wide = ch.L >= WIDE_CHANNEL
    ch.images = max(1, SUM_BLOCK // ch.L) if ch.wide else COLUMN_CHUNK
    ch.chunks = ceil_div(ch.N, ch.images)
    ch.spread = 1 if ch.wide else ch.L
    ch.real_means = False
    return 0


cdef int unpack_mean(str name, object source, Array *mean, DType dtype, Channels *ch) except -1:
    """Unpack the channels' means: float64 if they are a batch's, of x's dtype if they are running means."""
    unpack(source, mean)
    ch.real_means = mean.dtype == dtype
    return unpack_sized(name, "mean", source, mean, READ, dtype if ch.real_means else F64, ch.C)


cdef int prepare(Launch *launch, Kernel kernel, const Array *x, const Channels *ch, double passes) except -1:
    kernel.prepare(launch, x.dtype)
    launch.n[IMAGES] = ch.N
    launch.n[CHANNELS] = ch.C
    launch.n[LENGTH] = ch.L
    launch.n[CHUNK_IMAGES] = ch.images
    launch.n[CHUNKS] = ch.chunks
    launch.n[SPREAD] = ch.spread
    launch.n[COLUMN_COUNT] = ch.L if ch.wide else 1
    launch.n[REAL_MEANS] = ch.real_means
    launch.work = cost(x, passes)
    return 0


cdef int prepare_chunks(Launch *launch, Kernel narrow, Kernel wide, const Array *x, const Channels *ch,
                        double passes) except -1:
    """Prepare a launch that sums over chunks of images."""
    prepare(launch, wide if ch.wide else narrow, x, ch, passes)
    launch.blocks = ch.chunks * (ch.C if ch.wide else ceil_div(ch.C * ch.L, TILE))
    return 0


cdef int prepare_channels(Launch *launch, Kernel kernel, const Array *x, const Channels *ch) except -1:
    """Prepare a launch over the channels."""
    prepare(launch, kernel, x, ch, 0)
    launch.blocks = ceil_div(ch.C, TILE)
    launch.work = 2.0 * ch.C * (ch.chunks + 4) * ch.spread
    return 0


cdef int prepare_rows(Launch *launch, Kernel narrow, Kernel wide, const Array *x, const Channels *ch,
                      double passes) except -1:
    """Prepare a launch over all of x."""
    prepare(launch, wide if ch.wide else narrow, x, ch, passes)
    launch.n[BLOCK_ROWS] = rows_in_block(ch.L if ch.wide else ch.C * ch.L)
    launch.blocks = ceil_div(ch.N * ch.C if ch.wide else ch.N, launch.n[BLOCK_ROWS]) if x.size else 0
    return 0


def batch_norm_stats(mean, var, x):
    cdef Launch launch
    cdef Array m, v, a
    cdef Channels ch
    unpack_channels("batch_norm_stats", x, &a, &ch)
    prepare_chunks(&launch, _narrow_moments, _wide_moments, &a, &ch, 1.5)
    unpack_sized("batch_norm_stats", "mean", mean, &m, WRITE, F64, ch.C)
    unpack_sized("batch_norm_stats", "var", var, &v, WRITE, a.dtype, ch.C)
    cdef ptrdiff_t part = ch.chunks * ch.C * ch.spread * sizeof(double)
    cdef Block scratch = allocate_block(2 * part)
    launch.p[CHUNK_MEANS] = scratch.data
    launch.p[CHUNK_M2] = scratch.data + part
    launch.p[X] = a.data
    submit(&launch)
    prepare_channels(&launch, _join_channels, &a, &ch)
    launch.p[MEAN] = m.data
    launch.p[VAR] = v.data
    launch.p[CHUNK_MEANS] = scratch.data
    launch.p[CHUNK_M2] = scratch.data + part
    submit(&launch)


def batch_norm(out, x, mean, var, weight, bias, eps):
    cdef Launch launch
    cdef Array o, a, m, v, w, b
    cdef Channels ch
    cdef Block scratch = None
    cdef ptrdiff_t part
    unpack_channels("batch_norm", x, &a, &ch)
    unpack_mean("batch_norm", mean, &m, a.dtype, &ch)
    prepare_channels(&launch, _narrow_scales, &a, &ch)
    unpack_like("batch_norm", "out", out, &o, WRITE, &a)
    unpack_sized("batch_norm", "var", var, &v, READ, a.dtype, ch.C)
    unpack_sized("batch_norm", "weight", weight, &w, OPTIONAL, a.dtype, ch.C)
    unpack_sized("batch_norm", "bias", bias, &b, OPTIONAL, a.dtype, ch.C)
    if ch.wide:
        prepare_rows(&launch, _narrow_batch_norm, _wide_batch_norm, &a, &ch, 1)
        launch.p[MEAN] = m.data
        launch.p[VAR] = v.data
        launch.p[WEIGHT] = w.data
        launch.p[BIAS] = b.data
    else:
        part = ch.C * ch.L * sizeof(double)
        scratch = allocate_block(3 * part)
        launch.p[CENTRES] = scratch.data
        launch.p[SCALES] = scratch.data + part
        launch.p[SHIFTS] = scratch.data + 2 * part
        launch.p[MEAN] = m.data
        launch.p[VAR] = v.data
        launch.p[WEIGHT] = w.data
        launch.p[BIAS] = b.data
        launch.s[EPS] = eps
        submit(&launch)
        prepare_rows(&launch, _narrow_batch_norm, _wide_batch_norm, &a, &ch, 1)
        launch.p[CENTRES] = scratch.data
        launch.p[SCALES] = scratch.data + part
        launch.p[SHIFTS] = scratch.data + 2 * part
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.s[EPS] = eps
    submit(&launch)


def batch_norm_backward(dx, dweight, dbias, x, mean, var, weight, dy, eps, training):
    cdef Launch launch
    cdef Array od, ow, ob, a, m, v, w, g
    cdef Channels ch
    cdef bint trained = training
    unpack_channels("batch_norm_backward", x, &a, &ch)
    prepare_channels(&launch, _channel_gradients, &a, &ch)
    unpack_like("batch_norm_backward", "dx", dx, &od, WRITE | OPTIONAL, &a)
    unpack_sized("batch_norm_backward", "dweight", dweight, &ow, WRITE | OPTIONAL, a.dtype, ch.C)
    unpack_sized("batch_norm_backward", "dbias", dbias, &ob, WRITE | OPTIONAL, a.dtype, ch.C)
    unpack_mean("batch_norm_backward", mean, &m, a.dtype, &ch)
    unpack_sized("batch_norm_backward", "var", var, &v, READ, a.dtype, ch.C)
    unpack_sized("batch_norm_backward", "weight", weight, &w, OPTIONAL, a.dtype, ch.C)
    unpack_like("batch_norm_backward", "dy", dy, &g, READ, &a)
    cdef ptrdiff_t column = ch.C * ch.spread * sizeof(double)
    cdef Block coefficients = allocate_block(4 * column), sums = allocate_block(2 * ch.chunks * column)
    cdef char *centres = spread_centres(coefficients.data, &a, &m, &ch)
    if ow.data != NULL or ob.data != NULL or trained:
        prepare_chunks(&launch, _narrow_sums, _wide_sums, &a, &ch, 2)
        launch.p[SUMS] = sums.data
        launch.p[DOTS] = sums.data + ch.chunks * column
        launch.p[X] = a.data
        launch.p[DY] = g.data
        launch.p[CENTRES] = centres
        submit(&launch)
    else:
        ch.chunks = 0
    prepare_channels(&launch, _channel_gradients, &a, &ch)
    launch.p[DWEIGHT] = ow.data
    launch.p[DBIAS] = ob.data
    launch.p[SCALES] = coefficients.data + column
    launch.p[SLOPES] = coefficients.data + 2 * column
    launch.p[SHIFTS] = coefficients.data + 3 * column
    launch.p[SUMS] = sums.data
    launch.p[DOTS] = sums.data + ch.chunks * column
    launch.p[VAR] = v.data
    launch.p[WEIGHT] = w.data
    launch.p[MEAN] = m.data
    launch.s[EPS] = eps
    launch.s[SHARE] = 1.0 / (ch.N * ch.L) if trained and ch.N * ch.L else 0
    submit(&launch)
    if od.data == NULL:
        return
    prepare_rows(&launch, _narrow_backward, _wide_backward, &a, &ch, 1.5)
    launch.p[DX] = od.data
    launch.p[X] = a.data if trained else NULL
    launch.p[DY] = g.data
    launch.p[CENTRES] = centres
    launch.p[SCALES] = coefficients.data + column
    launch.p[SLOPES] = coefficients.data + 2 * column
    launch.p[SHIFTS] = coefficients.data + 3 * column
    submit(&launch)


cdef char *spread_centres(char *scratch, const Array *x, const Array *mean, Channels *ch) except NULL:
    """The mean of each column in x's dtype: those given, unless they are float64 or a channel has several columns."""
    cdef Launch launch
    if ch.spread == 1 and mean.dtype == x.dtype:
        return mean.data if mean.data != NULL else scratch
    prepare_channels(&launch, _narrow_scales, x, ch)
    launch.p[CENTRES] = scratch
    launch.p[MEAN] = mean.data
    submit(&launch)
    return scratch


def batch_norm_update_(running_mean, running_var, tracked, mean, var, count, momentum):
    cdef Launch launch
    cdef Array rm, rv, t, m, v
    cdef double n = count
    unpack(running_mean, &rm, WRITE)
    _update.prepare(&launch, rm.dtype)
    unpack_sized("batch_norm_update_", "running_var", running_var, &rv, WRITE, rm.dtype, rm.size)
    unpack_sized("batch_norm_update_", "tracked", tracked, &t, WRITE, I64, 1)
    unpack_sized("batch_norm_update_", "mean", mean, &m, READ, F64, rm.size)
    unpack_sized("batch_norm_update_", "var", var, &v, READ, rm.dtype, rm.size)
    launch.p[RUNNING_MEAN] = rm.data
    launch.p[RUNNING_VAR] = rv.data
    launch.p[TRACKED] = t.data
    launch.p[MEAN] = m.data
    launch.p[VAR] = v.data
    launch.n[HAS_MOMENTUM] = momentum is not None
    launch.n[CHANNELS] = rm.size
    launch.n[HAS_ELEMENTS] = n > 0
    launch.s[MOMENTUM] = 0 if momentum is None else momentum
    launch.s[UNBIASED] = n / (n - 1) if n > 1 else <double>float("nan")
    launch.blocks = 1               # because it counts the batch
    launch.work = 2.0 * rm.size
    submit(&launch)
