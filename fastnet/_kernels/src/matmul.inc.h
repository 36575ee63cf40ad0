/* Bodies of matmul.c, included once for each T. */
#define PANEL (2 * W)                                               /* lanes of a full panel */
#define SLIVER ((TILE_ROWS + W - 1) / W * W)                        /* rows of a packed sliver, with padding */
#define K_MOST ((ptrdiff_t)(K_BYTES / sizeof(REAL)))

typedef struct {
    ptrdiff_t depth;
    const char *row;                    /* broadcast: row i at row + i * row_stride, all strides of rows in bytes */
    ptrdiff_t row_stride, row_k;
    const REAL *lane;
    ptrdiff_t lane_k;
    char *out;
    ptrdiff_t out_stride;
    const REAL *bias;
    int add, relu;
} NAME(Tile);

#define VECTORS 1
#include "matmul_tile.inc.h"
#undef VECTORS
#define VECTORS 2
#include "matmul_tile.inc.h"
#undef VECTORS
#include "matmul_pack.inc.h"
#include "matmul_finish.inc.h"

/* The lanes in which panel p is stored: a last one that fits a single vector is kept so. */
static inline ptrdiff_t NAME(width)(ptrdiff_t lanes, ptrdiff_t p) { return lanes - p * PANEL <= W ? W : PANEL; }

/* Where matmul_pack puts the panel p of the k from `k` on, `depth` of them. */
static inline ptrdiff_t NAME(packed_at)(ptrdiff_t lanes, ptrdiff_t k, ptrdiff_t depth, ptrdiff_t p) {
    return k * ((lanes + W - 1) / W * W) + p * PANEL * depth;
}

/* p[0] = the panels of p[2], for PACKED; a block is PACK_PANELS panels of one block of k. */
static int NAME(matmul_pack)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t panels = parts(n[LANES], PANEL), groups = parts(panels, PACK_PANELS), k_blocks = parts(n[DEPTH], K_MOST);
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t p = block % groups * PACK_PANELS, k_block = block / groups % k_blocks;
        ptrdiff_t batch = block / groups / k_blocks, p_end = min_size(p + PACK_PANELS, panels);
        ptrdiff_t k = cut(n[DEPTH], k_block, k_blocks), depth = cut(n[DEPTH], k_block + 1, k_blocks) - k;
        const REAL *x = (const REAL *)launch->p[2] + batch * n[LANE_BATCH] + k * n[LANE_K];
        REAL *packed = (REAL *)launch->p[0] + batch * NAME(packed_at)(n[LANES], n[DEPTH], 0, 0);
        if (n[LANE_STRIDE] == 1) {
            ptrdiff_t whole = min_size(p_end, n[LANES] / PANEL) - p;
            NAME(pack_wide)(packed + NAME(packed_at)(n[LANES], k, depth, p), x + p * PANEL, n[LANE_K], depth, whole);
            p += whole;
        }
        for (; p < p_end; p++)
            NAME(pack)(packed + NAME(packed_at)(n[LANES], k, depth, p), NAME(width)(n[LANES], p),
                       x + p * PANEL * n[LANE_STRIDE], n[LANE_K], n[LANE_STRIDE], depth,
                       min_size(PANEL, n[LANES] - p * PANEL));
    }
    return 0;
}

/* One tile, `rows` by `lanes`, from its (row, lane) on; t has the operands. */
static inline void NAME(tile)(const Launch *launch, NAME(Tile) *t, REAL *out, ptrdiff_t row, ptrdiff_t rows,
                              ptrdiff_t lane, ptrdiff_t lanes, int add, int last) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t columns = n[OUT_COLUMNS], activation = last ? n[ACTIVATION] : NONE_;
    const REAL *bias = last ? launch->p[3] : 0;
    REAL tile[TILE_ROWS * PANEL], across[PANEL * SLIVER];
    int vectors = lanes > W;
    int whole = lanes == (vectors ? PANEL : W) && !n[SWAPPED] && activation <= RELU;
    t->add = add && whole;
    t->relu = activation == RELU && whole;
    t->bias = bias && whole ? bias + lane : 0;
    t->out = (char *)(whole ? out + row * columns + lane : tile);
    t->out_stride = (whole ? columns : PANEL) * (ptrdiff_t)sizeof(REAL);
    (vectors ? CAT(tiles2, T) : CAT(tiles1, T))[rows](t);
    if (whole) return;
    if (n[SWAPPED]) {
        NAME(turn)(across, tile, rows, vectors ? PANEL : W);
        NAME(finish)(out + lane * columns + row, columns, across, SLIVER, lanes, rows, add, bias ? bias + row : 0,
                     activation);
    } else {
        NAME(finish)(out + row * columns + lane, columns, tile, PANEL, rows, lanes, add, bias ? bias + lane : 0,
                     activation);
    }
}

/* out = activation(rows @ lanes + bias), or out += rows @ lanes. p: out, rows' operand, lanes' operand, bias.
 *
 * A block is a chunk of slivers by a chunk of panels; within a block of k, a sliver stays in the first cache while the
 * chunk's panels come from the second. */
static int NAME(matmul)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t size = sizeof(REAL), lanes = n[LANES], from = n[LANES_FROM];
    ptrdiff_t slivers = parts(n[ROWS], TILE_ROWS), panels = parts(lanes, PANEL), k_blocks = parts(n[DEPTH], K_MOST);
    if (k_blocks == 0) k_blocks = 1;                                 /* k == 0 still writes the bias */
    REAL stack[K_BYTES / sizeof(REAL) * (PANEL > SLIVER ? PANEL : SLIVER)];
    NAME(Tile) t;
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t row_chunk = block % n[ROW_CHUNKS], lane_chunk = block / n[ROW_CHUNKS] % n[LANE_CHUNKS];
        ptrdiff_t batch = block / n[ROW_CHUNKS] / n[LANE_CHUNKS];
        ptrdiff_t p_begin = cut(panels, lane_chunk, n[LANE_CHUNKS]);
        ptrdiff_t p_end = cut(panels, lane_chunk + 1, n[LANE_CHUNKS]);
        ptrdiff_t s_end = cut(slivers, row_chunk + 1, n[ROW_CHUNKS]);
        REAL *out = (REAL *)launch->p[0] + batch * n[ROWS] * lanes;
        const REAL *row_operand = (const REAL *)launch->p[1] + batch * n[ROW_BATCH];
        const REAL *lane_operand = (const REAL *)launch->p[2] + batch * n[LANE_BATCH];
        int copy_last = from == COPIED || (from == DIRECT && p_end == panels && lanes % W);
        for (ptrdiff_t k_block = 0; k_block < k_blocks; k_block++) {
            ptrdiff_t k = cut(n[DEPTH], k_block, k_blocks);
            t.depth = cut(n[DEPTH], k_block + 1, k_blocks) - k;
            int add = k_block > 0 || n[ACCUMULATE], last = k_block == k_blocks - 1;
            if (copy_last)
                NAME(pack)(stack, NAME(width)(lanes, p_end - 1),
                           lane_operand + k * n[LANE_K] + (p_end - 1) * PANEL * n[LANE_STRIDE], n[LANE_K],
                           n[LANE_STRIDE], t.depth, min_size(PANEL, lanes - (p_end - 1) * PANEL));
            for (ptrdiff_t s = cut(slivers, row_chunk, n[ROW_CHUNKS]); s < s_end; s++) {
                ptrdiff_t row = cut(n[ROWS], s, slivers), rows = cut(n[ROWS], s + 1, slivers) - row;
                const REAL *source = row_operand + row * n[ROW_STRIDE] + k * n[ROW_K];
                t.row = (const char *)source, t.row_stride = n[ROW_STRIDE] * size, t.row_k = n[ROW_K] * size;
                if (n[COPY_ROWS]) {
                    NAME(pack)(stack, SLIVER, source, n[ROW_K], n[ROW_STRIDE], t.depth, rows);
                    t.row = (const char *)stack, t.row_stride = size, t.row_k = SLIVER * size;
                }
                for (ptrdiff_t p = p_begin; p < p_end; p++) {
                    if (from == PACKED) {
                        t.lane = lane_operand + NAME(packed_at)(lanes, k, t.depth, p);
                        t.lane_k = NAME(width)(lanes, p);
                    } else if (copy_last && p == p_end - 1) {
                        t.lane = stack, t.lane_k = NAME(width)(lanes, p);
                    } else {
                        t.lane = lane_operand + k * n[LANE_K] + p * PANEL, t.lane_k = n[LANE_K];
                    }
                    NAME(tile)(launch, &t, out, row, rows, p * PANEL, min_size(PANEL, lanes - p * PANEL), add, last);
                }
            }
        }
    }
    return 0;
}

#include "matvec.inc.h"

#undef PANEL
#undef SLIVER
#undef K_MOST
