/* Bodies of scatter.c, included once for each T. A block is SCATTER_COLUMNS of the inner columns of BLOCK_ROWS of the
 * outer; each column takes its indices in order, so the bits do not depend on the division. */

#define FOR_COLUMNS                                                                                              \
    const int64_t *index = launch->p[INDEX];                                                                     \
    const ptrdiff_t n = launch->n[LENGTH], m = launch->n[INDICES], inner = launch->n[INNER];                     \
    const ptrdiff_t group = launch->n[BLOCK_ROWS], tiles = ceil_div(inner, SCATTER_COLUMNS);                     \
    for (ptrdiff_t b = begin; b < end; b++) {                                                                    \
        const ptrdiff_t first = b % tiles * SCATTER_COLUMNS, count = min_size(SCATTER_COLUMNS, inner - first);   \
        const ptrdiff_t stop = min_size((b / tiles + 1) * group, launch->n[OUTER]);                              \
        for (ptrdiff_t o = b / tiles * group; o < stop; o++) {                                                   \
            REAL *out = (REAL *)launch->p[OUT] + o * n * inner + first;
#define SOURCE ((const REAL *)launch->p[X] + o * m * inner + first)
#define END_COLUMNS } } return 0;

/* out[o, index[o, j, i], i] = RESULT of its old value `a` and x[o, j, i], `b` */
#define SCATTER(mode, RESULT)                                                                                    \
    static int NAME(scatter_##mode)(BODY_ARGS) {                                                                 \
        FOR_COLUMNS                                                                                              \
            const REAL *x = SOURCE;                                                                              \
            const int64_t *at = index + o * m * inner + first;                                                   \
            const ptrdiff_t step = inner == 1 ? m : count;        /* a single column is one run of elements */   \
            for (ptrdiff_t j = 0; j < m * inner; j += inner == 1 ? m : inner)                                    \
                for (ptrdiff_t i = 0; i < step; i++) {                                                           \
                    const int64_t k = at[j + i];                                                                 \
                    if (outside(k, n)) continue;                                                                 \
                    REAL *to = out + (inner == 1 ? k : k * inner + i);                                           \
                    const REAL a = *to, b = x[j + i];                                                            \
                    (void)a;                                                                                     \
                    *to = RESULT;                                                                                \
                }                                                                                                \
        END_COLUMNS                                                                                              \
    }
SCATTER(put, b)
SCATTER(add, a + b)
SCATTER(mul, a * b)
SCATTER(amax, a > b || a != a ? a : b)
SCATTER(amin, a < b || a != a ? a : b)
#undef SCATTER

/* out[o, index[j]] = x[o, j] */
static int NAME(copy_rows)(BODY_ARGS) {
    FOR_COLUMNS
        const REAL *x = SOURCE;
        for (ptrdiff_t j = 0; j < m; j++) {
            if (outside(index[j], n)) continue;
            if (inner == 1) out[index[j]] = x[j];
            else memcpy(out + index[j] * inner, x + j * inner, (size_t)count * sizeof *x);
        }
    END_COLUMNS
}

/* out[o, index[j]] = the number at X */
static int NAME(fill_rows)(BODY_ARGS) {
    const REAL value = *(const REAL *)launch->p[X];
    const VEC many = V(set)(value);
    FOR_COLUMNS
        for (ptrdiff_t j = 0; j < m; j++) {
            if (outside(index[j], n)) continue;
            REAL *to = out + index[j] * inner;
            ptrdiff_t i = 0;
            if (inner == 1) {
                *to = value;
                continue;
            }
            for (; i + W <= count; i += W) V(store)(to + i, many);
            if (i < count) V(store_n)(to + i, many, count - i);
        }
    END_COLUMNS
}

/* out[o, index[j]] += ALPHA * x[o, j] */
static int NAME(add_rows)(BODY_ARGS) {
    const REAL alpha = (REAL)launch->s[ALPHA];
    const VEC factor = V(set)(alpha);
    FOR_COLUMNS
        const REAL *x = SOURCE;
        for (ptrdiff_t j = 0; j < m; j++) {
            if (outside(index[j], n)) continue;
            REAL *to = out + index[j] * inner;
            const REAL *from = x + j * inner;
            ptrdiff_t i = 0;
            if (inner == 1) {
                *to += alpha * *from;
                continue;
            }
            for (; i + W <= count; i += W)
                V(store)(to + i, V(add)(V(load)(to + i), V(mul)(factor, V(load)(from + i))));
            if (i < count)
                V(store_n)(to + i, V(add)(V(load_n)(to + i, count - i), V(mul)(factor, V(load_n)(from + i, count - i))),
                           count - i);
        }
    END_COLUMNS
}
#undef SOURCE
#undef FOR_COLUMNS
#undef END_COLUMNS

/* out[o, j] = x[o, index[j]]; a block is BLOCK_ROWS of the rows of `inner` elements of the result */
static int NAME(select_rows)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X];
    const int64_t *index = launch->p[INDEX];
    const ptrdiff_t n = launch->n[LENGTH], m = launch->n[INDICES], inner = launch->n[INNER];
    const ptrdiff_t rows = launch->n[BLOCK_ROWS], stop = min_size(end * rows, launch->n[OUTER] * m);
    ptrdiff_t j = begin * rows % m;
    const REAL *from = x + begin * rows / m * n * inner;
    if (inner == 1) {
        for (ptrdiff_t row = begin * rows; row < stop; j = 0, from += n)
            for (const ptrdiff_t last = min_size(stop, row + m - j); row < last; row++, j++)
                out[row] = outside(index[j], n) ? 0 : from[index[j]];
        return 0;
    }
    for (ptrdiff_t row = begin * rows; row < stop; row++) {
        const int64_t k = index[j];
        if (outside(k, n))
            memset(out + row * inner, 0, (size_t)inner * sizeof *out);
        else
            memcpy(out + row * inner, from + k * inner, (size_t)inner * sizeof *out);
        if (++j == m) {
            j = 0;
            from += n * inner;
        }
    }
    return 0;
}
