# Convolutions with few filters, and the gradient of filters over few channels, line by line. Included by conv.pyx.

cdef enum:
    PLANE_BYTES = 24 << 10          # of the copied planes of a part
    FULL_VECTOR = 64                # bytes of a vector whose multiply-add is the unit of the following costs:
    COPY_PIXEL = 6                  # to transpose a pixel of the input, for each vector of channels,
    END_PIXEL = 8                   # to transpose and write one of the output,
    EACH_RUN = 3                    # to begin a run of a tile,
    END_ROW = 12                    # to copy and write a pixel by the body of _conv
    LINE_FILTERS = 64               # up to which the copies of conv_weight cost more than those of the lines
    LEAST_STEPS = 4                 # k of a run
    LEAST_SUMS = 4                  # multiply-adds in flight at once
    LINE_BLOCKS = 32                # enough for the threads
    LITTLE_WORK = 1 << 18           # multiply-adds that are not worth a second thread

cdef Kernel _planes = _bodies["conv_planes"]
cdef Kernel _line_sums = _bodies["conv_line_sums"], _line_join = _bodies["conv_line_join"]


cdef ptrdiff_t output_planes(const Windows *windows) noexcept:
    """Planes of all images of the output."""
    return windows.pixels // (windows.axis[1].output * windows.axis[2].output)


cdef void set_parts(Launch *launch, const Windows *windows, ptrdiff_t lines) noexcept:
    """Divide the planes of the output into parts of at most `lines` lines, which are enough for the threads."""
    cdef const Axis *h = &windows.axis[1]
    cdef ptrdiff_t planes = output_planes(windows)
    lines = min(lines, h.output)
    if <double>windows.pixels * windows.filters * windows.taps * windows.channels >= LITTLE_WORK:
        lines = min(lines, planes * h.output // LINE_BLOCKS)
    launch.n[L_LINES] = lines = max(1, lines)
    launch.n[L_PARTS] = ceil_div(h.output, lines)
    launch.n[L_COPIED] = (lines - 1) * h.stride + (h.kernel - 1) * h.dilation + 1


cdef Block line_slots(Launch *launch, ptrdiff_t elements, const Tile *tile):
    """Memory for copied lines: a slot for each concurrent call of the body. The last copy may end in a whole vector."""
    launch.n[L_SLOT] = elements = elements + tile.width
    launch.n[L_SLOTS] = min(launch.blocks, 2 * limit())
    return allocate_block(launch.n[L_SLOTS] * elements * tile.size)


# ---- few filters ----------------------------------------------------------------------------------------------------

cdef bint uses_planes(const Windows *windows, DType dtype) noexcept:
    """Whether it pays that lanes are pixels: the filters would leave most lanes unused, and lines are long enough."""
    cdef const Axis *w = &windows.axis[2]
    cdef Tile tile = tile_of(dtype)
    cdef ptrdiff_t depth = windows.taps * windows.channels, vector = tile.width * tile.size
    cdef ptrdiff_t runs = windows.axis[0].kernel * windows.axis[1].kernel * windows.channels
    cdef ptrdiff_t panels = ceil_div(windows.filters, tile.width), moving, planes, direct
    if (windows.groups != 1 or w.stride != 1 or w.kernel < 2 or windows.filters > 2 * tile.width or depth == 0
            or runs > MOST_RUNS):
        return False
    moving = ceil_div(windows.filters, tile.height) * (END_PIXEL * tile.width + EACH_RUN * runs)
    if windows.channels > 1:
        moving += COPY_PIXEL * tile.width * ceil_div(windows.channels, tile.width)
    planes = ceil_div(w.output, tile.width) * (windows.filters * depth * vector + FULL_VECTOR * moving)
    # a tile of single vectors has too few sums in flight to be faster with shorter vectors
    direct = w.output * ((panels * vector if panels > 1 else FULL_VECTOR) * depth + FULL_VECTOR * END_ROW)
    return 4 * planes < 3 * direct


cdef int run_planes(Launch *launch, const Windows *windows, DType dtype, char *weight) except -1:
    """Run a prepared launch of _conv with pixels as lanes; its arrays but the filters are set."""
    cdef Launch planes
    cdef Tile tile = tile_of(dtype)
    cdef Block filters = pack_filters(windows, dtype, weight, &tile)
    cdef Block scratch
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t row = ceil_div(w.output, tile.width) * tile.width + (w.kernel - 1) * w.dilation
    cdef ptrdiff_t copies = windows.axis[0].kernel * windows.channels
    _planes.prepare(&planes, dtype)
    set_windows(&planes, windows)
    planes.p[L_OUT] = launch.p[OUT]
    planes.p[L_X] = launch.p[ROW_OPERAND]
    planes.p[L_PANEL] = filters.data
    planes.p[L_BIAS] = launch.p[BIAS]
    planes.p[L_AFFINE] = launch.p[AFFINE]
    planes.p[L_RESIDUAL] = launch.p[RESIDUAL]
    planes.n[L_ACTIVATION] = launch.n[ACTIVATION]
    planes.n[L_FILTERS] = windows.filters
    set_parts(&planes, windows, (PLANE_BYTES // (copies * row * tile.size) - (h.kernel - 1) * h.dilation) // h.stride)
    planes.n[L_ROW] = row
    planes.n[L_PLANE] = (ceil_div(planes.n[L_COPIED] * row + tile.width, tile.width) | 1) * tile.width
    planes.blocks = output_planes(windows) * planes.n[L_PARTS]
    planes.work = 20 + (<double>output_planes(windows) * h.output * ceil_div(w.output, tile.width)
                        * (windows.filters * windows.taps * windows.channels + END_PIXEL * tile.width) / 3.5)
    scratch = line_slots(&planes, copies * planes.n[L_PLANE], &tile)
    planes.p[L_SCRATCH] = scratch.data
    return submit(&planes)


# ---- the gradient of filters over few channels ----------------------------------------------------------------------

cdef bint uses_lines(const Windows *windows, DType dtype) noexcept:
    """Whether the copies of conv_weight, one for each tap, cost more than products of single lines of the kernel."""
    cdef const Axis *w = &windows.axis[2]
    return (windows.groups == 1 and w.dilation == 1 and 0 < windows.channels < tile_of(dtype).width
            and windows.filters <= LINE_FILTERS and w.kernel > 1 and w.output >= LEAST_LINE and windows.pixels > 0)


cdef ptrdiff_t shared_pixels(const Windows *windows, const Tile *tile) noexcept:
    """The neighbouring pixels in one row of lanes that take the fewest multiply-adds for each pixel."""
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t pixels, sums, least = 0, best = 1
    for pixels in range(1, tile.width + 1):
        if w.output % pixels or (pixels > 1 and w.output // pixels < LEAST_STEPS):
            continue
        sums = (ceil_div(pixels * windows.filters, tile.width) * (w.kernel + (pixels - 1) * w.stride)
                * windows.channels)
        sums = max(sums, LEAST_SUMS)
        if pixels == 1 or sums * best < least * pixels:
            least, best = sums, pixels
    return best


cdef int run_lines_weight(const Windows *windows, DType dtype, char *dw, char *x, char *dy) except -1:
    """dw over few channels: the sums of pieces of all lines, then their sum in order."""
    cdef Launch launch, join
    cdef Tile tile = tile_of(dtype)
    cdef Block sums, scratch
    cdef const Axis *w = &windows.axis[2]
    cdef ptrdiff_t pixels = shared_pixels(windows, &tile), lanes = pixels * windows.filters
    cdef ptrdiff_t steps = w.output // pixels, columns = w.kernel + (pixels - 1) * w.stride, size, most
    _line_sums.prepare(&launch, dtype)
    set_windows(&launch, windows)
    launch.p[L_X] = x
    launch.p[L_DY] = dy
    launch.n[L_FILTERS] = windows.filters
    launch.n[L_PIXELS] = pixels
    launch.n[L_SPANS] = ceil_div(steps, tile.depth)
    set_parts(&launch, windows, max(1, min(RUNS_MOST, tile.depth // steps)))
    launch.n[L_ITEMS] = output_planes(windows) * launch.n[L_PARTS] * launch.n[L_SPANS]
    launch.n[L_PIECES] = launch.blocks = min(launch.n[L_ITEMS], LINE_BLOCKS)
    most = ceil_div(steps, launch.n[L_SPANS])
    launch.n[L_ROW] = copied_line(((most - 1) * pixels * w.stride + columns) * windows.channels, &tile)
    launch.n[L_SLOPE_ROW] = copied_line(most * lanes, &tile) if lanes % tile.width else 0
    size = windows.taps // w.kernel * columns * windows.channels * packed_lanes(lanes, &tile)
    sums = allocate_block(launch.n[L_PIECES] * size * tile.size)
    scratch = line_slots(&launch, windows.axis[0].kernel * launch.n[L_COPIED] * launch.n[L_ROW]
                         + launch.n[L_LINES] * launch.n[L_SLOPE_ROW], &tile)
    launch.p[L_OUT] = sums.data
    launch.p[L_SCRATCH] = scratch.data
    launch.work = 20 + <double>size * windows.pixels / (3.5 * tile.width * pixels)
    submit(&launch)
    _line_join.prepare(&join, dtype)
    set_windows(&join, windows)
    join.p[L_OUT] = dw
    join.p[L_X] = sums.data
    join.n[L_FILTERS] = windows.filters
    join.n[L_PIXELS] = pixels
    join.n[L_PIECES] = launch.n[L_PIECES]
    join.blocks = windows.taps
    join.work = 20 + 0.1 * (launch.n[L_PIECES] + 8) * size
    return submit(&join)


cdef ptrdiff_t copied_line(ptrdiff_t length, const Tile *tile) noexcept:
    """Elements from one copied line to the next: an odd number of vectors. The whole vector that ends a copy may reach
    into the next line, which is copied later."""
    return (ceil_div(length, tile.width) | 1) * tile.width
