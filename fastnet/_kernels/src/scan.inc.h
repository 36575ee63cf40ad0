/* Bodies of scan.c, included once for each T. A block is SCAN_COLUMNS of the inner columns of BLOCK_ROWS of the outer. */

/* For each block and each of its outer: `at` is the first element, `count` the number of columns. */
#define FOR_COLUMNS                                                                                             \
    const ptrdiff_t n = launch->n[LENGTH], inner = launch->n[INNER], group = launch->n[BLOCK_ROWS];             \
    const ptrdiff_t tiles = ceil_div(inner, SCAN_COLUMNS);                                                      \
    for (ptrdiff_t b = begin; b < end; b++) {                                                                   \
        const ptrdiff_t first = b % tiles * SCAN_COLUMNS, count = min_size(SCAN_COLUMNS, inner - first);        \
        const ptrdiff_t stop = min_size((b / tiles + 1) * group, launch->n[OUTER]);                             \
        for (ptrdiff_t o = b / tiles * group; o < stop; o++) {                                                  \
            const ptrdiff_t at = o * n * inner + first;
#define END_COLUMNS } } return 0;

/* A row of float32 takes four elements a step: its double partial results neither overflow nor vanish. Four rows of
 * float64 are computed side by side, since each sum waits for the last. */
#define SCAN(kernel, op, start)                                                                                 \
    static int NAME(kernel)(BODY_ARGS) {                                                                        \
        double total[SCAN_COLUMNS];                                                                             \
        FOR_COLUMNS                                                                                             \
            const ptrdiff_t step = launch->n[REVERSE] ? -inner : inner, from = step < 0 ? (n - 1) * inner : 0;  \
            const REAL *x = (const REAL *)launch->p[X] + at + from;                                             \
            REAL *out = (REAL *)launch->p[OUT] + at + from;                                                     \
            ptrdiff_t k = 0;                                                                                    \
            if (inner == 1 && sizeof(REAL) == 8 && o + 4 <= stop) {                                             \
                double a = start, b = start, c = start, d = start;                                              \
                for (; k < n; k++, x += step, out += step) {                                                    \
                    out[0] = (REAL)(a = a op x[0]);                                                             \
                    out[n] = (REAL)(b = b op x[n]);                                                             \
                    out[2 * n] = (REAL)(c = c op x[2 * n]);                                                     \
                    out[3 * n] = (REAL)(d = d op x[3 * n]);                                                     \
                }                                                                                               \
                o += 3;                                                                                         \
                continue;                                                                                       \
            }                                                                                                   \
            for (ptrdiff_t j = 0; j < count; j++) total[j] = start;                                             \
            if (inner == 1 && sizeof(REAL) == 4)                                                                \
                for (; k + 4 <= n; k += 4, x += 4 * step, out += 4 * step) {                                    \
                    const double t = total[0], a = x[0], ab = a op x[step], c = x[2 * step];                    \
                    const double all = ab op (c op x[3 * step]);                                                \
                    out[0] = (REAL)(t op a);                                                                    \
                    out[step] = (REAL)(t op ab);                                                                \
                    out[2 * step] = (REAL)(t op (ab op c));                                                     \
                    out[3 * step] = (REAL)(total[0] = t op all);                                                \
                }                                                                                               \
            for (; k < n; k++, x += step, out += step)                                                          \
                for (ptrdiff_t j = 0; j < count; j++) {                                                         \
                    total[j] = total[j] op x[j];                                                                \
                    out[j] = (REAL)total[j];                                                                    \
                }                                                                                               \
        END_COLUMNS                                                                                             \
    }
SCAN(cumsum, +, 0)
SCAN(cumprod, *, 1)
#undef SCAN

/* dx[k] = the product before k times the sum of dy[j] times the product from k + 1 to j */
static int NAME(cumprod_backward)(BODY_ARGS) {
    double sum[SCAN_COLUMNS];
    FOR_COLUMNS
        const REAL *x = (const REAL *)launch->p[X] + at, *y = (const REAL *)launch->p[Y] + at;
        const REAL *dy = (const REAL *)launch->p[DY] + at;
        REAL *dx = (REAL *)launch->p[OUT] + at;
        for (ptrdiff_t j = 0; j < count; j++) sum[j] = 0;
        for (ptrdiff_t k = (n - 1) * inner; k >= 0; k -= inner)
            for (ptrdiff_t j = 0; j < count; j++) {
                sum[j] = dy[k + j] + (k + inner < n * inner ? x[k + inner + j] * sum[j] : 0);
                dx[k + j] = (REAL)(k ? y[k - inner + j] * sum[j] : sum[j]);
            }
    END_COLUMNS
}

static int NAME(logcumsumexp)(BODY_ARGS) {
    double total[SCAN_COLUMNS];
    FOR_COLUMNS
        const REAL *x = (const REAL *)launch->p[X] + at;
        REAL *out = (REAL *)launch->p[OUT] + at;
        for (ptrdiff_t j = 0; j < count; j++) total[j] = -INFINITY;
        for (ptrdiff_t k = 0; k < n * inner; k += inner)
            for (ptrdiff_t j = 0; j < count; j++) {
                const double t = total[j], a = x[k + j], top = t < a || a != a ? a : t, low = t < a || a != a ? t : a;
                total[j] = top == low && isinf(top) ? top : top + log1p(exp(low - top));
                out[k + j] = (REAL)total[j];
            }
    END_COLUMNS
}

/* dx[k] = the sum of dy[j] exp(x[k] - y[j]), by a running sum of dy[j] exp(y[k] - y[j]); 0 where y[k] is -inf */
static int NAME(logcumsumexp_backward)(BODY_ARGS) {
    double sum[SCAN_COLUMNS], later[SCAN_COLUMNS];
    FOR_COLUMNS
        const REAL *x = (const REAL *)launch->p[X] + at, *y = (const REAL *)launch->p[Y] + at;
        const REAL *dy = (const REAL *)launch->p[DY] + at;
        REAL *dx = (REAL *)launch->p[OUT] + at;
        for (ptrdiff_t j = 0; j < count; j++) sum[j] = 0, later[j] = INFINITY;
        for (ptrdiff_t k = (n - 1) * inner; k >= 0; k -= inner)
            for (ptrdiff_t j = 0; j < count; j++) {
                const double here = y[k + j], none = here == -INFINITY;
                sum[j] = none ? 0 : dy[k + j] + (here == later[j] ? sum[j] : exp(here - later[j]) * sum[j]);
                dx[k + j] = none ? 0 : (REAL)(x[k + j] == here ? sum[j] : exp(x[k + j] - here) * sum[j]);
                later[j] = here;
            }
    END_COLUMNS
}

/* the index of the largest or smallest element so far: of equal ones the last, and NaN before any number */
#define EXTREME(kernel, beats)                                                                                  \
    static int NAME(kernel)(BODY_ARGS) {                                                                        \
        REAL best[SCAN_COLUMNS];                                                                                \
        int64_t place[SCAN_COLUMNS];                                                                            \
        FOR_COLUMNS                                                                                             \
            const REAL *x = (const REAL *)launch->p[X] + at;                                                    \
            int64_t *out = (int64_t *)launch->p[OUT] + at;                                                      \
            for (ptrdiff_t j = 0; n && j < count; j++) best[j] = x[j], place[j] = 0;                            \
            if (inner == 1) {                                                                                   \
                REAL most = best[0];                                                                            \
                int64_t at_most = 0;                                                                            \
                for (ptrdiff_t k = 0; k < n; k++) {                                                             \
                    if (x[k] != x[k] || x[k] beats most) most = x[k], at_most = k;                              \
                    out[k] = at_most;                                                                           \
                }                                                                                               \
                continue;                                                                                       \
            }                                                                                                   \
            for (ptrdiff_t k = 0; k < n; k++)                                                                   \
                for (ptrdiff_t j = 0; j < count; j++) {                                                         \
                    const REAL a = x[k * inner + j];                                                            \
                    if (a != a || a beats best[j]) best[j] = a, place[j] = k;                                   \
                    out[k * inner + j] = place[j];                                                              \
                }                                                                                               \
        END_COLUMNS                                                                                             \
    }
EXTREME(cummax, >=)
EXTREME(cummin, <=)
#undef EXTREME
#undef FOR_COLUMNS
#undef END_COLUMNS
