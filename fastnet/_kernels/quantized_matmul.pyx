"""Matrix products of 8-bit integers. Contract: reference/quantized_matmul.py.

This file plans a product; src/quantized_matmul.c computes it. Sums are exact, so no part of the plan changes a result.
"""
from libc.string cimport memcpy

from fastnet._runtime.cpu cimport second_cache, selected_isa
from fastnet._runtime.launch cimport (
    F32, I8, I16, I32, NARROW, OPTIONAL, STRIDED, U8, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind,
    ceil_div, expect_dtype, expect_ndim, family, shape_of, submit, submit_packing, unpack)
from fastnet._runtime.memory cimport Block, allocate_block

from fastnet._runtime.launch import NeedsPacking

cdef extern from *:
    """
    #include "src/quantized_slots.h"
    INTEGER_FAMILY(quantized_matmul)
    DOTS
    """
    const Entry *const *quantized_matmul_tables
    const Dots *const *dots_tables

cdef extern from "src/quantized_slots.h":
    enum:
        FEW_ROWS, FEW_LANES
        REQUANTIZED, RAW, DEQUANTIZED
        Q_OUT, Q_ROWS, Q_PANELS, Q_BIAS, Q_MULTIPLIER, Q_SHIFT, Q_ROW_SCALE, Q_ROW_ZERO, Q_SCALE, Q_ROW_SUMS
        Q_LANE_ZERO, Q_SOURCE
        Q_LINE, Q_LINES, Q_LINES_H, Q_LINES_D, Q_ROW_STEP, Q_TAPS_D, Q_TAPS_H, Q_TAPS_W, Q_RUN, Q_LANES, Q_COLUMNS
        Q_SETS, Q_SET_BYTES, Q_PANELS_AT, Q_FINISH, Q_OUT_BYTES, Q_RELU, Q_ZERO, Q_ZERO_OUT, Q_LOW, Q_HIGH, Q_DEPTH
        Q_ROW_CHUNKS, Q_LANE_CHUNKS, Q_GROUP
        Q_INNER, Q_LANE_STRIDE, Q_CHANNEL_STRIDE, Q_SIGNED, Q_LENGTH
        A_ROWS, A_LENGTH, A_STEP, A_FLIP, A_SIGNED

cdef Family _bodies = family(quantized_matmul_tables)
cdef Kernel _product = _bodies["product"], _few_rows = _bodies["few_rows"]
cdef Kernel _pack_weights = _bodies["pack_weights"], _store_rows = _bodies["store_rows"]

cdef enum:
    STORE_BLOCK = 16                # rows that are stored in a block
    LINE_BYTES = 64                 # rows do not share a set of the first cache
    WAY = 4096
    SMALL_WORK = 1 << 19            # multiply-adds that are not worth a second thread
    PARTS = 24                      # blocks that 8 threads share evenly enough
    GROUP_LEAST = 1


def quantized_matmul(out, a, weight, bias, multiplier, shift, zero_a=0, zero_out=0, low=-128, high=127):
    cdef Array o, x, w
    cdef Launch launch
    unpack(out, &o, WRITE | NARROW)
    unpack(a, &x, NARROW)
    unpack(weight, &w, STRIDED | NARROW)
    prepare("quantized_matmul", &launch, &o, &x, &w)
    expect_dtype("quantized_matmul", "weight", &w, I8)
    bind_requantized(&launch, "quantized_matmul", &o, bias, multiplier, shift, zero_a, x.dtype,
                     (zero_out, low, high))
    run(&launch, &x, &w)


def integer_matmul(out, a, weight, zero_a=None, zero_weight=None):
    cdef Array o, x, w
    cdef Launch launch
    cdef Block _sums                # held until the launch is submitted
    unpack(out, &o, WRITE)
    unpack(a, &x, NARROW)
    unpack(weight, &w, STRIDED | NARROW)
    prepare("integer_matmul", &launch, &o, &x, &w)
    expect_dtype("integer_matmul", "out", &o, I32)
    bind(&launch, Q_ROW_ZERO, "integer_matmul", "zero_a", zero_a, OPTIONAL, I32, x.shape[0])
    bind(&launch, Q_LANE_ZERO, "integer_matmul", "zero_weight", zero_weight, OPTIONAL, I32, w.shape[0])
    launch.n[Q_FINISH] = RAW
    if zero_weight is not None or w.dtype == U8:
        _sums = allocate_block(max(1, x.shape[0]) * 4)
        launch.p[Q_ROW_SUMS] = _sums.data
    run(&launch, &x, &w)


def dequantized_matmul(out, a, weight, scale_a, zero_a, scale, bias=None, relu=False):
    cdef Array o, x, w
    cdef Launch launch
    unpack(out, &o, WRITE)
    unpack(a, &x, NARROW)
    unpack(weight, &w, STRIDED | NARROW)
    prepare("dequantized_matmul", &launch, &o, &x, &w)
    expect_dtype("dequantized_matmul", "out", &o, F32)
    expect_dtype("dequantized_matmul", "weight", &w, I8)
    bind(&launch, Q_ROW_SCALE, "dequantized_matmul", "scale_a", scale_a, 0, F32, x.shape[0])
    bind(&launch, Q_ROW_ZERO, "dequantized_matmul", "zero_a", zero_a, 0, I32, x.shape[0])
    bind(&launch, Q_SCALE, "dequantized_matmul", "scale", scale, 0, F32, w.shape[0])
    bind(&launch, Q_BIAS, "dequantized_matmul", "bias", bias, OPTIONAL, F32, w.shape[0])
    launch.n[Q_FINISH] = DEQUANTIZED
    launch.n[Q_RELU] = bool(relu)
    run(&launch, &x, &w)


# ---- stored numbers -------------------------------------------------------------------------------------------------

cdef const Dots *dots() noexcept:
    """The dot products of the selected instruction set."""
    return dots_tables[selected_isa()]


cdef int flip_of(DType dtype) noexcept:
    """What is exclusive-ored to numbers of int8 or uint8 that are stored for dot products."""
    return 0 if dots().wide else dots().flip if dtype == I8 else 0x80 - dots().flip


cdef ptrdiff_t stored_offset(DType dtype) noexcept:
    """A stored number minus the number."""
    return 0 if dots().wide else dots().flip if dtype == I8 else dots().flip - 0x80


cdef int expect_bytes(str kernel, str name, const Array *array) except -1:
    """Raise TypeError unless the array is int8 or uint8."""
    if array.dtype != U8:
        expect_dtype(kernel, name, array, I8)
    return 0


cdef int prepare_product(Launch *launch) except -1:
    """Clear a launch and set the body of a product."""
    return _product.prepare(launch, F32)


cdef int prepare(str kernel, Launch *launch, const Array *o, const Array *x, const Array *w) except -1:
    """Check the shapes of out, a and weight, and fill the slots that follow from them."""
    prepare_product(launch)
    expect_bytes(kernel, "a", x)
    expect_bytes(kernel, "weight", w)
    expect_ndim(kernel, "out", o, 2)
    expect_ndim(kernel, "a", x, 2)
    expect_ndim(kernel, "weight", w, 2)
    if x.shape[1] != w.shape[1] or o.shape[0] != x.shape[0] or o.shape[1] != w.shape[0]:
        raise ValueError(f"{kernel}: expected shapes (M, K), (N, K) and (M, N), got a {shape_of(x)}, weight "
                         f"{shape_of(w)}, out {shape_of(o)}")
    launch.p[Q_OUT] = o.data
    launch.n[Q_LINE] = x.shape[0]
    launch.n[Q_LINES] = launch.n[Q_LINES_H] = launch.n[Q_LINES_D] = launch.n[Q_SETS] = 1
    launch.n[Q_TAPS_D] = launch.n[Q_TAPS_H] = launch.n[Q_TAPS_W] = 1
    launch.n[Q_LANES] = launch.n[Q_COLUMNS] = w.shape[0]
    launch.n[Q_DEPTH] = launch.n[Q_INNER] = launch.n[Q_LENGTH] = x.shape[1]
    launch.n[Q_RUN] = ceil_div(x.shape[1], dots().depth)
    launch.n[Q_LANE_STRIDE] = w.strides[0]
    launch.n[Q_CHANNEL_STRIDE] = w.strides[1]
    launch.n[Q_SIGNED] = w.dtype == I8
    launch.n[Q_OUT_BYTES] = o.itemsize
    launch.n[Q_ZERO] = stored_offset(x.dtype)
    return 0


cdef int bind_requantized(Launch *launch, str kernel, const Array *out, bias, multiplier, shift, ptrdiff_t zero_a,
                          DType dtype_a, numbers) except -1:
    """Let a product end as 8 or 16 bits; numbers are zero_out, low and high."""
    cdef ptrdiff_t count = out.shape[out.ndim - 1]
    if out.dtype != I16:
        expect_bytes(kernel, "out", out)
    bind(launch, Q_BIAS, kernel, "bias", bias, OPTIONAL, I32, count)
    bind(launch, Q_MULTIPLIER, kernel, "multiplier", multiplier, 0, I32, count)
    bind(launch, Q_SHIFT, kernel, "shift", shift, 0, I32, count)
    launch.n[Q_FINISH] = REQUANTIZED
    launch.n[Q_ZERO] = stored_offset(dtype_a) + zero_a
    launch.n[Q_ZERO_OUT], launch.n[Q_LOW], launch.n[Q_HIGH] = numbers
    return 0


# ---- plans ----------------------------------------------------------------------------------------------------------

cdef int run(Launch *launch, const Array *x, const Array *w) except -1:
    """Store the rows, pack the weight unless there are few rows, and multiply."""
    cdef const Dots *dot = dots()
    cdef ptrdiff_t rows = x.shape[0], depth = x.shape[1], lanes = w.shape[0]
    cdef bint few = (0 < rows <= FEW_ROWS and w.dtype == I8 and launch.p[Q_ROW_SUMS] == NULL
                     and (w.strides[1] == 1 or depth == 1))
    cdef ptrdiff_t step = ceil_div(depth, dot.depth) * dot.depth
    cdef Block _rows, _packed       # held until the launch is submitted
    if rows == 0 or lanes == 0:
        return 0
    if w.strides[0] < 0 or w.strides[1] < 0:
        raise NeedsPacking()
    if few:
        step = ceil_div(depth, dot.depth * dot.lanes) * dot.depth * dot.lanes
    elif step * dot.bytes % WAY == 0 and step:
        step += LINE_BYTES // dot.bytes
    _rows = stored_rows(launch, x, step)
    launch.p[Q_ROWS] = _rows.data
    launch.n[Q_ROW_STEP] = step
    if few:
        launch.p[Q_SOURCE] = w.data
        few_launch(launch)
        return submit(launch)
    _packed = packed_weights(launch, w, (lanes - 1) * w.strides[0] + max(0, depth - 1) * w.strides[1] + 1)
    return submit_tiles(launch)


cdef int few_launch(Launch *launch) except -1:
    cdef Launch few
    _few_rows.prepare(&few, F32)
    launch.body = few.body
    launch.blocks = ceil_div(launch.n[Q_LANES], FEW_LANES)
    launch.work = 10.0 + <double>launch.n[Q_LANES] * launch.n[Q_DEPTH] / 40.0
    return 0


cdef Block stored_rows(Launch *launch, const Array *x, ptrdiff_t step):
    """The rows of a in the form that dot products read, each of `step` numbers."""
    cdef Launch storing
    cdef Block rows = allocate_block(max(1, x.shape[0] * step * dots().bytes))
    _store_rows.prepare(&storing, F32)
    storing.p[Q_ROWS] = rows.data
    storing.p[Q_SOURCE] = x.data
    storing.p[Q_ROW_SUMS] = launch.p[Q_ROW_SUMS]
    storing.n[A_ROWS], storing.n[A_LENGTH], storing.n[A_STEP] = x.shape[0], x.shape[1], step
    storing.n[A_FLIP], storing.n[A_SIGNED] = flip_of(x.dtype), x.dtype == I8
    storing.blocks = ceil_div(x.shape[0], STORE_BLOCK)
    storing.work = 5.0 + 0.05 * x.size
    submit(&storing)
    return rows


cdef Block packed_weights(Launch *launch, const Array *weight, ptrdiff_t extent):
    """Pack the weight into panels, behind the sums of its lanes, and let the product read them. A frozen recording packs
    a constant weight once. `extent` is the bytes that the weight spans."""
    cdef const Dots *dot = dots()
    cdef Launch packing
    cdef ptrdiff_t groups = (launch.n[Q_TAPS_D] * launch.n[Q_TAPS_H] * launch.n[Q_TAPS_W] * launch.n[Q_RUN])
    cdef ptrdiff_t vectors = ceil_div(launch.n[Q_LANES], dot.lanes), sets = launch.n[Q_SETS]
    cdef Block packed
    launch.n[Q_SET_BYTES] = vectors * dot.lanes * groups * dot.depth
    launch.n[Q_PANELS_AT] = ceil_div(sets * vectors * dot.lanes * 4, LINE_BYTES) * LINE_BYTES
    _pack_weights.prepare(&packing, F32)
    memcpy(packing.n, launch.n, sizeof(packing.n))
    packing.p[Q_SOURCE] = weight.data
    packing.blocks = sets * ceil_div(vectors, 2)
    packing.work = 20 + 1.0 * sets * launch.n[Q_SET_BYTES]
    packed = submit_packing(&packing, Q_PANELS, launch.n[Q_PANELS_AT] + sets * launch.n[Q_SET_BYTES] + 1, weight.data,
                            extent)
    launch.p[Q_PANELS] = packed.data
    return packed


cdef int submit_tiles(Launch *launch) except -1:
    """Divide a product into blocks and run it."""
    cdef const Dots *dot = dots()
    cdef ptrdiff_t groups = launch.n[Q_TAPS_D] * launch.n[Q_TAPS_H] * launch.n[Q_TAPS_W] * launch.n[Q_RUN]
    cdef ptrdiff_t slivers = launch.n[Q_LINES] * ceil_div(launch.n[Q_LINE], dot.rows)
    cdef ptrdiff_t panels = ceil_div(launch.n[Q_LANES], 2 * dot.lanes), across = 1, along = 1
    cdef double work = (<double>launch.n[Q_SETS] * launch.n[Q_LINES] * launch.n[Q_LINE] * launch.n[Q_LANES]
                        * groups * dot.depth)
    while work >= SMALL_WORK and across * along * launch.n[Q_SETS] < PARTS:
        if across < slivers and slivers * dot.rows // across >= 2 * panels * dot.lanes // along:
            across = min(slivers, 2 * across)
        elif along < panels:
            along = min(panels, 2 * along)
        elif across < slivers:
            across = min(slivers, 2 * across)
        else:
            break
    launch.n[Q_ROW_CHUNKS], launch.n[Q_LANE_CHUNKS] = across, along
    launch.n[Q_GROUP] = max(GROUP_LEAST, second_cache() // 4 // max(1, dot.rows * groups * dot.depth * dot.bytes))
    launch.blocks = launch.n[Q_SETS] * across * along
    launch.work = 20.0 + work / (2.5 * dot.lanes * dot.depth)
    return submit(launch)
