# Convolutions in groups of as many filters as channels, a power of 2 up to the lanes of a vector. Included by conv.pyx.

cdef enum:
    COPY_BYTES = 24 << 10           # of copied lines, which should stay in the first cache
    MOST_BLOCKS = 64                # of partial sums of the filters' gradient

cdef Kernel _grouped = _bodies["grouped"], _grouped_filters = _bodies["grouped_filters"]
cdef Kernel _grouped_sums = _bodies["grouped_sums"], _grouped_join = _bodies["grouped_join"]


cdef bint uses_groups(const Windows *windows, DType dtype) noexcept:
    """Whether lanes of a vector hold the channels of several groups."""
    cdef ptrdiff_t size = windows.channels
    return (windows.groups > 1 and size == windows.filters and size & (size - 1) == 0 and 0 < size <= tile_of(dtype).width
            and windows.pixels > 0 and windows.taps > 0)


cdef ptrdiff_t set_parts(Launch *launch, const Windows *windows, const Tile *tile) noexcept:
    """Divide the planes of the output into parts of a few lines. Returns the elements of a copied part of the input."""
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t width = ceil_div(w.output, PIXELS_AT_ONCE) * PIXELS_AT_ONCE, line, lines
    set_windows(launch, windows)
    launch.n[G_SIZE] = windows.channels
    launch.n[G_PADDED] = packed_lanes(windows.groups * windows.channels, tile)
    launch.n[G_COLUMNS] = (width - 1) * w.stride + (w.kernel - 1) * w.dilation + 1
    line = windows.axis[0].kernel * launch.n[G_COLUMNS] * windows.channels * tile.width
    lines = max(1, (COPY_BYTES // (line * tile.size) - (h.kernel - 1) * h.dilation - 1) // h.stride + 1)
    launch.n[G_LINES] = lines = min(lines, h.output)
    launch.n[G_PARTS] = ceil_div(h.output, lines)
    launch.n[G_ROWS] = (lines - 1) * h.stride + (h.kernel - 1) * h.dilation + 1
    return launch.n[G_ROWS] * line


cdef int run_groups(Launch *launch, const Windows *windows, DType dtype, char *weight, const ptrdiff_t *steps) except -1:
    """Run a prepared launch of _conv, whose arrays but the filters are set, over groups. `steps` are the elements between
    neighbouring outputs: images, planes, lines and pixels."""
    cdef Launch groups
    cdef Tile tile = tile_of(dtype)
    cdef Block filters = grouped_filters(windows, dtype, weight, &tile), scratch
    cdef int i
    _grouped.prepare(&groups, dtype)
    cdef ptrdiff_t part = set_parts(&groups, windows, &tile)
    groups.p[G_OUT] = launch.p[OUT]
    groups.p[G_X] = launch.p[ROW_OPERAND]
    groups.p[G_FILTERS] = filters.data
    groups.p[G_BIAS] = launch.p[BIAS]
    groups.p[G_AFFINE] = launch.p[AFFINE]
    groups.p[G_RESIDUAL] = launch.p[RESIDUAL]
    groups.n[G_ACTIVATION] = launch.n[ACTIVATION]
    for i in range(4):
        groups.n[G_STEP_IMAGE + i] = steps[i]
    groups.blocks = windows.pixels // (windows.axis[1].output * windows.axis[2].output) * groups.n[G_PARTS]
    groups.work = grouped_work(windows, &tile)
    groups.n[G_SLOT], groups.n[G_SLOTS] = part, min(groups.blocks, 2 * limit())
    scratch = allocate_block(groups.n[G_SLOTS] * part * tile.size)
    groups.p[G_SCRATCH] = scratch.data
    return submit(&groups)


cdef double grouped_work(const Windows *windows, const Tile *tile) noexcept:
    """Estimated nanoseconds."""
    return 20 + 0.3 * windows.pixels * windows.groups * windows.channels * (windows.taps * windows.channels + 4) / tile.width


cdef Block grouped_filters(const Windows *windows, DType dtype, char *weight, const Tile *tile):
    """The filters of the used taps, as vectors of channels."""
    cdef Launch launch
    cdef ptrdiff_t channels = windows.groups * windows.channels, padded = packed_lanes(channels, tile)
    _grouped_filters.prepare(&launch, dtype)
    set_taps(&launch, windows)
    launch.p[G_X] = weight
    launch.n[FILTER_LANES] = channels
    launch.n[INNER] = 1
    launch.n[G_SIZE] = windows.channels
    launch.n[G_PADDED] = padded
    launch.blocks = padded // tile.width
    launch.work = 20 + 2.0 * windows.full_taps * windows.channels * padded
    return submit_packing(&launch, G_OUT, windows.taps * windows.channels * padded * tile.size, weight,
                          windows.full_taps * windows.channels * channels * tile.size)


cdef int run_groups_weight(const Windows *windows, DType dtype, char *dw, char *x, char *dy) except -1:
    """dw over groups: partial sums over blocks of parts, then their sum in order."""
    cdef Launch launch
    cdef Tile tile = tile_of(dtype)
    cdef Block scratch, sums
    cdef ptrdiff_t channels = windows.groups * windows.channels, items, blocks, slot
    _grouped_sums.prepare(&launch, dtype)
    slot = set_parts(&launch, windows, &tile)
    items = windows.pixels // (windows.axis[1].output * windows.axis[2].output) * launch.n[G_PARTS]
    launch.n[G_ITEMS] = ceil_div(items, MOST_BLOCKS)
    launch.n[G_BLOCKS] = items
    launch.blocks = blocks = ceil_div(items, launch.n[G_ITEMS])
    sums = allocate_block(blocks * windows.taps * windows.channels * launch.n[G_PADDED] * tile.size)
    slot += launch.n[G_LINES] * ceil_div(windows.axis[2].output, SUMS_AT_ONCE) * SUMS_AT_ONCE * tile.width
    launch.n[G_SLOT], launch.n[G_SLOTS] = slot, min(blocks, 2 * limit())
    scratch = allocate_block(launch.n[G_SLOTS] * slot * tile.size)
    launch.p[G_OUT] = sums.data
    launch.p[G_X] = x
    launch.p[G_DY] = dy
    launch.p[G_SCRATCH] = scratch.data
    launch.work = 2 * grouped_work(windows, &tile)
    submit(&launch)
    _grouped_join.prepare(&launch, dtype)
    launch.p[G_OUT] = dw
    launch.p[G_X] = sums.data
    launch.n[G_SIZE], launch.n[G_BLOCKS] = windows.channels, blocks
    launch.n[G_PADDED] = packed_lanes(channels, &tile)
    launch.n[PIXEL], launch.n[FULL_TAPS] = channels, windows.taps
    launch.blocks = launch.n[G_PADDED] // tile.width
    launch.work = 20 + 0.5 * (blocks + 4) * windows.taps * windows.channels * channels
    return submit(&launch)
