/* Softmax and log-softmax over the middle of (outer, n, inner), and their gradients: part of reduce.c, once for each T.
 *
 * Rows and columns are divided into blocks as in reduce.inc.h. All passes over a row (largest element, exponentials and
 * their sum, result) run while it is in the cache. */

/* Writes exp(x - top) to out, unless out is NULL, and returns their sum. */
INLINE double NAME(exponentials)(REAL *out, const REAL *x, REAL top, ptrdiff_t n) {
    const VEC t = V(set)(top);
    double total = 0;
    for (ptrdiff_t start = 0; start < n; start += CHUNK) {
        const ptrdiff_t stop = start + min_size(CHUNK, n - start);
        VEC sum = V(zero)();
        ptrdiff_t i = start;
        for (; i + W <= stop; i += W) {
            VEC e = V(exp)(V(sub)(V(load)(x + i), t));
            if (out) V(store)(out + i, e);
            sum = V(add)(sum, e);
        }
        if (i < stop) {
            VEC e = V(exp)(V(sub)(NAME(load_or)(x + i, stop - i, top), t));
            if (out) V(store_n)(out + i, e, stop - i);
            sum = V(select)(NAME(first)(stop - i), V(add)(sum, e), sum);
        }
        total += V(sum)(sum);
    }
    return total;
}

/* out = value along a row, where LOAD(p) reads the elements of p at the same place */
#define LOAD(p) NAME(load_some)((p) + i, count)
#define ALONG(n, out, value)                                                             \
    for (ptrdiff_t i = 0; i < (n); i += W) {                                             \
        const ptrdiff_t count = min_size(W, (n) - i);                                    \
        NAME(store_some)((out) + i, value, count);                                       \
    }

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static int NAME(softmax_rows)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X];
    FOR_ROWS
        const REAL *row = x + r * n;
        const REAL top = (REAL)NAME(row)(LARGEST, row, x, 0, n);
        const VEC scale = V(set)((REAL)(1 / NAME(exponentials)(out + r * n, row, top, n)));
        ALONG(n, out + r * n, V(mul)(LOAD(out + r * n), scale))
    END_ROWS
}

static int NAME(log_softmax_rows)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X];
    FOR_ROWS
        const REAL *row = x + r * n;
        const REAL top = (REAL)NAME(row)(LARGEST, row, x, 0, n);
        const VEC t = V(set)(top), rest = V(set)((REAL)log(NAME(exponentials)(0, row, top, n)));
        ALONG(n, out + r * n, V(sub)(V(sub)(LOAD(row), t), rest))
    END_ROWS
}

static int NAME(softmax_backward_rows)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *y = launch->p[Y], *dy = launch->p[DY];
    FOR_ROWS
        const REAL *yr = y + r * n, *dyr = dy + r * n;
        const VEC dot = V(set)((REAL)NAME(row)(PRODUCTS, yr, dyr, 0, n));
        ALONG(n, dx + r * n, V(mul)(LOAD(yr), V(sub)(LOAD(dyr), dot)))
    END_ROWS
}

static int NAME(log_softmax_backward_rows)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *y = launch->p[Y], *dy = launch->p[DY];
    FOR_ROWS
        const REAL *yr = y + r * n, *dyr = dy + r * n;
        const VEC sum = V(set)((REAL)NAME(row)(SUM, dyr, dyr, 0, n));
        ALONG(n, dx + r * n, V(sub)(LOAD(dyr), V(mul)(V(exp)(LOAD(yr)), sum)))
    END_ROWS
}

/* ---- columns ------------------------------------------------------------------------------------------------- */

/* Largest elements and sums of exponentials of the columns; writes the exponentials to out, unless it is NULL. */
INLINE void NAME(column_exponentials)(REAL *out, const REAL *x, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t columns,
                                      REAL *tops, double *totals) {
    REAL sums[TILE];
    NAME(columns)(LARGEST, x, x, x, stride, n, columns, totals);
    for (ptrdiff_t j = 0; j < columns; j++) tops[j] = (REAL)totals[j];
    for (ptrdiff_t j = 0; j < columns; j++) totals[j] = 0;
    for (ptrdiff_t start = 0; start < n; start += COLUMN_CHUNK) {
        for (ptrdiff_t j = 0; j < columns; j++) sums[j] = 0;
        for (ptrdiff_t r = start; r < start + min_size(COLUMN_CHUNK, n - start); r++)
            for (ptrdiff_t i = 0; i < columns; i += W) {
                const ptrdiff_t count = min_size(W, columns - i);
                VEC e = V(exp)(V(sub)(LOAD(x + r * stride), LOAD(tops)));
                if (out) NAME(store_some)(out + r * stride + i, e, count);
                NAME(store_some)(sums + i, V(add)(LOAD(sums), e), count);
            }
        for (ptrdiff_t j = 0; j < columns; j++) totals[j] += sums[j];
    }
}

static int NAME(softmax_columns)(BODY_ARGS) {
    REAL *out = launch->p[OUT], scales[TILE];
    const REAL *x = launch->p[X];
    double totals[TILE];
    FOR_TILES
        const ptrdiff_t at = o * n * inner + j;
        NAME(column_exponentials)(out + at, x + at, inner, n, count, scales, totals);
        for (ptrdiff_t i = 0; i < count; i++) scales[i] = (REAL)(1 / totals[i]);
        const ptrdiff_t columns = count;
        for (ptrdiff_t r = 0; r < n; r++)
            ALONG(columns, out + at + r * inner, V(mul)(LOAD(out + at + r * inner), LOAD(scales)))
    END_TILES
}

static int NAME(log_softmax_columns)(BODY_ARGS) {
    REAL *out = launch->p[OUT], tops[TILE], rest[TILE];
    const REAL *x = launch->p[X];
    double totals[TILE];
    FOR_TILES
        const ptrdiff_t at = o * n * inner + j, columns = count;
        NAME(column_exponentials)(0, x + at, inner, n, count, tops, totals);
        for (ptrdiff_t i = 0; i < count; i++) rest[i] = (REAL)log(totals[i]);
        for (ptrdiff_t r = 0; r < n; r++)
            ALONG(columns, out + at + r * inner, V(sub)(V(sub)(LOAD(x + at + r * inner), LOAD(tops)), LOAD(rest)))
    END_TILES
}

static int NAME(softmax_backward_columns)(BODY_ARGS) {
    REAL *dx = launch->p[DX], dots[TILE];
    const REAL *y = launch->p[Y], *dy = launch->p[DY];
    double totals[TILE];
    FOR_TILES
        const ptrdiff_t at = o * n * inner + j, columns = count;
        NAME(columns)(PRODUCTS, y + at, dy + at, y, inner, n, count, totals);
        for (ptrdiff_t i = 0; i < count; i++) dots[i] = (REAL)totals[i];
        for (ptrdiff_t k = at; k < at + n * inner; k += inner)
            ALONG(columns, dx + k, V(mul)(LOAD(y + k), V(sub)(LOAD(dy + k), LOAD(dots))))
    END_TILES
}

static int NAME(log_softmax_backward_columns)(BODY_ARGS) {
    REAL *dx = launch->p[DX], sums[TILE];
    const REAL *y = launch->p[Y], *dy = launch->p[DY];
    double totals[TILE];
    FOR_TILES
        const ptrdiff_t at = o * n * inner + j, columns = count;
        NAME(columns)(SUM, dy + at, dy, y, inner, n, count, totals);
        for (ptrdiff_t i = 0; i < count; i++) sums[i] = (REAL)totals[i];
        for (ptrdiff_t k = at; k < at + n * inner; k += inner)
            ALONG(columns, dx + k, V(sub)(LOAD(dy + k), V(mul)(V(exp)(LOAD(y + k)), LOAD(sums))))
    END_TILES
}

/* ---- the logarithm of the sum; where all elements of a row are the same infinity, it is that infinity ---------- */

INLINE REAL NAME(log_sum)(REAL top, double total) { return isinf(top) ? top : (REAL)(top + log(total)); }

/* exp(x - y) * dy along a row; 0 where y is -inf */
INLINE VEC NAME(share)(VEC x, VEC y, VEC dy) {
    const VEC none = V(set)(-INFINITY);
    return V(select)(V(eq)(y, none), V(zero)(), V(mul)(V(exp)(V(sub)(x, y)), dy));
}

static int NAME(logsumexp_rows)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X];
    FOR_ROWS
        const REAL top = n ? (REAL)NAME(row)(LARGEST, x + r * n, x, 0, n) : -INFINITY;
        out[r] = NAME(log_sum)(top, isinf(top) ? 0 : NAME(exponentials)(0, x + r * n, top, n));
    END_ROWS
}

static int NAME(logsumexp_columns)(BODY_ARGS) {
    REAL *out = launch->p[OUT], tops[TILE];
    const REAL *x = launch->p[X];
    double totals[TILE];
    FOR_TILES
        for (ptrdiff_t i = 0; n == 0 && i < count; i++) tops[i] = -INFINITY;
        if (n) NAME(column_exponentials)(0, x + o * n * inner + j, inner, n, count, tops, totals);
        for (ptrdiff_t i = 0; i < count; i++) out[o * inner + j + i] = NAME(log_sum)(tops[i], totals[i]);
    END_TILES
}

static int NAME(logsumexp_backward_rows)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *x = launch->p[X], *y = launch->p[LOG_SUM], *dy = launch->p[DY];
    FOR_ROWS
        const VEC top = V(set)(y[r]), slope = V(set)(dy[r]);
        ALONG(n, dx + r * n, NAME(share)(LOAD(x + r * n), top, slope))
    END_ROWS
}

static int NAME(logsumexp_backward_columns)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *x = launch->p[X], *y = launch->p[LOG_SUM], *dy = launch->p[DY];
    FOR_TILES
        const ptrdiff_t at = o * n * inner + j, columns = count;
        const REAL *tops = y + o * inner + j, *slopes = dy + o * inner + j;
        for (ptrdiff_t k = at; k < at + n * inner; k += inner)
            ALONG(columns, dx + k, NAME(share)(LOAD(x + k), LOAD(tops), LOAD(slopes)))
    END_TILES
}

#undef LOAD
#undef ALONG
#undef FOR_TILES
#undef END_TILES
#undef FOR_ROWS
#undef END_ROWS
#undef FOR_COLUMN_CHUNKS
