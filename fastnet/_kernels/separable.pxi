# A 1x1, a depthwise and another 1x1 convolution in one pass. Included by conv.pyx.

cdef enum:
    MANY = 1 << 30                  # multiply-adds of a product that is not small

cdef Kernel _separable = _bodies["separable"]


def conv_separable(out, x, expand, expand_affine, depthwise, affine, project, project_affine, residual=None,
                   stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), activation="none"):
    cdef Array o, a, d, p, e, f, r, wide, narrow
    cdef Launch launch
    cdef Windows windows
    cdef Tile tile
    cdef ptrdiff_t channels
    unpack(out, &o, WRITE)
    unpack(x, &a)
    unpack(expand, &e)
    unpack(depthwise, &d)
    unpack(project, &p)
    expect_ndim("conv_separable", "x", &a, 5)
    expect_ndim("conv_separable", "out", &o, 5)
    expect_ndim("conv_separable", "depthwise", &d, 5)
    expect_pointwise("expand", &e, a.shape[4], d.shape[0], a.dtype)
    expect_pointwise("project", &p, d.shape[0], o.shape[4], a.dtype)
    channels = d.shape[0]
    wide, narrow = a, o
    wide.shape[4] = narrow.shape[4] = channels
    unpack_windows("conv_separable", &windows, &wide, &narrow, &d, stride, padding, dilation)
    if d.shape[1] != 1 or d.shape[2] != 1 or a.shape[1] != 1 or not 0 < d.shape[3] <= KERNEL_LINES or channels == 0:
        raise ValueError(f"conv_separable: expected x (N, 1, H, W, C) and depthwise (M, 1, 1, KH, KW) with KH up to "
                         f"{KERNEL_LINES}, got {shape_of(&a)} and {shape_of(&d)}")
    _separable.prepare(&launch, o.dtype)
    launch.n[S_ACTIVATION] = activation_code("conv_separable", activation)
    unpack_sized("conv_separable", "expand_affine", expand_affine, &f, OPTIONAL, o.dtype, 3 * channels)
    launch.p[S_EXPAND_AFFINE] = f.data
    unpack_sized("conv_separable", "affine", affine, &f, OPTIONAL, o.dtype, 3 * channels)
    launch.p[S_AFFINE] = f.data
    unpack_sized("conv_separable", "project_affine", project_affine, &f, OPTIONAL, o.dtype, 3 * o.shape[4])
    launch.p[S_PROJECT_AFFINE] = f.data
    unpack_like("conv_separable", "residual", residual, &r, OPTIONAL, &o)
    launch.p[S_OUT], launch.p[S_X], launch.p[S_RESIDUAL] = o.data, a.data, r.data
    if o.size == 0:
        return
    tile = tile_of(o.dtype)
    run_separable(&launch, &windows, &tile, o.dtype, d.data, pointwise(&p), pointwise(&e))


cdef int expect_pointwise(str name, const Array *weight, ptrdiff_t inputs, ptrdiff_t outputs, DType dtype) except -1:
    expect_ndim("conv_separable", name, weight, 2)
    expect_dtype("conv_separable", name, weight, dtype)
    if weight.shape[0] != outputs or weight.shape[1] != inputs:
        raise ValueError(f"conv_separable: expected {name} of shape ({outputs}, {inputs}), got {shape_of(weight)}")
    return 0


cdef Operand pointwise(const Array *weight):
    """The filters of a 1x1 convolution, contiguous (O, C), as lanes."""
    return Operand(weight.data, weight.shape[0], weight.shape[1], 1, 0)


cdef int run_separable(Launch *launch, const Windows *windows, const Tile *tile, DType dtype, char *depthwise,
                       Operand project, Operand expand) except -1:
    """Plan and run a launch of _separable whose arrays, but for the filters, and activation are set."""
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t wide = windows.groups, images = windows.pixels // (h.output * w.output), lines
    cdef ptrdiff_t halo = (h.kernel - 1) * h.dilation
    cdef Block filters = grouped_filters(windows, dtype, depthwise, tile), expansion, projection, scratch
    cdef Launch product
    expansion = packed_panels(&product, &expand, expand.stride, 1, tile)
    projection = packed_panels(&product, &project, wide, 1, tile)
    launch.p[S_EXPAND], launch.p[S_FILTERS], launch.p[S_PROJECT] = expansion.data, filters.data, projection.data
    launch.n[S_EXPAND_GROUP] = slivers_at_once(wide, expand.stride, tile)
    launch.n[S_PROJECT_GROUP] = slivers_at_once(project.size, wide, tile)
    launch.n[S_INPUT_H], launch.n[S_INPUT_W], launch.n[S_CHANNELS] = h.input, w.input, expand.stride
    launch.n[S_WIDE], launch.n[S_LANES] = wide, packed_lanes(wide, tile)
    launch.n[S_OUTPUT_H], launch.n[S_OUTPUT_W], launch.n[S_OUTPUTS] = h.output, w.output, project.size
    launch.n[S_KERNEL_H], launch.n[S_STRIDE_H], launch.n[S_DILATION_H] = h.kernel, h.stride, h.dilation
    launch.n[S_KERNEL_W], launch.n[S_STRIDE_W], launch.n[S_DILATION_W] = w.kernel, w.stride, w.dilation
    launch.n[S_PADDING_H], launch.n[S_PADDING_W] = h.padding, w.padding
    lines = (second_cache() // 2 // (wide * tile.size) - halo * w.input) // max(1, h.stride * w.input + w.output)
    lines = max(1, min(lines, images * h.output // GROUPED_BLOCKS))
    launch.n[S_STRIPS] = ceil_div(h.output, lines)
    launch.n[S_LINES] = lines = ceil_div(h.output, launch.n[S_STRIPS])
    launch.n[S_ROOM] = min(h.input, (lines - 1) * h.stride + halo + 1)
    launch.n[S_SLOT] = packed_lanes((launch.n[S_ROOM] * w.input + lines * w.output) * wide + 2 * tile.width, tile)
    launch.blocks = images * launch.n[S_STRIPS]
    launch.work = grouped_work(windows, tile) + wide * (
        <double>images * h.input * w.input * expand.stride + <double>windows.pixels * project.size) / (3.5 * tile.width)
    launch.n[S_SLOTS] = min(launch.blocks, 2 * limit())
    scratch = allocate_block(launch.n[S_SLOTS] * launch.n[S_SLOT] * tile.size)
    launch.p[S_SCRATCH] = scratch.data
    return submit(launch)


cdef ptrdiff_t slivers_at_once(ptrdiff_t lanes, ptrdiff_t depth, const Tile *tile) noexcept:
    """Slivers of a group of a product of many rows."""
    cdef Launch launch
    launch.n[LANES], launch.n[DEPTH] = lanes, depth
    return group_slivers(&launch, MANY, tile)
