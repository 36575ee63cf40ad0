/* Bodies of matmul.c, included once for each T. */
#define PANEL (2 * W)                                               /* lanes of a full panel */
#define SLIVER ((TILE_ROWS + W - 1) / W * W)                        /* rows of a packed sliver, with padding */
#define K_MOST ((ptrdiff_t)(TILE_K_BYTES / sizeof(REAL)))

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
    ptrdiff_t edge;                     /* lanes of a partial last vector; 0 if it is full */
} NAME(Tile);

/* The first n lanes. The baseline has no masks, so whole vectors are worth a branch. */
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

/* The stored width of panel p: one vector if the last panel fits into it. */
static inline ptrdiff_t NAME(width)(ptrdiff_t lanes, ptrdiff_t p) { return lanes - p * PANEL <= W ? W : PANEL; }

/* Pack panels [p, p_end) of a block of k contiguously, each as panel[k][lane]. */
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

/* Prefetch part `part` of `count` of a panel that is packed later, while tiles are computed. x is its first element; an
 * unaligned run may touch one cache line more than its size. */
static void NAME(prefetch_panel)(const Launch *launch, const REAL *x, ptrdiff_t depth, ptrdiff_t part,
                                 ptrdiff_t count) {
    const ptrdiff_t *n = launch->n;
    int along = n[LANE_STRIDE] == 1;
    ptrdiff_t runs = along ? depth : PANEL, step = along ? n[LANE_K] : n[LANE_STRIDE];
    ptrdiff_t length = (along ? PANEL : depth) * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t i = part_start(runs, part, count); i < part_start(runs, part + 1, count); i++)
        for (ptrdiff_t byte = 0; byte < length + CACHE_LINE; byte += CACHE_LINE)
            prefetch_far((const char *)(x + i * step) + byte);
}

/* Slivers that use a panel one after the other: the i-th has the rows start[i] to start[i + 1] - 1 of out. */
typedef struct {
    ptrdiff_t count, start[GROUP_MOST + 1];
    const char *row[GROUP_MOST];        /* in the operand, or their copies */
} NAME(Group);

/* Collect `count` slivers from `first`, in one block of k, whose operand begins at x; copy them if COPY_ROWS. */
static void NAME(gather)(NAME(Group) *group, const Launch *launch, const REAL *x, ptrdiff_t depth, REAL *copies,
                         ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t slivers = ceil_div(n[ROWS], TILE_ROWS);
    group->count = count;
    for (ptrdiff_t i = 0; i <= count; i++) group->start[i] = part_start(n[ROWS], first + i, slivers);
    for (ptrdiff_t i = 0; i < count; i++) {
        const REAL *row = x + group->start[i] * n[ROW_STRIDE];
        if (n[COPY_ROWS]) {
            REAL *copy = copies + i * SLIVER * depth;
            NAME(pack)(copy, SLIVER, row, n[ROW_K], n[ROW_STRIDE], depth, group->start[i + 1] - group->start[i]);
            row = copy;
        }
        group->row[i] = (const char *)row;
    }
}

/* Multiply a group by `lanes` lanes from `lane`: t has the operands' strides and the panel. If `ahead` is not NULL, the
 * panel there is prefetched meanwhile. */
static void NAME(tiles)(const Launch *launch, NAME(Tile) *t, REAL *out, const NAME(Group) *group, ptrdiff_t lane,
                        ptrdiff_t lanes, int add, int last, const REAL *ahead) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t columns = n[OUT_COLUMNS], activation = last ? n[ACTIVATION] : NONE_;
    const REAL *bias = last ? launch->p[BIAS] : 0;
    REAL tile[TILE_ROWS * PANEL];
    int vectors = lanes > W;
    int whole = !n[SWAPPED] && activation <= RELU;
    t->add = add && whole;
    t->relu = activation == RELU && whole;
    t->bias = bias && whole ? bias + lane : 0;
    t->edge = whole ? lanes % W : 0;
    t->out_stride = (whole ? columns : PANEL) * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t s = 0; s < group->count; s++) {
        ptrdiff_t row = group->start[s], rows = group->start[s + 1] - row;
        t->row = group->row[s];
        t->out = (char *)(whole ? out + row * columns + lane : tile);
        if (t->add)                     /* out is not in the cache, and all its rows are needed at once */
            for (ptrdiff_t i = 0; i < rows; i++) {
                prefetch(t->out + i * t->out_stride);
                prefetch(t->out + i * t->out_stride + (vectors ? W * sizeof(REAL) : 0));
            }
        (vectors ? CAT(tiles2, T) : CAT(tiles1, T))[rows](t);
        if (ahead) NAME(prefetch_panel)(launch, ahead, t->depth, s, group->count);
        if (whole) continue;
        if (n[SWAPPED])
            NAME(finish_turned)(out + lane * columns + row, columns, tile, rows, lanes, add, bias ? bias + row : 0,
                                activation);
        else
            NAME(finish)(out + row * columns + lane, columns, tile, rows, lanes, add, bias ? bias + lane : 0,
                         activation);
    }
}

/* The slivers [s_begin, s_end) by the panels [p_begin, p_end) of one product.
 *
 * For each block of k, each group of slivers is multiplied by all panels: a panel stays in the first cache while the
 * slivers of the group are read from the second. The panels are packed for the first group. */
static void NAME(chunk)(const Launch *launch, REAL *scratch, ptrdiff_t batch, ptrdiff_t s_begin, ptrdiff_t s_end,
                        ptrdiff_t p_begin, ptrdiff_t p_end) {
    const ptrdiff_t *n = launch->n, size = sizeof(REAL), lanes = n[LANES], panels = ceil_div(lanes, PANEL);
    ptrdiff_t k_blocks = n[DEPTH] ? ceil_div(n[DEPTH], K_MOST) : 1;    /* k == 0 still writes the bias */
    REAL *out = (REAL *)launch->p[OUT] + batch * n[ROWS] * lanes;
    /* panels from this one on are packed */
    ptrdiff_t packed = n[LANES_FROM] == COPIED ? p_begin : p_end == panels && lanes % W ? panels - 1 : p_end;
    REAL *copies = scratch + (p_end - packed) * PANEL * min_size(n[DEPTH], K_MOST);
    NAME(Group) group;
    NAME(Tile) t;
    t.row_stride = (n[COPY_ROWS] ? 1 : n[ROW_STRIDE]) * size, t.row_k = (n[COPY_ROWS] ? SLIVER : n[ROW_K]) * size;
    for (ptrdiff_t k_block = 0; k_block < k_blocks; k_block++) {
        ptrdiff_t k = part_start(n[DEPTH], k_block, k_blocks), depth = part_start(n[DEPTH], k_block + 1, k_blocks) - k;
        const REAL *row_operand = (const REAL *)launch->p[ROW_OPERAND] + batch * n[ROW_BATCH] + k * n[ROW_K];
        const REAL *lane_operand = (const REAL *)launch->p[LANE_OPERAND] + batch * n[LANE_BATCH] + k * n[LANE_K];
        t.depth = depth;
        for (ptrdiff_t s = s_begin; s < s_end; s += n[GROUP_SLIVERS]) {
            NAME(gather)(&group, launch, row_operand, depth, copies, s, min_size(n[GROUP_SLIVERS], s_end - s));
            for (ptrdiff_t p = p_begin; p < p_end; p++) {
                REAL *panel = p < packed ? 0 : scratch + (p - packed) * PANEL * depth;
                int fresh = panel && s == s_begin;
                if (fresh && (p - packed) % RUN == 0)
                    NAME(pack_panels)(panel, launch, lane_operand, depth, p, min_size(p + RUN, p_end));
                t.lane = panel ? panel : lane_operand + p * PANEL;
                t.lane_k = panel ? NAME(width)(lanes, p) : n[LANE_K];
                NAME(tiles)(launch, &t, out, &group, p * PANEL, min_size(PANEL, lanes - p * PANEL),
                            k_block > 0 || n[ACCUMULATE], k_block == k_blocks - 1,
                            fresh && group.count >= PREFETCH_FROM && p + RUN < p_end
                                ? lane_operand + (p + RUN) * PANEL * n[LANE_STRIDE] : 0);
            }
        }
    }
}

/* out = activation(rows @ lanes + bias), or out += rows @ lanes.
 *
 * A block is a chunk of slivers by a chunk of panels. Adjacent blocks with the same panels are computed together, so
 * that the panels are packed once. So are adjacent whole chunks of panels that fit into a slot, because an operand is
 * read faster in long runs. Each call packs into its own slot of the scratch memory, chosen by its first block. */
static int NAME(matmul)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t across = n[ROW_CHUNKS], along = n[LANE_CHUNKS];
    ptrdiff_t slivers = ceil_div(n[ROWS], TILE_ROWS), panels = ceil_div(n[LANES], PANEL);
    REAL *scratch = (REAL *)launch->p[SCRATCH] + begin * n[SLOTS] / launch->blocks * n[SLOT];
    for (ptrdiff_t block = begin, next; block < end; block = next) {
        ptrdiff_t row_chunk = block % across, lane_chunk = block / across % along;
        ptrdiff_t wide = 1;
        next = min_size(end, block - row_chunk + across);
        while (!row_chunk && next + across <= end && lane_chunk + wide < along &&
               part_start(panels, lane_chunk + wide + 1, along) - part_start(panels, lane_chunk, along) <= n[PANELS])
            next += across, wide++;
        NAME(chunk)(launch, scratch, block / across / along, part_start(slivers, row_chunk, across),
                    wide > 1 ? slivers : part_start(slivers, row_chunk + next - block, across),
                    part_start(panels, lane_chunk, along), part_start(panels, lane_chunk + wide, along));
    }
    return 0;
}

#include "matvec.inc.h"
#include "outer.inc.h"

#undef PANEL
#undef SLIVER
#undef K_MOST
