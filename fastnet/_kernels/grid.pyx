"""Images sampled at given points. Contracts: reference/grid.py; division into blocks: src/grid.inc.h."""
from fastnet._runtime.launch cimport (
    ABSENT, F32, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype, expect_ndim,
    family, rows_in_block, submit, unpack)

cdef extern from "src/grid_slots.h":
    enum:
        OUT, X, GRID, DY
        IMAGES, DEPTH, HEIGHT, WIDTH, CHANNELS, POINTS, DIMS, MODE, PADDING, ALIGN_CORNERS, BLOCK_POINTS
        BILINEAR, NEAREST, BICUBIC
        ZEROS, BORDER, REFLECTION
        GRID_CHANNELS

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(grid)
    """
    const Entry *const *grid_tables

cdef Family _bodies = family(grid_tables)
cdef Kernel _grid_sample = _bodies["grid_sample"]
cdef Kernel _grid_sample_dx = _bodies["grid_sample_dx"], _grid_sample_dgrid = _bodies["grid_sample_dgrid"]

cdef dict _modes = {"bilinear": BILINEAR, "nearest": NEAREST, "bicubic": BICUBIC}
cdef dict _paddings = {"zeros": ZEROS, "border": BORDER, "reflection": REFLECTION}


cdef DType prepare(Launch *launch, Kernel kernel, str name, object x, object grid, str mode, str padding,
                   bint align_corners, double cost) except? ABSENT:
    """Unpack images and points, and divide the points into blocks; returns their dtype."""
    cdef Array a, g
    unpack(x, &a)
    kernel.prepare(launch, a.dtype)
    unpack(grid, &g)
    expect_ndim(name, "x", &a, 5)
    expect_ndim(name, "grid", &g, 3)
    expect_dtype(name, "grid", &g, a.dtype)
    if g.shape[0] != a.shape[0] or not 2 <= g.shape[2] <= 3 or (g.shape[2] == 2 and a.shape[1] != 1):
        raise ValueError(f"{name}: a grid of shape {(g.shape[0], g.shape[1], g.shape[2])} does not fit "
                         f"{a.shape[0]} images of depth {a.shape[1]}")
    if g.shape[2] == 3 and mode == "bicubic":
        raise ValueError(f"{name}: mode 'bicubic' is for points of two dimensions, got 3")
    launch.p[X] = a.data
    launch.p[GRID] = g.data
    launch.n[IMAGES] = a.shape[0]
    launch.n[DEPTH] = a.shape[1]
    launch.n[HEIGHT] = a.shape[2]
    launch.n[WIDTH] = a.shape[3]
    launch.n[CHANNELS] = a.shape[4]
    launch.n[POINTS] = g.shape[1]
    launch.n[DIMS] = g.shape[2]
    launch.n[MODE] = _modes[mode]
    launch.n[PADDING] = _paddings[padding]
    launch.n[ALIGN_CORNERS] = align_corners
    launch.n[BLOCK_POINTS] = rows_in_block(8 * a.shape[4])
    cdef ptrdiff_t points = g.shape[0] * g.shape[1]
    launch.blocks = ceil_div(points, launch.n[BLOCK_POINTS])
    launch.work = points * (20 + cost * a.shape[4] * (1 if a.dtype == F32 else 2))
    return a.dtype


cdef ptrdiff_t points_of(const Launch *launch) noexcept:
    return launch.n[IMAGES] * launch.n[POINTS]


cdef ptrdiff_t pixels_of(const Launch *launch) noexcept:
    return launch.n[IMAGES] * launch.n[DEPTH] * launch.n[HEIGHT] * launch.n[WIDTH]


def grid_sample(out, x, grid, mode, padding, align_corners):
    cdef Launch launch
    cdef str name = "grid_sample"
    cdef DType dtype = prepare(&launch, _grid_sample, name, x, grid, mode, padding, align_corners, 0.5)
    bind(&launch, OUT, name, "out", out, WRITE, dtype, points_of(&launch) * launch.n[CHANNELS])
    submit(&launch)


def grid_sample_backward(dx, dgrid, x, grid, dy, mode, padding, align_corners):
    cdef Launch launch
    cdef str name = "grid_sample_backward"
    cdef DType dtype
    if dgrid is not None:
        dtype = prepare(&launch, _grid_sample_dgrid, name, x, grid, mode, padding, align_corners, 1)
        bind(&launch, OUT, name, "dgrid", dgrid, WRITE, dtype, points_of(&launch) * launch.n[DIMS])
        bind(&launch, DY, name, "dy", dy, READ, dtype, points_of(&launch) * launch.n[CHANNELS])
        submit(&launch)
    if dx is not None:
        dtype = prepare(&launch, _grid_sample_dx, name, x, grid, mode, padding, align_corners, 1)
        bind(&launch, OUT, name, "dx", dx, WRITE, dtype, pixels_of(&launch) * launch.n[CHANNELS])
        bind(&launch, DY, name, "dy", dy, READ, dtype, points_of(&launch) * launch.n[CHANNELS])
        launch.blocks = launch.n[IMAGES] * ceil_div(launch.n[CHANNELS], GRID_CHANNELS)
        submit(&launch)
