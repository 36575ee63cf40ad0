# Convolutions in groups of as many filters as channels, depthwise among them. Included by conv.pyx.

cdef enum:
    GRADIENT_BYTES = 384 << 10          # that a part of the filters' gradient reads: all channels
    CACHED_BYTES = 4 << 20          # of arrays that are probably in a cache
    GROUPED_BLOCKS = 32             # enough for the threads
    MOST_PIECES = 64
    PIECE_PIXELS = 64               # at least; adding up the pieces then costs little
    FILTER_BYTES = 128 << 10        # of a chunk of the channels
    MOST_MEMBERS = 64               # channels of a group

cdef double MEMORY_SPEED = 25      # bytes in a nanosecond, of one thread
cdef Kernel _grouped = _bodies["grouped"], _grouped_filters = _bodies["grouped_filters"]
cdef Kernel _grouped_sums = _bodies["grouped_sums"], _grouped_join = _bodies["grouped_join"]


cdef bint uses_groups(const Windows *windows, DType dtype) noexcept:
    """Whether the lanes of a vector hold whole groups, or are in one group of few channels."""
    cdef ptrdiff_t size = windows.channels, width = tile_of(dtype).width
    if (windows.groups < 2 or size != windows.filters or windows.pixels == 0 or windows.taps == 0
            or windows.axis[0].kernel * windows.axis[1].kernel > KERNEL_LINES):
        return False
    return (size & (size - 1) == 0 and size < width) or (size % width == 0 and size <= MOST_MEMBERS)


cdef ptrdiff_t channels_of(const Windows *windows) noexcept:
    return windows.groups * windows.channels


cdef void set_groups(Launch *launch, const Windows *windows, const Tile *tile) noexcept:
    set_windows(launch, windows)
    launch.n[G_SIZE] = windows.channels
    launch.n[G_LANES] = packed_lanes(channels_of(windows), tile)
    launch.n[G_TURNED] = windows.turned


cdef void set_chunks(Launch *launch, const Windows *windows, const Tile *tile, ptrdiff_t least) noexcept:
    """Divide the vectors of channels into `least` chunks, or more if their filters would not stay in a cache."""
    cdef ptrdiff_t vectors = launch.n[G_LANES] // tile.width
    cdef ptrdiff_t filters = windows.taps * windows.channels * launch.n[G_LANES] * tile.size
    if windows.channels > 1:
        least = max(least, ceil_div(filters, FILTER_BYTES))
    launch.n[G_VECTORS] = ceil_div(vectors, min(vectors, least))
    launch.n[G_CHUNKS] = ceil_div(vectors, launch.n[G_VECTORS])


cdef bint reads_ahead(const Windows *windows, ptrdiff_t images, const Tile *tile) noexcept:
    """Whether it pays to fetch the next lines of images, which are probably not in a cache."""
    return (windows.axis[0].kernel == 1
            and images * windows.axis[0].input * windows.axis[1].input * windows.axis[2].input * channels_of(windows)
            * tile.size > CACHED_BYTES)


cdef int run_groups(Launch *launch, const Windows *windows, DType dtype, char *weight) except -1:
    """Run a prepared launch of _conv, whose arrays but the filters are set, over groups. In `windows.turned`, the input
    and the output have changed places."""
    cdef Launch groups
    cdef Tile tile = tile_of(dtype)
    cdef Block filters = grouped_filters(windows, dtype, weight, &tile)
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t planes, line, images
    _grouped.prepare(&groups, dtype)
    set_groups(&groups, windows, &tile)
    groups.p[G_OUT] = launch.p[OUT]
    groups.p[G_X] = launch.p[ROW_OPERAND]
    groups.p[G_FILTERS] = filters.data
    groups.p[G_BIAS] = launch.p[BIAS]
    groups.p[G_AFFINE] = launch.p[AFFINE]
    groups.p[G_RESIDUAL] = launch.p[RESIDUAL]
    groups.n[G_ACTIVATION] = launch.n[ACTIVATION]
    planes = windows.pixels // (h.output * w.output)
    images = planes // windows.axis[0].output
    set_chunks(&groups, windows, &tile, 1)
    groups.n[G_LINES] = max(1, min(PART_LINES, planes * h.output * groups.n[G_CHUNKS] // GROUPED_BLOCKS))
    groups.n[G_PARTS] = ceil_div(h.output, groups.n[G_LINES])
    line = ceil_div(w.output, w.stride if windows.turned else 1)
    groups.n[G_SPANS] = min(ceil_div(line, 4 * SPAN_PIXELS), ceil_div(GROUPED_BLOCKS, planes * groups.n[G_PARTS]))
    groups.n[G_SPAN] = ceil_div(ceil_div(line, groups.n[G_SPANS]), SPAN_PIXELS) * SPAN_PIXELS
    groups.n[G_AHEAD] = (h.stride == 1 or not windows.turned) and reads_ahead(windows, images, &tile)
    groups.n[G_OUT_AHEAD] = windows.pixels * channels_of(windows) * tile.size > CACHED_BYTES
    groups.blocks = planes * groups.n[G_PARTS] * groups.n[G_SPANS] * groups.n[G_CHUNKS]
    groups.work = grouped_work(windows, &tile)
    return submit(&groups)


cdef int run_groups_input(const Windows *windows, DType dtype, char *dx, char *dy, char *weight, char *bias) except -1:
    cdef Launch launch
    cdef Windows turned = windows[0]
    cdef int d
    turned.turned = True
    for d in range(3):
        turned.axis[d].input, turned.axis[d].output = windows.axis[d].output, windows.axis[d].input
        turned.pixels = turned.pixels // windows.axis[d].output * windows.axis[d].input
    if turned.pixels == 0:
        return 0
    _conv.prepare(&launch, dtype)
    launch.p[OUT] = dx
    launch.p[ROW_OPERAND] = dy
    launch.p[BIAS] = bias
    return run_groups(&launch, &turned, dtype, weight)


cdef double grouped_work(const Windows *windows, const Tile *tile) noexcept:
    """Estimated nanoseconds: to compute the sums, or, of arrays that do not fit into the caches, to read and write them."""
    cdef ptrdiff_t read = windows.pixels
    cdef double computing, moving
    cdef int d
    for d in range(3):
        read = read // windows.axis[d].output * windows.axis[d].input
    computing = windows.pixels * channels_of(windows) * (0.2 * windows.taps * windows.channels + 1.5) / tile.width
    moving = <double>(read + windows.pixels) * channels_of(windows) * tile.size
    return 20 + max(computing, moving / MEMORY_SPEED if moving > CACHED_BYTES else 0)


cdef Block grouped_filters(const Windows *windows, DType dtype, char *weight, const Tile *tile):
    """The filters as vectors of channels."""
    cdef Launch launch
    cdef ptrdiff_t each = windows.taps * windows.channels * tile.size
    _grouped_filters.prepare(&launch, dtype)
    set_groups(&launch, windows, tile)
    launch.p[G_X] = weight
    launch.blocks = launch.n[G_LANES] // tile.width
    launch.work = 20 + 0.15 * each * launch.n[G_LANES]
    return submit_packing(&launch, G_OUT, each * launch.n[G_LANES], weight, each * channels_of(windows))


cdef int run_groups_weight(const Windows *windows, DType dtype, char *dw, char *x, char *dy) except -1:
    """dw over groups: the sums of pieces of all pixels, then their sum in order."""
    cdef Launch launch
    cdef Tile tile = tile_of(dtype)
    cdef Block sums
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t line, x_line, lines, images, vectors, items, size, pieces
    _grouped_sums.prepare(&launch, dtype)
    set_groups(&launch, windows, &tile)
    images = windows.pixels // (h.output * w.output * windows.axis[0].output)
    vectors = launch.n[G_LANES] // tile.width
    if windows.channels > 1:            # one vector of channels
        x_line = w.input * max(tile.width, windows.channels) * windows.axis[0].kernel
        line = h.stride * x_line + w.output * tile.width
        lines = (MEMBER_BYTES // tile.size - x_line * (h.kernel - 1) * h.dilation) // line
        launch.n[G_COPIES] = lines > 0
    else:
        line = w.output + h.stride * w.input * windows.axis[0].kernel
        lines = GRADIENT_BYTES // (line * channels_of(windows) * tile.size)
    launch.n[G_LINES] = lines = max(1, min(PART_LINES, min(h.output, lines)))
    launch.n[G_PARTS] = ceil_div(h.output, lines)
    launch.n[G_ITEMS] = items = windows.pixels // (h.output * w.output) * launch.n[G_PARTS]
    set_chunks(&launch, windows, &tile, 1)
    pieces = max(1, min(min(items, ceil_div(MOST_PIECES, launch.n[G_CHUNKS])), windows.pixels // PIECE_PIXELS))
    set_chunks(&launch, windows, &tile, ceil_div(GROUPED_BLOCKS, pieces))
    launch.n[G_PIECES] = pieces
    launch.n[G_AHEAD] = reads_ahead(windows, images, &tile)
    size = windows.taps * windows.channels * launch.n[G_LANES]
    sums = allocate_block(pieces * size * tile.size)
    launch.p[G_OUT] = sums.data
    launch.p[G_X] = x
    launch.p[G_DY] = dy
    launch.blocks = pieces * launch.n[G_CHUNKS]
    launch.work = grouped_work(windows, &tile)
    submit(&launch)
    _grouped_join.prepare(&launch, dtype)
    set_groups(&launch, windows, &tile)
    launch.p[G_OUT] = dw
    launch.p[G_X] = sums.data
    launch.n[G_PIECES] = pieces
    launch.blocks = vectors
    launch.work = 20 + 0.1 * (pieces + 4) * size
    return submit(&launch)
