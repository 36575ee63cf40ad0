/* Bodies of norm.c, included once for each T.
 *
 * Means are double. x - mean is taken in two steps, x - c + (c - mean), where c is the nearest REAL: the first is exact
 * where the offset is large, and the second is a constant of the row or the channel. */

/* along a row of n elements: out = value, where LOAD(p) is the same place of p; OR(p, v) is v where p is absent */
#define LOAD(p) NAME(load_some)((p) + i, count)
#define OR(p, v) ((p) ? LOAD(p) : (v))
#define ALONG(n, out, value)                                                             \
    for (ptrdiff_t i = 0; i < (n); i += W) {                                             \
        const ptrdiff_t count = min_size(W, (n) - i);                                    \
        NAME(store_some)((out) + i, value, count);                                       \
    }

/* ---- layer norm: n[] = rows, n, rows a block ----------------------------------------------------------------- */

static int NAME(layer_norm)(BODY_ARGS) {
    REAL *out = launch->p[0], *rstd = launch->p[2];
    double *mean = launch->p[1];
    const REAL *x = launch->p[3], *weight = launch->p[4], *bias = launch->p[5];
    const ptrdiff_t n = launch->n[1], last = min_size(end * launch->n[2], launch->n[0]);
    const VEC one = V(set)(1), zero = V(zero)();
    for (ptrdiff_t r = begin * launch->n[2]; r < last; r++) {
        const REAL *row = x + r * n;
        Moments m = NAME(row_moments)(row, n, 0);
        mean[r] = n ? m.mean : NAN;
        rstd[r] = (REAL)(1 / sqrt(m.m2 / (double)n + launch->s[0]));
        const REAL c = (REAL)mean[r];
        const VEC centre = V(set)(c), scale = V(set)(rstd[r]), shift = V(set)((REAL)((c - mean[r]) * rstd[r]));
        ALONG(n, out + r * n, V(fma)(V(fma)(V(sub)(LOAD(row), centre), scale, shift), OR(weight, one), OR(bias, zero)))
    }
    return 0;
}

/* sum of g = dy*weight and of g*(x - c) over a row */
INLINE void NAME(row_gradient_sums)(const REAL *x, const REAL *weight, const REAL *dy, REAL c, ptrdiff_t n,
                                    double *sum, double *dot) {
    const VEC centre = V(set)(c), one = V(set)(1);
    *sum = *dot = 0;
    for (ptrdiff_t start = 0; start < n; start += CHUNK) {
        VEC s = V(zero)(), d = V(zero)();
        const ptrdiff_t stop = start + min_size(CHUNK, n - start);
        for (ptrdiff_t i = start; i < stop; i += W) {
            const ptrdiff_t count = min_size(W, stop - i);
            VEC g = V(mul)(LOAD(dy), OR(weight, one));          /* 0 in the lanes that are left over */
            s = V(add)(s, g);
            d = V(fma)(V(sub)(LOAD(x), centre), g, d);
        }
        *sum += V(sum)(s);
        *dot += V(sum)(d);
    }
}

INLINE void NAME(layer_norm_dx)(REAL *dx, const REAL *x, const REAL *weight, const REAL *dy, double mean, REAL rstd,
                                ptrdiff_t n) {
    const REAL c = (REAL)mean;
    double sum, dot;
    NAME(row_gradient_sums)(x, weight, dy, c, n, &sum, &dot);
    dot += (c - mean) * sum;
    const double slope = dot / (double)n * rstd * rstd;
    const VEC centre = V(set)(c), scale = V(set)(rstd), one = V(set)(1);
    const VEC a = V(set)((REAL)(sum / (double)n + (c - mean) * slope)), b = V(set)((REAL)slope);
    ALONG(n, dx, V(mul)(V(sub)(V(sub)(V(mul)(LOAD(dy), OR(weight, one)), a), V(mul)(V(sub)(LOAD(x), centre), b)),
                        scale))
}

/* what `rows` <= GROUP rows add to dweight and dbias, of which either may be absent, with h = (x - c)*rstd; `first` writes
 * instead */
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

/* what the shifts add to dweight, h being (x - c)*rstd + shift */
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
        c[r] = (REAL)mean[r];
        /* for a mean of a few deviations it is less than the rounding of h */
        shift[r] = fabs(mean[r] * rstd[r]) > 4 ? (REAL)((c[r] - mean[r]) * rstd[r]) : 0;
        shifted |= shift[r] != 0;
    }
    NAME(layer_norm_columns)(dweight, dbias, x, dy, c, rstd, rows, n, first);
    if (dweight && shifted) NAME(layer_norm_shifts)(dweight, dy, shift, rows, n);
}

/* A block is n[2] rows, a multiple of GROUP; p[1] and p[2] have a row of n for each block. */
static int NAME(layer_norm_backward)(BODY_ARGS) {
    REAL *dx = launch->p[0], *dweight = launch->p[1], *dbias = launch->p[2];
    const REAL *x = launch->p[3], *weight = launch->p[4], *rstd = launch->p[6], *dy = launch->p[7];
    const double *mean = launch->p[5];
    const ptrdiff_t n = launch->n[1], height = launch->n[2];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t start = b * height, stop = min_size(start + height, launch->n[0]);
        for (ptrdiff_t r = start; r < stop; r += GROUP) {
            const ptrdiff_t rows = min_size(GROUP, stop - r);
            if (dx)
                for (ptrdiff_t k = r; k < r + rows; k++)
                    NAME(layer_norm_dx)(dx + k * n, x + k * n, weight, dy + k * n, mean[k], rstd[k], n);
            if (dweight || dbias)
                NAME(layer_norm_group)(dweight ? dweight + b * n : 0, dbias ? dbias + b * n : 0, x + r * n, dy + r * n,
                                       mean + r, rstd + r, rows, n, r == start);
        }
    }
    return 0;
}

/* p[0], p[1] = sums over the n[1] rows of p[2], p[3], each of n[0] columns; a block is TILE columns */
static int NAME(join_gradients)(BODY_ARGS) {
    double totals[TILE];
    for (int k = 0; k < 2; k++) {
        REAL *out = launch->p[k];
        const REAL *partial = launch->p[2 + k];
        if (!out) continue;
        for (ptrdiff_t j = begin * TILE; j < min_size(end * TILE, launch->n[0]); j += TILE) {
            const ptrdiff_t count = min_size(TILE, launch->n[0] - j);
            NAME(join_chunks)(SUM, partial + j, launch->n[0], launch->n[1], count, totals);
            for (ptrdiff_t i = 0; i < count; i++) out[j + i] = (REAL)totals[i];
        }
    }
    return 0;
}

/* ---- batch norm -------------------------------------------------------------------------------------------------
 * x is (N, C, L): n[] = N, C, L. Where L is short it is walked as N rows of C*L columns, and what belongs to a channel
 * is spread over its L columns first ("narrow"); where L is long, a channel of an image is a row ("wide").
 * Sums over a channel come from chunks of n[3] images: COLUMN_CHUNK of them if narrow. */

/* p[0], p[1] (chunks, C*L) = means and squared deviations of the columns; a block is a chunk's TILE columns */
#define FOR_NARROW_CHUNKS                                                                \
    const ptrdiff_t columns = launch->n[1] * launch->n[2], tiles = (columns + TILE - 1) / TILE; \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t j = b % tiles * TILE, count = min_size(TILE, columns - j), first = b / tiles * COLUMN_CHUNK; \
        const ptrdiff_t height = min_size(COLUMN_CHUNK, launch->n[0] - first);           \
        const ptrdiff_t from = first * columns + j, at = b / tiles * columns + j;
#define END_CHUNKS } return 0;

static int NAME(narrow_moments)(BODY_ARGS) {
    double *means = launch->p[0], *m2 = launch->p[1];
    const REAL *x = launch->p[2];
    FOR_NARROW_CHUNKS
        NAME(column_chunk_moments)(x + from, columns, height, count, 0, means + at, m2 + at);
    END_CHUNKS
}

/* p[0], p[1] (chunks, C), from n[3] images each; a block is one of them */
#define FOR_WIDE_CHUNKS                                                                  \
    const ptrdiff_t C = launch->n[1], L = launch->n[2];                                  \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t c = b % C, first = b / C * launch->n[3];                         \
        const ptrdiff_t last = min_size(first + launch->n[3], launch->n[0]);

/* the sum of an operation over a channel of some images */
INLINE double NAME(channel)(Operation op, const REAL *x, const REAL *y, REAL centre, ptrdiff_t first, ptrdiff_t last,
                            ptrdiff_t stride, ptrdiff_t L) {
    double total = 0;
    for (ptrdiff_t i = first; i < last; i++) total += NAME(row)(op, x + i * stride, y + i * stride, centre, L);
    return total;
}

static int NAME(wide_moments)(BODY_ARGS) {
    double *means = launch->p[0], *m2 = launch->p[1];
    const REAL *x = launch->p[2];
    FOR_WIDE_CHUNKS
        const REAL *start = x + c * L, origin = start[first * C * L];
        const double count = (double)((last - first) * L);
        means[b] = origin + NAME(channel)(DISTANCES, start, start, origin, first, last, C * L, L) / count;
        const REAL centre = (REAL)means[b];
        const double squares = NAME(channel)(DEVIATIONS, start, start, centre, first, last, C * L, L);
        m2[b] = NAME(about_mean)(squares, count, means[b], centre);
        if (!NAME(sound)(m2[b], 0)) {
            const Moments m = NAME(double_moments)(start + first * C * L, last - first, C * L, L, 1);
            means[b] = m.mean;
            m2[b] = m.m2;
        }
    END_CHUNKS
}

/* mean, variance = what p[2], p[3] join to: n[4] chunks, n[5] columns a channel, of n[6] elements an image each */
static int NAME(join_channels)(BODY_ARGS) {
    double *mean = launch->p[0];
    REAL *var = launch->p[1];
    const ptrdiff_t C = launch->n[1], spread = launch->n[5];
    const ptrdiff_t chunks = spread ? launch->n[4] : 0;         /* images without elements have no sums */
    for (ptrdiff_t c = begin * TILE; c < min_size(end * TILE, C); c++) {
        Moments all = {0, 0, 0};
        for (ptrdiff_t k = 0; k < chunks; k++) {
            const ptrdiff_t at = (k * C + c) * spread;
            const double *means = (double *)launch->p[2] + at, *m2 = (double *)launch->p[3] + at;
            const double count = (double)(min_size(launch->n[3], launch->n[0] - k * launch->n[3]) * launch->n[6]);
            double average = *means, deviations = *m2;
            if (spread > 1) {                                   /* of the columns' means from the chunk's, too */
                average = row_f64(SUM, means, means, 0, spread) / (double)spread;
                deviations = row_f64(SUM, m2, m2, 0, spread);
                deviations += row_f64(DEVIATIONS, means, means, average, spread) * count;
            }
            join_moments(&all, count * (double)spread, average, deviations);
        }
        mean[c] = all.count > 0 ? all.mean : NAN;
        var[c] = (REAL)(all.m2 / all.count);
    }
    return 0;
}

INLINE double NAME(rstd)(REAL var, double eps) { return 1 / sqrt((double)var + eps); }

/* A channel's mean: a batch's own is double, running statistics (n[7]) are REAL. */
INLINE double NAME(mean_of)(const Launch *launch, const void *mean, ptrdiff_t c) {
    return launch->n[7] ? ((const REAL *)mean)[c] : ((const double *)mean)[c];
}

/* p[0], p[1], p[2] = c, a, b of (x - c)*a + b = (x - mean)*weight*rstd + bias, each channel's n[5] times; the last two
 * may be absent. A block is TILE channels. */
static int NAME(narrow_scales)(BODY_ARGS) {
    REAL *centres = launch->p[0], *scales = launch->p[1], *biases = launch->p[2];
    const REAL *var = launch->p[4], *weight = launch->p[5], *bias = launch->p[6];
    const ptrdiff_t spread = launch->n[5];
    for (ptrdiff_t c = begin * TILE; c < min_size(end * TILE, launch->n[1]); c++) {
        const double mean = NAME(mean_of)(launch, launch->p[3], c);
        const double scale = scales ? NAME(rstd)(var[c], launch->s[0]) * (weight ? weight[c] : 1) : 0;
        const REAL centre = (REAL)mean, a = (REAL)scale, b = (REAL)((bias ? bias[c] : 0) + (centre - mean) * scale);
        for (ptrdiff_t j = c * spread; j < (c + 1) * spread; j++) {
            centres[j] = centre;
            if (scales) scales[j] = a;
            if (biases) biases[j] = b;
        }
    }
    return 0;
}

/* rows of C*L columns, n[3] a block */
#define FOR_NARROW_ROWS                                                                  \
    const ptrdiff_t columns = launch->n[1] * launch->n[2];                               \
    const ptrdiff_t last = min_size(end * launch->n[3], launch->n[0]) * columns;         \
    for (ptrdiff_t at = begin * launch->n[3] * columns; at < last; at += columns) {
#define END_ROWS } return 0;

/* rows of L elements of a channel `c`, n[3] a block */
#define FOR_WIDE_ROWS                                                                    \
    const ptrdiff_t L = launch->n[2], last = min_size(end * launch->n[3], launch->n[0] * launch->n[1]); \
    for (ptrdiff_t r = begin * launch->n[3]; r < last; r++) {                            \
        const ptrdiff_t c = r % launch->n[1], at = r * L;

static int NAME(narrow_batch_norm)(BODY_ARGS) {
    REAL *out = launch->p[0];
    const REAL *x = launch->p[1], *centres = launch->p[2], *scales = launch->p[3], *biases = launch->p[4];
    FOR_NARROW_ROWS
        ALONG(columns, out + at, V(fma)(V(sub)(LOAD(x + at), LOAD(centres)), LOAD(scales), LOAD(biases)))
    END_ROWS
}

static int NAME(wide_batch_norm)(BODY_ARGS) {
    REAL *out = launch->p[0];
    const REAL *x = launch->p[1], *var = launch->p[3], *weight = launch->p[4], *bias = launch->p[5];
    FOR_WIDE_ROWS
        const double mean = NAME(mean_of)(launch, launch->p[2], c);
        const double scale = NAME(rstd)(var[c], launch->s[0]) * (weight ? weight[c] : 1);
        const REAL nearest = (REAL)mean;
        const VEC centre = V(set)(nearest), a = V(set)((REAL)scale);
        const VEC b = V(set)((REAL)((bias ? bias[c] : 0) + (nearest - mean) * scale));
        ALONG(L, out + at, V(fma)(V(sub)(LOAD(x + at), centre), a, b))
    END_ROWS
}

/* ---- batch norm, backward: sums of dy and of dy*(x - centre) over each channel, then dx = a*dy + b*(x - centre) +
 * shift; the centres are REAL, and what they differ from the means by is in the shifts ---- */

static int NAME(narrow_sums)(BODY_ARGS) {
    REAL *sums = launch->p[0], *dots = launch->p[1];
    const REAL *x = launch->p[2], *dy = launch->p[3], *centres = launch->p[4];
    FOR_NARROW_CHUNKS
        NAME(column_chunk)(SUM, dy + from, dy, dy, columns, height, count, sums + at);
        NAME(column_chunk)(COVARIATIONS, x + from, dy + from, centres + j, columns, height, count, dots + at);
    END_CHUNKS
}

static int NAME(wide_sums)(BODY_ARGS) {
    REAL *sums = launch->p[0], *dots = launch->p[1];
    const REAL *x = launch->p[2], *dy = launch->p[3], *centres = launch->p[4];
    FOR_WIDE_CHUNKS
        sums[b] = (REAL)NAME(channel)(SUM, dy + c * L, dy, 0, first, last, C * L, L);
        dots[b] = (REAL)NAME(channel)(COVARIATIONS, x + c * L, dy + c * L, centres[c], first, last, C * L, L);
    END_CHUNKS
}

/* From the n[4] chunks of p[5], p[6]: p[0] dweight and p[1] dbias, if wanted, and the coefficients a, b, shift of dx
 * into p[2], p[3], p[4], n[5] times each. s[1] is 1/count while training, else 0. A block is TILE channels. */
static int NAME(channel_gradients)(BODY_ARGS) {
    REAL *dweight = launch->p[0], *dbias = launch->p[1], *a = launch->p[2], *b = launch->p[3], *shift = launch->p[4];
    const REAL *sums = launch->p[5], *dots = launch->p[6], *var = launch->p[7], *weight = launch->p[8];
    const ptrdiff_t C = launch->n[1], spread = launch->n[5];
    for (ptrdiff_t c = begin * TILE; c < min_size(end * TILE, C); c++) {
        double sum = 0, dot = 0;
        for (ptrdiff_t k = 0; k < launch->n[4]; k++) {
            const REAL *s = sums + (k * C + c) * spread, *d = dots + (k * C + c) * spread;
            sum += NAME(row)(SUM, s, s, 0, spread);
            dot += NAME(row)(SUM, d, d, 0, spread);
        }
        const double mean = NAME(mean_of)(launch, launch->p[9], c), rest = (REAL)mean - mean;
        dot += rest * sum;
        const double rstd = NAME(rstd)(var[c], launch->s[0]), scale = rstd * (weight ? weight[c] : 1);
        /* of nothing the variance is NaN */
        if (dweight) dweight[c] = launch->n[0] && launch->n[2] ? (REAL)(dot * rstd) : 0;
        if (dbias) dbias[c] = (REAL)sum;
        const double slope = -scale * rstd * rstd * dot * launch->s[1];
        if (a)
            for (ptrdiff_t j = c * spread; j < (c + 1) * spread; j++) {
                a[j] = (REAL)scale;
                b[j] = (REAL)slope;
                shift[j] = (REAL)(rest * slope - scale * sum * launch->s[1]);
            }
    }
    return 0;
}

/* p[1] is absent where the statistics were constants: then dx = a*dy */
static int NAME(narrow_backward)(BODY_ARGS) {
    REAL *dx = launch->p[0];
    const REAL *x = launch->p[1], *dy = launch->p[2], *centres = launch->p[3];
    const REAL *a = launch->p[4], *b = launch->p[5], *shift = launch->p[6];
    FOR_NARROW_ROWS
        if (x)
            ALONG(columns, dx + at, V(fma)(LOAD(a), LOAD(dy + at), V(fma)(LOAD(b), V(sub)(LOAD(x + at), LOAD(centres)),
                                                                          LOAD(shift))))
        else
            ALONG(columns, dx + at, V(mul)(LOAD(a), LOAD(dy + at)))
    END_ROWS
}

static int NAME(wide_backward)(BODY_ARGS) {
    REAL *dx = launch->p[0];
    const REAL *x = launch->p[1], *dy = launch->p[2], *centres = launch->p[3];
    const REAL *a = launch->p[4], *b = launch->p[5], *shift = launch->p[6];
    FOR_WIDE_ROWS
        const VEC va = V(set)(a[c]), vb = V(set)(b[c]), vc = V(set)(shift[c]), centre = V(set)(centres[c]);
        if (x)
            ALONG(L, dx + at, V(fma)(va, LOAD(dy + at), V(fma)(vb, V(sub)(LOAD(x + at), centre), vc)))
        else
            ALONG(L, dx + at, V(mul)(va, LOAD(dy + at)))
    END_ROWS
}

/* s[0] is the momentum, n[0] whether there is one, s[1] the factor to the unbiased variance, n[2] whether the batch has
 * elements; one block, as it counts */
static int NAME(batch_norm_update_)(BODY_ARGS) {
    REAL *running_mean = launch->p[0], *running_var = launch->p[1];
    const double *mean = launch->p[3];
    const REAL *var = launch->p[4];
    int64_t *tracked = launch->p[2];
    if (begin == end) return 0;
    *tracked += 1;
    if (!launch->n[2]) return 0;
    const double m = launch->n[0] ? launch->s[0] : 1 / (double)*tracked;
    for (ptrdiff_t c = 0; c < launch->n[1]; c++) {
        running_mean[c] = (REAL)((1 - m) * running_mean[c] + m * mean[c]);
        running_var[c] = (REAL)(1 - m) * running_var[c] + (REAL)(m * launch->s[1]) * var[c];
    }
    return 0;
}

#undef LOAD
#undef OR
#undef ALONG
#undef FOR_NARROW_CHUNKS
#undef FOR_WIDE_CHUNKS
#undef END_CHUNKS
#undef FOR_NARROW_ROWS
#undef FOR_WIDE_ROWS
#undef END_ROWS
