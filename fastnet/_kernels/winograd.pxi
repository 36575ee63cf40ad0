# Winograd's convolution F(4x4, 3x3), for 3x3 kernels of stride 1 over images with enough channels. Included by conv.pyx.

cdef enum:
    WINOGRAD_LEAST = 16             # channels and filters from which on it pays
    ENOUGH_BLOCKS = 8

cdef bint _winograd_allowed = os.environ.get("FASTNET_WINOGRAD", "1") not in ("", "0")
cdef Kernel _winograd = _bodies["winograd"], _winograd_filters = _bodies["winograd_filters"]
cdef Kernel _winograd_input = _bodies["winograd_input"], _winograd_slopes = _bodies["winograd_slopes"]
cdef Kernel _winograd_filter_slopes = _bodies["winograd_filter_slopes"]


cdef bint uses_winograd(const Windows *windows, DType dtype) noexcept:
    """Whether Winograd's algorithm computes these windows: by shape and dtype alone, the same for all three directions."""
    cdef int d
    cdef const Axis *axis
    if (not _winograd_allowed or dtype != F32 or windows.groups != 1 or min(windows.channels, windows.filters) < WINOGRAD_LEAST
            or windows.pixels == 0 or windows.full_taps != 9):
        return False
    for d in range(3):
        axis = &windows.axis[d]
        if axis.kernel != (3 if d else 1) or axis.stride != 1 or axis.dilation != 1:
            return False
    axis = &windows.axis[0]
    return axis.input == axis.output and axis.padding == 0


cdef void set_tiles(Launch *launch, const Windows *windows) noexcept:
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    launch.n[W_INPUT_H], launch.n[W_INPUT_W], launch.n[W_CHANNELS] = h.input, w.input, windows.channels
    launch.n[W_OUTPUT_H], launch.n[W_OUTPUT_W], launch.n[W_FILTERS] = h.output, w.output, windows.filters
    launch.n[W_PADDING_H], launch.n[W_PADDING_W] = h.padding, w.padding
    launch.n[W_TILES_H], launch.n[W_TILES_W] = ceil_div(h.output, TILE_SIDE), ceil_div(w.output, TILE_SIDE)
    launch.n[W_TILES] = windows.pixels // (h.output * w.output) * launch.n[W_TILES_H] * launch.n[W_TILES_W]


cdef int run_winograd(Launch *launch, const Windows *windows, char *weight) except -1:
    """Run a prepared launch of _conv by Winograd's algorithm; its arrays but the filters are set."""
    cdef Launch tiles
    cdef Tile tile = tile_of(F32)
    cdef ptrdiff_t blocks, channels = windows.channels, panels = ceil_div(windows.filters, 2 * tile.width)
    cdef double products
    cdef Block filters = winograd_filters(windows, weight, &tile)
    _winograd.prepare(&tiles, F32)
    set_tiles(&tiles, windows)
    tiles.p[W_OUT] = launch.p[OUT]
    tiles.p[W_X] = launch.p[ROW_OPERAND]
    tiles.p[W_PANELS] = filters.data
    tiles.p[W_BIAS] = launch.p[BIAS]
    tiles.p[W_RESIDUAL] = launch.p[RESIDUAL]
    tiles.n[W_ACTIVATION] = launch.n[ACTIVATION]
    tiles.n[W_ROW] = channels if channels * 4 % CACHE_WAY else channels + tile.width
    blocks = ceil_div(tiles.n[W_TILES], TILES_AT_ONCE)
    tiles.n[W_LANE_CHUNKS] = min(panels, ceil_div(ENOUGH_BLOCKS, blocks))
    tiles.blocks = blocks * tiles.n[W_LANE_CHUNKS]
    products = <double>PRODUCTS * tiles.n[W_TILES] * channels * windows.filters
    tiles.work = 20 + products / (3.5 * tile.width) + 3.0 * PRODUCTS * tiles.n[W_TILES] * (channels + windows.filters) / tile.width
    tiles.n[W_SLOT] = PRODUCTS * (TILES_AT_ONCE * (tiles.n[W_ROW] + 2 * tile.width) + 2 * tile.width)
    tiles.n[W_SLOTS] = min(tiles.blocks, 2 * limit())
    cdef Block scratch = allocate_block(tiles.n[W_SLOTS] * tiles.n[W_SLOT] * 4)
    tiles.p[W_SCRATCH] = scratch.data
    return submit(&tiles)


cdef Block winograd_filters(const Windows *windows, char *weight, const Tile *tile):
    """The transformed filters, as panels."""
    cdef Launch launch
    cdef ptrdiff_t lanes = windows.filters, channels = windows.channels
    cdef Block panels = allocate_block(PRODUCTS * channels * ceil_div(lanes, tile.width) * tile.width * 4)
    _winograd_filters.prepare(&launch, F32)
    launch.p[W_OUT] = panels.data
    launch.p[W_X] = weight
    launch.n[W_FILTERS], launch.n[W_CHANNELS] = lanes, channels
    launch.n[W_LANE_STRIDE] = 9 if windows.turned else 9 * channels
    launch.n[W_K_STRIDE] = 9 * lanes if windows.turned else 9
    launch.n[W_TURNED] = windows.turned
    launch.blocks = ceil_div(lanes, 2 * tile.width) * ceil_div(channels, FILTER_BLOCK)
    launch.work = 20 + 4.0 * channels * lanes
    submit(&launch)
    return panels


cdef int run_winograd_weight(const Windows *windows, char *dw, char *x, char *dy) except -1:
    """dw by Winograd's algorithm: the products of the transformed tiles of x and dy, then their inverse transform."""
    cdef Launch tiles, product
    cdef Tile tile = tile_of(F32)
    cdef ptrdiff_t channels = windows.channels, filters = windows.filters, count, first
    cdef Block inputs, slopes, products
    _winograd_input.prepare(&tiles, F32)
    set_tiles(&tiles, windows)
    count = tiles.n[W_TILES]
    inputs, slopes = allocate_block(PRODUCTS * count * channels * 4), allocate_block(PRODUCTS * count * filters * 4)
    products = allocate_block(PRODUCTS * channels * filters * 4)
    tiles.p[W_OUT] = inputs.data
    tiles.p[W_X] = x
    tiles.n[W_ROW] = channels
    tiles.blocks, tiles.work = ceil_div(count, TILES_AT_ONCE), 20 + 3.0 * PRODUCTS * count * channels / tile.width
    submit(&tiles)
    _winograd_slopes.prepare(&tiles, F32)
    set_tiles(&tiles, windows)
    tiles.p[W_OUT] = slopes.data
    tiles.p[W_X] = dy
    tiles.n[W_ROW] = filters
    tiles.blocks, tiles.work = ceil_div(count, TILES_AT_ONCE), 20 + 3.0 * PRODUCTS * count * filters / tile.width
    submit(&tiles)
    multiply_columns(products.data, inputs.data, slopes.data, PRODUCTS, channels, filters, count)
    _winograd_filter_slopes.prepare(&tiles, F32)
    set_tiles(&tiles, windows)
    tiles.p[W_OUT] = dw
    tiles.p[W_X] = products.data
    tiles.blocks, tiles.work = ceil_div(channels, FILTER_BLOCK), 20 + 4.0 * channels * filters
    return submit(&tiles)
