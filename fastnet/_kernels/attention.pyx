"""Scaled dot-product attention. Contracts: reference/attention.py; division into blocks: src/attention.c."""
from libc.math cimport round
from libc.string cimport memcpy

from fastnet._kernels.matmul cimport Tile, tile_of
from fastnet._kernels.random cimport unpack_state
from fastnet._runtime.launch cimport (
    OPTIONAL, READ, STRIDED, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim, family,
    shape_of, submit, unpack, unpack_sized)
from fastnet._runtime.launch import NeedsPacking
from fastnet._runtime.memory cimport Block, allocate_block
from fastnet._runtime.threads cimport limit

cdef extern from "src/attention_slots.h":
    enum:
        KEY_BLOCK, SCORE_STEP, QUERY_ROWS, FEW_QUERIES
        A_Q, A_K, A_V, A_MASK, A_STATE, A_SCRATCH, A_LSE, A_OUT, A_DQ, A_DK, A_DV, A_DMASK
        A_DELTA_OUT, A_DOUT, A_SLOPE
        A_BATCH_STEP, A_ROW_STEP, A_HEAD_STEP, A_STEPS
        A_BATCH, A_HEADS, A_SHARED, A_QUERIES, A_KEYS, A_WIDTH, A_VALUE_WIDTH
        A_Q_STEPS, A_K_STEPS, A_V_STEPS, A_OUT_STEPS, A_SLOPE_STEPS, A_DQ_STEPS, A_DK_STEPS, A_DV_STEPS, A_MASK_STEPS
        A_TRIMMED, A_DIAGONAL, A_DRAW_OFFSET, A_THRESHOLD, A_DROPS, A_QUERY_BLOCKS, A_BY_QUERIES
        A_HELD_QUERIES, A_HELD_KEYS, A_DELTA, A_SLOTS, A_SLOT
        A_SCALE, A_KEEP_SCALE

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(attention)
    """
    const Entry *const *attention_tables

cdef Family _bodies = family(attention_tables)
cdef Kernel _attention = _bodies["attention"], _delta = _bodies["attention_delta"]
cdef Kernel _backward = _bodies["attention_backward"], _few = _bodies["attention_few"]

cdef ptrdiff_t MOST = 1 << 40       # of a diagonal, so that sums of positions do not overflow

cdef enum:
    B, ROW, HEAD, ELEMENT           # the dimensions of q, k, v and out


cdef int set_array(Launch *launch, int slot, int steps, str kernel, str name, object source, int access,
                   const Array *like, ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t width) except -1:
    """Put (B, rows, heads, width) and its steps into a launch; an optional array may be absent."""
    cdef Array a
    cdef int shift = 3 if like.itemsize == 8 else 2
    cdef int i
    unpack(source, &a, access | STRIDED)
    launch.p[slot] = a.data
    if a.data == NULL and source is None:
        return 0
    expect_dtype(kernel, name, &a, like.dtype)
    expect_ndim(kernel, name, &a, 4)
    if (a.shape[B] != like.shape[B] or a.shape[ROW] != rows or a.shape[HEAD] != heads or a.shape[ELEMENT] != width):
        raise ValueError(f"{kernel}: expected {name} of shape {(like.shape[B], rows, heads, width)}, "
                         f"got {shape_of(&a)}")
    if width > 1 and a.size and a.strides[ELEMENT] != a.itemsize:
        raise NeedsPacking()
    for i in range(A_STEPS):
        launch.n[steps + i] = a.strides[i] >> shift
    return 0


cdef int set_mask(Launch *launch, str kernel, object source, const Array *q, ptrdiff_t keys) except -1:
    """Put a mask that broadcasts to (B, H, Tq, Tk) into a launch."""
    cdef Array a
    cdef int shift = 3 if q.itemsize == 8 else 2
    unpack(source, &a, OPTIONAL | STRIDED)
    if source is None:
        return 0
    expect_dtype(kernel, "mask", &a, q.dtype)
    expect_ndim(kernel, "mask", &a, 4)
    if (a.shape[0] not in (1, q.shape[B]) or a.shape[1] not in (1, q.shape[HEAD])
            or a.shape[2] not in (1, q.shape[ROW]) or a.shape[3] != keys):
        raise ValueError(f"{kernel}: expected a mask that broadcasts to "
                         f"{(q.shape[B], q.shape[HEAD], q.shape[ROW], keys)}, got {shape_of(&a)}")
    if keys > 1 and a.size and a.strides[3] != a.itemsize:
        raise NeedsPacking()
    launch.p[A_MASK] = a.data
    launch.n[A_MASK_STEPS + A_BATCH_STEP] = a.strides[0] >> shift if a.shape[0] > 1 else 0
    launch.n[A_MASK_STEPS + A_ROW_STEP] = a.strides[2] >> shift if a.shape[2] > 1 else 0
    launch.n[A_MASK_STEPS + A_HEAD_STEP] = a.strides[1] >> shift if a.shape[1] > 1 else 0
    return 0


cdef int set_options(Launch *launch, str kernel, object state, ptrdiff_t offset, double scale, object diagonal,
                     double dropout) except -1:
    if not 0 <= dropout < 1:
        raise ValueError(f"{kernel}: expected dropout of at least 0 and below 1, got {dropout}")
    launch.s[A_SCALE] = scale
    if diagonal is not None:
        launch.n[A_TRIMMED] = 1
        launch.n[A_DIAGONAL] = max(-MOST, min(MOST, diagonal))
    if dropout:
        launch.p[A_STATE] = unpack_state(kernel, state)
        launch.n[A_DRAW_OFFSET] = offset
        launch.n[A_DROPS] = 1
        launch.n[A_THRESHOLD] = <ptrdiff_t>round(dropout * 2.0**32)
        launch.s[A_KEEP_SCALE] = 1 / (1 - dropout)
    return 0


cdef int set_sizes(Launch *launch, str kernel, object q, object k, object v, Array *query) except -1:
    """Put q, k and v, their steps and all sizes into a launch."""
    cdef Array a
    cdef ptrdiff_t keys, heads, width
    unpack(q, query, STRIDED)
    expect_ndim(kernel, "q", query, 4)
    unpack(v, &a, STRIDED)
    expect_ndim(kernel, "v", &a, 4)
    keys, heads, width = a.shape[ROW], a.shape[HEAD], a.shape[ELEMENT]
    if query.shape[HEAD] % max(heads, 1) or (query.shape[HEAD] and not heads):
        raise ValueError(f"{kernel}: expected the heads of k and v to divide those of q, got {heads} and "
                         f"{query.shape[HEAD]}")
    set_array(launch, A_Q, A_Q_STEPS, kernel, "q", q, READ, query, query.shape[ROW], query.shape[HEAD],
              query.shape[ELEMENT])
    set_array(launch, A_K, A_K_STEPS, kernel, "k", k, READ, query, keys, heads, query.shape[ELEMENT])
    set_array(launch, A_V, A_V_STEPS, kernel, "v", v, READ, query, keys, heads, width)
    launch.n[A_BATCH] = query.shape[B]
    launch.n[A_HEADS] = query.shape[HEAD]
    launch.n[A_SHARED] = query.shape[HEAD] // max(heads, 1)
    launch.n[A_QUERIES] = query.shape[ROW]
    launch.n[A_KEYS] = keys
    launch.n[A_WIDTH] = query.shape[ELEMENT]
    launch.n[A_VALUE_WIDTH] = width
    return 0


cdef ptrdiff_t query_blocks(const Launch *launch, const Tile *tile) noexcept:
    return max(1, ceil_div(launch.n[A_QUERIES], QUERY_ROWS // tile.height * tile.height))


cdef ptrdiff_t padded(ptrdiff_t width, const Tile *tile) noexcept:
    """Elements of a copied row: whole vectors."""
    return ceil_div(width, tile.width) * tile.width


cdef double estimate(const Launch *launch, double passes, const Tile *tile) noexcept:
    """Estimated nanoseconds of `passes` products of queries and keys over the width, and exponentials."""
    cdef double pairs = <double>launch.n[A_BATCH] * launch.n[A_HEADS] * launch.n[A_QUERIES] * launch.n[A_KEYS]
    cdef double products = passes / 2 * (launch.n[A_WIDTH] + launch.n[A_VALUE_WIDTH]) / 3.5
    return pairs * (products + 4.0) / tile.width * (0.6 if launch.n[A_TRIMMED] else 1)


cdef int set_slots(Launch *launch, ptrdiff_t elements) noexcept:
    """Set the parts of the scratch memory: enough that no two calls start in the same one."""
    launch.n[A_SLOT] = elements
    launch.n[A_SLOTS] = max(1, min(launch.blocks, 2 * limit()))
    return 0


def attention(out, lse, q, k, v, mask, state, offset, scale, diagonal=None, dropout=0.0):
    cdef Launch launch
    cdef Array query, sums
    cdef Tile tile
    cdef ptrdiff_t row, value_row
    unpack(q, &query, STRIDED)
    cdef bint few = query.ndim == 4 and query.shape[ROW] <= FEW_QUERIES and not dropout
    (_few if few else _attention).prepare(&launch, query.dtype)
    set_sizes(&launch, "attention", q, k, v, &query)
    set_array(&launch, A_OUT, A_OUT_STEPS, "attention", "out", out, WRITE, &query, query.shape[ROW], query.shape[HEAD],
              launch.n[A_VALUE_WIDTH])
    unpack_sized("attention", "lse", lse, &sums, WRITE, query.dtype,
                 query.shape[B] * query.shape[HEAD] * query.shape[ROW])
    launch.p[A_LSE] = sums.data
    set_mask(&launch, "attention", mask, &query, launch.n[A_KEYS])
    set_options(&launch, "attention", state, offset, scale, diagonal, dropout)
    tile = tile_of(query.dtype)
    row, value_row = padded(launch.n[A_WIDTH], &tile), padded(launch.n[A_VALUE_WIDTH], &tile)
    launch.n[A_QUERY_BLOCKS] = query_blocks(&launch, &tile)
    launch.n[A_HELD_KEYS] = ceil_div(launch.n[A_KEYS], KEY_BLOCK) * KEY_BLOCK
    launch.blocks = query.shape[B] * query.shape[HEAD] * launch.n[A_QUERY_BLOCKS] if query.shape[ROW] else 0
    launch.work = estimate(&launch, 2, &tile)
    if few:
        launch.blocks = query.shape[B] * query.shape[HEAD] * query.shape[ROW]
        launch.work *= 4
        set_slots(&launch, launch.n[A_HELD_KEYS])
    else:
        set_slots(&launch, launch.n[A_HELD_KEYS] * (launch.n[A_WIDTH] + value_row)
                  + QUERY_ROWS * (row + SCORE_STEP + value_row))
    cdef Block scratch = allocate_block(launch.n[A_SLOTS] * launch.n[A_SLOT] * tile.size)
    launch.p[A_SCRATCH] = scratch.data
    submit(&launch)


cdef Block run_delta(const Launch *backward, object out, const Array *query, ptrdiff_t slots, const Tile *tile):
    """The scratch memory of attention_backward: sum(dout * out) of each query, which this computes, and `slots`
    elements."""
    cdef Launch launch
    cdef ptrdiff_t queries = query.shape[B] * query.shape[HEAD] * query.shape[ROW]
    cdef Block scratch = allocate_block((padded(queries, tile) + slots) * tile.size)
    _delta.prepare(&launch, query.dtype)
    memcpy(launch.n, backward.n, sizeof(launch.n))
    launch.p[A_DOUT] = backward.p[A_SLOPE]
    set_array(&launch, A_OUT, A_OUT_STEPS, "attention_backward", "out", out, READ, query, query.shape[ROW],
              query.shape[HEAD], launch.n[A_VALUE_WIDTH])
    launch.p[A_DELTA_OUT] = scratch.data
    launch.blocks = query.shape[B] * query.shape[HEAD] * launch.n[A_QUERY_BLOCKS] if queries else 0
    launch.work = 0.1 * queries * (launch.n[A_VALUE_WIDTH] + 16)
    submit(&launch)
    return scratch


def attention_backward(dq, dk, dv, dmask, q, k, v, mask, out, lse, dout, state, offset, scale, diagonal=None,
                       dropout=0.0):
    cdef Launch launch
    cdef Array query, sums, bias
    cdef Tile tile
    cdef str name = "attention_backward"
    cdef ptrdiff_t rows, heads, keys, width, value_width, groups, key_blocks, slot_by_keys, slot_by_queries, most
    unpack(q, &query, STRIDED)
    _backward.prepare(&launch, query.dtype)
    set_sizes(&launch, name, q, k, v, &query)
    rows, heads, keys = query.shape[ROW], query.shape[HEAD], launch.n[A_KEYS]
    width, value_width = launch.n[A_WIDTH], launch.n[A_VALUE_WIDTH]
    set_array(&launch, A_SLOPE, A_SLOPE_STEPS, name, "dout", dout, READ, &query, rows, heads, value_width)
    unpack_sized(name, "lse", lse, &sums, READ, query.dtype, query.shape[B] * heads * rows)
    unpack_sized(name, "dmask", dmask, &bias, WRITE | OPTIONAL, query.dtype, query.shape[B] * heads * rows * keys)
    launch.p[A_LSE] = sums.data
    set_mask(&launch, name, mask, &query, keys)
    set_options(&launch, name, state, offset, scale, diagonal, dropout)
    set_array(&launch, A_DQ, A_DQ_STEPS, name, "dq", dq, WRITE | OPTIONAL, &query, rows, heads, width)
    set_array(&launch, A_DK, A_DK_STEPS, name, "dk", dk, WRITE | OPTIONAL, &query, keys, heads // launch.n[A_SHARED],
              width)
    set_array(&launch, A_DV, A_DV_STEPS, name, "dv", dv, WRITE | OPTIONAL, &query, keys, heads // launch.n[A_SHARED],
              value_width)
    launch.p[A_DMASK] = bias.data
    tile = tile_of(query.dtype)
    launch.n[A_QUERY_BLOCKS] = query_blocks(&launch, &tile)
    groups, key_blocks = query.shape[B] * heads // launch.n[A_SHARED], max(1, ceil_div(keys, KEY_BLOCK))
    cdef bint of_keys = dk is not None or dv is not None, of_queries = dq is not None or dmask is not None
    # one pass over all pairs of blocks if that occupies the threads; the bits are the same
    cdef bint together = of_keys and of_queries and (groups >= limit() or key_blocks == 1)
    cdef ptrdiff_t query_row = padded(width, &tile) + padded(value_width, &tile)
    cdef ptrdiff_t key_row = width + value_width + padded(width, &tile)
    slot_by_keys = (launch.n[A_SHARED] * rows * query_row + KEY_BLOCK * key_row
                    + 2 * QUERY_ROWS * SCORE_STEP)
    slot_by_queries = QUERY_ROWS * query_row + key_blocks * KEY_BLOCK * key_row + 2 * QUERY_ROWS * SCORE_STEP
    most = 0
    if of_keys:
        most = max(most, min(groups * key_blocks, 2 * limit()) * slot_by_keys)
    if of_queries and not together:
        most = max(most, min(groups * launch.n[A_SHARED] * launch.n[A_QUERY_BLOCKS], 2 * limit()) * slot_by_queries)
    cdef Block scratch = run_delta(&launch, out, &query, most, &tile)
    launch.p[A_SCRATCH] = scratch.data
    launch.n[A_DELTA] = padded(query.shape[B] * heads * rows, &tile)
    cdef double work = estimate(&launch, 5 if together else 4, &tile)
    cdef void *grad_q = launch.p[A_DQ]
    cdef void *grad_mask = launch.p[A_DMASK]
    if of_keys:
        if not together:
            launch.p[A_DQ] = launch.p[A_DMASK] = NULL
        launch.n[A_HELD_QUERIES] = launch.n[A_SHARED] * rows
        launch.n[A_HELD_KEYS] = KEY_BLOCK
        launch.blocks = groups if together else groups * key_blocks
        launch.work = work
        set_slots(&launch, slot_by_keys)
        submit(&launch)
    if of_queries and not together:
        launch.p[A_DQ] = grad_q
        launch.p[A_DMASK] = grad_mask
        launch.p[A_DK] = launch.p[A_DV] = NULL
        launch.n[A_BY_QUERIES] = 1
        launch.n[A_HELD_QUERIES] = QUERY_ROWS
        launch.n[A_HELD_KEYS] = key_blocks * KEY_BLOCK
        launch.blocks = groups * launch.n[A_SHARED] * launch.n[A_QUERY_BLOCKS]
        launch.work = work * 3 / 4
        set_slots(&launch, slot_by_queries)
        submit(&launch)
