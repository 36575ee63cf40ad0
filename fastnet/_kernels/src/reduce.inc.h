/* Bodies of reduce.c, included once for each T.
 *
 * n[] = outer, n, inner, then by body:
 *   rows           n[3] rows a block                                out = total / s[0]
 *   columns        a block is TILE columns of one of the outer      out = total / s[0]
 *   row_chunks     a block is CHUNK elements of a row, n[3] a row   p[0] = partial results (outer, n[3])
 *   column_chunks  a block is COLUMN_CHUNK rows and TILE columns    p[0] = partial results (outer, n[3], inner)
 *   join           a block is TILE columns of one of the outer      p[1] = those; out = their total / s[0]
 * Split or not, the partial results are the same and join in the same order. */

/* the tile of columns of a block: `o` of the outer, columns from `j`, `count` of them */
#define FOR_TILES                                                                        \
    const ptrdiff_t n = launch->n[1], inner = launch->n[2];                              \
    const ptrdiff_t tiles = (inner + TILE - 1) / TILE;                                   \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t o = b / tiles, j = b % tiles * TILE, count = min_size(TILE, inner - j);
#define END_TILES } return 0;

#define FOR_ROWS                                                                         \
    const ptrdiff_t n = launch->n[1], last_row = min_size(end * launch->n[3], launch->n[0]); \
    for (ptrdiff_t r = begin * launch->n[3]; r < last_row; r++) {
#define END_ROWS } return 0;

/* a chunk of rows and a tile of columns: `o` and `j` as above, rows from `r`, `height` of them; `at` in the partials */
#define FOR_COLUMN_CHUNKS                                                                \
    const ptrdiff_t n = launch->n[1], inner = launch->n[2], chunks = launch->n[3];       \
    const ptrdiff_t tiles = (inner + TILE - 1) / TILE;                                   \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t j = b % tiles * TILE, count = min_size(TILE, inner - j);         \
        const ptrdiff_t chunk = b / tiles, o = chunk / chunks, r = chunk % chunks * COLUMN_CHUNK; \
        const ptrdiff_t height = min_size(COLUMN_CHUNK, n - r), at = chunk * inner + j;

/* ---- sum, sum of squares, extremes --------------------------------------------------------------------------- */

#define REDUCTION_BODIES(kernel, op, join_op)                                            \
    static int NAME(kernel##_rows)(BODY_ARGS) {                                          \
        REAL *out = launch->p[0];                                                        \
        const REAL *x = launch->p[1];                                                    \
        FOR_ROWS                                                                         \
            out[r] = (REAL)(NAME(row)(op, x + r * n, x, 0, n) / launch->s[0]);           \
        END_ROWS                                                                         \
    }                                                                                    \
    static int NAME(kernel##_columns)(BODY_ARGS) {                                       \
        REAL *out = launch->p[0];                                                        \
        const REAL *x = launch->p[1];                                                    \
        double totals[TILE];                                                             \
        FOR_TILES                                                                        \
            const REAL *start = x + o * n * inner + j;                                   \
            REAL *sums = out + o * inner + j;                                            \
            if (n <= COLUMN_CHUNK) {                 /* one chunk: what `columns` would give */ \
                NAME(column_chunk)(op, start, x, x, inner, n, count, sums);              \
                if (launch->s[0] != 1)                                                   \
                    for (ptrdiff_t i = 0; i < count; i++) sums[i] = (REAL)(sums[i] / launch->s[0]); \
            } else {                                                                     \
                NAME(columns)(op, start, x, x, inner, n, count, totals);                 \
                for (ptrdiff_t i = 0; i < count; i++) sums[i] = (REAL)(totals[i] / launch->s[0]); \
            }                                                                            \
        END_TILES                                                                        \
    }                                                                                    \
    static int NAME(kernel##_row_chunks)(BODY_ARGS) {                                    \
        REAL *out = launch->p[0];                                                        \
        const REAL *x = launch->p[1];                                                    \
        const ptrdiff_t n = launch->n[1], chunks = launch->n[3];                         \
        for (ptrdiff_t b = begin; b < end; b++) {                                        \
            const ptrdiff_t i = b % chunks * CHUNK;                                      \
            out[b] = NAME(chunk)(op, x + b / chunks * n + i, x, 0, min_size(CHUNK, n - i)); \
        }                                                                                \
        return 0;                                                                        \
    }                                                                                    \
    static int NAME(kernel##_column_chunks)(BODY_ARGS) {                                 \
        REAL *out = launch->p[0];                                                        \
        const REAL *x = launch->p[1];                                                    \
        FOR_COLUMN_CHUNKS                                                                \
            NAME(column_chunk)(op, x + (o * n + r) * inner + j, x, x, inner, height, count, out + at); \
        END_TILES                                                                        \
    }                                                                                    \
    static int NAME(kernel##_join)(BODY_ARGS) {                                          \
        REAL *out = launch->p[0];                                                        \
        const REAL *partial = launch->p[1];                                              \
        double totals[TILE];                                                             \
        FOR_TILES                                                                        \
            NAME(join_chunks)(join_op, partial + o * n * inner + j, inner, n, count, totals); \
            for (ptrdiff_t i = 0; i < count; i++)                                        \
                out[o * inner + j + i] = (REAL)(totals[i] / launch->s[0]);               \
        END_TILES                                                                        \
    }

REDUCTION_BODIES(sum, SUM, SUM)
REDUCTION_BODIES(squares, SQUARES, SUM)
REDUCTION_BODIES(amax, LARGEST, LARGEST)
REDUCTION_BODIES(amin, SMALLEST, SMALLEST)
#undef REDUCTION_BODIES

/* ---- variance and standard deviation: each chunk's moments while it is in the cache, joined as Chan does -------
 * n[5]: whether the root is wanted. s[0] is the divisor, s[1] the least sum of squares to be trusted in REAL. The means
 * are double. */

INLINE REAL NAME(spread_of)(const Launch *launch, double m2) {
    const double variance = m2 / launch->s[0];
    return (REAL)(launch->n[5] ? sqrt(variance) : variance);
}

INLINE void NAME(write_moments)(const Launch *launch, ptrdiff_t at, const Moments *m) {
    REAL *out = launch->p[0];
    double *mean = launch->p[1];
    out[at] = NAME(spread_of)(launch, m->m2);
    mean[at] = m->count > 0 ? m->mean : NAN;
}

static int NAME(var_rows)(BODY_ARGS) {
    const REAL *x = launch->p[2];
    FOR_ROWS
        Moments m = NAME(row_moments)(x + r * n, n, launch->s[1]);
        NAME(write_moments)(launch, r, &m);
    END_ROWS
}

static int NAME(var_row_chunks)(BODY_ARGS) {
    double *means = launch->p[0], *m2 = launch->p[1];
    const REAL *x = launch->p[2];
    const ptrdiff_t n = launch->n[1], chunks = launch->n[3];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t i = b % chunks * CHUNK;
        const Moments m = NAME(chunk_moments)(x + b / chunks * n + i, min_size(CHUNK, n - i), launch->s[1]);
        means[b] = m.mean;
        m2[b] = m.m2;
    }
    return 0;
}

static int NAME(var_columns)(BODY_ARGS) {
    REAL *out = launch->p[0];
    double *mean = launch->p[1], means[TILE], m2[TILE];
    const REAL *x = launch->p[2];
    Moments all[TILE];
    FOR_TILES
        if (n && n <= COLUMN_CHUNK) {                /* one chunk: what joining it with nothing would give */
            NAME(column_chunk_moments)(x + o * n * inner + j, inner, n, count, launch->s[1], mean + o * inner + j, m2);
            for (ptrdiff_t i = 0; i < count; i++) out[o * inner + j + i] = NAME(spread_of)(launch, m2[i]);
            continue;
        }
        for (ptrdiff_t i = 0; i < count; i++) all[i] = (Moments){0, 0, 0};
        for (ptrdiff_t r = 0; r < n; r += COLUMN_CHUNK) {
            const ptrdiff_t height = min_size(COLUMN_CHUNK, n - r);
            NAME(column_chunk_moments)(x + (o * n + r) * inner + j, inner, height, count, launch->s[1], means, m2);
            for (ptrdiff_t i = 0; i < count; i++) join_moments(all + i, (double)height, means[i], m2[i]);
        }
        for (ptrdiff_t i = 0; i < count; i++) NAME(write_moments)(launch, o * inner + j + i, all + i);
    END_TILES
}

static int NAME(var_column_chunks)(BODY_ARGS) {
    double *means = launch->p[0], *m2 = launch->p[1];
    const REAL *x = launch->p[2];
    FOR_COLUMN_CHUNKS
        NAME(column_chunk_moments)(x + (o * n + r) * inner + j, inner, height, count, launch->s[1], means + at, m2 + at);
    END_TILES
}

/* n[1] chunks of n[3] elements, the last of them fewer, n[4] in all */
static int NAME(var_join)(BODY_ARGS) {
    const double *means = launch->p[2], *m2 = launch->p[3];
    Moments all[TILE];
    FOR_TILES
        for (ptrdiff_t i = 0; i < count; i++) all[i] = (Moments){0, 0, 0};
        for (ptrdiff_t k = 0; k < n; k++) {
            const ptrdiff_t at = (o * n + k) * inner + j;
            const double size = (double)min_size(launch->n[3], launch->n[4] - k * launch->n[3]);
            for (ptrdiff_t i = 0; i < count; i++) join_moments(all + i, size, means[at + i], m2[at + i]);
        }
        for (ptrdiff_t i = 0; i < count; i++) NAME(write_moments)(launch, o * inner + j + i, all + i);
    END_TILES
}

/* ---- places of extremes -------------------------------------------------------------------------------------- */

/* the first place of `value`, or if that is a NaN, of a NaN */
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

/* the first place of each column, in passes from below so that the first stays; numbers of rows as REAL, a SEGMENT at a
 * time */
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
        int64_t *out = launch->p[0];                                                     \
        const REAL *x = launch->p[1];                                                    \
        FOR_ROWS                                                                         \
            out[r] = NAME(find)(x + r * n, (REAL)NAME(row)(op, x + r * n, x, 0, n), n);  \
        END_ROWS                                                                         \
    }                                                                                    \
    static int NAME(kernel##_columns)(BODY_ARGS) {                                       \
        int64_t *out = launch->p[0];                                                     \
        const REAL *x = launch->p[1];                                                    \
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
