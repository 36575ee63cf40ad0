/* Packing, products and time steps of recurrent.c, included once for each T. */

/* ---- packing -------------------------------------------------------------------------------------------------- */

/* Pack a panel of a weight (gates x lanes, depth): vector v holds the W units of gate v % gates from v / gates * W on. */
static void NAME(pack_units)(REAL *panel, const ptrdiff_t *n, const REAL *x, ptrdiff_t p) {
    const ptrdiff_t gates = n[PACKED_GATES], depth = n[PACKED_DEPTH], lanes = n[PACKED_LANES];
    for (ptrdiff_t v = 2 * p; v < 2 * p + 2; v++, panel += W) {
        ptrdiff_t unit = v / gates * W;
        if (unit < lanes)
            NAME(pack)(panel, PANEL, x + (v % gates * lanes + unit) * depth, 1, depth, depth,
                       min_size(W, lanes - unit));
        else
            for (ptrdiff_t k = 0; k < depth; k++) V(store)(panel + k * PANEL, V(zero)());
    }
}

/* Pack a panel of a weight (depth, lanes) for a product by the weight itself. */
static void NAME(pack_columns)(REAL *panel, const ptrdiff_t *n, const REAL *x, ptrdiff_t p) {
    const ptrdiff_t depth = n[PACKED_DEPTH], lanes = n[PACKED_LANES], some = min_size(PANEL, lanes - p * PANEL);
    if (some < PANEL) memset(panel, 0, (size_t)(depth * PANEL) * sizeof(REAL));
    NAME(pack)(panel, PANEL, x + p * PANEL, lanes, 1, depth, some);
}

/* A block is a panel, [k][lane]. */
static int NAME(pack_weight)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    for (ptrdiff_t p = begin; p < end; p++)
        (n[PACKED_ALONG] ? NAME(pack_columns) : NAME(pack_units))(
            (REAL *)launch->p[PACKED_TO] + p * n[PACKED_STRIDE], n, launch->p[PACKED_FROM], p);
    return 0;
}

/* ---- products ------------------------------------------------------------------------------------------------- */

#define GROUP_PANELS 6                                  /* panels whose sums are at hand at once, at most */
#define STRIP_PANELS 4
#define SUMS_STRIDE (GROUP_PANELS * PANEL)

#define STRIP_DECLARE(i) VEC a##i = V(zero)();
#define STRIP_STEP(i) a##i = V(fma)(x, V(load)(b##i + k * PANEL), a##i);
#define STRIP_STORE(i) V(store)(out + i * W, a##i);
/* One row by four panels: eight sums hide the latency of an addition. */
static void NAME(strip)(REAL *out, const REAL *row, const REAL *panel, ptrdiff_t depth) {
    const REAL *b0 = panel, *b1 = b0 + W, *b2 = b0 + depth * PANEL, *b3 = b2 + W;
    const REAL *b4 = b2 + depth * PANEL, *b5 = b4 + W, *b6 = b4 + depth * PANEL, *b7 = b6 + W;
    REPEAT_8(STRIP_DECLARE)
    for (ptrdiff_t k = 0; k < depth; k++) {
        const VEC x = V(set)(row[k]);
        REPEAT_8(STRIP_STEP)
    }
    REPEAT_8(STRIP_STORE)
}
#undef STRIP_DECLARE
#undef STRIP_STEP
#undef STRIP_STORE

/* sums[i][lane] = rows @ panels for up to TILE_ROWS rows and GROUP_PANELS panels. */
static void NAME(sum_panels)(REAL *sums, const REAL *row, ptrdiff_t stride, ptrdiff_t rows, const REAL *panel,
                             ptrdiff_t panels, ptrdiff_t depth) {
    NAME(Tile) t = {0};
    t.depth = depth, t.row = (const char *)row, t.row_stride = stride * (ptrdiff_t)sizeof(REAL);
    t.row_k = sizeof(REAL), t.lane_k = PANEL, t.out_stride = SUMS_STRIDE * (ptrdiff_t)sizeof(REAL);
    while (panels > 0) {
        if (rows == 1 && panels >= STRIP_PANELS) {
            NAME(strip)(sums, row, panel, depth);
            sums += STRIP_PANELS * PANEL, panel += STRIP_PANELS * depth * PANEL, panels -= STRIP_PANELS;
            continue;
        }
        t.lane = panel, t.out = (char *)sums;
        CAT(tiles2, T)[rows](&t);
        sums += PANEL, panel += depth * PANEL, panels--;
    }
}

/* ---- sequences ------------------------------------------------------------------------------------------------ */

/* The sequences [first, first + count) of a call at one time step, and the units that are computed. */
typedef struct {
    const ptrdiff_t *n;
    ptrdiff_t first, count;             /* of the batch */
    ptrdiff_t row;                      /* of the first sequence in the arrays over time */
    ptrdiff_t unit, end;
} NAME(Step);

/* The sequences of a batch that have a step t. Never more than the batch and the rows that are left. */
static inline ptrdiff_t NAME(active)(const Launch *launch, ptrdiff_t t, ptrdiff_t rows) {
    const int64_t *sizes = launch->p[SIZES_AT];
    ptrdiff_t count = sizes ? (ptrdiff_t)sizes[t] : launch->n[BATCH];
    return min_size(min_size(count < 0 ? 0 : count, launch->n[BATCH]), rows);
}

typedef void (*NAME(AtStep))(const Launch *launch, const NAME(Step) *step);

/* Call `at_step` for all time steps, from the first to the last or, if `backward`, from the last to the first. */
static void NAME(for_steps)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end, int backward, NAME(AtStep) at_step) {
    const ptrdiff_t *n = launch->n, total = n[TOTAL];
    ptrdiff_t row = backward ? total : 0;
    NAME(Step) step = {n, begin, 0, 0, 0, n[HIDDEN]};
    for (ptrdiff_t i = 0; i < n[STEPS]; i++) {
        ptrdiff_t active = NAME(active)(launch, backward ? n[STEPS] - 1 - i : i, backward ? row : total - row);
        if (backward) row -= active;
        step.row = row + begin, step.count = min_size(end, active) - begin;
        if (step.count > 0) at_step(launch, &step);
        if (!backward) row += active;
    }
}

/* Row of the first sequence at step i in the order of computation, of sequences of the same length. */
static inline ptrdiff_t NAME(row_at)(const ptrdiff_t *n, ptrdiff_t i, int backward) {
    return (backward ? n[STEPS] - 1 - i : i) * n[BATCH];
}

/* Calls with the rows of `sums` for each sliver of the sequences of a step and each group of panels. */
#define FOR_SLIVERS(step)                                                                                       \
    for (ptrdiff_t s = 0, slivers = ceil_div((step)->count, TILE_ROWS); s < slivers; s++) {                     \
        const ptrdiff_t first = part_start((step)->count, s, slivers);                                          \
        const ptrdiff_t rows = part_start((step)->count, s + 1, slivers) - first;
#define END_SLIVERS }

/* to = from for `count` rows of `width` elements. */
static void NAME(copy_rows)(REAL *to, ptrdiff_t to_stride, const REAL *from, ptrdiff_t from_stride, ptrdiff_t count,
                            ptrdiff_t width) {
    for (ptrdiff_t i = 0; i < count; i++)
        memcpy(to + i * to_stride, from + i * from_stride, (size_t)width * sizeof(REAL));
}

/* The first state of the sequences [begin, end): given, or 0. */
static void NAME(start)(REAL *to, ptrdiff_t to_stride, const REAL *given, ptrdiff_t begin, ptrdiff_t end,
                        ptrdiff_t width) {
    if (given)
        NAME(copy_rows)(to + begin * to_stride, to_stride, given + begin * width, width, end - begin, width);
    else
        for (ptrdiff_t b = begin; b < end; b++) memset(to + b * to_stride, 0, (size_t)width * sizeof(REAL));
}

/* The row of sequence `first + i` of a step in the arrays over time, in the states, and in MEMORY. */
#define AT_TIME(slot, width) ((REAL *)launch->p[slot] + (step->row + i) * (width))
#define AT_STATE(slot, width) ((REAL *)launch->p[slot] + (step->first + i) * (width))
#define IN_MEMORY(part, width) ((REAL *)launch->p[MEMORY] + n[part] + (step->first + i) * (width))

/* Panels whose sums are at hand at once: as many as a strip has if there is one sequence and they hold whole units. */
static inline ptrdiff_t NAME(group_panels)(const NAME(Step) *step, ptrdiff_t gates) {
    return step->count == 1 && 2 * STRIP_PANELS % gates == 0 ? STRIP_PANELS : GROUP_PANELS;
}

/* out[i][lane] = rows @ panels (or added to it), for the lanes from `lane` (a multiple of PANEL) to `lanes` and all
 * sequences of a step. */
static void NAME(multiply)(const NAME(Step) *step, REAL *out, ptrdiff_t out_stride, const REAL *in, ptrdiff_t in_stride,
                           const REAL *panels, ptrdiff_t depth, ptrdiff_t lane, ptrdiff_t lanes, int add) {
    REAL sums[TILE_ROWS * SUMS_STRIDE];
    const ptrdiff_t all = ceil_div(lanes, PANEL), group = NAME(group_panels)(step, 1);
    for (ptrdiff_t p = lane / PANEL; p < all; p += group) {
        const ptrdiff_t count = min_size(group, all - p), end = min_size(lanes, (p + count) * PANEL);
        FOR_SLIVERS(step)
            NAME(sum_panels)(sums, in + first * in_stride, in_stride, rows, panels + p * depth * PANEL, count, depth);
            for (ptrdiff_t i = 0; i < rows; i++)
                for (ptrdiff_t lane = p * PANEL; lane < end; lane += W) {
                    REAL *to = out + (first + i) * out_stride + lane;
                    const ptrdiff_t some = min_size(W, end - lane);
                    VEC sum = V(load)(sums + i * SUMS_STRIDE + lane - p * PANEL);
                    if (add) sum = V(add)(NAME(load_some)(to, some), sum);
                    NAME(store_some)(to, sum, some);
                }
        END_SLIVERS
    }
}
