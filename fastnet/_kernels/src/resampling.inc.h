/* Bodies of resampling.c, included once for each T. */

/* out = the weighted sum of rows of x over a list, for VECTORS vectors from i on, the last of `count` elements */
#define WEIGHTED_SUM(VECTORS, count)                                                     \
    do {                                                                                 \
        VEC sum[VECTORS];                                                                \
        UNROLL for (int v = 0; v < VECTORS; v++) sum[v] = V(zero)();                     \
        for (ptrdiff_t k = list.first; k < list.last; k++) {                             \
            if (outside(index[k], n)) continue;                                          \
            const REAL *from = x + index[k] * inner + i;                                 \
            const VEC weight = V(set)(weights[k]);                                       \
            UNROLL for (int v = 0; v < VECTORS; v++)                                     \
                sum[v] = V(fma)(weight, NAME(load_some)(from + v * W, count), sum[v]);   \
        }                                                                                \
        UNROLL for (int v = 0; v < VECTORS; v++) NAME(store_some)(out + i + v * W, sum[v], count); \
    } while (0)

/* A block is BLOCK_ROWS of the outer * m rows of OUT. */
static int NAME(resample)(BODY_ARGS) {
    const int64_t *starts = launch->p[STARTS], *index = launch->p[INDEX];
    const REAL *weights = launch->p[WEIGHTS];
    const ptrdiff_t n = launch->n[LENGTH], m = launch->n[OUT_LENGTH], inner = launch->n[INNER];
    const ptrdiff_t rows = launch->n[BLOCK_ROWS], stop = min_size(end * rows, launch->n[OUTER] * m);
    for (ptrdiff_t r = begin * rows; r < stop; r++) {
        const List list = list_at(starts, r % m, launch->n[ENTRIES]);
        const REAL *x = (const REAL *)launch->p[X] + r / m * n * inner;
        REAL *out = (REAL *)launch->p[OUT] + r * inner;
        ptrdiff_t i = 0;
        for (; i + 4 * W <= inner; i += 4 * W) WEIGHTED_SUM(4, W);
        for (; i + W <= inner; i += W) WEIGHTED_SUM(1, W);
        if (i < inner) WEIGHTED_SUM(1, inner - i);
    }
    return 0;
}

#undef WEIGHTED_SUM
