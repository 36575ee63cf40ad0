/* The division of a product into groups of slivers of rows and panels of lanes, and its epilogue. Included once for
 * each T. */
#include "matmul_finish.inc.h"

/* The stored width of panel p: one vector if the last panel fits into it. */
static inline ptrdiff_t NAME(width)(ptrdiff_t lanes, ptrdiff_t p) { return lanes - p * PANEL <= W ? W : PANEL; }

/* The elements of all panels for one k. */
static inline ptrdiff_t NAME(packed_lanes)(ptrdiff_t lanes) {
    ptrdiff_t last = ceil_div(lanes, PANEL) - 1;
    return last < 0 ? 0 : last * PANEL + NAME(width)(lanes, last);
}

/* Pack `count` full panels of contiguous lanes at once, so that x is read in longer runs. */
static void NAME(pack_wide)(REAL *panel, const REAL *x, ptrdiff_t along_k, ptrdiff_t depth, ptrdiff_t count) {
    for (ptrdiff_t k = 0; k < depth; k++)
        for (ptrdiff_t p = 0; p < count; p++) {
            const REAL *from = x + k * along_k + p * PANEL;
            REAL *to = panel + (p * depth + k) * PANEL;
            V(store)(to, V(load)(from));
            V(store)(to + W, V(load)(from + W));
        }
}

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
    ptrdiff_t row_stride, row_k;        /* of a sliver, in bytes */
    ptrdiff_t depth, runs;              /* as in Tile */
    TileRun run[RUNS_MOST];
} NAME(Group);

/* Collect `count` slivers from `first`, of product `batch`, in the block of k that begins at `k`. The memory at
 * `copies` holds GROUP_SLIVERS copies of slivers. */
typedef void (*NAME(Gather))(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k, ptrdiff_t depth,
                             REAL *copies, ptrdiff_t first, ptrdiff_t count);

/* The slivers of all rows. */
static inline ptrdiff_t NAME(slivers)(const ptrdiff_t *n) {
    return n[LINE] ? n[ROWS] / n[LINE] * ceil_div(n[LINE], TILE_ROWS) : ceil_div(n[ROWS], TILE_ROWS);
}

/* Set the rows of `count` slivers from `first`, in a block of k that is a single run. */
static inline void NAME(divide)(NAME(Group) *group, const Launch *launch, ptrdiff_t depth, ptrdiff_t first,
                                ptrdiff_t count) {
    const ptrdiff_t rows = launch->n[LINE] ? launch->n[LINE] : launch->n[ROWS], slivers = ceil_div(rows, TILE_ROWS);
    group->count = count, group->depth = depth, group->runs = 0;
    ptrdiff_t line = slivers ? first / slivers : 0, part = first - line * slivers;
    for (ptrdiff_t i = 0; i <= count; i++) {
        group->start[i] = line * rows + part_start(rows, part, slivers);
        if (++part == slivers) part = 0, line++;
    }
}

/* Copy slivers whose rows are contiguous, copy[k][row], a long run of rows for each k: a sliver by itself would read one
 * cache line of each page. */
static void NAME(copy_slivers)(REAL *copies, const REAL *x, const NAME(Group) *group, ptrdiff_t count, ptrdiff_t depth,
                               ptrdiff_t step, ptrdiff_t rows) {
    for (ptrdiff_t k = 0; k < depth; k++, x += step)
        for (ptrdiff_t i = 0; i < count; i++)
            for (ptrdiff_t r = group->start[i]; r < group->start[i + 1]; r += W) {
                prefetch_far((const char *)(x + COPY_AHEAD * step + r));
                V(store)(copies + (i * depth + k) * SLIVER + r - group->start[i], NAME(load_some)(x + r, rows - r));
            }
}

/* The slivers lie in the operand, or are copied if COPY_ROWS. */
static void NAME(gather_rows)(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k, ptrdiff_t depth,
                              REAL *copies, ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t *n = launch->n, size = sizeof(REAL);
    const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * n[ROW_BATCH] + k * n[ROW_K];
    NAME(divide)(group, launch, depth, first, count);
    group->row_stride = (n[COPY_ROWS] ? 1 : n[ROW_STRIDE]) * size;
    group->row_k = (n[COPY_ROWS] ? SLIVER : n[ROW_K]) * size;
    if (n[COPY_ROWS] && n[ROW_STRIDE] == 1) NAME(copy_slivers)(copies, x, group, count, depth, n[ROW_K], n[ROWS]);
    for (ptrdiff_t i = 0; i < count; i++) {
        const REAL *row = x + group->start[i] * n[ROW_STRIDE];
        if (n[COPY_ROWS]) {
            REAL *copy = copies + i * SLIVER * depth;
            if (n[ROW_STRIDE] != 1)
                NAME(pack)(copy, SLIVER, row, n[ROW_K], n[ROW_STRIDE], depth, group->start[i + 1] - group->start[i]);
            row = copy;
        }
        group->row[i] = (const char *)row;
    }
}

/* The blocks of k; `run` is the k of a run. k == 0 is one block, which writes the bias. */
static inline ptrdiff_t NAME(k_blocks)(ptrdiff_t depth, ptrdiff_t run) {
    if (depth == 0) return 1;
    return run > K_MOST ? depth / run * ceil_div(run, K_MOST) : ceil_div(depth / run, min_size(K_MOST / run, RUNS_MOST));
}

static inline ptrdiff_t NAME(k_start)(ptrdiff_t depth, ptrdiff_t run, ptrdiff_t block, ptrdiff_t blocks) {
    if (run <= K_MOST) return run ? part_start(depth / run, block, blocks) * run : 0;
    const ptrdiff_t parts = ceil_div(run, K_MOST);
    return block / parts * run + part_start(run, block % parts, parts);
}

/* Multiply a group by `lanes` lanes from `lane`: t has the operands' strides and the panel. If `ahead` is not NULL, the
 * panel there is prefetched meanwhile. */
static void NAME(tiles)(const Launch *launch, NAME(Tile) *t, const NAME(Group) *group, ptrdiff_t batch, ptrdiff_t lane,
                        ptrdiff_t lanes, int add, int last, const REAL *ahead) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t columns = n[OUT_COLUMNS], activation = last ? n[ACTIVATION] : NONE_;
    REAL *out = (REAL *)launch->p[OUT] + batch * n[OUT_BATCH];
    const REAL *bias = last && launch->p[BIAS] ? (const REAL *)launch->p[BIAS] + batch * n[BIAS_BATCH] : 0;
    const REAL *residual = last && launch->p[RESIDUAL] ? (const REAL *)launch->p[RESIDUAL] + batch * n[OUT_BATCH] : 0;
    const REAL *affine = last && launch->p[AFFINE] ? (const REAL *)launch->p[AFFINE] + batch * n[BIAS_BATCH] + lane : 0;
    REAL tile[TILE_ROWS * PANEL];
    int turned = n[SWAPPED] != 0;
    t->add = add && !turned;
    t->clip = activation <= RELU6 && !turned ? activation : NONE_;
    t->bias = bias && !turned ? bias + lane : 0;
    t->affine = affine, t->affine_step = n[AFFINE_STEP], t->residual = 0;
    t->edge = turned ? 0 : lanes % W;
    t->row_stride = group->row_stride, t->row_k = group->row_k;
    t->depth = group->depth, t->runs = group->runs, t->run = group->run;
    t->out_stride = (turned ? PANEL : columns) * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t s = 0; s < group->count; s++) {
        ptrdiff_t row = group->start[s], rows = group->start[s + 1] - row, first = row * columns + lane;
        t->row = group->row[s];
        t->out = (char *)(turned ? tile : out + first);
        if (residual) t->residual = (const char *)(residual + first);
        if (t->add)                     /* out is not in the cache, and all its rows are needed at once */
            for (ptrdiff_t i = 0; i < rows; i++) {
                prefetch(t->out + i * t->out_stride);
                prefetch(t->out + i * t->out_stride + (lanes > W ? W * sizeof(REAL) : 0));
            }
        NAME(run_tile)(t, rows, lanes);
        if (ahead) NAME(prefetch_panel)(launch, ahead, t->depth, s, group->count);
        if (turned)
            NAME(finish_turned)(out + lane * columns + row, columns, tile, rows, lanes, add, bias ? bias + row : 0,
                                activation);
        else if (activation > RELU6)
            NAME(activate_rows)(out + first, columns, rows, lanes, activation);
    }
}

/* The slivers [s_begin, s_end) by the panels [p_begin, p_end) of one product.
 *
 * For each block of k, each group of slivers is multiplied by all panels: a panel stays in the first cache while the
 * slivers of the group are read from the second. The panels are packed for the first group, unless they are PACKED. */
static void NAME(chunk)(const Launch *launch, NAME(Gather) gather, REAL *scratch, ptrdiff_t batch, ptrdiff_t s_begin,
                        ptrdiff_t s_end, ptrdiff_t p_begin, ptrdiff_t p_end) {
    const ptrdiff_t *n = launch->n, lanes = n[LANES], panels = ceil_div(lanes, PANEL);
    const ptrdiff_t run = n[RUN_K] ? n[RUN_K] : n[DEPTH], k_blocks = NAME(k_blocks)(n[DEPTH], run);
    int ready = n[LANES_FROM] == PACKED;
    /* panels from this one on are packed here */
    ptrdiff_t packed = ready ? p_end : n[LANES_FROM] == COPIED ? p_begin
                     : p_end == panels && lanes % W ? panels - 1 : p_end;
    REAL *copies = scratch + (p_end - packed) * PANEL * min_size(n[DEPTH], K_MOST);
    NAME(Group) group;
    NAME(Tile) t;
    for (ptrdiff_t k_block = 0; k_block < k_blocks; k_block++) {
        ptrdiff_t k = NAME(k_start)(n[DEPTH], run, k_block, k_blocks);
        ptrdiff_t depth = NAME(k_start)(n[DEPTH], run, k_block + 1, k_blocks) - k;
        const REAL *lane_operand = (const REAL *)launch->p[LANE_OPERAND] + batch * n[LANE_BATCH]
                                 + (ready ? 0 : k * n[LANE_K]);
        for (ptrdiff_t s = s_begin; s < s_end; s += n[GROUP_SLIVERS]) {
            gather(&group, launch, batch, k, depth, copies, s, min_size(n[GROUP_SLIVERS], s_end - s));
            for (ptrdiff_t p = p_begin; p < p_end; p++) {
                REAL *panel = p < packed ? 0 : scratch + (p - packed) * PANEL * depth;
                int fresh = panel && s == s_begin;
                if (fresh && (p - packed) % RUN == 0)
                    NAME(pack_panels)(panel, launch, lane_operand, depth, p, min_size(p + RUN, p_end));
                t.lane_k = panel || ready ? NAME(width)(lanes, p) : n[LANE_K];
                t.lane = panel ? panel : lane_operand + p * PANEL * (ready ? n[DEPTH] : 1) + (ready ? k * t.lane_k : 0);
                NAME(tiles)(launch, &t, &group, batch, p * PANEL, min_size(PANEL, lanes - p * PANEL),
                            k_block > 0 || n[ACCUMULATE], k_block == k_blocks - 1,
                            fresh && group.count >= PREFETCH_FROM && p + RUN < p_end
                                ? lane_operand + (p + RUN) * PANEL * n[LANE_STRIDE] : 0);
            }
        }
    }
}

/* The blocks [begin, end) of a launch whose slivers `gather` collects.
 *
 * A block is a chunk of slivers by a chunk of panels. Adjacent blocks with the same panels are computed together, so
 * that the panels are packed once. So are adjacent whole chunks of panels that fit into a slot, because an operand is
 * read faster in long runs. Each call packs into its own slot of the scratch memory, chosen by its first block. */
static int NAME(product)(BODY_ARGS, NAME(Gather) gather) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t across = n[ROW_CHUNKS], along = n[LANE_CHUNKS];
    ptrdiff_t slivers = NAME(slivers)(n), panels = ceil_div(n[LANES], PANEL);
    REAL *scratch = (REAL *)launch->p[SCRATCH] + begin * n[SLOTS] / launch->blocks * n[SLOT];
    for (ptrdiff_t block = begin, next; block < end; block = next) {
        ptrdiff_t row_chunk = block % across, lane_chunk = block / across % along;
        ptrdiff_t wide = 1;
        next = min_size(end, block - row_chunk + across);
        while (!row_chunk && next + across <= end && lane_chunk + wide < along &&
               part_start(panels, lane_chunk + wide + 1, along) - part_start(panels, lane_chunk, along) <= n[PANELS])
            next += across, wide++;
        NAME(chunk)(launch, gather, scratch, block / across / along, part_start(slivers, row_chunk, across),
                    wide > 1 ? slivers : part_start(slivers, row_chunk + next - block, across),
                    part_start(panels, lane_chunk, along), part_start(panels, lane_chunk + wide, along));
    }
    return 0;
}
