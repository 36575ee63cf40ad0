"""Recurrent layers and their gradients. Contracts: reference/recurrent.py; division into blocks: src/recurrent.c."""
from fastnet._runtime.launch cimport (
    I64, OPTIONAL, READ, STRIDED, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype,
    expect_ndim, expect_shape, family, submit, unpack)
from fastnet._runtime.launch import NeedsPacking
from fastnet._runtime.memory cimport Block, allocate_block

from fastnet._kernels.matmul cimport Tile, tile_of

cdef extern from "src/matmul.h":
    enum: CACHE_WAY

cdef extern from "src/recurrent_slots.h":
    enum:
        BLOCK_SEQUENCES, BLOCK_VECTORS
        OUTPUT, GATES, CELLS, BEFORE, LAST_H, LAST_C, FIRST_H, FIRST_C, BIASES, SIZES_AT, MEMORY, MIXED
        DGATES, DOUTPUT, DHIDDEN, DLAST_H, DLAST_C, DFIRST_H, DFIRST_C, DPROJECTED, PACKED_TO, PACKED_FROM
        PRODUCT, INPUT, FEATURES, PACKED_STRIDE, WEIGHTED
        BATCH, STEPS, TOTAL, AT_STEP, HIDDEN, STATE, OUTPUT_STRIDE, SLOPE_STRIDE, REVERSE, RECTIFIED, PROJECTED
        PANELS_AT, PROJECTION_AT, ROWS_AT, UNITS_AT, ROW_WIDTH, UNIT_WIDTH
        PACKED_GATES, PACKED_DEPTH, PACKED_LANES, PACKED_ALONG

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(recurrent)
    """
    const Entry *const *recurrent_tables

cdef Family _bodies = family(recurrent_tables)
cdef Kernel _pack = _bodies["pack_weight"]
cdef Kernel _lstm = _bodies["lstm"], _lstm_backward = _bodies["lstm_backward"]
cdef Kernel _gru = _bodies["gru"], _gru_backward = _bodies["gru_backward"]
cdef Kernel _rnn = _bodies["rnn"], _rnn_backward = _bodies["rnn_backward"]
cdef Kernel _lstm_at_step = _bodies["lstm_at_step"], _lstm_backward_at_step = _bodies["lstm_backward_at_step"]
cdef Kernel _gru_at_step = _bodies["gru_at_step"], _gru_backward_at_step = _bodies["gru_backward_at_step"]
cdef Kernel _rnn_at_step = _bodies["rnn_at_step"], _rnn_backward_at_step = _bodies["rnn_backward_at_step"]

cdef enum:
    FEW_SEQUENCES = 16              # up to which a step is worth a launch,
    LARGE_WEIGHT = 2 << 20          # if the weights have so many bytes: more than a core's second-level cache holds


cdef struct Layer:                  # what the launches of a layer share
    DType dtype
    Tile tile
    ptrdiff_t gates, batch, rows, hidden, state, output_stride
    bint by_steps                   # whether each step is a launch


cdef Layer layer_of(str name, ptrdiff_t gates, rows, weight, hn, projection) except *:
    """The sizes of a layer from an array (R, G*H), its weight (G*H, P) or None, and its last states (B, P)."""
    cdef Layer layer
    cdef Array r, w, h, p
    cdef ptrdiff_t shape[2]
    unpack(weight, &w, OPTIONAL)
    unpack(rows, &r, STRIDED)
    unpack(hn, &h)
    unpack(projection, &p, OPTIONAL)
    expect_ndim(name, "gates", &r, 2)
    expect_ndim(name, "the states", &h, 2)
    layer.dtype, layer.tile, layer.gates = r.dtype, tile_of(r.dtype), gates
    layer.batch, layer.rows, layer.hidden, layer.state = h.shape[0], r.shape[0], r.shape[1] // gates, h.shape[1]
    layer.output_stride = layer.state
    shape[0], shape[1] = gates * layer.hidden, layer.state
    if w.data != NULL:
        expect_dtype(name, "weight", &w, r.dtype)
        expect_shape(name, "weight", &w, shape, 2)
    elif layer.rows != layer.batch or projection is not None:
        raise ValueError(f"{name}: expected a weight for more than one step")
    shape[0], shape[1] = layer.rows, gates * layer.hidden
    expect_shape(name, "gates", &r, shape, 2)
    shape[0], shape[1] = layer.state, layer.hidden
    if p.data != NULL:
        expect_dtype(name, "projection", &p, r.dtype)
        expect_shape(name, "projection", &p, shape, 2)
    elif layer.state != layer.hidden:
        raise ValueError(f"{name}: expected states of {layer.hidden} elements without a projection, got {layer.state}")
    return layer


cdef int bind_rows(Launch *launch, int slot, int stride_slot, str name, str what, array, int access, Layer *layer,
                   ptrdiff_t width) except -1:
    """Bind an array (R, width) with a stride between rows, the same as of others with this slot for the stride."""
    cdef Array a
    cdef ptrdiff_t shape[2]
    cdef ptrdiff_t stride = width
    unpack(array, &a, access | STRIDED)
    expect_dtype(name, what, &a, layer.dtype)
    shape[0], shape[1] = layer.rows, width
    expect_shape(name, what, &a, shape, 2)
    launch.p[slot] = a.data
    if layer.rows > 1 and a.size:
        stride = a.strides[0] // a.itemsize
    if stride < width or (width > 1 and layer.rows and a.strides[1] != a.itemsize):
        raise NeedsPacking()
    if launch.n[stride_slot] and launch.n[stride_slot] != stride:
        raise NeedsPacking()
    launch.n[stride_slot] = stride
    return 0


cdef ptrdiff_t row_width(ptrdiff_t size, const Tile *tile) noexcept:
    """Elements from one row of a product to the next, such that rows do not share a set of the cache."""
    size = ceil_div(size, tile.width) * tile.width
    return size if size * tile.size % CACHE_WAY else size + tile.width


cdef ptrdiff_t panels_of(ptrdiff_t gates, ptrdiff_t lanes, const Tile *tile) noexcept:
    """Panels of two vectors for the gates of all lanes."""
    return ceil_div(gates * ceil_div(lanes, tile.width), 2)


cdef int pack(Layer *layer, Block memory, ptrdiff_t at, weight, ptrdiff_t gates, ptrdiff_t lanes, ptrdiff_t depth,
              bint along, ptrdiff_t total=0) except -1:
    """Pack a weight (gates*lanes, depth) or, `along` its lanes, (depth, lanes) as panels into the memory at `at`.

    `total` is the depth of a panel if it has other weights, too.
    """
    cdef Launch launch
    cdef Array w
    unpack(weight, &w)
    _pack.prepare(&launch, layer.dtype)
    launch.p[PACKED_TO] = <char *>memory.data + at * layer.tile.size
    launch.p[PACKED_FROM] = w.data
    launch.n[PACKED_GATES], launch.n[PACKED_LANES], launch.n[PACKED_DEPTH] = gates, lanes, depth
    launch.n[PACKED_ALONG] = along
    launch.n[PACKED_STRIDE] = max(total, depth) * 2 * layer.tile.width
    launch.blocks = panels_of(gates, lanes, &layer.tile)
    launch.work = 20 + 0.15 * gates * lanes * depth
    return submit(&launch)


cdef ptrdiff_t step_blocks(Layer *layer) noexcept:
    """Blocks of a launch of one step."""
    return ceil_div(layer.hidden, BLOCK_VECTORS * layer.tile.width)


cdef Block set_up(Launch *launch, Layer *layer, str name, weight, projection, sizes, bint reverse, bint along,
                  input_weight=None):
    """Set the sizes of a launch and pack its weights. Returns its memory, which must live until it is submitted.

    `along`: it multiplies by the weights, not by their transposes.
    """
    cdef Tile *tile = &layer.tile
    cdef ptrdiff_t H = layer.hidden, P = layer.state, B = layer.batch, deep = layer.gates * H
    cdef ptrdiff_t panel = 2 * tile.width, at = 0, size, steps = layer.rows // max(B, 1), total = P
    cdef Array s, w
    cdef Block memory
    cdef ptrdiff_t shape[2]
    unpack(input_weight, &w, OPTIONAL)
    if w.data != NULL:
        expect_dtype(name, "input_weight", &w, layer.dtype)
        expect_ndim(name, "input_weight", &w, 2)
        shape[0], shape[1] = deep, w.shape[1]
        expect_shape(name, "input_weight", &w, shape, 2)
        if weight is None or projection is not None or w.shape[1] == 0:
            raise ValueError(f"{name}: expected an input with a weight of the states and without a projection")
        launch.n[FEATURES] = w.shape[1]
        total += w.shape[1]
    unpack(sizes, &s, OPTIONAL)
    expect_dtype(name, "sizes", &s, I64)
    if s.data != NULL:
        launch.p[SIZES_AT] = s.data
        steps = s.size
    elif layer.rows != steps * B:
        raise ValueError(f"{name}: expected rows for all steps of {B} sequences, got {layer.rows}")
    launch.n[BATCH], launch.n[STEPS], launch.n[TOTAL] = B, steps, layer.rows
    launch.n[HIDDEN], launch.n[STATE], launch.n[REVERSE] = H, P, reverse
    launch.n[PROJECTED], launch.n[WEIGHTED] = projection is not None, weight is not None
    launch.n[ROW_WIDTH], launch.n[UNIT_WIDTH] = row_width(deep if along else total, tile), row_width(H, tile)
    launch.n[PANELS_AT] = at
    size = panels_of(1, P, tile) * deep * panel if along else panels_of(layer.gates, H, tile) * total * panel
    if weight is None:
        size = 0
    launch.n[PROJECTION_AT] = at = at + size
    if projection is not None:
        at += panels_of(1, H, tile) * P * panel if along else panels_of(1, P, tile) * H * panel
    launch.n[ROWS_AT] = at
    layer.by_steps = (s.data == NULL and projection is None and weight is not None and B <= FEW_SEQUENCES
                      and layer.rows > 0 and deep * total * tile.size >= LARGE_WEIGHT)
    launch.n[UNITS_AT] = at = at + (step_blocks(layer) if layer.by_steps and not along else 1) * B * launch.n[ROW_WIDTH]
    if projection is not None:
        at += B * launch.n[UNIT_WIDTH]
    memory = allocate_block(max(at, 1) * tile.size)
    launch.p[MEMORY] = memory.data
    launch.blocks = ceil_div(B, BLOCK_SEQUENCES)
    launch.work = 20 + layer.rows * (50.0 + 8.0 * deep / tile.width)
    if weight is not None:
        launch.work += layer.rows * <double>deep * total / (3.0 * tile.width)
    if projection is not None:
        launch.work += layer.rows * <double>H * P / (3.0 * tile.width)
    if layer.rows and H and P and weight is not None:
        if along:
            pack(layer, memory, 0, weight, 1, P, deep, True)
            if projection is not None:
                pack(layer, memory, launch.n[PROJECTION_AT], projection, 1, H, P, True)
        else:
            pack(layer, memory, 0, weight, layer.gates, H, P, False, total)
            if input_weight is not None:
                pack(layer, memory, P * panel, input_weight, layer.gates, H, total - P, False, total)
            if projection is not None:
                pack(layer, memory, launch.n[PROJECTION_AT], projection, 1, P, H, False)
    return memory


cdef int bind_layer(Launch *launch, int slot, str name, str what, array, int access, Layer *layer, ptrdiff_t rows,
                    ptrdiff_t width) except -1:
    return bind(launch, slot, name, what, array, access, layer.dtype, rows * width)


# ---- forward --------------------------------------------------------------------------------------------------------

def lstm_(out, hn, cn, before, cells, mixed, gates, h0, c0, weight, bias, projection, sizes=None, reverse=False,
          product=None, input=None, input_weight=None):
    cdef Launch launch
    cdef str name = "lstm_"
    cdef Layer layer = layer_of(name, 4, gates, weight, hn, projection)
    cdef ptrdiff_t H = layer.hidden, B = layer.batch, R = layer.rows
    _lstm.prepare(&launch, layer.dtype)
    cdef Block memory = set_up(&launch, &layer, name, weight, projection, sizes, reverse, False, input_weight)
    if input_weight is not None:
        bind_layer(&launch, INPUT, name, "input", input, READ, &layer, R, launch.n[FEATURES])
    bind_layer(&launch, CELLS, name, "cells", cells, WRITE | OPTIONAL, &layer, R, H)
    if projection is not None:
        bind_layer(&launch, MIXED, name, "mixed", mixed, WRITE | OPTIONAL, &layer, R, H)
    bind_layer(&launch, LAST_C, name, "cn", cn, WRITE, &layer, B, H)
    bind_layer(&launch, FIRST_C, name, "c0", c0, OPTIONAL, &layer, B, H)
    run_forward(&launch, _lstm_at_step, &layer, name, out, hn, before, gates, h0, bias, product, memory)


def gru_(out, hn, before, hidden, gates, h0, weight, bias, sizes=None, reverse=False, product=None):
    cdef Launch launch
    cdef str name = "gru_"
    cdef Layer layer = layer_of(name, 3, gates, weight, hn, None)
    _gru.prepare(&launch, layer.dtype)
    cdef Block memory = set_up(&launch, &layer, name, weight, None, sizes, reverse, False)
    bind_layer(&launch, CELLS, name, "hidden", hidden, WRITE | OPTIONAL, &layer, layer.rows, layer.hidden)
    run_forward(&launch, _gru_at_step, &layer, name, out, hn, before, gates, h0, bias, product, memory)


def rnn(out, hn, before, gates, h0, weight, bias, sizes=None, reverse=False, product=None, relu=False):
    cdef Launch launch
    cdef str name = "rnn"
    cdef Layer layer = layer_of(name, 1, gates, weight, hn, None)
    _rnn.prepare(&launch, layer.dtype)
    cdef Block memory = set_up(&launch, &layer, name, weight, None, sizes, reverse, False)
    launch.n[RECTIFIED] = relu
    run_forward(&launch, _rnn_at_step, &layer, name, out, hn, before, gates, h0, bias, product, memory)


cdef int run_forward(Launch *launch, Kernel at_step, Layer *layer, str name, out, hn, before, gates, h0, bias, product,
                     Block memory) except -1:
    """Bind the arrays that all layers have, and submit."""
    cdef ptrdiff_t H = layer.hidden, P = layer.state, B = layer.batch, R = layer.rows, G = layer.gates
    bind_rows(launch, OUTPUT, OUTPUT_STRIDE, name, "out", out, WRITE, layer, P)
    bind_layer(launch, LAST_H, name, "hn", hn, WRITE, layer, B, P)
    bind_layer(launch, BEFORE, name, "before", before, WRITE | OPTIONAL, layer, R, P)
    bind_layer(launch, GATES, name, "gates", gates, READ if name == "rnn" else WRITE, layer, R, G * H)
    bind_layer(launch, FIRST_H, name, "h0", h0, OPTIONAL, layer, B, P)
    bind_layer(launch, BIASES, name, "bias", bias, OPTIONAL, layer, G, H)
    if not launch.n[WEIGHTED]:
        bind_layer(launch, PRODUCT, name, "product", product, READ, layer, R, G * H)
    return submit_steps(launch, at_step, layer, launch.n[STEPS])


cdef int submit_steps(Launch *launch, Kernel at_step, Layer *layer, ptrdiff_t launches) except -1:
    """Submit a layer: as one launch or, if each step is one, as one of no steps and `launches` of one each."""
    cdef ptrdiff_t i, steps = launch.n[STEPS], total = launch.n[TOTAL]
    cdef ptrdiff_t elements = layer.gates * layer.hidden * (layer.state + launch.n[FEATURES])
    cdef Launch other
    if not layer.by_steps:
        return submit(launch)
    launch.n[STEPS] = launch.n[TOTAL] = 0               # the first states and cells
    submit(launch)
    launch.n[STEPS], launch.n[TOTAL] = steps, total
    at_step.prepare(&other, layer.dtype)
    launch.body = other.body
    launch.blocks = step_blocks(layer)
    # Four times the work, since the launches follow each other at once: threads are awake, and have their parts of the
    # weight in their caches.
    launch.work = 4 * elements * max(layer.batch / (3.0 * layer.tile.width), layer.tile.size / 80.0)
    for i in range(launches):
        launch.n[AT_STEP] = i
        submit(launch)
    return 0


# ---- gradients ------------------------------------------------------------------------------------------------------

def lstm_backward(dgates, dh0, dc0, dprojected, gates, cells, weight, projection, dout, dhn, dcn, sizes=None,
                  reverse=False):
    cdef Launch launch
    cdef str name = "lstm_backward"
    cdef Layer layer = layer_of(name, 4, gates, weight, dh0, projection)
    cdef ptrdiff_t H = layer.hidden, P = layer.state, B = layer.batch, R = layer.rows
    _lstm_backward.prepare(&launch, layer.dtype)
    cdef Block memory = set_up(&launch, &layer, name, weight, projection, sizes, reverse, True)
    bind_layer(&launch, DFIRST_C, name, "dc0", dc0, WRITE, &layer, B, H)
    bind_layer(&launch, DPROJECTED, name, "dprojected", dprojected, WRITE if projection is not None else OPTIONAL,
               &layer, R, P)
    bind_layer(&launch, GATES, name, "gates", gates, READ, &layer, R, 4 * H)
    bind_layer(&launch, CELLS, name, "cells", cells, READ, &layer, R, H)
    bind_layer(&launch, DLAST_C, name, "dcn", dcn, OPTIONAL, &layer, B, H)
    run_backward(&launch, _lstm_backward_at_step, &layer, name, dgates, dh0, dout, dhn, memory)


def gru_backward(dgates, dhidden, dh0, gates, hidden, before, weight, dout, dhn, sizes=None, reverse=False):
    cdef Launch launch
    cdef str name = "gru_backward"
    cdef Layer layer = layer_of(name, 3, gates, weight, dh0, None)
    cdef ptrdiff_t H = layer.hidden, R = layer.rows
    _gru_backward.prepare(&launch, layer.dtype)
    cdef Block memory = set_up(&launch, &layer, name, weight, None, sizes, reverse, True)
    bind_rows(&launch, DHIDDEN, SLOPE_STRIDE, name, "dhidden", dhidden, WRITE, &layer, 3 * H)
    bind_layer(&launch, GATES, name, "gates", gates, READ, &layer, R, 3 * H)
    bind_layer(&launch, CELLS, name, "hidden", hidden, READ, &layer, R, H)
    bind_layer(&launch, BEFORE, name, "before", before, READ, &layer, R, H)
    run_backward(&launch, _gru_backward_at_step, &layer, name, dgates, dh0, dout, dhn, memory)


def rnn_backward(dgates, dh0, out, weight, dout, dhn, sizes=None, reverse=False, relu=False):
    cdef Launch launch
    cdef str name = "rnn_backward"
    cdef Layer layer = layer_of(name, 1, dgates, weight, dh0, None)
    _rnn_backward.prepare(&launch, layer.dtype)
    cdef Block memory = set_up(&launch, &layer, name, weight, None, sizes, reverse, True)
    launch.n[RECTIFIED] = relu
    bind_rows(&launch, GATES, OUTPUT_STRIDE, name, "out", out, READ, &layer, layer.state)
    run_backward(&launch, _rnn_backward_at_step, &layer, name, dgates, dh0, dout, dhn, memory)


cdef int run_backward(Launch *launch, Kernel at_step, Layer *layer, str name, dgates, dh0, dout, dhn,
                      Block memory) except -1:
    """Bind the arrays that all layers have, and submit."""
    cdef ptrdiff_t P = layer.state, B = layer.batch
    bind_rows(launch, DGATES, SLOPE_STRIDE, name, "dgates", dgates, WRITE, layer,
              layer.gates * layer.hidden)
    bind_layer(launch, DFIRST_H, name, "dh0", dh0, WRITE, layer, B, P)
    bind_rows(launch, DOUTPUT, OUTPUT_STRIDE, name, "dout", dout, READ, layer, P)
    bind_layer(launch, DLAST_H, name, "dhn", dhn, OPTIONAL, layer, B, P)
    return submit_steps(launch, at_step, layer, launch.n[STEPS] + 1)
