/* The body matmul of matmul.c, included once for each T. */

/* The slivers lie in the operand, or are copied if COPY_ROWS. */
static void NAME(gather_rows)(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k, ptrdiff_t depth,
                              REAL *copies, ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t *n = launch->n, size = sizeof(REAL);
    const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * n[ROW_BATCH] + k * n[ROW_K];
    NAME(divide)(group, launch, depth, first, count);
    group->row_stride = (n[COPY_ROWS] ? 1 : n[ROW_STRIDE]) * size;
    group->row_k = (n[COPY_ROWS] ? SLIVER : n[ROW_K]) * size;
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

/* out = activation(rows @ lanes + bias), or out += rows @ lanes. */
static int NAME(matmul)(BODY_ARGS) { return NAME(product)(launch, begin, end, NAME(gather_rows)); }

/* All lanes of a batch as panels, in the order in which PACKED products read them. A block is one panel. */
static int NAME(pack_lanes)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, panels = ceil_div(n[LANES], PANEL);
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t batch = block / panels, p = block % panels;
        NAME(pack)((REAL *)launch->p[OUT] + batch * n[OUT_BATCH] + p * PANEL * n[DEPTH], NAME(width)(n[LANES], p),
                   (const REAL *)launch->p[LANE_OPERAND] + batch * n[LANE_BATCH] + p * PANEL * n[LANE_STRIDE],
                   n[LANE_K], n[LANE_STRIDE], n[DEPTH], min_size(PANEL, n[LANES] - p * PANEL));
    }
    return 0;
}
