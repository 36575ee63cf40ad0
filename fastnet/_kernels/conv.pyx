"""Convolutions and their gradients. Contracts: reference/conv.py.

A convolution is a product of the windows of the input, one row for each pixel of the output, with the filters. The
gradient of the input is a convolution of the output's gradient with turned filters; with strides it is one for each
phase, the pixels of the input that meet the same taps.
"""
import os

from fastnet._kernels.matmul cimport (
    Operand, Tile, activation_code, group_slivers, packed_panels, packed_sliver, run_products, submit_product, tile_of)
from fastnet._kernels.walk cimport launch_copy
from fastnet._runtime.cpu cimport second_cache
from fastnet._runtime.launch cimport (
    F32, F64, OPTIONAL, WRITE, Array, DType, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim,
    family, is_constant, shape_of, submit, submit_packing, unpack, unpack_like, unpack_sized)
from fastnet._runtime.memory cimport Block, allocate_block
from fastnet._runtime.threads cimport limit

cdef extern from *:
    """
    #include "src/conv_slots.h"
    FAMILY(conv)
    static const double no_bias = 0;
    """
    const Entry *const *conv_tables
    const double no_bias

cdef extern from "src/conv_slots.h":
    enum:
        CACHE_WAY
        COPIED, PACKED
        OUT, ROW_OPERAND, LANE_OPERAND, BIAS, RESIDUAL, AFFINE
        RUNS_MOST
        ROWS, LANES, DEPTH, LINE, RUN_K, LANE_STRIDE, LANE_K, LANE_BATCH, OUT_COLUMNS, OUT_BATCH, BIAS_BATCH, AFFINE_STEP
        ACTIVATION, LANES_FROM, GROUP_SLIVERS
        INPUT_D, OUTPUT_D, KERNEL_D, STRIDE_D, DILATION_D, PADDING_D, CHANNELS, PIXEL
        PANELS_OUT, FILTERS
        FILTER_LANES, FILTER_DEPTH, FILTER_LANE_STRIDE, RUNS, RUN_STRIDE, RUN_LENGTH, INNER, GROUP_STRIDE
        FULL_TAPS, FULL_H, FULL_W, FIRST_D, STEP_D, USED_D, TURNED

cdef extern from "src/grouped_slots.h":
    enum:
        SPAN_PIXELS, KERNEL_LINES, PART_LINES, MEMBER_BYTES
        G_OUT, G_X, G_FILTERS, G_BIAS, G_AFFINE, G_RESIDUAL, G_DY
        G_SIZE, G_LANES, G_TURNED, G_ACTIVATION, G_LINES, G_PARTS, G_SPAN, G_SPANS, G_AHEAD, G_OUT_AHEAD
        G_ITEMS, G_PIECES, G_COPIES, G_VECTORS, G_CHUNKS

cdef extern from "src/lines_slots.h":
    enum:
        MOST_RUNS
        L_OUT, L_X, L_PANEL, L_DY, L_BIAS, L_AFFINE, L_RESIDUAL, L_SCRATCH
        L_FILTERS, L_LINES, L_PARTS, L_COPIED, L_ROW, L_SLOTS, L_SLOT, L_PLANE, L_ACTIVATION
        L_PIXELS, L_SPANS, L_ITEMS, L_PIECES, L_SLOPE_ROW

cdef extern from "src/separable_slots.h":
    enum:
        S_OUT, S_X, S_EXPAND, S_EXPAND_AFFINE, S_FILTERS, S_AFFINE, S_PROJECT, S_PROJECT_AFFINE, S_RESIDUAL, S_SCRATCH
        S_INPUT_H, S_INPUT_W, S_CHANNELS, S_WIDE, S_LANES, S_OUTPUT_H, S_OUTPUT_W, S_OUTPUTS, S_KERNEL_H, S_KERNEL_W
        S_STRIDE_H, S_STRIDE_W, S_DILATION_H, S_DILATION_W, S_PADDING_H, S_PADDING_W, S_ACTIVATION, S_LINES
        S_STRIPS, S_ROOM, S_EXPAND_GROUP, S_PROJECT_GROUP, S_SLOTS, S_SLOT

cdef extern from "src/winograd_slots.h":
    enum:
        TILE_SIDE, PRODUCTS, TILES_AT_ONCE, FILTER_BLOCK, FILTER_PART
        W_OUT, W_X, W_WEIGHT, W_PANELS, W_BIAS, W_AFFINE, W_RESIDUAL, W_SCRATCH
        W_INPUT_H, W_INPUT_W, W_CHANNELS, W_OUTPUT_H, W_OUTPUT_W, W_FILTERS, W_PADDING_H, W_PADDING_W
        W_TILES_H, W_TILES_W, W_TILES, W_FIRST, W_COUNT, W_ROW, W_LANE_CHUNKS, W_ACTIVATION, W_SLOTS, W_SLOT
        W_LANE_STRIDE, W_K_STRIDE, W_TURNED, W_ORDERED

cdef enum:
    LEAST_LINE = 6                  # outputs of a line from which on their windows share a copy
    SLIVERS_AT_ONCE = 8             # if all panels stay in the first cache

cdef Family _bodies = family(conv_tables)
cdef Kernel _conv = _bodies["conv"], _conv_weight = _bodies["conv_weight"], _pack_filters = _bodies["pack_filters"]

cdef struct Axis:                   # the windows along one spatial dimension
    ptrdiff_t input, output, kernel, stride, dilation, padding
    ptrdiff_t full                  # taps of the weight, of which first + step * i, i < kernel, are used
    ptrdiff_t first, step

cdef struct Windows:
    Axis axis[3]
    bint turned                     # the weight's filters are the channels of the input
    ptrdiff_t groups
    ptrdiff_t channels, filters     # of one group, of the input and of the output
    ptrdiff_t taps, full_taps, pixels   # of the kernel, of the weight's, and of all images of the output


include "winograd.pxi"
include "grouped.pxi"
include "separable.pxi"
include "lines.pxi"


def conv(out, x, weight, bias=None, residual=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1),
         activation="none", affine=None):
    cdef Array o, a, w, b, r, f
    cdef Launch launch
    cdef Windows windows
    unpack(out, &o, WRITE)
    unpack(x, &a)
    unpack(weight, &w)
    unpack_windows("conv", &windows, &a, &o, &w, stride, padding, dilation)
    unpack_sized("conv", "bias", bias, &b, OPTIONAL, o.dtype, o.shape[4])
    unpack_like("conv", "residual", residual, &r, OPTIONAL, &o)
    unpack_sized("conv", "affine", affine, &f, OPTIONAL, o.dtype, 3 * o.shape[4])
    cdef int code = activation_code("conv", activation)
    _conv.prepare(&launch, o.dtype)
    launch.p[OUT] = o.data
    launch.p[ROW_OPERAND] = a.data
    launch.p[BIAS] = b.data
    launch.p[RESIDUAL] = r.data
    launch.p[AFFINE] = f.data
    launch.n[AFFINE_STEP] = o.shape[4]
    launch.n[ACTIVATION] = code
    if uses_groups(&windows, o.dtype):
        run_groups(&launch, &windows, o.dtype, w.data)
    else:
        run_conv(&launch, &windows, o.dtype, w.data)


def conv_input(dx, dy, weight, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1)):
    cdef Array o, g, w, b
    cdef Windows windows
    cdef ptrdiff_t d, h, v
    unpack(dx, &o, WRITE)
    unpack(dy, &g)
    unpack(weight, &w)
    unpack_windows("conv_input", &windows, &o, &g, &w, stride, padding, dilation)
    unpack_sized("conv_input", "bias", bias, &b, OPTIONAL, o.dtype, o.shape[4])
    if uses_groups(&windows, o.dtype):
        run_groups_input(&windows, o.dtype, o.data, g.data, w.data, b.data)
        return
    for d in range(windows.axis[0].stride):
        for h in range(windows.axis[1].stride):
            for v in range(windows.axis[2].stride):
                run_phase(&windows, d, h, v, &o, g.data, w.data, b.data)


def conv_weight(dw, x, dy, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1)):
    cdef Launch launch
    cdef Array o, a, g
    cdef Windows windows
    cdef Array arrays[2]
    cdef Block products
    unpack(dw, &o, WRITE)
    unpack(x, &a)
    unpack(dy, &g)
    unpack_windows("conv_weight", &windows, &a, &g, &o, stride, padding, dilation)
    if o.size == 0:
        return
    if uses_groups(&windows, o.dtype):
        run_groups_weight(&windows, o.dtype, o.data, a.data, g.data)
        return
    if uses_winograd(&windows, o.dtype):
        run_winograd_weight(&windows, o.data, a.data, g.data)
        return
    if uses_lines(&windows, o.dtype):
        run_lines_weight(&windows, o.dtype, o.data, a.data, g.data)
        return
    cdef Tile tile = tile_of(o.dtype)
    cdef ptrdiff_t rows = windows.taps * windows.channels
    products = allocate_block(o.size * tile.size)
    _conv_weight.prepare(&launch, o.dtype)
    set_windows(&launch, &windows)
    launch.p[OUT] = products.data
    launch.p[ROW_OPERAND] = a.data
    launch.p[LANE_OPERAND] = g.data
    launch.n[ROWS] = rows
    launch.n[LANES] = windows.filters
    launch.n[DEPTH] = windows.pixels
    launch.n[LANE_STRIDE] = 1
    launch.n[LANE_K] = windows.groups * windows.filters
    launch.n[LANE_BATCH] = windows.filters
    launch.n[LANES_FROM] = COPIED
    launch.n[OUT_COLUMNS] = windows.filters
    launch.n[OUT_BATCH] = rows * windows.filters
    submit_product(&launch, windows.groups, <double>rows * windows.filters * windows.pixels,
                   packed_sliver(windows.pixels, &tile), &tile)
    # (group, tap, channel, filter) to (group, filter, channel, tap)
    set_array(&arrays[0], o.dtype, o.data)
    set_array(&arrays[1], o.dtype, products.data)
    add_axis(arrays, windows.groups, rows * windows.filters, rows * windows.filters)
    add_axis(arrays, windows.filters, rows, 1)
    add_axis(arrays, windows.channels, windows.taps, windows.filters)
    add_axis(arrays, windows.taps, 1, windows.channels * windows.filters)
    launch_copy(arrays)


# ---- windows --------------------------------------------------------------------------------------------------------

cdef int unpack_windows(str name, Windows *windows, const Array *x, const Array *out, const Array *weight, stride,
                        padding, dilation) except -1:
    """Check that the shapes fit together and fill `windows`."""
    cdef int d
    cdef Axis *axis
    expect_ndim(name, "x", x, 5)
    expect_ndim(name, "out", out, 5)
    expect_ndim(name, "weight", weight, 5)
    expect_dtype(name, "out", out, x.dtype)
    expect_dtype(name, "weight", weight, x.dtype)
    windows.turned = False
    windows.channels = weight.shape[1]
    windows.groups = x.shape[4] // windows.channels if windows.channels else 1
    windows.filters = weight.shape[0] // windows.groups if windows.groups else 0
    windows.taps, windows.pixels = 1, out.shape[0]
    if (out.shape[0] != x.shape[0] or out.shape[4] != weight.shape[0]
            or windows.groups * windows.channels != x.shape[4] or windows.groups * windows.filters != weight.shape[0]):
        raise ValueError(f"{name}: expected shapes (N, D, H, W, C), (N, OD, OH, OW, O) and (O, C/groups, KD, KH, KW), got "
                         f"{shape_of(x)}, {shape_of(out)} and {shape_of(weight)}")
    for d in range(3):
        axis = &windows.axis[d]
        axis.input, axis.output = x.shape[1 + d], out.shape[1 + d]
        axis.kernel = axis.full = weight.shape[2 + d]
        axis.stride, axis.dilation, axis.padding = stride[d], dilation[d], padding[d]
        axis.first, axis.step = 0, 1
        if axis.stride < 1 or axis.dilation < 1:
            raise ValueError(f"{name}: expected strides and dilations of 1 or more, got {stride} and {dilation}")
        windows.taps *= axis.kernel
        windows.pixels *= axis.output
    windows.full_taps = windows.taps
    return 0


cdef void set_windows(Launch *launch, const Windows *windows) noexcept:
    cdef int d
    cdef const Axis *axis
    for d in range(3):
        axis = &windows.axis[d]
        launch.n[INPUT_D + d] = axis.input
        launch.n[OUTPUT_D + d] = axis.output
        launch.n[KERNEL_D + d] = axis.kernel
        launch.n[STRIDE_D + d] = axis.stride
        launch.n[DILATION_D + d] = axis.dilation
        launch.n[PADDING_D + d] = axis.padding
    launch.n[CHANNELS] = windows.channels
    launch.n[PIXEL] = windows.groups * windows.channels


cdef void set_array(Array *array, DType dtype, char *data) noexcept:
    """An array without dimensions yet."""
    array.data = data
    array.dtype = dtype
    array.aligned = True
    array.ndim = 0
    array.itemsize = 8 if dtype == F64 else 4
    array.size = 1


cdef void add_axis(Array *pair, ptrdiff_t length, ptrdiff_t first_stride, ptrdiff_t second_stride) noexcept:
    """Add a dimension to two arrays; the strides are in elements."""
    cdef int k
    for k in range(2):
        pair[k].shape[pair[k].ndim] = length
        pair[k].strides[pair[k].ndim] = (second_stride if k else first_stride) * pair[k].itemsize
        pair[k].size *= length
        pair[k].ndim += 1


# ---- products -------------------------------------------------------------------------------------------------------

cdef int run_conv(Launch *launch, const Windows *windows, DType dtype, char *weight) except -1:
    """Run a prepared launch of _conv, whose arrays but the filters are set."""
    cdef Tile tile = tile_of(dtype)
    cdef ptrdiff_t depth = windows.taps * windows.channels, rows = windows.pixels
    cdef Block filters = None
    if rows == 0 or windows.filters == 0:
        return 0
    if uses_winograd(windows, dtype):
        return run_winograd(launch, windows, weight)
    if uses_planes(windows, dtype):
        return run_planes(launch, windows, dtype, weight)
    if depth:
        filters = pack_filters(windows, dtype, weight, &tile)
        launch.p[LANE_OPERAND] = filters.data
    set_windows(launch, windows)
    launch.n[ROWS] = rows
    launch.n[LANES] = windows.filters
    launch.n[DEPTH] = depth
    launch.n[LANE_BATCH] = depth * packed_lanes(windows.filters, &tile)
    launch.n[LANES_FROM] = PACKED
    launch.n[OUT_COLUMNS] = windows.groups * windows.filters
    launch.n[OUT_BATCH] = windows.filters
    launch.n[BIAS_BATCH] = windows.filters
    cdef double work = <double>rows * windows.filters * depth
    return submit_product(launch, windows.groups, work, set_runs(launch, windows, work, &tile), &tile)


cdef ptrdiff_t set_runs(Launch *launch, const Windows *windows, double work, const Tile *tile) noexcept:
    """Choose what the slivers copy: the windows, or the lines of the input in which they overlap. Returns the elements
    of a copied sliver."""
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t taps = w.kernel if w.dilation == 1 else 1, step = w.stride * windows.channels, run, runs, in_line, group, pixels, copies
    run = taps * windows.channels
    if run == 0:
        return 0
    launch.n[RUN_K] = run
    runs = max(1, min(RUNS_MOST, tile.depth // run))        # of a block of k
    if w.output < LEAST_LINE or taps < w.stride or step * tile.size % CACHE_WAY == 0:
        return tile.height * (runs * run + 3 * tile.width)
    launch.n[LINE] = w.output
    in_line = ceil_div(w.output, tile.height)
    group = group_slivers(launch, work, tile)
    launch.n[GROUP_SLIVERS] = group = group if group > 1 else SLIVERS_AT_ONCE
    pixels = min(w.output, group * tile.height)
    copies = min(group, group // in_line + 2)
    return ceil_div(copies * runs * ((pixels - 1) * step + run + 3 * tile.width), group)


cdef ptrdiff_t packed_lanes(ptrdiff_t lanes, const Tile *tile) noexcept:
    """The elements of all panels for one k."""
    return ceil_div(lanes, tile.width) * tile.width


cdef Block pack_filters(const Windows *windows, DType dtype, char *weight, const Tile *tile):
    """The filters of all groups, packed as panels."""
    cdef Launch launch
    cdef ptrdiff_t lanes = windows.filters, inner = windows.channels, full = windows.full_taps
    cdef ptrdiff_t depth = windows.taps * inner
    _pack_filters.prepare(&launch, dtype)
    launch.p[FILTERS] = weight
    launch.n[FILTER_LANES] = lanes
    launch.n[FILTER_DEPTH] = depth
    launch.n[FILTER_LANE_STRIDE] = full if windows.turned else inner * full
    launch.n[RUNS] = inner if windows.turned else 1
    launch.n[RUN_STRIDE] = lanes * full
    launch.n[RUN_LENGTH] = full if windows.turned else inner * full
    launch.n[INNER] = inner
    launch.n[GROUP_STRIDE] = lanes * inner * full
    set_taps(&launch, windows)
    launch.blocks = windows.groups * ceil_div(lanes, 2 * tile.width)
    launch.work = 20 + 0.5 * windows.groups * depth * lanes
    return submit_packing(&launch, PANELS_OUT, windows.groups * depth * packed_lanes(lanes, tile) * tile.size, weight,
                          windows.groups * launch.n[GROUP_STRIDE] * tile.size)


cdef void set_taps(Launch *launch, const Windows *windows) noexcept:
    """Which taps of the weight are used, and in which order."""
    cdef int d
    launch.n[FULL_TAPS] = windows.full_taps
    launch.n[FULL_H], launch.n[FULL_W] = windows.axis[1].full, windows.axis[2].full
    for d in range(3):
        launch.n[FIRST_D + d] = windows.axis[d].first
        launch.n[STEP_D + d] = windows.axis[d].step
        launch.n[USED_D + d] = windows.axis[d].kernel
    launch.n[TURNED] = windows.turned


# ---- the gradient of the input --------------------------------------------------------------------------------------

cdef int run_phase(const Windows *windows, ptrdiff_t at_d, ptrdiff_t at_h, ptrdiff_t at_w, const Array *dx, char *dy,
                   char *weight, char *bias) except -1:
    """Compute the pixels (at_d + stride * i, at_h + stride * j, at_w + stride * k) of dx."""
    cdef Launch launch
    cdef Windows phase = windows[0]
    cdef Array arrays[2]
    cdef Block pixels
    cdef int d
    cdef ptrdiff_t size = dx.itemsize, columns = dx.shape[4], rest
    cdef bint whole = dx.shape[0] * dx.shape[1] * dx.shape[2] * dx.shape[3] * columns > 0
    phase.turned = True
    phase.channels, phase.filters = windows.filters, windows.channels
    phase.taps, phase.pixels = 1, dx.shape[0]
    set_phase(&phase.axis[0], at_d)
    set_phase(&phase.axis[1], at_h)
    set_phase(&phase.axis[2], at_w)
    for d in range(3):
        phase.taps *= phase.axis[d].kernel
        phase.pixels *= phase.axis[d].output
        whole = whole and windows.axis[d].stride == 1
    if phase.pixels * columns == 0:
        return 0
    set_array(&arrays[0], dx.dtype, dx.data + at_d * dx.strides[1] + at_h * dx.strides[2] + at_w * dx.strides[3])
    if phase.taps * phase.channels == 0:
        set_array(&arrays[1], dx.dtype, bias if bias != NULL else <char *>&no_bias)
        add_axis(arrays, dx.shape[0], dx.strides[0] // size, 0)
        for d in range(3):
            add_axis(arrays, phase.axis[d].output, windows.axis[d].stride * dx.strides[1 + d] // size, 0)
        add_axis(arrays, columns, 1, 1 if bias != NULL else 0)
        return launch_copy(arrays)
    _conv.prepare(&launch, dx.dtype)
    launch.p[OUT] = dx.data
    launch.p[ROW_OPERAND] = dy
    launch.p[BIAS] = bias
    if not whole:
        pixels = allocate_block(phase.pixels * columns * size)
        launch.p[OUT] = pixels.data
    run_conv(&launch, &phase, dx.dtype, weight)
    if whole:
        return 0
    rest = phase.pixels * columns
    set_array(&arrays[1], dx.dtype, pixels.data)
    for d in range(4):
        rest //= phase.axis[d - 1].output if d else dx.shape[0]
        add_axis(arrays, phase.axis[d - 1].output if d else dx.shape[0],
                 dx.strides[d] * (windows.axis[d - 1].stride if d else 1) // size, rest)
    add_axis(arrays, columns, 1, 1)
    return launch_copy(arrays)


cdef void set_phase(Axis *axis, ptrdiff_t at) noexcept:
    """Turn the windows of a convolution along one dimension into those of the gradient at `at`, at + stride, ...

    Element q of the input meets tap t at position (q + padding - t * dilation) / stride of the output, for those t that
    leave no rest: the taps first, first + step, ..., each of which lies dilation / gcd(stride, dilation) positions before
    the one before it. Turned, they are the windows of a convolution of stride 1.
    """
    cdef ptrdiff_t stride = axis.stride, dilation = axis.dilation, common = gcd(stride, dilation), first = 0, position
    cdef ptrdiff_t step = stride // common
    while first < step and (at + axis.padding - first * dilation) % stride != 0:
        first += 1
    axis.first, axis.step = first, step
    axis.kernel = ceil_div(axis.full - first, step) if first < step and first < axis.full else 0
    position = (at + axis.padding - first * dilation) // stride         # without a rest, if a tap is used
    axis.input, axis.output = axis.output, ceil_div(axis.input - at, stride) if axis.input > at else 0
    axis.stride, axis.dilation = 1, dilation // common
    axis.padding = (axis.kernel - 1) * axis.dilation - position


cdef ptrdiff_t gcd(ptrdiff_t a, ptrdiff_t b) noexcept:
    while b:
        a, b = b, a % b
    return a
