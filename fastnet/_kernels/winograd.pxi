# Winograd's convolution F(4x4, 3x3), for 3x3 kernels of stride 1 over images with enough channels. Included by conv.pyx.

cdef enum:
    WINOGRAD_LEAST = 16             # channels and filters from which on it pays
    ENOUGH_BLOCKS = 8
    PART_BYTES = 3 << 20
    FEW_TILES = TILES_AT_ONCE       # tiles up to which the transformed filters are the larger part

cdef bint _winograd_allowed = os.environ.get("FASTNET_WINOGRAD", "1") not in ("", "0")
cdef Kernel _winograd = _bodies["winograd"], _winograd_few = _bodies["winograd_few"]
cdef Kernel _winograd_order = _bodies["winograd_order"], _winograd_filters = _bodies["winograd_filters"]
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


cdef ptrdiff_t tiles_of(const Windows *windows) noexcept:
    """The tiles of all images."""
    cdef ptrdiff_t height = windows.axis[1].output, width = windows.axis[2].output
    return windows.pixels // (height * width) * ceil_div(height, TILE_SIDE) * ceil_div(width, TILE_SIDE)


cdef void set_tiles(Launch *launch, const Windows *windows) noexcept:
    cdef const Axis *h = &windows.axis[1]
    cdef const Axis *w = &windows.axis[2]
    launch.n[W_INPUT_H], launch.n[W_INPUT_W], launch.n[W_CHANNELS] = h.input, w.input, windows.channels
    launch.n[W_OUTPUT_H], launch.n[W_OUTPUT_W], launch.n[W_FILTERS] = h.output, w.output, windows.filters
    launch.n[W_PADDING_H], launch.n[W_PADDING_W] = h.padding, w.padding
    launch.n[W_TILES_H], launch.n[W_TILES_W] = ceil_div(h.output, TILE_SIDE), ceil_div(w.output, TILE_SIDE)
    launch.n[W_TILES] = tiles_of(windows)


cdef double transform_work(ptrdiff_t tiles, ptrdiff_t channels, const Tile *tile) noexcept:
    """Estimated nanoseconds to transform tiles or their products."""
    return 20 + 3.0 * PRODUCTS * tiles * channels / tile.width


cdef int run_winograd(Launch *launch, const Windows *windows, char *weight) except -1:
    """Run a prepared launch of _conv by Winograd's algorithm; its arrays but the filters are set."""
    cdef Launch tiles
    cdef Tile tile = tile_of(F32)
    cdef ptrdiff_t blocks, panel, channels = windows.channels, panels = ceil_div(windows.filters, 2 * tile.width)
    cdef Block given                # transformed tiles or transformed filters
    cdef Block taps
    cdef ptrdiff_t count = tiles_of(windows)
    cdef bint few = count <= FEW_TILES and panels >= ENOUGH_BLOCKS
    if few:
        given = transformed_tiles(_winograd_input, windows, launch.p[ROW_OPERAND], channels, 0, count)
        _winograd_few.prepare(&tiles, F32)
        tiles.n[W_ORDERED] = is_constant(weight, weight + windows.filters * channels * 9 * tile.size)
        if tiles.n[W_ORDERED]:
            taps = ordered_filters(windows, weight, &tile)
            tiles.p[W_PANELS] = taps.data
    else:
        given = transformed_filters(windows, weight, &tile)
        _winograd.prepare(&tiles, F32)
    set_tiles(&tiles, windows)
    set_filters(&tiles, windows, weight)
    tiles.n[W_ROW] = tile_row(channels, &tile)
    if few:
        tiles.p[W_X] = given.data
        tiles.n[W_COUNT] = count
        tiles.blocks = panels
        panel = FILTER_PART * 2 * tile.width + tile.width
        tiles.n[W_SLOT] = PRODUCTS * (panel + (2 * count + 1) * tile.width)
    else:
        tiles.p[W_X] = launch.p[ROW_OPERAND]
        tiles.p[W_PANELS] = given.data
        blocks = ceil_div(count, TILES_AT_ONCE)
        tiles.n[W_LANE_CHUNKS] = min(panels, ceil_div(ENOUGH_BLOCKS, blocks))
        tiles.blocks = blocks * tiles.n[W_LANE_CHUNKS]
        tiles.n[W_SLOT] = PRODUCTS * (TILES_AT_ONCE * (tiles.n[W_ROW] + 2 * tile.width) + 2 * tile.width)
    tiles.p[W_OUT] = launch.p[OUT]
    tiles.p[W_BIAS] = launch.p[BIAS]
    tiles.p[W_AFFINE] = launch.p[AFFINE]
    tiles.p[W_RESIDUAL] = launch.p[RESIDUAL]
    tiles.n[W_ACTIVATION] = launch.n[ACTIVATION]
    tiles.work = (<double>PRODUCTS * count * channels * windows.filters / (3.5 * tile.width)
                  + transform_work(count, channels + windows.filters, &tile))
    tiles.n[W_SLOTS] = min(tiles.blocks, 2 * limit())
    cdef Block scratch = allocate_block(tiles.n[W_SLOTS] * tiles.n[W_SLOT] * tile.size)
    tiles.p[W_SCRATCH] = scratch.data
    return submit(&tiles)


cdef ptrdiff_t tile_row(ptrdiff_t channels, const Tile *tile) noexcept:
    """Elements from one transformed tile to the next, such that the rows of a sliver do not share a set of the cache."""
    return channels if channels * tile.size % CACHE_WAY else channels + tile.width


cdef void set_filters(Launch *launch, const Windows *windows, char *weight) noexcept:
    launch.p[W_WEIGHT] = weight
    launch.n[W_LANE_STRIDE] = 9 if windows.turned else 9 * windows.channels
    launch.n[W_K_STRIDE] = 9 * windows.filters if windows.turned else 9
    launch.n[W_TURNED] = windows.turned


cdef Block transformed_filters(const Windows *windows, char *weight, const Tile *tile):
    """The transformed filters, as panels."""
    cdef Launch launch
    cdef ptrdiff_t lanes = windows.filters, channels = windows.channels
    _winograd_filters.prepare(&launch, F32)
    set_tiles(&launch, windows)
    set_filters(&launch, windows, weight)
    launch.blocks = ceil_div(lanes, 2 * tile.width) * ceil_div(channels, FILTER_BLOCK)
    launch.work = 20 + 4.0 * channels * lanes
    return submit_packing(&launch, W_PANELS, PRODUCTS * (channels + 1) * packed_lanes(lanes, tile) * tile.size, weight,
                          9 * channels * lanes * tile.size)


cdef Block ordered_filters(const Windows *windows, char *weight, const Tile *tile):
    """The taps of constant filters in the order in which `winograd_few` reads them."""
    cdef Launch launch
    cdef ptrdiff_t size = 9 * windows.channels * windows.filters
    _winograd_order.prepare(&launch, F32)
    set_tiles(&launch, windows)
    set_filters(&launch, windows, weight)
    launch.blocks = ceil_div(windows.filters, 2 * tile.width)
    launch.work = 20 + 0.5 * size
    return submit_packing(&launch, W_PANELS, 9 * windows.channels * packed_lanes(windows.filters, tile) * tile.size, weight,
                          size * tile.size)


cdef Block transformed_tiles(Kernel kernel, const Windows *windows, void *x, ptrdiff_t channels, ptrdiff_t first,
                             ptrdiff_t count):
    """The transforms of `count` tiles of x from `first`, [product][tile][channel]."""
    cdef Launch launch
    cdef Tile tile = tile_of(F32)
    cdef ptrdiff_t row = tile_row(channels, &tile)
    cdef Block out = allocate_block(PRODUCTS * (count * row + tile.width) * tile.size)
    kernel.prepare(&launch, F32)
    set_tiles(&launch, windows)
    launch.p[W_OUT] = out.data
    launch.p[W_X] = x
    launch.n[W_FIRST], launch.n[W_COUNT], launch.n[W_ROW] = first, count, row
    launch.blocks = ceil_div(count, TILES_AT_ONCE)
    launch.work = transform_work(count, channels, &tile)
    submit(&launch)
    return out


cdef int run_winograd_weight(const Windows *windows, char *dw, char *x, char *dy) except -1:
    """dw by Winograd's algorithm: the products of the transformed tiles of x and dy, then their inverse transform.

    The tiles are transformed and multiplied in parts that stay in the third cache.
    """
    cdef Launch launch
    cdef ptrdiff_t channels = windows.channels, filters = windows.filters, first = 0, count, part
    cdef ptrdiff_t tiles = tiles_of(windows)
    cdef Block inputs, slopes, products = allocate_block(PRODUCTS * channels * filters * sizeof(float))
    part = TILES_AT_ONCE * max(2, PART_BYTES // (PRODUCTS * TILES_AT_ONCE * (channels + filters) * sizeof(float)))
    while first < tiles:
        count = min(part, tiles - first)
        inputs = transformed_tiles(_winograd_input, windows, x, channels, first, count)
        slopes = transformed_tiles(_winograd_slopes, windows, dy, filters, first, count)
        run_products(products.data, columns(inputs, channels, count), columns(slopes, filters, count), count, PRODUCTS,
                     first > 0)
        first += count
    _winograd_filter_slopes.prepare(&launch, F32)
    set_tiles(&launch, windows)
    launch.p[W_OUT] = dw
    launch.p[W_X] = products.data
    launch.blocks = ceil_div(channels, FILTER_BLOCK)
    launch.work = 20 + 4.0 * channels * filters
    return submit(&launch)


cdef Operand columns(Block block, ptrdiff_t channels, ptrdiff_t tiles):
    """Transformed tiles as an operand whose rows are channels and whose depth is tiles."""
    cdef Tile tile = tile_of(F32)
    cdef ptrdiff_t row = tile_row(channels, &tile)
    return Operand(block.data, channels, 1, row, tiles * row + tile.width)
