"""Matrix products. Contract: reference/matmul.py.

This file plans a product from shapes and strides; src/matmul.c computes it. No part of the plan can change the result
(src/matmul.h, src/matvec.inc.h).
"""
from fastnet._runtime.cpu cimport second_cache, selected_isa
from fastnet._runtime.launch cimport (
    F32, F64, OPTIONAL, STRIDED, WRITE, Array, DType, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_size,
    family, is_constant, shape_of, submit, submit_packing, unpack, unpack_like, unpack_sized)
from fastnet._runtime.launch import NeedsPacking
from fastnet._runtime.memory cimport Block, allocate_block
from fastnet._runtime.threads cimport limit

cdef extern from *:
    """
    #include "src/matmul.h"
    FAMILY(matmul)
    TILE_SIZES
    """
    ctypedef struct TileSize:
        int rows
        int lanes[2]
        int k_bytes
        bint has_half
    const Entry *const *matmul_tables
    const TileSize *const *tile_sizes

cdef extern from "src/matmul.h":
    enum:
        STRIP_BYTES, OUTER_ROWS, GROUP_MOST, CACHE_WAY
        DIRECT, COPIED, PACKED
        NONE_, RELU, RELU6, SIGMOID, TANH, GELU, GELU_TANH, SILU, HARDSWISH, HARDSIGMOID
        OUT, ROW_OPERAND, LANE_OPERAND, BIAS, SCRATCH, RESIDUAL, AFFINE
        ROWS, LANES, DEPTH, LINE, ROW_STRIDE, ROW_K, ROW_BATCH, LANE_STRIDE, LANE_K, LANE_BATCH, OUT_COLUMNS, OUT_BATCH
        AFFINE_STEP, SWAPPED
        ACTIVATION, ACCUMULATE, ROW_CHUNKS, LANE_CHUNKS, LANES_FROM, COPY_ROWS, GROUP_SLIVERS, PANELS, SLOTS, SLOT
        BIAS_STEP, STRIP

cdef Family _bodies = family(matmul_tables)
cdef Kernel _matmul = _bodies["matmul"], _matvec = _bodies["matvec"], _outer = _bodies["outer"]
cdef Kernel _pack_lanes = _bodies["pack_lanes"]
cdef dict _activations = {"none": NONE_, "relu": RELU, "relu6": RELU6, "sigmoid": SIGMOID, "tanh": TANH, "gelu": GELU,
                          "gelu_tanh": GELU_TANH, "silu": SILU, "hardswish": HARDSWISH, "hardsigmoid": HARDSIGMOID}

cdef enum:
    SMALL = 1 << 18                 # multiply-adds that are not worth a second thread
    WORTH_COPY = 4                  # panels that make the copy of a sliver worth it
    FIRST_CACHE = 32 << 10          # bytes, on most processors
    CHUNK_LANES = 1024
    BLOCKS = 24                     # blocks that 8 threads share evenly enough

cdef Tile tile_of(DType dtype) noexcept:
    cdef const TileSize *size = tile_sizes[selected_isa()]
    cdef ptrdiff_t itemsize = 8 if dtype == F64 else 4
    return Tile(size.lanes[dtype == F64], size.rows, size.has_half and dtype == F32, itemsize, size.k_bytes // itemsize)


def matmul(out, a, b, bias=None, activation="none", accumulate=False, affine=None, residual=None):
    cdef Array o, x, y, c, f, r
    cdef Operand left, right
    cdef Launch launch
    cdef ptrdiff_t batch, depth
    cdef bint add = accumulate
    cdef Tile tile
    unpack(out, &o, WRITE)
    unpack(a, &x, STRIDED)
    unpack(b, &y, STRIDED)
    unpack(bias, &c, OPTIONAL)
    cdef int code = activation_code("matmul", activation)
    if add and (bias is not None or affine is not None or residual is not None or code != NONE_):
        raise ValueError("matmul: accumulate takes neither bias, affine, residual nor activation")
    check(&o, &x, &y, &c)
    unpack_sized("matmul", "affine", affine, &f, OPTIONAL, o.dtype, 3 * o.shape[o.ndim - 1])
    unpack_like("matmul", "residual", residual, &r, OPTIONAL, &o)
    cdef bint normed = f.data != NULL or r.data != NULL
    if o.size == 0:
        return
    tile = tile_of(o.dtype)
    batch = o.shape[0] if o.ndim == 3 else 1
    depth = x.shape[x.ndim - 1]
    left = operand(&x, x.ndim - 2, x.ndim - 1)
    right = operand(&y, y.ndim - 1, y.ndim - 2)
    if batch > 1 and right.batch == 0 and left.size > 1 and left.batch == left.size * left.stride:
        left.size *= batch          # the products share b: all rows of a are one tall matrix
        batch = 1
    if (left.size == 1 or right.size == 1) and not normed:
        _matvec.prepare(&launch, o.dtype)
        plan_vector(&launch, &left, &right, depth, &tile)
        launch.blocks *= batch
        launch.work = batch * vector_work(left.size * right.size * depth * tile.size)
    elif depth == 1 and right.stride == 1 and c.data == NULL and code == NONE_ and not normed:
        _outer.prepare(&launch, o.dtype)
        set_operands(&launch, &left, &right)
        launch.blocks = batch * ceil_div(left.size, OUTER_ROWS)
        launch.work = batch * (10.0 + left.size * right.size * tile.size / 80.0)
    else:
        _matmul.prepare(&launch, o.dtype)
    launch.p[OUT] = o.data
    launch.p[BIAS] = c.data
    launch.p[AFFINE] = f.data
    launch.p[RESIDUAL] = r.data
    launch.n[AFFINE_STEP] = right.size
    launch.n[DEPTH] = depth
    launch.n[OUT_COLUMNS] = right.size
    launch.n[OUT_BATCH] = left.size * right.size
    launch.n[ACTIVATION] = code
    launch.n[ACCUMULATE] = add
    if launch.blocks:
        submit(&launch)
    else:
        run_tiles(&launch, &tile, left, right, batch)


cdef int activation_code(str kernel, activation) except -1:
    """The number of an activation by its name."""
    code = _activations.get(activation)
    if code is None:
        raise ValueError(f"{kernel}: unknown activation {activation!r}; choose from {', '.join(_activations)}")
    return code


cdef int check(const Array *o, const Array *a, const Array *b, const Array *bias) except -1:
    """Raise unless the dtypes and shapes fit together."""
    cdef int rank = o.ndim
    expect_dtype("matmul", "a", a, o.dtype)
    expect_dtype("matmul", "b", b, o.dtype)
    expect_dtype("matmul", "bias", bias, o.dtype)
    if rank not in (2, 3) or a.ndim != rank or b.ndim != rank:
        raise ValueError(f"matmul: expected 2-D or 3-D arrays of one rank, got {shapes(o, a, b)}")
    if (a.shape[rank - 1] != b.shape[rank - 2] or o.shape[rank - 2] != a.shape[rank - 2]
            or o.shape[rank - 1] != b.shape[rank - 1]
            or (rank == 3 and (a.shape[0] != o.shape[0] or b.shape[0] != o.shape[0]))):
        raise ValueError(f"matmul: expected shapes (M, K), (K, N) and (M, N), got {shapes(o, a, b)}")
    if bias.data != NULL:
        expect_size("matmul", "bias", bias, o.shape[rank - 1])
    return 0


cdef str shapes(const Array *o, const Array *a, const Array *b):
    return f"a {shape_of(a)}, b {shape_of(b)}, out {shape_of(o)}"


cdef Operand operand(const Array *array, int axis, int k_axis) except *:
    """One side of the product. One of its strides must be 1; a stride along a single element is set to 1."""
    cdef Operand x
    x.data = array.data
    x.size = array.shape[axis]
    cdef int shift = 3 if array.itemsize == 8 else 2
    x.stride = array.strides[axis] >> shift
    x.k = array.strides[k_axis] >> shift
    x.batch = array.strides[0] >> shift if array.ndim == 3 and array.shape[0] > 1 else 0
    if x.size == 1:
        x.stride = 0 if x.k == 1 else 1
    if array.shape[k_axis] <= 1 and x.stride != 1:
        x.k = 1
    if x.stride != 1 and x.k != 1:
        raise NeedsPacking()
    return x


cdef void set_operands(Launch *launch, const Operand *rows, const Operand *lanes):
    launch.p[ROW_OPERAND] = rows.data
    launch.n[ROWS] = rows.size
    launch.n[ROW_STRIDE] = rows.stride
    launch.n[ROW_K] = rows.k
    launch.n[ROW_BATCH] = rows.batch
    launch.p[LANE_OPERAND] = lanes.data
    launch.n[LANES] = lanes.size
    launch.n[LANE_STRIDE] = lanes.stride
    launch.n[LANE_K] = lanes.k
    launch.n[LANE_BATCH] = lanes.batch


# ---- one row, or one column -----------------------------------------------------------------------------------------

cdef double vector_work(double nbytes) noexcept:
    """Estimated nanoseconds: a matrix is read at the speed of the cache that it fits into."""
    return 10.0 + nbytes / (80.0 if nbytes < second_cache() else 25.0)


cdef int plan_vector(Launch *launch, const Operand *left, const Operand *right, ptrdiff_t depth,
                     const Tile *tile) except -1:
    cdef const Operand *vector = left
    cdef const Operand *matrix = right
    if left.size != 1:
        vector, matrix = right, left
    if vector.k != 1 and depth > 1:
        raise NeedsPacking()
    set_operands(launch, vector, matrix)
    launch.n[BIAS_STEP] = left.size == 1
    launch.n[STRIP] = tile.width if matrix.stride != 1 else STRIP_BYTES // tile.size
    launch.blocks = ceil_div(matrix.size, launch.n[STRIP])
    return 0


# ---- tiles ----------------------------------------------------------------------------------------------------------

cdef bint grouped(const Tile *tile) noexcept:
    """Whether a panel stays in the first cache while a group of slivers is read; else a sliver stays there."""
    return 2 * tile.width * tile.depth * tile.size <= FIRST_CACHE * 3 // 4


cdef ptrdiff_t chunk_lanes(const Tile *tile) noexcept:
    """The most lanes of a chunk. Groups of slivers read the packed panels only a few times. Single slivers read them
    often, so the panels of a block of k must fit into the second cache."""
    cdef ptrdiff_t held = second_cache() * 4 // 5 // (tile.depth * tile.size) // 64 * 64
    return CHUNK_LANES if grouped(tile) else max(128, min(CHUNK_LANES, held))


cdef ptrdiff_t group_slivers(const Launch *launch, double work, const Tile *tile) noexcept:
    """Slivers of a group: all of a small product, else as many as fit into a quarter of the second cache. A single one
    if all panels stay in the first cache, because out is then best written row by row."""
    cdef ptrdiff_t depth = max(1, min(launch.n[DEPTH], tile.depth))
    if work < SMALL:
        return GROUP_MOST
    if not grouped(tile) or launch.n[LANES] * depth * tile.size <= FIRST_CACHE // 2:
        return 1
    return max(1, min(GROUP_MOST, second_cache() // 4 // (packed_rows(tile) * depth * tile.size)))


cdef ptrdiff_t packed_rows(const Tile *tile) noexcept:
    """Rows of a packed sliver, with padding."""
    return ceil_div(tile.height, tile.width) * tile.width


cdef ptrdiff_t packed_sliver(ptrdiff_t depth, const Tile *tile) noexcept:
    """Elements of a sliver in a block of k that is packed as copy[k][row]."""
    return packed_rows(tile) * min(depth, tile.depth)


cdef bint clash(const Operand *rows, const Tile *tile) noexcept:
    """Whether the rows of a sliver share one set of the first cache and so evict each other."""
    return rows.stride * tile.size % CACHE_WAY == 0


cdef double vectors(ptrdiff_t lanes, const Tile *tile) noexcept:
    """Vectors of lanes by the time that their tiles take."""
    cdef bint ends_half = tile.has_half and 0 < lanes % (2 * tile.width) <= tile.width // 2
    return ceil_div(lanes, tile.width) - 0.4 * ends_half        # measured on Zen 4


cdef double cost(const Operand *rows, const Operand *lanes, ptrdiff_t depth, const Tile *tile) noexcept:
    """The approximate cycles of a product with these rows and lanes: the arithmetic and the packing."""
    cdef double work = rows.size * vectors(lanes.size, tile) * depth
    if lanes.stride != 1:
        work += 0.4 * lanes.size * depth
    elif rows.size > 2 * tile.height:
        work += 0.12 * lanes.size * depth
    if clash(rows, tile):
        work += 0.45 * rows.size * depth * ceil_div(lanes.size, chunk_lanes(tile))
    return work


cdef int run_tiles(Launch *launch, const Tile *tile, Operand left, Operand right, ptrdiff_t batch) except -1:
    cdef ptrdiff_t depth = launch.n[DEPTH], panels
    cdef double work = <double>left.size * right.size * depth
    cdef double turning = 16.0 * left.size * right.size / tile.width
    cdef Block _packed          # held until the launch is submitted
    if (launch.p[AFFINE] == NULL and launch.p[RESIDUAL] == NULL
            and cost(&right, &left, depth, tile) + turning < 0.95 * cost(&left, &right, depth, tile)):
        left, right = right, left
        launch.n[SWAPPED] = 1
    set_operands(launch, &left, &right)
    panels = ceil_div(right.size, 2 * tile.width)
    if is_lasting(&right, depth, batch, tile):
        _packed = packed_panels(launch, &right, depth, batch, tile)
    elif right.stride != 1 or (left.size > 2 * tile.height and work >= SMALL):
        launch.n[LANES_FROM] = COPIED
    # contiguous rows would be read one cache line for each k: copy them once for many panels
    launch.n[COPY_ROWS] = work >= SMALL and panels >= WORTH_COPY and (left.stride == 1 or clash(&left, tile))
    return submit_product(launch, batch, work, packed_sliver(depth, tile) if launch.n[COPY_ROWS] else 0, tile)


cdef bint is_lasting(const Operand *lanes, ptrdiff_t depth, ptrdiff_t batch, const Tile *tile) except -1:
    """Whether the lanes are a constant of a frozen recording, whose panels are packed only once."""
    return (lanes.size > 0 and depth > 0 and min(lanes.stride, lanes.k, lanes.batch) >= 0
            and is_constant(lanes.data, lanes.data + extent(lanes, depth, batch) * tile.size))


cdef ptrdiff_t extent(const Operand *x, ptrdiff_t depth, ptrdiff_t batch) noexcept:
    """Elements from the first to the last, both included."""
    return (x.size - 1) * x.stride + (depth - 1) * x.k + (batch - 1) * x.batch + 1


cdef Block packed_panels(Launch *launch, const Operand *lanes, ptrdiff_t depth, ptrdiff_t batch, const Tile *tile):
    """Pack all lanes, and let the product read them."""
    cdef Launch packing
    cdef ptrdiff_t products = batch if lanes.batch else 1, size = depth * ceil_div(lanes.size, tile.width) * tile.width
    cdef Block packed
    _pack_lanes.prepare(&packing, F64 if tile.size == 8 else F32)
    packing.p[LANE_OPERAND] = lanes.data
    packing.n[LANES], packing.n[DEPTH] = lanes.size, depth
    packing.n[LANE_STRIDE], packing.n[LANE_K], packing.n[LANE_BATCH] = lanes.stride, lanes.k, lanes.batch
    packing.n[OUT_BATCH] = size
    packing.blocks = products * ceil_div(lanes.size, 2 * tile.width)
    packing.work = 20 + 0.5 * products * size
    packed = submit_packing(&packing, OUT, products * size * tile.size, lanes.data,
                            extent(lanes, depth, batch) * tile.size)
    launch.p[LANE_OPERAND] = packed.data
    launch.n[LANE_BATCH] = size if lanes.batch else 0
    launch.n[LANES_FROM] = PACKED
    return packed


cdef int run_products(char *out, Operand rows, Operand lanes, ptrdiff_t depth, ptrdiff_t batch,
                      bint accumulate) except -1:
    """out = or += the products of a batch in float32; out is (batch, rows, lanes), contiguous."""
    cdef Launch launch
    cdef Tile tile = tile_of(F32)
    _matmul.prepare(&launch, F32)
    launch.p[OUT] = out
    launch.n[DEPTH] = depth
    launch.n[OUT_COLUMNS] = lanes.size
    launch.n[OUT_BATCH] = rows.size * lanes.size
    launch.n[ACCUMULATE] = accumulate
    return run_tiles(&launch, &tile, rows, lanes, batch)


cdef int submit_product(Launch *launch, ptrdiff_t batch, double work, ptrdiff_t sliver, const Tile *tile) except -1:
    """Divide a product into blocks, allocate its scratch memory and run it.

    `work` is the multiply-adds of one of `batch` products, `sliver` the elements of a copied sliver (0: slivers are not
    copied). GROUP_SLIVERS is chosen here, unless it is set.
    """
    cdef ptrdiff_t line = launch.n[LINE] if launch.n[LINE] else launch.n[ROWS], panels
    cdef ptrdiff_t slivers = launch.n[ROWS] // line * ceil_div(line, tile.height) if line else 0
    panels = ceil_div(launch.n[LANES], 2 * tile.width)
    chunks(launch, slivers, panels, batch, work, tile)
    if launch.n[GROUP_SLIVERS] == 0:
        launch.n[GROUP_SLIVERS] = group_slivers(launch, work, tile)
    launch.n[PANELS] = min(panels, chunk_lanes(tile) // (2 * tile.width))
    launch.blocks = batch * launch.n[ROW_CHUNKS] * launch.n[LANE_CHUNKS]
    launch.work = batch * (20.0 + work / (3.5 * tile.width))
    cdef Block scratch = scratch_for(launch, sliver, tile)
    launch.p[SCRATCH] = scratch.data
    return submit(launch)


cdef void chunks(Launch *launch, ptrdiff_t slivers, ptrdiff_t panels, ptrdiff_t batch, double work,
                 const Tile *tile) noexcept:
    """Divide rows and lanes into chunks that fit into the second cache and are enough for the threads."""
    cdef ptrdiff_t width = 2 * tile.width, most = chunk_lanes(tile) // width, across = 1, along
    cdef ptrdiff_t least = most if launch.n[COPY_ROWS] else 1               # panels in a chunk
    cdef bint tall                              # a chunk is at least twice as tall as wide
    along = ceil_div(panels, most)
    while work >= SMALL and batch * across * along < BLOCKS:
        tall = slivers * tile.height // across >= 2 * (panels * width // along)
        if panels // along >= 2 * least and not (tall and across < slivers):
            along = min(panels, 2 * along)
        elif across < slivers:
            across = min(slivers, 2 * across)
        else:
            break
    launch.n[ROW_CHUNKS] = across
    launch.n[LANE_CHUNKS] = along


cdef Block scratch_for(Launch *launch, ptrdiff_t sliver, const Tile *tile):
    """Memory for packed panels and slivers: a slot for each concurrent call of the body."""
    cdef ptrdiff_t width = 2 * tile.width, k = min(launch.n[DEPTH], tile.depth)
    cdef ptrdiff_t packed = launch.n[PANELS] if launch.n[LANES_FROM] == COPIED else 1
    launch.n[SLOT] = packed * width * k + launch.n[GROUP_SLIVERS] * sliver
    launch.n[SLOTS] = min(launch.blocks, 2 * limit())       # enough that no two calls start in the same slot
    return allocate_block(launch.n[SLOTS] * launch.n[SLOT] * tile.size)
