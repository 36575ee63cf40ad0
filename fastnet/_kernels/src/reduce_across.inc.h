/* Sums and extremes of channels-last arrays, (OUTER, POSITIONS, CHANNELS), with the bits that the bodies of reduce.inc.h
 * give for the transposed array: over positions those of `rows`, over channels those of `columns`. Blocks of W
 * positions and W channels are transposed in registers. */

enum { NAME(AHEAD) = 2 };       /* blocks of W positions that are fetched ahead: the hardware does not expect the jumps */

/* r[j] = channel j of W positions, for j < columns <= W. x is the first channel of the first position, which has `before`
 * channels before it. Of the W positions only `rows` exist; the other lanes repeat the last one. */
INLINE void NAME(load_channels)(VEC *r, const REAL *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns,
                                ptrdiff_t before) {
    const ptrdiff_t shift = W - columns;
    const REAL *row[W];
    for (ptrdiff_t i = 0; i < W; i++) {
        row[i] = x + min_size(i, rows - 1) * stride;
        prefetch_far(row[i] + NAME(AHEAD) * W * stride);
    }
    if (shift == 0) {
        V(load_across)(r, row, 0);
    } else if (shift <= before) {
        VEC all[W];
        V(load_across)(all, row, -shift);
        for (ptrdiff_t j = 0; j < columns; j++) r[j] = all[j + shift];
    } else {
        REAL lanes[W];
        for (ptrdiff_t j = 0; j < columns; j++) {
            for (ptrdiff_t i = 0; i < W; i++) lanes[i] = row[i][j];
            r[j] = V(load)(lanes);
        }
    }
}

/* As `chunk_of` in sums.inc.h, for each of `columns` <= W channels: over n <= CHUNK positions. */
INLINE void NAME(positions_chunk)(Operation op, const REAL *x, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t columns,
                                  ptrdiff_t before, REAL *out) {
    const VEC start = V(set)((REAL)identity(op));
    VEC sums[4][W], r[W];
    ptrdiff_t i = 0;
    for (ptrdiff_t q = 0; q < 4; q++)
        for (ptrdiff_t j = 0; j < columns; j++) sums[q][j] = start;
    if (n >= 4 * W) {
        for (; i + 4 * W <= n; i += 4 * W)
            for (ptrdiff_t q = 0; q < 4; q++) {
                NAME(load_channels)(r, x + (i + q * W) * stride, stride, W, columns, before);
                for (ptrdiff_t j = 0; j < columns; j++) sums[q][j] = NAME(joined)(op, sums[q][j], r[j]);
            }
        for (ptrdiff_t j = 0; j < columns; j++)
            sums[0][j] = NAME(joined)(op, NAME(joined)(op, sums[0][j], sums[1][j]),
                                      NAME(joined)(op, sums[2][j], sums[3][j]));
    }
    for (; i < n; i += W) {
        const MASK some = NAME(first)(min_size(W, n - i));
        NAME(load_channels)(r, x + i * stride, stride, min_size(W, n - i), columns, before);
        for (ptrdiff_t j = 0; j < columns; j++)
            sums[0][j] = V(select)(some, NAME(joined)(op, sums[0][j], r[j]), sums[0][j]);
    }
    for (ptrdiff_t j = 0; j < columns; j++) out[j] = NAME(folded)(op, sums[0][j]);
}

/* As `groups` in sums.inc.h, for W positions, of which `rows` exist: over n <= COLUMN_CHUNK channels. */
INLINE VEC NAME(channels_chunk)(Operation op, const REAL *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n,
                                ptrdiff_t before) {
    VEC total = V(zero)(), r[W];
    for (ptrdiff_t g = 0; g < n; g += GROUP) {
        const ptrdiff_t stop = min_size(g + GROUP, n);
        VEC sum = V(set)((REAL)identity(op));
        for (ptrdiff_t k = g; k < stop; k += W) {
            const ptrdiff_t columns = min_size(W, stop - k);
            if (columns == W) {
                NAME(load_channels)(r, x + k, stride, rows, W, before + k);
                UNROLL
                for (ptrdiff_t j = 0; j < W; j++) sum = NAME(joined)(op, sum, r[j]);
            } else {
                NAME(load_channels)(r, x + k, stride, rows, columns, before + k);
                for (ptrdiff_t j = 0; j < columns; j++) sum = NAME(joined)(op, sum, r[j]);
            }
        }
        total = g ? NAME(joined)(op, total, sum) : sum;
    }
    return total;
}

/* over_positions: a block is the channels of a tile of ACROSS channels, OUT is (OUTER, CHANNELS).
 * over_channels: a block is ACROSS positions of all, OUT is (OUTER * POSITIONS). */
#define ACROSS_BODIES(kernel, op)                                                        \
    static int NAME(kernel##_positions)(BODY_ARGS) {                                     \
        const ptrdiff_t n = launch->n[LENGTH], C = launch->n[INNER], tiles = ceil_div(C, ACROSS); \
        REAL some[W];                                                                    \
        for (ptrdiff_t b = begin; b < end; b++) {                                        \
            const REAL *x = (const REAL *)launch->p[X] + b / tiles * n * C;              \
            REAL *out = (REAL *)launch->p[OUT] + b / tiles * C;                          \
            const ptrdiff_t first = b % tiles * ACROSS, last = min_size(first + ACROSS, C); \
            double totals[ACROSS];                                                       \
            for (ptrdiff_t c = first; c < last; c++) totals[c - first] = identity(op);   \
            for (ptrdiff_t i = 0; i < n; i += CHUNK)                                     \
                for (ptrdiff_t c = first; c < last; c += W) {                            \
                    const ptrdiff_t columns = min_size(W, last - c), length = min_size(CHUNK, n - i); \
                    if (columns == W)                                                    \
                        NAME(positions_chunk)(op, x + i * C + c, C, length, W, c, some); \
                    else                                                                 \
                        NAME(positions_chunk)(op, x + i * C + c, C, length, columns, c, some); \
                    for (ptrdiff_t j = 0; j < columns; j++)                              \
                        totals[c - first + j] = joined(op, totals[c - first + j], some[j]); \
                }                                                                        \
            for (ptrdiff_t c = first; c < last; c++)                                     \
                out[c] = (REAL)(totals[c - first] / launch->s[DIVISOR]);                 \
        }                                                                                \
        return 0;                                                                        \
    }                                                                                    \
    static int NAME(kernel##_channels)(BODY_ARGS) {                                      \
        const ptrdiff_t n = launch->n[LENGTH], last = min_size(end * ACROSS, launch->n[OUTER]); \
        REAL some[W];                                                                    \
        for (ptrdiff_t p = begin * ACROSS; p < last; p += W) {                           \
            const REAL *x = (const REAL *)launch->p[X] + p * n;                          \
            const ptrdiff_t rows = min_size(W, last - p);                                \
            double totals[W];                                                            \
            for (ptrdiff_t i = 0; i < W; i++) totals[i] = identity(op);                  \
            for (ptrdiff_t k = 0; k < n; k += COLUMN_CHUNK) {                            \
                V(store)(some, NAME(channels_chunk)(op, x + k, n, rows, min_size(COLUMN_CHUNK, n - k), k)); \
                for (ptrdiff_t i = 0; i < W; i++) totals[i] = joined(op, totals[i], some[i]); \
            }                                                                            \
            for (ptrdiff_t i = 0; i < rows; i++)                                         \
                ((REAL *)launch->p[OUT])[p + i] = (REAL)(totals[i] / launch->s[DIVISOR]); \
        }                                                                                \
        return 0;                                                                        \
    }

ACROSS_BODIES(sum, SUM)
ACROSS_BODIES(amax, LARGEST)
ACROSS_BODIES(amin, SMALLEST)
#undef ACROSS_BODIES
