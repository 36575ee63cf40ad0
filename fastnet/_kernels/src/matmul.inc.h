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
    ptrdiff_t edge;                     /* lanes of the last vector, where they are not all there; else 0 */
} NAME(Tile);

/* The first n lanes, where the baseline has no masks: whole vectors are worth the question. */
static inline VEC NAME(load_some)(const REAL *p, ptrdiff_t n) { return n >= W ? V(load)(p) : V(load_n)(p, n); }
static inline void NAME(store_some)(REAL *p, VEC v, ptrdiff_t n) {
    if (n >= W)
        V(store)(p, v);
    else
        V(store_n)(p, v, n);
}

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

/* Panels [p, p_end) of a block of k, one behind the other, each panel[k][lane]. */
static void NAME(pack_panels)(REAL *packed, const Launch *launch, const REAL *x, ptrdiff_t depth, ptrdiff_t p,
                              ptrdiff_t p_end) {
    const ptrdiff_t *n = launch->n;
    if (n[LANE_STRIDE] == 1) {
        ptrdiff_t whole = min_size(p_end, n[LANES] / PANEL) - p;
        if (whole > 0) {
            NAME(pack_wide)(packed, x + p * PANEL, n[LANE_K], depth, whole);
            packed += whole * PANEL * depth, p += whole;
        }
    }
    for (; p < p_end; p++, packed += PANEL * depth)
        NAME(pack)(packed, NAME(width)(n[LANES], p), x + p * PANEL * n[LANE_STRIDE], n[LANE_K], n[LANE_STRIDE], depth,
                   min_size(PANEL, n[LANES] - p * PANEL));
}

/* One tile, `rows` by `lanes`, from its (row, lane) on; t has the operands. */
static inline void NAME(tile)(const Launch *launch, NAME(Tile) *t, REAL *out, ptrdiff_t row, ptrdiff_t rows,
                              ptrdiff_t lane, ptrdiff_t lanes, int add, int last) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t columns = n[OUT_COLUMNS], activation = last ? n[ACTIVATION] : NONE_;
    const REAL *bias = last ? launch->p[3] : 0;
    REAL tile[TILE_ROWS * PANEL];
    int vectors = lanes > W;
    int whole = !n[SWAPPED] && activation <= RELU;
    t->add = add && whole;
    t->relu = activation == RELU && whole;
    t->bias = bias && whole ? bias + lane : 0;
    t->edge = whole ? lanes % W : 0;
    t->out = (char *)(whole ? out + row * columns + lane : tile);
    t->out_stride = (whole ? columns : PANEL) * (ptrdiff_t)sizeof(REAL);
    if (t->add)                         /* what is added to comes from afar, and is wanted all at once */
        for (ptrdiff_t i = 0; i < rows; i++) {
            prefetch(t->out + i * t->out_stride);
            prefetch(t->out + i * t->out_stride + (vectors ? W * sizeof(REAL) : 0));
        }
    (vectors ? CAT(tiles2, T) : CAT(tiles1, T))[rows](t);
    if (whole) return;
    if (n[SWAPPED])
        NAME(finish_turned)(out + lane * columns + row, columns, tile, rows, lanes, add, bias ? bias + row : 0,
                            activation);
    else
        NAME(finish)(out + row * columns + lane, columns, tile, rows, lanes, add, bias ? bias + lane : 0, activation);
}

/* The slivers [s_begin, s_end) by the panels [p_begin, p_end) of one product.
 *
 * For each block of k the panels are packed into memory that stays in the second cache, where need be, and each sliver
 * of rows stays in the first one while they go by. */
static void NAME(chunk)(const Launch *launch, REAL *scratch, ptrdiff_t batch, ptrdiff_t s_begin, ptrdiff_t s_end,
                        ptrdiff_t p_begin, ptrdiff_t p_end) {
    const ptrdiff_t *n = launch->n, size = sizeof(REAL), lanes = n[LANES];
    ptrdiff_t slivers = parts(n[ROWS], TILE_ROWS), panels = parts(lanes, PANEL);
    ptrdiff_t k_blocks = n[DEPTH] ? parts(n[DEPTH], K_MOST) : 1;    /* k == 0 still writes the bias */
    REAL *out = (REAL *)launch->p[0] + batch * n[ROWS] * lanes;
    const REAL *row_operand = (const REAL *)launch->p[1] + batch * n[ROW_BATCH];
    const REAL *lane_operand = (const REAL *)launch->p[2] + batch * n[LANE_BATCH];
    /* panels from here on are packed */
    ptrdiff_t packed = n[LANES_FROM] == COPIED ? p_begin : p_end == panels && lanes % W ? panels - 1 : p_end;
    REAL *sliver = scratch + (p_end - packed) * PANEL * min_size(n[DEPTH], K_MOST);
    NAME(Tile) t;
    for (ptrdiff_t k_block = 0; k_block < k_blocks; k_block++) {
        ptrdiff_t k = cut(n[DEPTH], k_block, k_blocks);
        int add = k_block > 0 || n[ACCUMULATE], last = k_block == k_blocks - 1;
        t.depth = cut(n[DEPTH], k_block + 1, k_blocks) - k;
        NAME(pack_panels)(scratch, launch, lane_operand + k * n[LANE_K], t.depth, packed, p_end);
        for (ptrdiff_t s = s_begin; s < s_end; s++) {
            ptrdiff_t row = cut(n[ROWS], s, slivers), rows = cut(n[ROWS], s + 1, slivers) - row;
            const REAL *source = row_operand + row * n[ROW_STRIDE] + k * n[ROW_K];
            t.row = (const char *)source, t.row_stride = n[ROW_STRIDE] * size, t.row_k = n[ROW_K] * size;
            if (n[COPY_ROWS]) {
                NAME(pack)(sliver, SLIVER, source, n[ROW_K], n[ROW_STRIDE], t.depth, rows);
                t.row = (const char *)sliver, t.row_stride = size, t.row_k = SLIVER * size;
            }
            for (ptrdiff_t p = p_begin; p < p_end; p++) {
                if (p >= packed)
                    t.lane = scratch + (p - packed) * PANEL * t.depth, t.lane_k = NAME(width)(lanes, p);
                else
                    t.lane = lane_operand + k * n[LANE_K] + p * PANEL, t.lane_k = n[LANE_K];
                NAME(tile)(launch, &t, out, row, rows, p * PANEL, min_size(PANEL, lanes - p * PANEL), add, last);
            }
        }
    }
}

/* out = activation(rows @ lanes + bias), or out += rows @ lanes. p: out, rows' operand, lanes' operand, bias, scratch.
 *
 * A block is a chunk of slivers by a chunk of panels. Neighbouring blocks that share their panels are done as one, so
 * that these are packed once. Each call has a part of the scratch memory of its own, by the block where it begins. */
static int NAME(matmul)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t across = n[ROW_CHUNKS], along = n[LANE_CHUNKS];
    ptrdiff_t slivers = parts(n[ROWS], TILE_ROWS), panels = parts(n[LANES], PANEL);
    REAL *scratch = (REAL *)launch->p[4] + begin * n[SLOTS] / launch->blocks * n[SLOT];
    for (ptrdiff_t block = begin, next; block < end; block = next) {
        ptrdiff_t row_chunk = block % across, lane_chunk = block / across % along;
        next = min_size(end, block - row_chunk + across);
        NAME(chunk)(launch, scratch, block / across / along, cut(slivers, row_chunk, across),
                    cut(slivers, row_chunk + next - block, across), cut(panels, lane_chunk, along),
                    cut(panels, lane_chunk + 1, along));
    }
    return 0;
}

#include "matvec.inc.h"
#include "outer.inc.h"

#undef PANEL
#undef SLIVER
#undef K_MOST
