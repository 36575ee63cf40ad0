"""Normalization over groups of channels and its gradients: batch, group and instance norm.

Contracts: reference/channel_norm.py; division into blocks: src/channel_norm.inc.h.
"""
from libc.string cimport memset

from fastnet._runtime.launch cimport (
    F32, F64, I64, OPTIONAL, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, family, shape_of,
    submit, unpack, unpack_like)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from "src/chunks.h":
    enum: COLUMN_CHUNK

cdef extern from "src/channel_norm_slots.h":
    enum: SPAN
    enum: UNMASKED, BY_INPUT, BY_OUTPUT
    enum:
        OUT, X, RESIDUAL, MEAN, VAR, WEIGHT, BIAS, DY, DRESIDUAL, DWEIGHT, DBIAS
        COEFFICIENTS, DX, Y, SUMS, MOMENTS, SAMPLE_OUT, SAMPLE_DX
        RUNNING_MEAN, RUNNING_VAR, TRACKED
        SAMPLES, ROWS, CHANNELS, WIDTH, CHUNKS, COLUMNS, BLOCK_ROWS, BLOCK_GROUPS, FINISHES, REAL_MEANS, RELU
        MASK_SOURCE, HAS_MOMENTUM
        EPS, SHARE, MOMENTUM, UNBIASED

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(channel_norm)
    """
    const Entry *const *channel_norm_tables

cdef Family _bodies = family(channel_norm_tables)
cdef Kernel _moments = _bodies["channel_moments"], _join_moments = _bodies["join_moments"]
cdef Kernel _norm = _bodies["channel_norm"], _backward = _bodies["channel_norm_backward"]
cdef Kernel _sums = _bodies["channel_sums"], _join_sums = _bodies["join_sums"]
cdef Kernel _group_norm = _bodies["group_norm"], _group_norm_backward = _bodies["group_norm_backward"]
cdef Kernel _join_samples = _bodies["join_samples"]
cdef Kernel _affine = _bodies["channel_affine"]
cdef Kernel _update = _bodies["batch_norm_update_"]

cdef enum:
    ROW_BLOCK = 16384               # elements of a block that writes rows, at least
    ALIGNED_COLUMNS = 16            # the channels of a block are a multiple of this, if there are several
    LEAST_COLUMNS = 128             # channels of a block, if there are several and enough channels
    ENOUGH_BLOCKS = 8               # for several threads

cdef double COST = 0.1              # estimated nanoseconds an element of float32


cdef struct Channels:               # x of shape (N, R, C), divided
    ptrdiff_t N, R, C
    ptrdiff_t groups, width         # groups of a sample; channels of a group
    ptrdiff_t chunks                # in a sample
    ptrdiff_t columns, tiles        # channels of a block; blocks of a row
    bint real_means                 # means are of x's dtype, not float64
    double cost                     # of one pass over x


cdef void set_columns(Channels *ch, ptrdiff_t parts) noexcept:
    """Divide the channels for blocks that each are one of `parts` parts of the rows.

    Blocks are whole rows, unless there are too few parts for several threads, or too many channels for the first cache.
    """
    ch.tiles = ceil_div(ch.C, LEAST_COLUMNS)
    if ch.C <= SPAN:
        ch.tiles = min(ch.tiles, ceil_div(ENOUGH_BLOCKS, max(parts, 1)))
    ch.columns = ALIGNED_COLUMNS * ceil_div(ch.C, max(ch.tiles, 1) * ALIGNED_COLUMNS) if ch.tiles > 1 else max(ch.C, 1)
    ch.tiles = ceil_div(ch.C, ch.columns)


cdef int unpack_channels(str name, object source, Array *x, Channels *ch) except -1:
    unpack(source, x)
    if not 2 <= x.ndim <= 3:
        raise ValueError(f"{name}: expected x of shape (R, C) or (N, R, C), got shape {shape_of(x)}")
    ch.N = x.shape[0] if x.ndim == 3 else 1
    ch.R = x.shape[x.ndim - 2]
    ch.C = x.shape[x.ndim - 1]
    ch.chunks = ceil_div(ch.R, COLUMN_CHUNK)
    set_columns(ch, ch.N * ch.chunks)
    ch.real_means = False
    ch.cost = COST * (1 if x.dtype == F32 else 2) * x.size
    return 0


cdef int unpack_statistics(Launch *launch, str name, object mean, object var, int access, DType dtype,
                           Channels *ch) except -1:
    """Put the groups' means and variances into a launch, and take the number of groups from their shape.

    Means are float64 if they are a batch's, of x's dtype if they are running means.
    """
    cdef Array m
    unpack(mean, &m, access)
    ch.groups = m.shape[m.ndim - 1] if m.ndim else 1
    if ch.groups > ch.C or (ch.C % ch.groups if ch.groups else ch.C):
        raise ValueError(f"{name}: expected a number of groups that divides {ch.C} channels, got mean of shape "
                         f"{shape_of(&m)}")
    ch.width = ch.C // ch.groups if ch.groups else 1
    ch.real_means = not access & WRITE and m.dtype == dtype
    bind(launch, MEAN, name, "mean", mean, access, dtype if ch.real_means else F64, ch.N * ch.groups)
    return bind(launch, VAR, name, "var", var, access, dtype, ch.N * ch.groups)


cdef int divide(Launch *launch, const Channels *ch) noexcept:
    """Fill the sizes of a launch."""
    launch.n[SAMPLES] = ch.N
    launch.n[ROWS] = ch.R
    launch.n[CHANNELS] = ch.C
    launch.n[WIDTH] = ch.width
    launch.n[CHUNKS] = ch.chunks
    launch.n[COLUMNS] = ch.columns
    launch.n[REAL_MEANS] = ch.real_means
    launch.n[BLOCK_ROWS] = COLUMN_CHUNK * ceil_div(ROW_BLOCK, COLUMN_CHUNK * ch.columns)
    launch.n[BLOCK_GROUPS] = max(1, LEAST_COLUMNS // ch.width)
    launch.n[FINISHES] = False
    return 0


cdef int divide_sums(Launch *launch, const Channels *ch, bint one_sample, double passes) noexcept:
    """Fill the sizes and blocks of a launch that sums over chunks; one_sample: a result covers all samples."""
    divide(launch, ch)
    launch.n[FINISHES] = ch.chunks == 1 and ch.columns % ch.width == 0 and (ch.N == 1 or not one_sample)
    launch.blocks = ch.N * ch.chunks * ch.tiles
    launch.work = passes * ch.cost
    return 0


cdef int divide_groups(Launch *launch, const Channels *ch, ptrdiff_t samples) noexcept:
    """Fill the sizes and blocks of a launch that joins chunks."""
    divide(launch, ch)
    launch.blocks = samples * ceil_div(ch.groups, launch.n[BLOCK_GROUPS])
    launch.work = 1.0 * ch.N * ch.C * (ch.chunks + 4)
    return 0


cdef int divide_rows(Launch *launch, const Channels *ch, double passes) noexcept:
    """Fill the sizes and blocks of a launch over all of x."""
    divide(launch, ch)
    launch.blocks = ch.N * ceil_div(ch.R, launch.n[BLOCK_ROWS]) * ch.tiles
    launch.work = passes * ch.cost
    return 0


cdef bint divide_samples(Launch *launch, const Channels *ch, double passes) noexcept:
    """Fill the sizes and blocks of a launch whose blocks are all rows of some groups of a sample.

    Returns False if there are too few such blocks, or a group is too wide for a block.
    """
    cdef Channels whole = ch[0]
    set_columns(&whole, ch.N)
    divide(launch, &whole)
    launch.blocks = whole.N * whole.tiles
    launch.work = passes * ch.cost
    return whole.R > 0 and whole.columns % whole.width == 0 and launch.blocks >= ENOUGH_BLOCKS


cdef bint is_relu(str name, object activation) except -1:
    if activation != "none" and activation != "relu":
        raise ValueError(f"{name}: unknown activation {activation!r}; choose from none, relu")
    return activation == "relu"


cdef int change_kernel(Launch *launch, Kernel kernel, DType dtype) except -1:
    """Set the body of another kernel; the arrays and scalars of the launch stay."""
    cdef Launch other
    kernel.prepare(&other, dtype)
    launch.body = other.body
    return 0


def channel_norm_stats(mean, var, x):
    cdef Launch launch
    cdef Array a
    cdef Channels ch
    unpack_channels("channel_norm_stats", x, &a, &ch)
    _moments.prepare(&launch, a.dtype)
    unpack_statistics(&launch, "channel_norm_stats", mean, var, WRITE, a.dtype, &ch)
    cdef Block scratch = allocate_block(2 * max(1, ch.N * ch.chunks * ch.C) * sizeof(double))
    launch.p[X] = a.data
    launch.p[MOMENTS] = scratch.data
    divide_sums(&launch, &ch, False, 1.5)
    submit(&launch)
    if launch.n[FINISHES]:
        return
    change_kernel(&launch, _join_moments, a.dtype)
    divide_groups(&launch, &ch, ch.N)
    submit(&launch)


def channel_norm(out, x, mean, var, weight, bias, residual, eps, activation):
    cdef Launch launch
    cdef Array a, o, r
    cdef Channels ch
    unpack_channels("channel_norm", x, &a, &ch)
    _norm.prepare(&launch, a.dtype)
    unpack_like("channel_norm", "out", out, &o, WRITE, &a)
    unpack_like("channel_norm", "residual", residual, &r, OPTIONAL, &a)
    unpack_statistics(&launch, "channel_norm", mean, var, READ, a.dtype, &ch)
    bind(&launch, WEIGHT, "channel_norm", "weight", weight, OPTIONAL, a.dtype, ch.C)
    bind(&launch, BIAS, "channel_norm", "bias", bias, OPTIONAL, a.dtype, ch.C)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.p[RESIDUAL] = r.data
    divide_rows(&launch, &ch, 1 if r.data == NULL else 1.5)
    launch.n[RELU] = is_relu("channel_norm", activation)
    launch.s[EPS] = eps
    submit(&launch)


def group_norm(out, mean, var, x, weight, bias, eps):
    cdef Launch launch
    cdef Array a, o
    cdef Channels ch
    unpack_channels("group_norm", x, &a, &ch)
    _group_norm.prepare(&launch, a.dtype)
    unpack_like("group_norm", "out", out, &o, WRITE, &a)
    unpack_statistics(&launch, "group_norm", mean, var, WRITE, a.dtype, &ch)
    bind(&launch, WEIGHT, "group_norm", "weight", weight, OPTIONAL, a.dtype, ch.C)
    bind(&launch, BIAS, "group_norm", "bias", bias, OPTIONAL, a.dtype, ch.C)
    if not divide_samples(&launch, &ch, 2.5):
        channel_norm_stats(mean, var, x)
        return channel_norm(out, x, mean, var, weight, bias, None, eps, "none")
    cdef Block scratch = allocate_block(2 * ch.N * ch.chunks * ch.C * sizeof(double))
    launch.p[X] = a.data
    launch.p[MOMENTS] = scratch.data
    launch.p[SAMPLE_OUT] = o.data
    launch.s[EPS] = eps
    submit(&launch)


def channel_affine(out, mean, var, weight, bias, eps):
    cdef Launch launch
    cdef Array o
    cdef Channels ch
    unpack(out, &o, WRITE)
    if o.ndim != 2 or o.shape[0] != 3:
        raise ValueError(f"channel_affine: expected out of shape (3, C), got {shape_of(&o)}")
    memset(&ch, 0, sizeof(ch))
    ch.N, ch.C, ch.groups, ch.width = 1, o.shape[1], o.shape[1], 1
    _affine.prepare(&launch, o.dtype)
    unpack_statistics(&launch, "channel_affine", mean, var, READ, o.dtype, &ch)
    bind(&launch, WEIGHT, "channel_affine", "weight", weight, OPTIONAL, o.dtype, ch.C)
    bind(&launch, BIAS, "channel_affine", "bias", bias, OPTIONAL, o.dtype, ch.C)
    launch.p[OUT] = o.data
    launch.n[CHANNELS], launch.n[WIDTH], launch.n[REAL_MEANS] = ch.C, 1, ch.real_means
    launch.s[EPS] = eps
    launch.blocks = ceil_div(ch.C, SPAN)
    launch.work = 10 + 5.0 * ch.C
    submit(&launch)


def channel_norm_backward(dx, dresidual, dweight, dbias, x, y, mean, var, weight, bias, dy, eps, training, activation):
    cdef Launch launch
    cdef Array a, od, orr, g, s
    cdef Channels ch
    cdef str name = "channel_norm_backward"
    cdef bint trained = training
    unpack_channels(name, x, &a, &ch)
    _sums.prepare(&launch, a.dtype)
    unpack_like(name, "dx", dx, &od, WRITE | OPTIONAL, &a)
    unpack_like(name, "dresidual", dresidual, &orr, WRITE | OPTIONAL, &a)
    unpack_like(name, "y", y, &s, OPTIONAL, &a)
    unpack_like(name, "dy", dy, &g, READ, &a)
    unpack_statistics(&launch, name, mean, var, READ, a.dtype, &ch)
    bind(&launch, WEIGHT, name, "weight", weight, OPTIONAL, a.dtype, ch.C)
    bind(&launch, BIAS, name, "bias", bias, OPTIONAL, a.dtype, ch.C)
    bind(&launch, DWEIGHT, name, "dweight", dweight, WRITE | OPTIONAL, a.dtype, ch.C)
    bind(&launch, DBIAS, name, "dbias", dbias, WRITE | OPTIONAL, a.dtype, ch.C)
    cdef ptrdiff_t mask = UNMASKED
    if is_relu(name, activation):
        mask = BY_INPUT if s.data == NULL else BY_OUTPUT
    cdef bint sums = (launch.p[DWEIGHT] != NULL or launch.p[DBIAS] != NULL or orr.data != NULL
                      or (trained and od.data != NULL))
    if not sums:
        ch.chunks = 0
    cdef Block scratch = allocate_block(2 * max(1, ch.N * ch.chunks * ch.C) * sizeof(double))
    cdef Block coefficients = allocate_block(3 * max(1, ch.N * ch.C) * a.itemsize)
    launch.p[X] = a.data
    launch.p[Y] = s.data
    launch.p[DY] = g.data
    launch.p[DRESIDUAL] = orr.data
    launch.p[SUMS] = scratch.data
    launch.p[COEFFICIENTS] = coefficients.data if od.data != NULL else NULL
    launch.n[MASK_SOURCE] = mask
    launch.s[EPS] = eps
    launch.s[SHARE] = 1.0 / (ch.R * ch.width) if trained and ch.R else 0
    if trained and mask == UNMASKED and od.data != NULL and divide_samples(&launch, &ch, 3.5):
        change_kernel(&launch, _group_norm_backward, a.dtype)
        launch.p[SAMPLE_DX] = od.data
        submit(&launch)
        if launch.p[DWEIGHT] != NULL or launch.p[DBIAS] != NULL:
            change_kernel(&launch, _join_samples, a.dtype)
            divide_groups(&launch, &ch, 1)
            submit(&launch)
        return
    divide_sums(&launch, &ch, True, 2)
    submit(&launch)
    if not launch.n[FINISHES]:
        change_kernel(&launch, _join_sums, a.dtype)
        divide_groups(&launch, &ch, 1)
        submit(&launch)
    if od.data == NULL:
        return
    change_kernel(&launch, _backward, a.dtype)
    launch.p[DX] = od.data
    if orr.data != NULL:            # dy is masked already
        launch.p[DY] = orr.data
        mask = UNMASKED
    launch.n[MASK_SOURCE] = mask
    divide_rows(&launch, &ch, 1.5)
    submit(&launch)


def batch_norm_update_(running_mean, running_var, tracked, mean, var, count, momentum):
    cdef Launch launch
    cdef Array rm, m
    cdef double n = count
    unpack(running_mean, &rm, WRITE)
    _update.prepare(&launch, rm.dtype)
    unpack(mean, &m)
    cdef ptrdiff_t samples = m.shape[0] if m.ndim == 2 else 1
    bind(&launch, RUNNING_VAR, "batch_norm_update_", "running_var", running_var, WRITE, rm.dtype, rm.size)
    bind(&launch, TRACKED, "batch_norm_update_", "tracked", tracked, WRITE, I64, 1)
    bind(&launch, MEAN, "batch_norm_update_", "mean", mean, READ, F64, samples * rm.size)
    bind(&launch, VAR, "batch_norm_update_", "var", var, READ, rm.dtype, samples * rm.size)
    launch.p[RUNNING_MEAN] = rm.data
    launch.n[HAS_MOMENTUM] = momentum is not None
    launch.n[CHANNELS] = rm.size
    launch.n[SAMPLES] = samples
    launch.n[ROWS] = n > 0
    launch.s[MOMENTUM] = 0 if momentum is None else momentum
    launch.s[UNBIASED] = n / (n - 1) if n > 1 else <double>float("nan")
    launch.blocks = 1               # because it counts the batch
    launch.work = 2.0 * m.size
    submit(&launch)
