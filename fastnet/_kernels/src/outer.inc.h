/* The product of one column and one row, the body outer of matmul.c. It is limited by writing, so it writes long rows.
 */

/* The column is the row operand, the row the lane operand. A block is OUTER_ROWS rows of out. */
static int NAME(outer)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t lanes = n[LANES], blocks = ceil_div(n[ROWS], OUTER_ROWS);
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t batch = block / blocks, row = block % blocks * OUTER_ROWS;
        const REAL *a = (const REAL *)launch->p[ROW_OPERAND] + batch * n[ROW_BATCH];
        const REAL *b = (const REAL *)launch->p[LANE_OPERAND] + batch * n[LANE_BATCH];
        for (ptrdiff_t stop = min_size(row + OUTER_ROWS, n[ROWS]); row < stop; row++) {
            REAL *out = (REAL *)launch->p[OUT] + (batch * n[ROWS] + row) * lanes;
            VEC factor = V(set)(a[row * n[ROW_STRIDE]]);
            for (ptrdiff_t j = 0; j < lanes; j += W) {
                ptrdiff_t count = min_size(W, lanes - j);
                /* from zero, like the sums of a tile: -0 becomes 0 */
                VEC x = V(fma)(factor, NAME(load_some)(b + j, count), V(zero)());
                if (n[ACCUMULATE]) x = V(add)(NAME(load_some)(out + j, count), x);
                NAME(store_some)(out + j, x, count);
            }
        }
    }
    return 0;
}
