/* Bodies of norm.c, included once for each T.
 *
 * Means are double. x - mean is computed in two steps, x - c + (c - mean), where c is the nearest REAL. The first step
 * is exact if the offset is large; the second adds a constant of the row. Without MEAN it is RMS norm: the mean is
 * taken as 0, and no gradient flows through it. */

/* out = value along a row of n elements, where LOAD(p) reads the elements of p at the same place; OR(p, v) is v if p is
 * absent */
#define LOAD(p) NAME(load_some)((p) + i, count)
#define OR(p, v) ((p) ? LOAD(p) : (v))
#define ALONG(n, out, value)                                                             \
    for (ptrdiff_t i = 0; i < (n); i += W) {                                             \
        const ptrdiff_t count = min_size(W, (n) - i);                                    \
        NAME(store_some)((out) + i, value, count);                                       \
    }

static int NAME(layer_norm)(BODY_ARGS) {
    REAL *out = launch->p[OUT], *rstd = launch->p[RSTD];
    double *mean = launch->p[MEAN];
    const REAL *x = launch->p[X], *weight = launch->p[WEIGHT], *bias = launch->p[BIAS];
    const ptrdiff_t n = launch->n[COLUMNS], block_rows = launch->n[BLOCK_ROWS];
    const ptrdiff_t last = min_size(end * block_rows, launch->n[ROWS]);
    const VEC one = V(set)(1), zero = V(zero)();
    for (ptrdiff_t r = begin * block_rows; r < last; r++) {
        const REAL *row = x + r * n;
        const Moments m = mean ? NAME(row_moments)(row, n, 0) : (Moments){0, 0, NAME(row)(SQUARES, row, row, 0, n)};
        if (mean) mean[r] = n ? m.mean : NAN;
        rstd[r] = (REAL)(1 / sqrt(m.m2 / (double)n + launch->s[EPS]));
        const double middle = mean ? mean[r] : 0;
        const REAL c = (REAL)middle;
        const VEC centre = V(set)(c), scale = V(set)(rstd[r]), shift = V(set)((REAL)((c - middle) * rstd[r]));
        ALONG(n, out + r * n, V(fma)(V(fma)(V(sub)(LOAD(row), centre), scale, shift), OR(weight, one), OR(bias, zero)))
    }
    return 0;
}

/* The sums of g = dy*weight and of g*(x - c) over a row. */
INLINE void NAME(row_gradient_sums)(const REAL *x, const REAL *weight, const REAL *dy, REAL c, ptrdiff_t n,
                                    double *sum, double *dot) {
    const VEC centre = V(set)(c), one = V(set)(1);
    *sum = *dot = 0;
    for (ptrdiff_t start = 0; start < n; start += CHUNK) {
        VEC s = V(zero)(), d = V(zero)();
        const ptrdiff_t stop = start + min_size(CHUNK, n - start);
        for (ptrdiff_t i = start; i < stop; i += W) {
            const ptrdiff_t count = min_size(W, stop - i);
            VEC g = V(mul)(LOAD(dy), OR(weight, one));          /* 0 in the unused lanes */
            s = V(add)(s, g);
            d = V(fma)(V(sub)(LOAD(x), centre), g, d);
        }
        *sum += V(sum)(s);
        *dot += V(sum)(d);
    }
}

INLINE void NAME(layer_norm_dx)(REAL *dx, const REAL *x, const REAL *weight, const REAL *dy, const double *means,
                                REAL rstd, ptrdiff_t n) {
    const double mean = means ? *means : 0;
    const REAL c = (REAL)mean;
    double sum, dot;
    NAME(row_gradient_sums)(x, weight, dy, c, n, &sum, &dot);
    if (!means) sum = 0;
    dot += (c - mean) * sum;
    const double slope = dot / (double)n * rstd * rstd;
    const VEC centre = V(set)(c), scale = V(set)(rstd), one = V(set)(1);
    const VEC a = V(set)((REAL)(sum / (double)n + (c - mean) * slope)), b = V(set)((REAL)slope);
    ALONG(n, dx, V(mul)(V(sub)(V(sub)(V(mul)(LOAD(dy), OR(weight, one)), a), V(mul)(V(sub)(LOAD(x), centre), b)),
                        scale))
}

/* Adds the contribution of `rows` <= GROUP rows to dweight and dbias, with h = (x - c)*rstd, or writes it if `first`.
 * Either output may be absent. */
INLINE void NAME(layer_norm_columns)(REAL *dweight, REAL *dbias, const REAL *x, const REAL *dy, const REAL *c,
                                     const REAL *rstd, ptrdiff_t rows, ptrdiff_t n, int first) {
    for (ptrdiff_t i = 0; i < n; i += W) {
        const ptrdiff_t count = min_size(W, n - i);
        VEC w = V(zero)(), b = V(zero)();
        for (ptrdiff_t r = 0; r < rows; r++) {
            VEC g = LOAD(dy + r * n), h = V(mul)(V(sub)(LOAD(x + r * n), V(set)(c[r])), V(set)(rstd[r]));
            w = V(fma)(g, h, w);
            b = V(add)(b, g);
        }
        if (dweight) NAME(store_some)(dweight + i, first ? w : V(add)(LOAD(dweight), w), count);
        if (dbias) NAME(store_some)(dbias + i, first ? b : V(add)(LOAD(dbias), b), count);
    }
}

/* Adds the contribution of the shifts to dweight, where h = (x - c)*rstd + shift. */
OUTLINE void NAME(layer_norm_shifts)(REAL *dweight, const REAL *dy, const REAL *shift, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += W) {
        const ptrdiff_t count = min_size(W, n - i);
        VEC w = V(zero)();
        for (ptrdiff_t r = 0; r < rows; r++) w = V(fma)(LOAD(dy + r * n), V(set)(shift[r]), w);
        NAME(store_some)(dweight + i, V(add)(LOAD(dweight), w), count);
    }
}

INLINE void NAME(layer_norm_group)(REAL *dweight, REAL *dbias, const REAL *x, const REAL *dy, const double *mean,
                                   const REAL *rstd, ptrdiff_t rows, ptrdiff_t n, int first) {
    REAL c[GROUP], shift[GROUP];
    int shifted = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
        const double middle = mean ? mean[r] : 0;
        c[r] = (REAL)middle;
        /* if the mean is only a few deviations, the shift is less than the rounding of h */
        shift[r] = fabs(middle * rstd[r]) > 4 ? (REAL)((c[r] - middle) * rstd[r]) : 0;
        shifted |= shift[r] != 0;
    }
    NAME(layer_norm_columns)(dweight, dbias, x, dy, c, rstd, rows, n, first);
    if (dweight && shifted) NAME(layer_norm_shifts)(dweight, dy, shift, rows, n);
}

/* A block is BLOCK_ROWS rows, a multiple of GROUP. DWEIGHT and DBIAS have a row for each block. */
static int NAME(layer_norm_backward)(BODY_ARGS) {
    REAL *dx = launch->p[DX], *dweight = launch->p[DWEIGHT], *dbias = launch->p[DBIAS];
    const REAL *x = launch->p[X], *weight = launch->p[WEIGHT], *rstd = launch->p[RSTD], *dy = launch->p[DY];
    const double *mean = launch->p[MEAN];
    const ptrdiff_t n = launch->n[COLUMNS], height = launch->n[BLOCK_ROWS];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t start = b * height, stop = min_size(start + height, launch->n[ROWS]);
        for (ptrdiff_t r = start; r < stop; r += GROUP) {
            const ptrdiff_t rows = min_size(GROUP, stop - r);
            if (dx)
                for (ptrdiff_t k = r; k < r + rows; k++)
                    NAME(layer_norm_dx)(dx + k * n, x + k * n, weight, dy + k * n, mean ? mean + k : 0, rstd[k], n);
            if (dweight || dbias)
                NAME(layer_norm_group)(dweight ? dweight + b * n : 0, dbias ? dbias + b * n : 0, x + r * n, dy + r * n,
                                       mean ? mean + r : 0, rstd + r, rows, n, r == start);
        }
    }
    return 0;
}

/* DWEIGHT, DBIAS = the sums over the PARTS rows of the partial ones; a block is TILE columns. */
static int NAME(join_gradients)(BODY_ARGS) {
    REAL *const outs[] = {launch->p[DWEIGHT], launch->p[DBIAS]};
    const REAL *const partials[] = {launch->p[PARTIAL_DWEIGHT], launch->p[PARTIAL_DBIAS]};
    const ptrdiff_t n = launch->n[COLUMNS];
    double totals[TILE];
    for (int k = 0; k < 2; k++) {
        REAL *out = outs[k];
        const REAL *partial = partials[k];
        if (!out) continue;
        for (ptrdiff_t j = begin * TILE; j < min_size(end * TILE, n); j += TILE) {
            const ptrdiff_t count = min_size(TILE, n - j);
            NAME(join_chunks)(SUM, partial + j, n, launch->n[PARTS], count, totals);
            for (ptrdiff_t i = 0; i < count; i++) out[j + i] = (REAL)totals[i];
        }
    }
    return 0;
}

#undef LOAD
#undef OR
#undef ALONG
