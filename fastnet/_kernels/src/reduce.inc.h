/* Bodies of reduce.c, included once for each T.
 *
 *   rows           a block is BLOCK_ROWS rows                       OUT = total / DIVISOR
 *   columns        a block is TILE columns of one of the outer      OUT = total / DIVISOR
 *   row_chunks     a block is CHUNK elements of a row               PARTIAL = the results of chunks
 *   column_chunks  a block is COLUMN_CHUNK rows and TILE columns    PARTIAL = the results of chunks
 *   join           a block is TILE columns of one of the outer      OUT = the total of PARTIAL / DIVISOR
 * One launch or two, the partial results are the same and are joined in the same order. */

/* A block is a tile of columns: index `o` of the outer, `count` columns from `j`. */
#define FOR_TILES                                                                        \
    const ptrdiff_t n = launch->n[LENGTH], inner = launch->n[INNER], tiles = ceil_div(inner, TILE); \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t o = b / tiles, j = b % tiles * TILE, count = min_size(TILE, inner - j);
#define END_TILES } return 0;

#define FOR_ROWS                                                                         \
    const ptrdiff_t n = launch->n[LENGTH], block_rows = launch->n[BLOCK_ROWS];           \
    const ptrdiff_t last_row = min_size(end * block_rows, launch->n[OUTER]);             \
    for (ptrdiff_t r = begin * block_rows; r < last_row; r++) {
#define END_ROWS } return 0;

/* A block is a chunk of rows and a tile of columns: `o` and `j` as above, `height` rows from `r`; `at` is the place in
 * PARTIAL. */
#define FOR_COLUMN_CHUNKS                                                                \
    const ptrdiff_t n = launch->n[LENGTH], inner = launch->n[INNER];                     \
    const ptrdiff_t chunks = launch->n[CHUNKS], tiles = ceil_div(inner, TILE);           \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t j = b % tiles * TILE, count = min_size(TILE, inner - j);         \
        const ptrdiff_t chunk = b / tiles, o = chunk / chunks, r = chunk % chunks * COLUMN_CHUNK; \
        const ptrdiff_t height = min_size(COLUMN_CHUNK, n - r), at = chunk * inner + j;

/* ---- sum, sum of squares, extremes --------------------------------------------------------------------------- */

#define REDUCTION_BODIES(kernel, op, join_op)                                            \
    static int NAME(kernel##_rows)(BODY_ARGS) {                                          \
        REAL *out = launch->p[OUT];                                                      \
        const REAL *x = launch->p[X];                                                    \
        FOR_ROWS                                                                         \
            out[r] = (REAL)(NAME(row)(op, x + r * n, x, 0, n) / launch->s[DIVISOR]);           \
        END_ROWS                                                                         \
    }                                                                                    \
    static int NAME(kernel##_columns)(BODY_ARGS) {                                       \
        REAL *out = launch->p[OUT];                                                      \
        const REAL *x = launch->p[X];                                                    \
        double totals[TILE];                                                             \
        FOR_TILES                                                                        \
            const REAL *start = x + o * n * inner + j;                                   \
            REAL *sums = out + o * inner + j;                                            \
            if (n <= COLUMN_CHUNK) {                 /* one chunk: as `columns` would give */ \
                NAME(column_chunk)(op, start, x, x, inner, n, count, sums);              \
                if (launch->s[DIVISOR] != 1)                                                   \
                    for (ptrdiff_t i = 0; i < count; i++) sums[i] = (REAL)(sums[i] / launch->s[DIVISOR]); \
            } else {                                                                     \
                NAME(columns)(op, start, x, x, inner, n, count, totals);                 \
                for (ptrdiff_t i = 0; i < count; i++) sums[i] = (REAL)(totals[i] / launch->s[DIVISOR]); \
            }                                                                            \
        END_TILES                                                                        \
    }                                                                                    \
    static int NAME(kernel##_row_chunks)(BODY_ARGS) {                                    \
        REAL *partial = launch->p[PARTIAL];                                              \
        const REAL *x = launch->p[X];                                                    \
        const ptrdiff_t n = launch->n[LENGTH], chunks = launch->n[CHUNKS];               \
        for (ptrdiff_t b = begin; b < end; b++) {                                        \
            const ptrdiff_t i = b % chunks * CHUNK;                                      \
            partial[b] = NAME(chunk)(op, x + b / chunks * n + i, x, 0, min_size(CHUNK, n - i)); \
        }                                                                                \
        return 0;                                                                        \
    }                                                                                    \
    static int NAME(kernel##_column_chunks)(BODY_ARGS) {                                 \
        REAL *partial = launch->p[PARTIAL];                                              \
        const REAL *x = launch->p[X];                                                    \
        FOR_COLUMN_CHUNKS                                                                \
            NAME(column_chunk)(op, x + (o * n + r) * inner + j, x, x, inner, height, count, partial + at); \
        END_TILES                                                                        \
    }                                                                                    \
    static int NAME(kernel##_join)(BODY_ARGS) {                                          \
        REAL *out = launch->p[OUT];                                                      \
        const REAL *partial = launch->p[PARTIAL];                                        \
        const ptrdiff_t chunks = launch->n[CHUNKS];                                      \
        double totals[TILE];                                                             \
        FOR_TILES                                                                        \
            (void)n;                                                                     \
            NAME(join_chunks)(join_op, partial + o * chunks * inner + j, inner, chunks, count, totals); \
            for (ptrdiff_t i = 0; i < count; i++)                                        \
                out[o * inner + j + i] = (REAL)(totals[i] / launch->s[DIVISOR]);               \
        END_TILES                                                                        \
    }

REDUCTION_BODIES(sum, SUM, SUM)
REDUCTION_BODIES(squares, SQUARES, SUM)
REDUCTION_BODIES(amax, LARGEST, LARGEST)
REDUCTION_BODIES(amin, SMALLEST, SMALLEST)
#undef REDUCTION_BODIES

/* OUT = OUT / X, one element each. */
static int NAME(quotient)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    (void)begin, (void)end;
    *out /= *(const REAL *)launch->p[X];
    return 0;
}

/* ---- variance and standard deviation: moments of each chunk while it is in the cache, joined by Chan's formula -- */

INLINE REAL NAME(spread_of)(const Launch *launch, double m2) {
    const double variance = m2 / launch->s[DIVISOR];
    return (REAL)(launch->n[ROOT] ? sqrt(variance) : variance);
}

INLINE void NAME(write_moments)(const Launch *launch, ptrdiff_t at, const Moments *m) {
    REAL *out = launch->p[OUT];
    double *mean = launch->p[MEAN];
    out[at] = NAME(spread_of)(launch, m->m2);
    mean[at] = m->count > 0 ? m->mean : NAN;
}

static int NAME(var_rows)(BODY_ARGS) {
    const REAL *x = launch->p[X];
    FOR_ROWS
        Moments m = NAME(row_moments)(x + r * n, n, launch->s[LEAST]);
        NAME(write_moments)(launch, r, &m);
    END_ROWS
}

static int NAME(var_row_chunks)(BODY_ARGS) {
    double *means = launch->p[PARTIAL], *m2 = launch->p[PARTIAL_M2];
    const REAL *x = launch->p[X];
    const ptrdiff_t n = launch->n[LENGTH], chunks = launch->n[CHUNKS];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t i = b % chunks * CHUNK;
        const Moments m = NAME(chunk_moments)(x + b / chunks * n + i, min_size(CHUNK, n - i), launch->s[LEAST]);
        means[b] = m.mean;
        m2[b] = m.m2;
    }
    return 0;
}

static int NAME(var_columns)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    double *mean = launch->p[MEAN], means[TILE], m2[TILE];
    const REAL *x = launch->p[X];
    Moments all[TILE];
    FOR_TILES
        if (n && n <= COLUMN_CHUNK) {                /* one chunk: as joining it with nothing would give */
            NAME(column_chunk_moments)(x + o * n * inner + j, inner, n, count, launch->s[LEAST], mean + o * inner + j,
                                       m2);
            for (ptrdiff_t i = 0; i < count; i++) out[o * inner + j + i] = NAME(spread_of)(launch, m2[i]);
            continue;
        }
        for (ptrdiff_t i = 0; i < count; i++) all[i] = (Moments){0, 0, 0};
        for (ptrdiff_t r = 0; r < n; r += COLUMN_CHUNK) {
            const ptrdiff_t height = min_size(COLUMN_CHUNK, n - r);
            NAME(column_chunk_moments)(x + (o * n + r) * inner + j, inner, height, count, launch->s[LEAST], means, m2);
            for (ptrdiff_t i = 0; i < count; i++) join_moments(all + i, (double)height, means[i], m2[i]);
        }
        for (ptrdiff_t i = 0; i < count; i++) NAME(write_moments)(launch, o * inner + j + i, all + i);
    END_TILES
}

static int NAME(var_column_chunks)(BODY_ARGS) {
    double *means = launch->p[PARTIAL], *m2 = launch->p[PARTIAL_M2];
    const REAL *x = launch->p[X];
    FOR_COLUMN_CHUNKS
        NAME(column_chunk_moments)(x + (o * n + r) * inner + j, inner, height, count, launch->s[LEAST], means + at,
                                   m2 + at);
    END_TILES
}

/* Joins CHUNKS chunks of CHUNK_LENGTH elements each, except for the last. */
static int NAME(var_join)(BODY_ARGS) {
    const double *means = launch->p[PARTIAL], *m2 = launch->p[PARTIAL_M2];
    const ptrdiff_t chunks = launch->n[CHUNKS], length = launch->n[CHUNK_LENGTH];
    Moments all[TILE];
    FOR_TILES
        for (ptrdiff_t i = 0; i < count; i++) all[i] = (Moments){0, 0, 0};
        for (ptrdiff_t k = 0; k < chunks; k++) {
            const ptrdiff_t at = (o * chunks + k) * inner + j;
            const double size = (double)min_size(length, n - k * length);
            for (ptrdiff_t i = 0; i < count; i++) join_moments(all + i, size, means[at + i], m2[at + i]);
        }
        for (ptrdiff_t i = 0; i < count; i++) NAME(write_moments)(launch, o * inner + j + i, all + i);
    END_TILES
}

/* ---- indices of extremes ------------------------------------------------------------------------------------- */

/* The first index of `value`, or of a NaN if `value` is a NaN. */
INLINE ptrdiff_t NAME(find)(const REAL *x, REAL value, ptrdiff_t n) {
    const VEC v = V(set)(value);
    ptrdiff_t i = 0;
    if (value == value)
        while (i + W <= n && !M(any)(V(eq)(V(load)(x + i), v))) i += W;
    else
        while (i + W <= n && !M(any)(V(unord)(V(load)(x + i), V(zero)()))) i += W;
    while (i < n - 1 && x[i] != value && x[i] == x[i]) i++;
    return i;
}

/* The first index in each column. Rows are visited from the last to the first, so that the first one stays. Indices are
 * REAL, for one SEGMENT of rows at a time. */
INLINE void NAME(find_columns)(const REAL *x, const double *tops, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t columns,
                               int64_t *out) {
    REAL value[TILE], place[TILE];
    for (ptrdiff_t j = 0; j < columns; j++) value[j] = (REAL)tops[j];
    for (ptrdiff_t base = (n - 1) / SEGMENT * SEGMENT; base >= 0; base -= SEGMENT) {
        const ptrdiff_t rows = min_size(SEGMENT, n - base);
        for (ptrdiff_t j = 0; j < columns; j += W) {
            const ptrdiff_t count = min_size(W, columns - j);
            const VEC v = NAME(load_some)(value + j, count);
            VEC found = V(set)(-1);
            for (ptrdiff_t r = rows - 1; r >= 0; r--) {
                VEC row = NAME(load_some)(x + (base + r) * stride + j, count);
                found = V(select)(M(or)(V(eq)(row, v), V(unord)(row, row)), V(set)((REAL)r), found);
            }
            NAME(store_some)(place + j, found, count);
        }
        for (ptrdiff_t j = 0; j < columns; j++)
            if (place[j] >= 0) out[j] = base + (int64_t)place[j];
    }
}

#define ARG_BODIES(kernel, op)                                                           \
    static int NAME(kernel##_rows)(BODY_ARGS) {                                          \
        int64_t *out = launch->p[OUT];                                                   \
        const REAL *x = launch->p[X];                                                    \
        FOR_ROWS                                                                         \
            out[r] = NAME(find)(x + r * n, (REAL)NAME(row)(op, x + r * n, x, 0, n), n);  \
        END_ROWS                                                                         \
    }                                                                                    \
    static int NAME(kernel##_columns)(BODY_ARGS) {                                       \
        int64_t *out = launch->p[OUT];                                                   \
        const REAL *x = launch->p[X];                                                    \
        double tops[TILE];                                                               \
        FOR_TILES                                                                        \
            const REAL *start = x + o * n * inner + j;                                   \
            NAME(columns)(op, start, x, x, inner, n, count, tops);                       \
            NAME(find_columns)(start, tops, inner, n, count, out + o * inner + j);       \
        END_TILES                                                                        \
    }

ARG_BODIES(argmax, LARGEST)
ARG_BODIES(argmin, SMALLEST)
#undef ARG_BODIES
