/* Bodies of selection.c, included once for each T. */

/* A block is BLOCK_ROWS of the OUTER * ROWS rows; of row i of a matrix columns [from, to) are kept. */
static int NAME(triangle)(BODY_ARGS) {
    const ptrdiff_t cols = launch->n[COLUMNS], rows = launch->n[ROWS], group = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * group, launch->n[OUTER] * rows), diagonal = launch->n[DIAGONAL];
    for (ptrdiff_t r = begin * group; r < stop; r++) {
        REAL *out = (REAL *)launch->p[OUT] + r * cols;
        const REAL *x = (const REAL *)launch->p[X] + r * cols;
        const ptrdiff_t edge = r % rows + diagonal + !launch->n[UPPER];
        const ptrdiff_t cut = edge < 0 ? 0 : min_size(edge, cols);
        const ptrdiff_t from = launch->n[UPPER] ? cut : 0, to = launch->n[UPPER] ? cols : cut;
        memset(out, 0, (size_t)from * sizeof *out);
        memcpy(out + from, x + from, (size_t)(to - from) * sizeof *out);
        memset(out + to, 0, (size_t)(cols - to) * sizeof *out);
    }
    return 0;
}
