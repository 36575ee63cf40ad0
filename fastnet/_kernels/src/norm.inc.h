/* Bodies of norm.c, included once for each T.
 *
 * Means are double. x - mean is computed in two steps, x - c + (c - mean), where c is the nearest REAL. The first step
 * is exact if the offset is large; the second adds a constant of the row or channel. */

/* out = value along a row of n elements, where LOAD(p) reads the elements of p at the same place; OR(p, v) is v if p is
 * absent */
#define LOAD(p) NAME(load_some)((p) + i, count)
#define OR(p, v) ((p) ? LOAD(p) : (v))
#define ALONG(n, out, value)                                                             \
    for (ptrdiff_t i = 0; i < (n); i += W) {                                             \
        const ptrdiff_t count = min_size(W, (n) - i);                                    \
        NAME(store_some)((out) + i, value, count);                                       \
    }

/* ---- layer norm ---------------------------------------------------------------------------------------------- */

static int NAME(layer_norm)(BODY_ARGS) {
    REAL *out = launch->p[OUT], *rstd = launch->p[RSTD];
    double *mean = launch->p[MEAN];
    const REAL *x = launch->p[X], *weight = launch->p[WEIGHT], *bias = launch->p[BIAS];
    const ptrdiff_t n = launch->n[COLUMNS], block_rows = launch->n[BLOCK_ROWS];
    const ptrdiff_t last = min_size(end * block_rows, launch->n[ROWS]);
    const VEC one = V(set)(1), zero = V(zero)();
    for (ptrdiff_t r = begin * block_rows; r < last; r++) {
        const REAL *row = x + r * n;
        Moments m = NAME(row_moments)(row, n, 0);
        mean[r] = n ? m.mean : NAN;
        rstd[r] = (REAL)(1 / sqrt(m.m2 / (double)n + launch->s[EPS]));
        const REAL c = (REAL)mean[r];
        const VEC centre = V(set)(c), scale = V(set)(rstd[r]), shift = V(set)((REAL)((c - mean[r]) * rstd[r]));
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
        c[r] = (REAL)mean[r];
        /* if the mean is only a few deviations, the shift is less than the rounding of h */
        shift[r] = fabs(mean[r] * rstd[r]) > 4 ? (REAL)((c[r] - mean[r]) * rstd[r]) : 0;
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
                    NAME(layer_norm_dx)(dx + k * n, x + k * n, weight, dy + k * n, mean[k], rstd[k], n);
            if (dweight || dbias)
                NAME(layer_norm_group)(dweight ? dweight + b * n : 0, dbias ? dbias + b * n : 0, x + r * n, dy + r * n,
                                       mean + r, rstd + r, rows, n, r == start);
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

/* ---- batch norm -------------------------------------------------------------------------------------------------
 * x is (N, C, L). If L is short ("narrow"), x is visited as N rows of C*L columns, and the values of a channel are
 * first repeated for its L columns. If L is long ("wide"), a channel of an image is a row. Sums over a channel come
 * from chunks of CHUNK_IMAGES images, which is COLUMN_CHUNK if narrow. */

/* Narrow chunks: results are (chunks, C*L); a block is TILE columns of a chunk. */
#define FOR_NARROW_CHUNKS                                                                \
    const ptrdiff_t columns = launch->n[CHANNELS] * launch->n[LENGTH], tiles = ceil_div(columns, TILE); \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t j = b % tiles * TILE, count = min_size(TILE, columns - j), first = b / tiles * COLUMN_CHUNK; \
        const ptrdiff_t height = min_size(COLUMN_CHUNK, launch->n[IMAGES] - first);      \
        const ptrdiff_t from = first * columns + j, at = b / tiles * columns + j;
#define END_CHUNKS } return 0;

static int NAME(narrow_moments)(BODY_ARGS) {
    double *means = launch->p[CHUNK_MEANS], *m2 = launch->p[CHUNK_M2];
    const REAL *x = launch->p[X];
    FOR_NARROW_CHUNKS
        NAME(column_chunk_moments)(x + from, columns, height, count, 0, means + at, m2 + at);
    END_CHUNKS
}

/* Wide chunks: results are (chunks, C); a block is a channel of a chunk. */
#define FOR_WIDE_CHUNKS                                                                  \
    const ptrdiff_t C = launch->n[CHANNELS], L = launch->n[LENGTH], images = launch->n[CHUNK_IMAGES]; \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t c = b % C, first = b / C * images;                               \
        const ptrdiff_t last = min_size(first + images, launch->n[IMAGES]);

/* The sum of an operation over a channel of images first to last - 1. */
INLINE double NAME(channel)(Operation op, const REAL *x, const REAL *y, REAL centre, ptrdiff_t first, ptrdiff_t last,
                            ptrdiff_t stride, ptrdiff_t L) {
    double total = 0;
    for (ptrdiff_t i = first; i < last; i++) total += NAME(row)(op, x + i * stride, y + i * stride, centre, L);
    return total;
}

static int NAME(wide_moments)(BODY_ARGS) {
    double *means = launch->p[CHUNK_MEANS], *m2 = launch->p[CHUNK_M2];
    const REAL *x = launch->p[X];
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

/* MEAN, VAR = the joined moments of CHUNKS chunks. A channel has SPREAD columns of COLUMN_COUNT elements an image. */
static int NAME(join_channels)(BODY_ARGS) {
    double *mean = launch->p[MEAN];
    REAL *var = launch->p[VAR];
    const ptrdiff_t C = launch->n[CHANNELS], spread = launch->n[SPREAD], images = launch->n[CHUNK_IMAGES];
    const ptrdiff_t chunks = spread ? launch->n[CHUNKS] : 0;      /* images without elements have no sums */
    for (ptrdiff_t c = begin * TILE; c < min_size(end * TILE, C); c++) {
        Moments all = {0, 0, 0};
        for (ptrdiff_t k = 0; k < chunks; k++) {
            const ptrdiff_t at = (k * C + c) * spread;
            const double *means = (double *)launch->p[CHUNK_MEANS] + at, *m2 = (double *)launch->p[CHUNK_M2] + at;
            const double count = (double)(min_size(images, launch->n[IMAGES] - k * images) * launch->n[COLUMN_COUNT]);
            double average = *means, deviations = *m2;
            if (spread > 1) {                                   /* add the deviations of the columns' means */
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

/* A channel's mean: that of a batch is double, a running mean (REAL_MEANS) is REAL. */
INLINE double NAME(mean_of)(const Launch *launch, const void *mean, ptrdiff_t c) {
    return launch->n[REAL_MEANS] ? ((const REAL *)mean)[c] : ((const double *)mean)[c];
}

/* CENTRES, SCALES, SHIFTS = c, a, b of (x - c)*a + b = (x - mean)*weight*rstd + bias, SPREAD times for each channel.
 * The last two may be absent. A block is TILE channels. */
static int NAME(narrow_scales)(BODY_ARGS) {
    REAL *centres = launch->p[CENTRES], *scales = launch->p[SCALES], *shifts = launch->p[SHIFTS];
    const REAL *var = launch->p[VAR], *weight = launch->p[WEIGHT], *bias = launch->p[BIAS];
    const ptrdiff_t spread = launch->n[SPREAD];
    for (ptrdiff_t c = begin * TILE; c < min_size(end * TILE, launch->n[CHANNELS]); c++) {
        const double mean = NAME(mean_of)(launch, launch->p[MEAN], c);
        const double scale = scales ? NAME(rstd)(var[c], launch->s[EPS]) * (weight ? weight[c] : 1) : 0;
        const REAL centre = (REAL)mean, a = (REAL)scale, b = (REAL)((bias ? bias[c] : 0) + (centre - mean) * scale);
        for (ptrdiff_t j = c * spread; j < (c + 1) * spread; j++) {
            centres[j] = centre;
            if (scales) scales[j] = a;
            if (shifts) shifts[j] = b;
        }
    }
    return 0;
}

/* Rows of C*L columns; a block is BLOCK_ROWS rows. */
#define FOR_NARROW_ROWS                                                                  \
    const ptrdiff_t columns = launch->n[CHANNELS] * launch->n[LENGTH], block_rows = launch->n[BLOCK_ROWS]; \
    const ptrdiff_t last = min_size(end * block_rows, launch->n[IMAGES]) * columns;      \
    for (ptrdiff_t at = begin * block_rows * columns; at < last; at += columns) {
#define END_NARROW_ROWS } return 0;

/* Rows of L elements of a channel `c`; a block is BLOCK_ROWS rows. */
#define FOR_WIDE_ROWS                                                                    \
    const ptrdiff_t C = launch->n[CHANNELS], L = launch->n[LENGTH], block_rows = launch->n[BLOCK_ROWS]; \
    const ptrdiff_t last = min_size(end * block_rows, launch->n[IMAGES] * C);            \
    for (ptrdiff_t r = begin * block_rows; r < last; r++) {                              \
        const ptrdiff_t c = r % C, at = r * L;

static int NAME(narrow_batch_norm)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X], *centres = launch->p[CENTRES];
    const REAL *scales = launch->p[SCALES], *shifts = launch->p[SHIFTS];
    FOR_NARROW_ROWS
        ALONG(columns, out + at, V(fma)(V(sub)(LOAD(x + at), LOAD(centres)), LOAD(scales), LOAD(shifts)))
    END_NARROW_ROWS
}

static int NAME(wide_batch_norm)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X], *var = launch->p[VAR], *weight = launch->p[WEIGHT], *bias = launch->p[BIAS];
    FOR_WIDE_ROWS
        const double mean = NAME(mean_of)(launch, launch->p[MEAN], c);
        const double scale = NAME(rstd)(var[c], launch->s[EPS]) * (weight ? weight[c] : 1);
        const REAL nearest = (REAL)mean;
        const VEC centre = V(set)(nearest), a = V(set)((REAL)scale);
        const VEC b = V(set)((REAL)((bias ? bias[c] : 0) + (nearest - mean) * scale));
        ALONG(L, out + at, V(fma)(V(sub)(LOAD(x + at), centre), a, b))
    END_NARROW_ROWS
}

/* ---- batch norm, backward -------------------------------------------------------------------------------------
 * First the sums of dy and of dy*(x - centre) over each channel, then dx = scale*dy + slope*(x - centre) + shift. The
 * centres are REAL; the shifts contain their differences from the means. */

static int NAME(narrow_sums)(BODY_ARGS) {
    REAL *sums = launch->p[SUMS], *dots = launch->p[DOTS];
    const REAL *x = launch->p[X], *dy = launch->p[DY], *centres = launch->p[CENTRES];
    FOR_NARROW_CHUNKS
        NAME(column_chunk)(SUM, dy + from, dy, dy, columns, height, count, sums + at);
        NAME(column_chunk)(COVARIATIONS, x + from, dy + from, centres + j, columns, height, count, dots + at);
    END_CHUNKS
}

static int NAME(wide_sums)(BODY_ARGS) {
    REAL *sums = launch->p[SUMS], *dots = launch->p[DOTS];
    const REAL *x = launch->p[X], *dy = launch->p[DY], *centres = launch->p[CENTRES];
    FOR_WIDE_CHUNKS
        sums[b] = (REAL)NAME(channel)(SUM, dy + c * L, dy, 0, first, last, C * L, L);
        dots[b] = (REAL)NAME(channel)(COVARIATIONS, x + c * L, dy + c * L, centres[c], first, last, C * L, L);
    END_CHUNKS
}

/* From CHUNKS chunks of SUMS and DOTS: DWEIGHT and DBIAS, and the coefficients SCALES, SLOPES and SHIFTS of dx, SPREAD
 * times for each channel; any of them may be absent. A block is TILE channels. */
static int NAME(channel_gradients)(BODY_ARGS) {
    REAL *dweight = launch->p[DWEIGHT], *dbias = launch->p[DBIAS];
    REAL *scales = launch->p[SCALES], *slopes = launch->p[SLOPES], *shifts = launch->p[SHIFTS];
    const REAL *sums = launch->p[SUMS], *dots = launch->p[DOTS], *var = launch->p[VAR], *weight = launch->p[WEIGHT];
    const ptrdiff_t C = launch->n[CHANNELS], spread = launch->n[SPREAD];
    for (ptrdiff_t c = begin * TILE; c < min_size(end * TILE, C); c++) {
        double sum = 0, dot = 0;
        for (ptrdiff_t k = 0; k < launch->n[CHUNKS]; k++) {
            const REAL *s = sums + (k * C + c) * spread, *d = dots + (k * C + c) * spread;
            sum += NAME(row)(SUM, s, s, 0, spread);
            dot += NAME(row)(SUM, d, d, 0, spread);
        }
        const double mean = NAME(mean_of)(launch, launch->p[MEAN], c), rest = (REAL)mean - mean;
        dot += rest * sum;
        const double rstd = NAME(rstd)(var[c], launch->s[EPS]), scale = rstd * (weight ? weight[c] : 1);
        /* without elements the variance is NaN */
        if (dweight) dweight[c] = launch->n[IMAGES] && launch->n[LENGTH] ? (REAL)(dot * rstd) : 0;
        if (dbias) dbias[c] = (REAL)sum;
        const double slope = -scale * rstd * rstd * dot * launch->s[SHARE];
        if (scales)
            for (ptrdiff_t j = c * spread; j < (c + 1) * spread; j++) {
                scales[j] = (REAL)scale;
                slopes[j] = (REAL)slope;
                shifts[j] = (REAL)(rest * slope - scale * sum * launch->s[SHARE]);
            }
    }
    return 0;
}

/* X is absent if the statistics were constants; then dx = scale*dy. */
static int NAME(narrow_backward)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *x = launch->p[X], *dy = launch->p[DY], *centres = launch->p[CENTRES];
    const REAL *scales = launch->p[SCALES], *slopes = launch->p[SLOPES], *shifts = launch->p[SHIFTS];
    FOR_NARROW_ROWS
        if (x)
            ALONG(columns, dx + at, V(fma)(LOAD(scales), LOAD(dy + at),
                                           V(fma)(LOAD(slopes), V(sub)(LOAD(x + at), LOAD(centres)), LOAD(shifts))))
        else
            ALONG(columns, dx + at, V(mul)(LOAD(scales), LOAD(dy + at)))
    END_NARROW_ROWS
}

static int NAME(wide_backward)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *x = launch->p[X], *dy = launch->p[DY], *centres = launch->p[CENTRES];
    const REAL *scales = launch->p[SCALES], *slopes = launch->p[SLOPES], *shifts = launch->p[SHIFTS];
    FOR_WIDE_ROWS
        const VEC scale = V(set)(scales[c]), slope = V(set)(slopes[c]);
        const VEC shift = V(set)(shifts[c]), centre = V(set)(centres[c]);
        if (x)
            ALONG(L, dx + at, V(fma)(scale, LOAD(dy + at), V(fma)(slope, V(sub)(LOAD(x + at), centre), shift)))
        else
            ALONG(L, dx + at, V(mul)(scale, LOAD(dy + at)))
    END_NARROW_ROWS
}

/* One block, because it counts the batch. */
static int NAME(batch_norm_update_)(BODY_ARGS) {
    REAL *running_mean = launch->p[RUNNING_MEAN], *running_var = launch->p[RUNNING_VAR];
    const double *mean = launch->p[MEAN];
    const REAL *var = launch->p[VAR];
    int64_t *tracked = launch->p[TRACKED];
    if (begin == end) return 0;
    *tracked += 1;
    if (!launch->n[HAS_ELEMENTS]) return 0;
    const double m = launch->n[HAS_MOMENTUM] ? launch->s[MOMENTUM] : 1 / (double)*tracked;
    for (ptrdiff_t c = 0; c < launch->n[CHANNELS]; c++) {
        running_mean[c] = (REAL)((1 - m) * running_mean[c] + m * mean[c]);
        running_var[c] = (REAL)(1 - m) * running_var[c] + (REAL)(m * launch->s[UNBIASED]) * var[c];
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
#undef END_NARROW_ROWS
