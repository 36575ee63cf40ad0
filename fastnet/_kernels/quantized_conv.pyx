"""Convolutions of 8-bit integers. Contract: reference/quantized_conv.py.

The image is stored once with its padding, in the form that dot products read. A convolution is then a product whose
rows lie in the image (src/quantized_product.inc.h), with one run for each line of a kernel, or for each of its taps.
"""
from fastnet._kernels.quantized_matmul cimport (
    Dots, bind_requantized, dots, expect_bytes, flip_of, packed_weights, prepare_product, stored_offset, submit_tiles)
from fastnet._runtime.launch cimport (
    F32, I8, I32, NARROW, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim, family,
    shape_of, submit, submit_packing, unpack)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from *:
    """
    #include "src/quantized_slots.h"
    INTEGER_FAMILY(quantized_conv)
    """
    const Entry *const *quantized_conv_tables

cdef extern from "src/quantized_slots.h":
    enum:
        RAW
        Q_OUT, Q_ROWS, Q_PANELS, Q_SOURCE
        Q_LINE, Q_LINES, Q_LINES_H, Q_LINES_D, Q_IMAGE_STEP, Q_PLANE_STEP, Q_LINE_STEP, Q_ROW_STEP
        Q_TAPS_D, Q_TAPS_H, Q_TAPS_W, Q_TAP_D, Q_TAP_H, Q_TAP_W, Q_RUN, Q_LANES, Q_COLUMNS, Q_SETS, Q_SET_STEP
        Q_PANELS_AT, Q_FINISH, Q_OUT_BYTES, Q_ZERO, Q_DEPTH
        Q_INNER, Q_LANE_STRIDE, Q_RUN_STRIDE, Q_PIXEL_STRIDE, Q_CHANNEL_STRIDE, Q_SIGNED, Q_LENGTH
        A_FLIP, A_SIGNED, A_D, A_H, A_W, A_CHANNELS, A_PADDED_D, A_PADDED_H, A_PADDED_W
        A_BEFORE_D, A_BEFORE_H, A_BEFORE_W, A_ZERO, A_GAP, A_WIDE

cdef Family _bodies = family(quantized_conv_tables)
cdef Kernel _store_image = _bodies["store_image"], _store_groups = _bodies["store_groups"]
cdef Kernel _pack_depthwise = _bodies["pack_depthwise"], _depthwise = _bodies["depthwise"]

cdef enum:
    LINE_BYTES = 64

cdef struct Plan:
    ptrdiff_t stride[3]
    ptrdiff_t before[3]
    ptrdiff_t dilation[3]
    ptrdiff_t kernel[3]
    ptrdiff_t padded[3]             # the sizes of the image that the windows cover
    ptrdiff_t groups, channels      # groups, and channels of the image


def quantized_conv(out, x, weight, bias, multiplier, shift, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1),
                   zero_x=0, zero_out=0, low=-128, high=127):
    cdef Array o, a, w
    cdef Launch launch
    cdef Plan plan
    unpack(out, &o, WRITE | NARROW)
    unpack(x, &a, NARROW)
    unpack(weight, &w, NARROW)
    prepare("quantized_conv", &launch, &plan, &o, &a, &w, stride, padding, dilation)
    bind_requantized(&launch, "quantized_conv", &o, bias, multiplier, shift, zero_x, a.dtype, (zero_out, low, high))
    run(&launch, &plan, &o, &a, &w, zero_x)


def integer_conv(out, x, weight, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), zero_x=0):
    cdef Array o, a, w
    cdef Launch launch
    cdef Plan plan
    unpack(out, &o, WRITE)
    unpack(x, &a, NARROW)
    unpack(weight, &w, NARROW)
    prepare("integer_conv", &launch, &plan, &o, &a, &w, stride, padding, dilation)
    expect_dtype("integer_conv", "out", &o, I32)
    launch.n[Q_FINISH] = RAW
    launch.n[Q_ZERO] = stored_offset(a.dtype) + zero_x
    run(&launch, &plan, &o, &a, &w, zero_x)


cdef int prepare(str kernel, Launch *launch, Plan *plan, const Array *o, const Array *x, const Array *w, stride,
                 padding, dilation) except -1:
    """Check the shapes of out, x and weight, and fill the plan and the slots that the shapes decide."""
    cdef int d
    prepare_product(launch)
    expect_bytes(kernel, "x", x)
    expect_dtype(kernel, "weight", w, I8)
    expect_ndim(kernel, "out", o, 5)
    expect_ndim(kernel, "x", x, 5)
    expect_ndim(kernel, "weight", w, 5)
    plan.channels = x.shape[4]
    plan.groups = x.shape[4] // w.shape[1] if w.shape[1] else 1
    if (o.shape[0] != x.shape[0] or o.shape[4] != w.shape[0] or plan.groups * w.shape[1] != x.shape[4]
            or (w.shape[0] % plan.groups if plan.groups else w.shape[0])):
        raise ValueError(f"{kernel}: expected shapes (N, D, H, W, C), (N, OD, OH, OW, O) and (O, C/groups, KD, KH, KW), "
                         f"got {shape_of(x)}, {shape_of(o)} and {shape_of(w)}")
    for d in range(3):
        plan.stride[d], plan.before[d], plan.dilation[d] = stride[d], padding[d], dilation[d]
        plan.kernel[d] = w.shape[2 + d]
        plan.padded[d] = max(0, (o.shape[1 + d] - 1) * plan.stride[d] + (plan.kernel[d] - 1) * plan.dilation[d] + 1)
    launch.p[Q_OUT] = o.data
    launch.n[Q_LINE], launch.n[Q_LINES_H], launch.n[Q_LINES_D] = o.shape[3], o.shape[2], o.shape[1]
    launch.n[Q_LINES] = o.shape[0] * o.shape[1] * o.shape[2]
    launch.n[Q_COLUMNS] = o.shape[4]
    launch.n[Q_OUT_BYTES] = o.itemsize
    launch.n[Q_SIGNED] = True
    return 0


cdef int run(Launch *launch, Plan *plan, const Array *o, const Array *x, const Array *w, ptrdiff_t zero_x) except -1:
    """Store the image, pack the weight and multiply."""
    cdef Block _image, _packed      # held until the launch is submitted
    if o.size == 0:
        return 0
    if plan.groups == plan.channels == w.shape[0] and plan.groups > 1:
        return run_depthwise(launch, plan, x, w, zero_x)
    _image = stored_image(launch, plan, x, zero_x, False)
    launch.p[Q_ROWS] = _image.data
    set_steps(launch, plan, plan.channels)
    set_filters(launch, plan, w)
    _packed = packed_weights(launch, w, w.size)
    return submit_tiles(launch)


cdef void set_steps(Launch *launch, const Plan *plan, ptrdiff_t pixel) noexcept:
    """The numbers between images, lines and taps, for pixels of `pixel` numbers."""
    cdef ptrdiff_t line = plan.padded[2] * pixel, plane = plan.padded[1] * line
    launch.n[Q_IMAGE_STEP] = plan.padded[0] * plane
    launch.n[Q_PLANE_STEP], launch.n[Q_LINE_STEP] = plan.stride[0] * plane, plan.stride[1] * line
    launch.n[Q_ROW_STEP] = plan.stride[2] * pixel
    launch.n[Q_TAPS_D], launch.n[Q_TAPS_H], launch.n[Q_TAPS_W] = plan.kernel[0], plan.kernel[1], plan.kernel[2]
    launch.n[Q_TAP_D], launch.n[Q_TAP_H] = plan.dilation[0] * plane, plan.dilation[1] * line
    launch.n[Q_TAP_W] = plan.dilation[2] * pixel


cdef void set_filters(Launch *launch, const Plan *plan, const Array *w) noexcept:
    """The runs of a kernel. Neighbouring taps of all channels are one run."""
    cdef ptrdiff_t channels = w.shape[1], taps = plan.kernel[0] * plan.kernel[1] * plan.kernel[2]
    launch.n[Q_SETS], launch.n[Q_SET_STEP] = plan.groups, channels
    launch.n[Q_LANES] = w.shape[0] // plan.groups
    launch.n[Q_DEPTH] = channels * taps
    launch.n[Q_INNER], launch.n[Q_LENGTH] = channels, channels
    launch.n[Q_LANE_STRIDE], launch.n[Q_CHANNEL_STRIDE] = channels * taps, taps
    launch.n[Q_PIXEL_STRIDE] = launch.n[Q_RUN_STRIDE] = 1
    if plan.groups == 1 and (plan.dilation[2] == 1 or plan.kernel[2] == 1):
        launch.n[Q_LENGTH] = plan.kernel[2] * channels
        launch.n[Q_RUN_STRIDE] = plan.kernel[2]
        launch.n[Q_TAPS_W] = 1
    launch.n[Q_RUN] = ceil_div(launch.n[Q_LENGTH], dots().depth)


cdef Block stored_image(Launch *launch, const Plan *plan, const Array *x, ptrdiff_t zero_x, bint as_bytes):
    """The image with its padding and room for a group behind it."""
    cdef const Dots *dot = dots()
    cdef Launch storing
    cdef ptrdiff_t lines = x.shape[0] * plan.padded[0] * plan.padded[1]
    cdef ptrdiff_t size = lines * plan.padded[2] * plan.channels
    cdef ptrdiff_t room = dot.depth * (plan.dilation[2] * plan.channels if as_bytes else 1)
    cdef Block image = allocate_block((size + room) * (1 if as_bytes else dot.bytes))
    _store_image.prepare(&storing, F32)
    storing.p[Q_ROWS] = image.data
    storing.p[Q_SOURCE] = x.data
    set_image(&storing, plan, x)
    storing.n[A_ZERO] = zero_x & 0xFF if as_bytes else stored_offset(x.dtype) + zero_x
    storing.n[A_WIDE] = as_bytes
    storing.blocks = lines
    storing.work = 5.0 + 0.06 * size
    submit(&storing)
    return image


cdef void set_image(Launch *storing, const Plan *plan, const Array *x) noexcept:
    cdef int d
    for d in range(3):
        storing.n[A_D + d], storing.n[A_PADDED_D + d] = x.shape[1 + d], plan.padded[d]
        storing.n[A_BEFORE_D + d] = plan.before[d]
    storing.n[A_CHANNELS] = plan.channels
    storing.n[A_FLIP], storing.n[A_SIGNED] = flip_of(x.dtype), x.dtype == I8


# ---- depthwise ------------------------------------------------------------------------------------------------------

cdef int run_depthwise(Launch *launch, Plan *plan, const Array *x, const Array *w, ptrdiff_t zero_x) except -1:
    """A filter for each channel: vectors of channels, whose groups are neighbouring taps of a line."""
    cdef const Dots *dot = dots()
    cdef Launch storing, packing, body
    cdef ptrdiff_t lines = x.shape[0] * plan.padded[0] * plan.padded[1], pixels = lines * plan.padded[2]
    cdef ptrdiff_t wide = ceil_div(plan.channels, dot.lanes) * dot.lanes
    cdef ptrdiff_t run = ceil_div(plan.kernel[2], dot.depth), taps = plan.kernel[0] * plan.kernel[1]
    # pixels that the zero weights of the last group of a line reach
    cdef ptrdiff_t beyond = run * dot.depth * plan.dilation[2]
    cdef Block _image, _groups, _packed     # held until the launch is submitted
    _image = stored_image(launch, plan, x, zero_x, True)
    _groups = allocate_block((pixels + beyond) * wide * dot.depth * dot.bytes)
    _store_groups.prepare(&storing, F32)
    set_image(&storing, plan, x)
    storing.p[Q_ROWS] = _groups.data
    storing.p[Q_SOURCE] = _image.data
    storing.n[A_GAP], storing.n[A_WIDE] = plan.dilation[2], wide
    storing.blocks = lines
    storing.work = 5.0 + 0.2 * pixels * wide
    submit(&storing)

    set_steps(launch, plan, wide * dot.depth)
    launch.p[Q_ROWS] = _groups.data
    launch.n[Q_TAP_W] *= dot.depth          # from group to group
    launch.n[Q_RUN], launch.n[Q_LENGTH] = run, plan.kernel[2]
    launch.n[Q_LANES], launch.n[Q_SET_STEP] = plan.channels, wide
    launch.n[Q_DEPTH] = taps * plan.kernel[2]
    launch.n[Q_PANELS_AT] = ceil_div(wide * 4, LINE_BYTES) * LINE_BYTES
    _pack_depthwise.prepare(&packing, F32)
    packing.n[Q_TAPS_D], packing.n[Q_TAPS_H] = plan.kernel[0], plan.kernel[1]
    packing.n[Q_RUN], packing.n[Q_LENGTH] = run, plan.kernel[2]
    packing.n[Q_LANES], packing.n[Q_SET_STEP] = plan.channels, wide
    packing.n[Q_PANELS_AT] = launch.n[Q_PANELS_AT]
    packing.p[Q_SOURCE] = w.data
    packing.blocks = 1
    packing.work = 5.0 + 1.0 * w.size
    _packed = submit_packing(&packing, Q_PANELS, launch.n[Q_PANELS_AT] + taps * run * wide * dot.depth, w.data, w.size)
    launch.p[Q_PANELS] = _packed.data
    _depthwise.prepare(&body, F32)
    launch.body = body.body
    launch.blocks = launch.n[Q_LINES]
    launch.work = 10.0 + <double>launch.n[Q_LINES] * launch.n[Q_LINE] * wide * (0.05 + 0.02 * taps * run)
    return submit(launch)
