"""Layer norm, batch norm and their gradients. Contracts: reference/norm.py; how the work is cut: src/norm.inc.h."""
from fastnet._runtime.launch cimport (
    F32, F64, I64, OPTIONAL, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, expect_dtype, expect_size, family,
    submit, unpack)
from fastnet._runtime.memory cimport Block, take

cdef extern from "src/cuts.h":
    enum: GROUP
    enum: COLUMN_CHUNK
    enum: TILE

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
    ROW_BLOCK = 4096                # elements of whole rows in a block
    SUM_BLOCK = 16384               # elements in a block that sums over rows
    WIDE = 64                       # elements of a channel in an image, from which each is worth a row of its own

cdef double COST = 0.1              # estimated nanoseconds an element, of float32


# ---- arguments ------------------------------------------------------------------------------------------------------

cdef int take_array(str name, object source, Array *array, int access, DType dtype, ptrdiff_t size) except -1:
    """An array of this dtype and size, or absent if `access` allows it."""
    unpack(source, array, access)
    expect_dtype(name, array, dtype)
    if array.data != NULL:
        expect_size(name, "an array's size", array.size, size)
    return 0


cdef int take_like(str name, object source, Array *array, int access, const Array *x) except -1:
    """An array of x's dtype and shape, or absent if `access` allows it."""
    take_array(name, source, array, access, x.dtype, x.size)
    cdef int i
    if array.data != NULL:
        expect_size(name, "an array's number of dimensions", array.ndim, x.ndim)
        for i in range(x.ndim):
            expect_size(name, "an array's size along a dimension", array.shape[i], x.shape[i])
    return 0


cdef ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) noexcept:
    return (a + b - 1) // b


cdef double cost(const Array *x, double passes) noexcept:
    return COST * passes * (1 if x.dtype == F32 else 2) * x.size


# ---- layer norm -----------------------------------------------------------------------------------------------------

def layer_norm(out, mean, rstd, x, weight, bias, eps):
    cdef Launch launch
    cdef Array o, m, r, a, w, b
    unpack(x, &a)
    _layer_norm.prepare(&launch, a.dtype)
    expect_size("layer_norm", "x's number of dimensions", a.ndim, 2)
    cdef ptrdiff_t rows = a.shape[0], n = a.shape[1]
    take_like("layer_norm", out, &o, WRITE, &a)
    take_array("layer_norm", mean, &m, WRITE, F64, rows)
    take_array("layer_norm", rstd, &r, WRITE, a.dtype, rows)
    take_array("layer_norm", weight, &w, OPTIONAL, a.dtype, n)
    take_array("layer_norm", bias, &b, OPTIONAL, a.dtype, n)
    launch.p[0] = o.data
    launch.p[1] = m.data
    launch.p[2] = r.data
    launch.p[3] = a.data
    launch.p[4] = w.data
    launch.p[5] = b.data
    launch.n[0] = rows
    launch.n[1] = n
    launch.n[2] = max(1, ROW_BLOCK // max(n, 1))
    launch.s[0] = eps
    launch.blocks = ceil_div(rows, launch.n[2])
    launch.work = cost(&a, 2)
    submit(&launch)


def layer_norm_backward(dx, dweight, dbias, x, weight, mean, rstd, dy):
    cdef Launch launch
    cdef Array od, ow, ob, a, w, m, r, g
    cdef Block weights = None, biases = None
    unpack(x, &a)
    _layer_norm_backward.prepare(&launch, a.dtype)
    expect_size("layer_norm_backward", "x's number of dimensions", a.ndim, 2)
    cdef ptrdiff_t rows = a.shape[0], n = a.shape[1]
    take_like("layer_norm_backward", dx, &od, WRITE | OPTIONAL, &a)
    take_array("layer_norm_backward", dweight, &ow, WRITE | OPTIONAL, a.dtype, n)
    take_array("layer_norm_backward", dbias, &ob, WRITE | OPTIONAL, a.dtype, n)
    take_array("layer_norm_backward", weight, &w, OPTIONAL, a.dtype, n)
    take_array("layer_norm_backward", mean, &m, READ, F64, rows)
    take_array("layer_norm_backward", rstd, &r, READ, a.dtype, rows)
    take_like("layer_norm_backward", dy, &g, READ, &a)
    # rows of a block: a multiple of GROUP
    cdef ptrdiff_t height = GROUP * max(1, ceil_div(SUM_BLOCK, max(n, 1) * GROUP)), blocks = ceil_div(rows, height)
    cdef bint joined = blocks != 1 and (ow.data != NULL or ob.data != NULL)
    launch.p[0] = od.data
    launch.p[1] = ow.data
    launch.p[2] = ob.data
    if joined and ow.data != NULL:
        weights = take(max(blocks, 1) * n * sizeof(double))
        launch.p[1] = weights.data
    if joined and ob.data != NULL:
        biases = take(max(blocks, 1) * n * sizeof(double))
        launch.p[2] = biases.data
    launch.p[3] = a.data
    launch.p[4] = w.data
    launch.p[5] = m.data
    launch.p[6] = r.data
    launch.p[7] = g.data
    launch.n[0] = rows
    launch.n[1] = n
    launch.n[2] = height
    launch.blocks = blocks
    launch.work = cost(&a, 3)
    submit(&launch)
    if not joined:
        return
    _join_gradients.prepare(&launch, a.dtype)
    launch.p[0] = ow.data
    launch.p[1] = ob.data
    launch.p[2] = weights.data if weights is not None else NULL
    launch.p[3] = biases.data if biases is not None else NULL
    launch.n[0] = n
    launch.n[1] = blocks
    launch.blocks = ceil_div(n, TILE)
    launch.work = COST * 4 * blocks * n
    submit(&launch)


# ---- batch norm -----------------------------------------------------------------------------------------------------

cdef struct Channels:               # x of shape (N, C, L)
    ptrdiff_t N, C, L
    bint wide                       # an image's channel is a row; else an image is a row of C*L columns
    ptrdiff_t images                # in a chunk of a channel's sum
    ptrdiff_t chunks
    ptrdiff_t spread                # columns that a channel has in a chunk's sums
    bint real_means                 # of x's dtype, not float64


cdef int unpack_channels(str name, object source, Array *x, Channels *ch) except -1:
    unpack(source, x)
    expect_size(name, "x's number of dimensions", x.ndim, 3)
    ch.N = x.shape[0]
    ch.C = x.shape[1]
    ch.L = x.shape[2]
    ch.wide = ch.L >= WIDE
    ch.images = max(1, SUM_BLOCK // ch.L) if ch.wide else COLUMN_CHUNK
    ch.chunks = ceil_div(ch.N, ch.images)
    ch.spread = 1 if ch.wide else ch.L
    ch.real_means = False
    return 0


cdef int take_mean(str name, object source, Array *mean, DType dtype, Channels *ch) except -1:
    """The channels' means: a batch's own in float64, or running ones of x's dtype."""
    unpack(source, mean)
    ch.real_means = mean.dtype == dtype
    return take_array(name, source, mean, READ, dtype if ch.real_means else F64, ch.C)


cdef int prepare(Launch *launch, Kernel kernel, const Array *x, const Channels *ch, double passes) except -1:
    kernel.prepare(launch, x.dtype)
    launch.n[0] = ch.N
    launch.n[1] = ch.C
    launch.n[2] = ch.L
    launch.n[3] = ch.images
    launch.n[4] = ch.chunks
    launch.n[5] = ch.spread
    launch.n[6] = ch.L if ch.wide else 1
    launch.n[7] = ch.real_means
    launch.work = cost(x, passes)
    return 0


cdef int prepare_chunks(Launch *launch, Kernel narrow, Kernel wide, const Array *x, const Channels *ch,
                        double passes) except -1:
    """A launch that sums over chunks of images."""
    prepare(launch, wide if ch.wide else narrow, x, ch, passes)
    launch.blocks = ch.chunks * (ch.C if ch.wide else ceil_div(ch.C * ch.L, TILE))
    return 0


cdef int prepare_channels(Launch *launch, Kernel kernel, const Array *x, const Channels *ch) except -1:
    """A launch over the channels."""
    prepare(launch, kernel, x, ch, 0)
    launch.blocks = ceil_div(ch.C, TILE)
    launch.work = 2.0 * ch.C * (ch.chunks + 4) * ch.spread
    return 0


cdef int prepare_rows(Launch *launch, Kernel narrow, Kernel wide, const Array *x, const Channels *ch,
                      double passes) except -1:
    """A launch over all of x."""
    prepare(launch, wide if ch.wide else narrow, x, ch, passes)
    cdef ptrdiff_t length = ch.L if ch.wide else ch.C * ch.L
    launch.n[3] = max(1, ROW_BLOCK // max(length, 1))
    launch.blocks = ceil_div(ch.N * ch.C if ch.wide else ch.N, launch.n[3]) if x.size else 0
    return 0


def batch_norm_stats(mean, var, x):
    cdef Launch launch
    cdef Array m, v, a
    cdef Channels ch
    unpack_channels("batch_norm_stats", x, &a, &ch)
    prepare_chunks(&launch, _narrow_moments, _wide_moments, &a, &ch, 1.5)
    take_array("batch_norm_stats", mean, &m, WRITE, F64, ch.C)
    take_array("batch_norm_stats", var, &v, WRITE, a.dtype, ch.C)
    cdef ptrdiff_t part = ch.chunks * ch.C * ch.spread * sizeof(double)
    cdef Block scratch = take(2 * part)
    launch.p[0] = scratch.data
    launch.p[1] = scratch.data + part
    launch.p[2] = a.data
    submit(&launch)
    prepare_channels(&launch, _join_channels, &a, &ch)
    launch.p[0] = m.data
    launch.p[1] = v.data
    launch.p[2] = scratch.data
    launch.p[3] = scratch.data + part
    submit(&launch)


def batch_norm(out, x, mean, var, weight, bias, eps):
    cdef Launch launch
    cdef Array o, a, m, v, w, b
    cdef Channels ch
    cdef Block scratch = None
    cdef ptrdiff_t part
    unpack_channels("batch_norm", x, &a, &ch)
    take_mean("batch_norm", mean, &m, a.dtype, &ch)
    prepare_channels(&launch, _narrow_scales, &a, &ch)
    take_like("batch_norm", out, &o, WRITE, &a)
    take_array("batch_norm", var, &v, READ, a.dtype, ch.C)
    take_array("batch_norm", weight, &w, OPTIONAL, a.dtype, ch.C)
    take_array("batch_norm", bias, &b, OPTIONAL, a.dtype, ch.C)
    if ch.wide:
        prepare_rows(&launch, _narrow_batch_norm, _wide_batch_norm, &a, &ch, 1)
        launch.p[2] = m.data
        launch.p[3] = v.data
        launch.p[4] = w.data
        launch.p[5] = b.data
    else:
        part = ch.C * ch.L * sizeof(double)
        scratch = take(3 * part)
        launch.p[0] = scratch.data
        launch.p[1] = scratch.data + part
        launch.p[2] = scratch.data + 2 * part
        launch.p[3] = m.data
        launch.p[4] = v.data
        launch.p[5] = w.data
        launch.p[6] = b.data
        launch.s[0] = eps
        submit(&launch)
        prepare_rows(&launch, _narrow_batch_norm, _wide_batch_norm, &a, &ch, 1)
        launch.p[2] = scratch.data
        launch.p[3] = scratch.data + part
        launch.p[4] = scratch.data + 2 * part
    launch.p[0] = o.data
    launch.p[1] = a.data
    launch.s[0] = eps
    submit(&launch)


def batch_norm_backward(dx, dweight, dbias, x, mean, var, weight, dy, eps, training):
    cdef Launch launch
    cdef Array od, ow, ob, a, m, v, w, g
    cdef Channels ch
    cdef bint trained = training
    unpack_channels("batch_norm_backward", x, &a, &ch)
    prepare_channels(&launch, _channel_gradients, &a, &ch)
    take_like("batch_norm_backward", dx, &od, WRITE | OPTIONAL, &a)
    take_array("batch_norm_backward", dweight, &ow, WRITE | OPTIONAL, a.dtype, ch.C)
    take_array("batch_norm_backward", dbias, &ob, WRITE | OPTIONAL, a.dtype, ch.C)
    take_mean("batch_norm_backward", mean, &m, a.dtype, &ch)
    take_array("batch_norm_backward", var, &v, READ, a.dtype, ch.C)
    take_array("batch_norm_backward", weight, &w, OPTIONAL, a.dtype, ch.C)
    take_like("batch_norm_backward", dy, &g, READ, &a)
    cdef ptrdiff_t column = ch.C * ch.spread * sizeof(double)
    cdef Block coefficients = take(4 * column), sums = take(2 * ch.chunks * column)
    cdef char *centres = spread_centres(coefficients.data, &a, &m, &ch)
    if ow.data != NULL or ob.data != NULL or trained:
        prepare_chunks(&launch, _narrow_sums, _wide_sums, &a, &ch, 2)
        launch.p[0] = sums.data
        launch.p[1] = sums.data + ch.chunks * column
        launch.p[2] = a.data
        launch.p[3] = g.data
        launch.p[4] = centres
        submit(&launch)
    else:
        ch.chunks = 0
    prepare_channels(&launch, _channel_gradients, &a, &ch)
    launch.p[0] = ow.data
    launch.p[1] = ob.data
    launch.p[2] = coefficients.data + column
    launch.p[3] = coefficients.data + 2 * column
    launch.p[4] = coefficients.data + 3 * column
    launch.p[5] = sums.data
    launch.p[6] = sums.data + ch.chunks * column
    launch.p[7] = v.data
    launch.p[8] = w.data
    launch.p[9] = m.data
    launch.s[0] = eps
    launch.s[1] = 1.0 / (ch.N * ch.L) if trained and ch.N * ch.L else 0
    submit(&launch)
    if od.data == NULL:
        return
    prepare_rows(&launch, _narrow_backward, _wide_backward, &a, &ch, 1.5)
    launch.p[0] = od.data
    launch.p[1] = a.data if trained else NULL
    launch.p[2] = g.data
    launch.p[3] = centres
    launch.p[4] = coefficients.data + column
    launch.p[5] = coefficients.data + 2 * column
    launch.p[6] = coefficients.data + 3 * column
    submit(&launch)


cdef char *spread_centres(char *scratch, const Array *x, const Array *mean, Channels *ch) except NULL:
    """The mean of each column in x's dtype: the channels' own, unless they are float64 or a channel is several columns.
    """
    cdef Launch launch
    if ch.spread == 1 and mean.dtype == x.dtype:
        return mean.data if mean.data != NULL else scratch
    prepare_channels(&launch, _narrow_scales, x, ch)
    launch.p[0] = scratch
    launch.p[3] = mean.data
    submit(&launch)
    return scratch


def batch_norm_update_(running_mean, running_var, tracked, mean, var, count, momentum):
    cdef Launch launch
    cdef Array rm, rv, t, m, v
    cdef double n = count
    unpack(running_mean, &rm, WRITE)
    _update.prepare(&launch, rm.dtype)
    take_array("batch_norm_update_", running_var, &rv, WRITE, rm.dtype, rm.size)
    take_array("batch_norm_update_", tracked, &t, WRITE, I64, 1)
    take_array("batch_norm_update_", mean, &m, READ, F64, rm.size)
    take_array("batch_norm_update_", var, &v, READ, rm.dtype, rm.size)
    launch.p[0] = rm.data
    launch.p[1] = rv.data
    launch.p[2] = t.data
    launch.p[3] = m.data
    launch.p[4] = v.data
    launch.n[0] = momentum is not None
    launch.n[1] = rm.size
    launch.n[2] = n > 0
    launch.s[0] = 0 if momentum is None else momentum
    launch.s[1] = n / (n - 1) if n > 1 else <double>float("nan")
    launch.blocks = 1               # it counts the batch, once
    launch.work = 2.0 * rm.size
    submit(&launch)
