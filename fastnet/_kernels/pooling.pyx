"""Maximum and average over windows of images. Contracts: reference/pooling.py; bodies: src/pooling.inc.h."""
from fastnet._runtime.launch cimport (
    F32, I64, OPTIONAL, READ, U8, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim,
    expect_shape, family, rows_in_block, submit, unpack)

cdef extern from "src/pooling_slots.h":
    enum: AXES
    enum: FEW_CHANNELS
    enum:
        OUT, X, WINNER, DX, DY, INDEX
        IMAGES, CHANNELS, BLOCK_ROWS, WIDE, INCLUDE_PAD, PLANE, COUNT
        INPUT, OUTPUT, KERNEL, STRIDE, PADDING, DILATION, ADAPTIVE
        DIVISOR

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(pooling)
    """
    const Entry *const *pooling_tables

cdef Family _bodies = family(pooling_tables)
cdef Kernel _max_pool = _bodies["max_pool"], _max_pool_backward = _bodies["max_pool_backward"]
cdef Kernel _avg_pool = _bodies["avg_pool"], _avg_pool_backward = _bodies["avg_pool_backward"]
cdef Kernel _max_pool_backward_few = _bodies["max_pool_backward_few"]
cdef Kernel _max_unpool = _bodies["max_unpool"]

cdef enum:
    MOST_TAPS = 255                 # of a window whose winners are uint8
    LEAST_CHANNELS = 8              # fewer channels take as long

cdef double COST = 0.05             # estimated nanoseconds an element of a window


cdef int set_axis(str name, Launch *launch, int i, object window) except -1:
    """Fill in one axis. An adaptive window has at most KERNEL taps; if all are equal, they are ordinary windows."""
    cdef ptrdiff_t size = launch.n[INPUT + i], windows = launch.n[OUTPUT + i]
    launch.n[STRIDE + i] = launch.n[DILATION + i] = 1
    if window is None:
        launch.n[ADAPTIVE + i] = windows != 0 and size % windows != 0
        launch.n[KERNEL + i] = ceil_div(size, max(windows, 1)) + launch.n[ADAPTIVE + i]
        launch.n[STRIDE + i] = launch.n[KERNEL + i]
        return 0
    launch.n[KERNEL + i], launch.n[STRIDE + i], launch.n[PADDING + i], launch.n[DILATION + i] = window
    if min(launch.n[KERNEL + i], launch.n[STRIDE + i], launch.n[DILATION + i]) < 1 or launch.n[PADDING + i] < 0:
        raise ValueError(f"{name}: expected windows (kernel, stride, padding, dilation) with positive sizes and a "
                         f"padding of at least 0, got {window}")
    return 0


cdef int set_windows(str name, Launch *launch, const Array *x, const Array *out, object windows, bint backward) except -1:
    """Check the shapes of an image and its pooled image, and fill in the sizes, the blocks and the work of a launch."""
    cdef int i
    cdef double taps = 1
    cdef ptrdiff_t rows
    expect_ndim(name, "the larger image", x, 5)
    expect_ndim(name, "the pooled image", out, 5)
    expect_dtype(name, "the pooled image", out, x.dtype)
    if x.shape[0] != out.shape[0] or x.shape[4] != out.shape[4]:
        raise ValueError(f"{name}: expected images of equal N and C, got {x.shape[0], x.shape[4]} and "
                         f"{out.shape[0], out.shape[4]}")
    launch.n[IMAGES] = x.shape[0]
    launch.n[CHANNELS] = x.shape[4]
    for i in range(AXES):
        launch.n[INPUT + i] = x.shape[1 + i]
        launch.n[OUTPUT + i] = out.shape[1 + i]
        set_axis(name, launch, i, None if windows is None else windows[i])
        taps *= launch.n[KERNEL + i]
    rows = x.shape[0] * x.shape[1] * x.shape[2] if backward else out.shape[0] * out.shape[1] * out.shape[2]
    launch.n[BLOCK_ROWS] = rows_in_block(max(x.size, out.size) // max(rows, 1))
    launch.blocks = ceil_div(rows, launch.n[BLOCK_ROWS])
    launch.work = COST * (1 if x.dtype == F32 else 2) * (taps * out.size + x.size)
    if 0 < x.shape[4] < LEAST_CHANNELS:
        launch.work *= LEAST_CHANNELS / <double>x.shape[4]
    return 0


cdef int set_winner(str name, Launch *launch, object winner, int access, const Array *x, const Array *out) except -1:
    """Bind the winners, of the pooled image's shape: uint8 or int64."""
    cdef Array w
    cdef int i
    cdef double taps = 1
    unpack(winner, &w, access)
    if w.data == NULL:
        return 0
    expect_shape(name, "winner", &w, out.shape, out.ndim)
    launch.n[WIDE] = w.dtype != U8
    if launch.n[WIDE]:
        expect_dtype(name, "winner", &w, I64)
        if x.dtype == F32 and x.shape[1] * x.shape[2] * x.shape[3] >= <ptrdiff_t>1 << 31:
            raise ValueError(f"{name}: expected at most {(1 << 31) - 1} positions in a float32 image")
    for i in range(AXES):
        taps *= launch.n[KERNEL + i]
    if not launch.n[WIDE] and taps > MOST_TAPS:
        raise ValueError(f"{name}: expected winners of int64 for windows of more than {MOST_TAPS} elements")
    launch.p[WINNER] = w.data
    return 0


# ---- maximum --------------------------------------------------------------------------------------------------------

def max_pool(out, winner, x, windows=None):
    cdef Launch launch
    cdef Array o, a
    unpack(x, &a)
    _max_pool.prepare(&launch, a.dtype)
    unpack(out, &o, WRITE)
    set_windows("max_pool", &launch, &a, &o, windows, False)
    set_winner("max_pool", &launch, winner, WRITE | OPTIONAL, &a, &o)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    submit(&launch)


def max_pool_backward(dx, winner, dy, windows=None):
    cdef Launch launch
    cdef Array d, g
    unpack(dy, &g)
    cdef bint few = windows is not None and g.ndim == 2 + AXES and g.shape[1 + AXES] <= FEW_CHANNELS
    (_max_pool_backward_few if few else _max_pool_backward).prepare(&launch, g.dtype)
    unpack(dx, &d, WRITE)
    set_windows("max_pool_backward", &launch, &d, &g, windows, True)
    set_winner("max_pool_backward", &launch, winner, READ, &d, &g)
    if launch.n[WIDE]:
        raise TypeError("max_pool_backward: expected winner of dtype uint8, got int64; use gather_backward")
    launch.p[DX] = d.data
    launch.p[DY] = g.data
    if few:
        launch.n[BLOCK_ROWS] = rows_in_block((d.size + g.size) // max(d.shape[0], 1))
        launch.blocks = ceil_div(d.shape[0], launch.n[BLOCK_ROWS])
        launch.work = 0.05 * d.size + 1.5 * g.size
    submit(&launch)


# ---- average --------------------------------------------------------------------------------------------------------

cdef void set_divisor(Launch *launch, bint count_include_pad, object divisor) noexcept:
    launch.n[INCLUDE_PAD] = count_include_pad
    launch.s[DIVISOR] = 0 if divisor is None else divisor


def avg_pool(out, x, windows=None, count_include_pad=True, divisor=None):
    cdef Launch launch
    cdef Array o, a
    unpack(x, &a)
    _avg_pool.prepare(&launch, a.dtype)
    unpack(out, &o, WRITE)
    set_windows("avg_pool", &launch, &a, &o, windows, False)
    set_divisor(&launch, count_include_pad, divisor)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    submit(&launch)


def avg_pool_backward(dx, dy, windows=None, count_include_pad=True, divisor=None):
    cdef Launch launch
    cdef Array d, g
    unpack(dy, &g)
    _avg_pool_backward.prepare(&launch, g.dtype)
    unpack(dx, &d, WRITE)
    set_windows("avg_pool_backward", &launch, &d, &g, windows, True)
    set_divisor(&launch, count_include_pad, divisor)
    launch.p[DX] = d.data
    launch.p[DY] = g.data
    submit(&launch)


# ---- unpooling ------------------------------------------------------------------------------------------------------

def max_unpool(out, x, index):
    cdef Launch launch
    cdef Array o, a, i
    unpack(x, &a)
    _max_unpool.prepare(&launch, a.dtype)
    unpack(out, &o, WRITE)
    unpack(index, &i)
    expect_dtype("max_unpool", "out", &o, a.dtype)
    expect_dtype("max_unpool", "index", &i, I64)
    expect_ndim("max_unpool", "x", &a, 3)
    expect_ndim("max_unpool", "out", &o, 3)
    expect_shape("max_unpool", "index", &i, a.shape, 3)
    if o.shape[0] != a.shape[0] or o.shape[2] != a.shape[2]:
        raise ValueError("max_unpool: expected out and x of equal N and C")
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.p[INDEX] = i.data
    launch.n[IMAGES] = a.shape[0]
    launch.n[CHANNELS] = a.shape[2]
    launch.n[COUNT] = a.shape[1]
    launch.n[PLANE] = o.shape[1]
    launch.n[BLOCK_ROWS] = rows_in_block((o.shape[1] + a.shape[1]) * a.shape[2])
    launch.blocks = ceil_div(a.shape[0], launch.n[BLOCK_ROWS])
    launch.work = 0.05 * o.size + 1.5 * a.size
    submit(&launch)
