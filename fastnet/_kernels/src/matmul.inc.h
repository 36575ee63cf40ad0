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

/* Prefetch part `part` of `count` of a panel that is packed later: its lines come while tiles are computed. x is its
 * first element; a run may touch one line more than its size tells. */
static void NAME(prefetch_panel)(const Launch *launch, const REAL *x, ptrdiff_t depth, ptrdiff_t part,
                                 ptrdiff_t count) {
    const ptrdiff_t *n = launch->n;
    int along = n[LANE_STRIDE] == 1;
    ptrdiff_t runs = along ? depth : PANEL, step = along ? n[LANE_K] : n[LANE_STRIDE];
    ptrdiff_t length = (along ? PANEL : depth) * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t i = cut(runs, part, count); i < cut(runs, part + 1, count); i++)
        for (ptrdiff_t byte = 0; byte < length + LINE; byte += LINE) prefetch_far((const char *)(x + i * step) + byte);
}

/* Slivers that meet a panel one after the other: the i-th has the rows start[i] to start[i + 1] of out. */
typedef struct {
    ptrdiff_t count, start[GROUP_MOST + 1];
    const char *row[GROUP_MOST];        /* where they lie in the operand, or their copies */
} NAME(Group);

/* The `count` slivers from `first` on, in one block of k, whose operand begins at x; copied, where that is planned. */
static void NAME(gather)(NAME(Group) *group, const Launch *launch, const REAL *x, ptrdiff_t depth, REAL *copies,
                         ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t slivers = parts(n[ROWS], TILE_ROWS);
    group->count = count;
    for (ptrdiff_t i = 0; i <= count; i++) group->start[i] = cut(n[ROWS], first + i, slivers);
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

/* A group by `lanes` lanes from `lane` on: t has the operands' strides and the panel. Meanwhile the panel at `ahead`
 * comes near, if there is one. */
static void NAME(tiles)(const Launch *launch, NAME(Tile) *t, REAL *out, const NAME(Group) *group, ptrdiff_t lane,
                        ptrdiff_t lanes, int add, int last, const REAL *ahead) {
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
    t->out_stride = (whole ? columns : PANEL) * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t s = 0; s < group->count; s++) {
        ptrdiff_t row = group->start[s], rows = group->start[s + 1] - row;
        t->row = group->row[s];
        t->out = (char *)(whole ? out + row * columns + lane : tile);
        if (t->add)                     /* what is added to comes from afar, and is wanted all at once */
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
 * For each block of k one group of slivers after the other meets the panels: each panel stays in the first cache while
 * the group, from the second one, goes by. The first group finds each panel freshly packed. */
static void NAME(chunk)(const Launch *launch, REAL *scratch, ptrdiff_t batch, ptrdiff_t s_begin, ptrdiff_t s_end,
                        ptrdiff_t p_begin, ptrdiff_t p_end) {
    const ptrdiff_t *n = launch->n, size = sizeof(REAL), lanes = n[LANES], panels = parts(lanes, PANEL);
    ptrdiff_t k_blocks = n[DEPTH] ? parts(n[DEPTH], K_MOST) : 1;    /* k == 0 still writes the bias */
    REAL *out = (REAL *)launch->p[0] + batch * n[ROWS] * lanes;
    /* panels from here on are packed */
    ptrdiff_t packed = n[LANES_FROM] == COPIED ? p_begin : p_end == panels && lanes % W ? panels - 1 : p_end;
    REAL *copies = scratch + (p_end - packed) * PANEL * min_size(n[DEPTH], K_MOST);
    NAME(Group) group;
    NAME(Tile) t;
    t.row_stride = (n[COPY_ROWS] ? 1 : n[ROW_STRIDE]) * size, t.row_k = (n[COPY_ROWS] ? SLIVER : n[ROW_K]) * size;
    for (ptrdiff_t k_block = 0; k_block < k_blocks; k_block++) {
        ptrdiff_t k = cut(n[DEPTH], k_block, k_blocks), depth = cut(n[DEPTH], k_block + 1, k_blocks) - k;
        const REAL *row_operand = (const REAL *)launch->p[1] + batch * n[ROW_BATCH] + k * n[ROW_K];
        const REAL *lane_operand = (const REAL *)launch->p[2] + batch * n[LANE_BATCH] + k * n[LANE_K];
        t.depth = depth;
        for (ptrdiff_t s = s_begin; s < s_end; s += n[GROUP]) {
            NAME(gather)(&group, launch, row_operand, depth, copies, s, min_size(n[GROUP], s_end - s));
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

/* out = activation(rows @ lanes + bias), or out += rows @ lanes. p: out, rows' operand, lanes' operand, bias, scratch.
 *
 * A block is a chunk of slivers by a chunk of panels. Neighbouring blocks that share their panels are done as one, so
 * that these are packed once; so are adjacent whole chunks of panels, as far as the slot has room for them, since an
 * operand is read faster in long runs. Each call has a part of the scratch memory of its own, by the block where it
 * begins. */
static int NAME(matmul)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t across = n[ROW_CHUNKS], along = n[LANE_CHUNKS];
    ptrdiff_t slivers = parts(n[ROWS], TILE_ROWS), panels = parts(n[LANES], PANEL);
    REAL *scratch = (REAL *)launch->p[4] + begin * n[SLOTS] / launch->blocks * n[SLOT];
    for (ptrdiff_t block = begin, next; block < end; block = next) {
        ptrdiff_t row_chunk = block % across, lane_chunk = block / across % along;
        ptrdiff_t wide = 1;
        next = min_size(end, block - row_chunk + across);
        while (!row_chunk && next + across <= end && lane_chunk + wide < along &&
               cut(panels, lane_chunk + wide + 1, along) - cut(panels, lane_chunk, along) <= n[PANELS])
            next += across, wide++;
        NAME(chunk)(launch, scratch, block / across / along, cut(slivers, row_chunk, across),
                    wide > 1 ? slivers : cut(slivers, row_chunk + next - block, across), cut(panels, lane_chunk, along),
                    cut(panels, lane_chunk + wide, along));
    }
    return 0;
}

#include "matvec.inc.h"
#include "outer.inc.h"

#undef PANEL
#undef SLIVER
#undef K_MOST
