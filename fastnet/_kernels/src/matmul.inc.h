/* The body matmul of matmul.c, included once for each T. */

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
