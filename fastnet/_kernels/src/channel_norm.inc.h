/* Bodies of channel_norm.c, included once for each T.
 *
 * x is (SAMPLES, ROWS, CHANNELS), and WIDTH adjacent channels of a sample are a group, which shares a mean and a
 * variance. Batch norm has one sample and groups of one channel. A sum over rows comes from chunks of COLUMN_CHUNK
 * rows, whose results are joined in double; adjacent channels are adjacent lanes, so a sum does not depend on how the
 * channels are divided into blocks.
 *
 * Means are double. x - mean is computed in two steps, x - c + (c - mean), where c is the nearest REAL. The first step
 * is exact if the offset is large; the second adds a constant of the channel. */

/* ---- blocks ---------------------------------------------------------------------------------------------------- */

/* A block is COLUMNS channels of `height` rows: channels c to c + count - 1 of rows `first` to first + rows - 1 of
 * sample n. */
#define FOR_BLOCKS(height)                                                               \
    const ptrdiff_t C = launch->n[CHANNELS], R = launch->n[ROWS], tiles = ceil_div(C, launch->n[COLUMNS]); \
    const ptrdiff_t spans = ceil_div(R, height);                                         \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t c = b % tiles * launch->n[COLUMNS], count = min_size(launch->n[COLUMNS], C - c); \
        const ptrdiff_t k = b / tiles % spans, n = b / tiles / spans, first = k * (height); \
        const ptrdiff_t rows = min_size(height, R - first), from = (n * R + first) * C + c;
#define END_BLOCKS } return 0;

/* A block is BLOCK_GROUPS groups of sample n: groups g to last - 1. */
#define FOR_GROUPS                                                                       \
    const ptrdiff_t G = launch->n[CHANNELS] / launch->n[WIDTH], spans = ceil_div(G, launch->n[BLOCK_GROUPS]); \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        const ptrdiff_t n = b / spans, g = b % spans * launch->n[BLOCK_GROUPS];          \
        const ptrdiff_t last = min_size(g + launch->n[BLOCK_GROUPS], G);

/* The first chunk's results for sample n: the second array of the two follows after all samples. */
INLINE double *NAME(results)(const Launch *launch, int slot, ptrdiff_t n) {
    return (double *)launch->p[slot] + n * launch->n[CHUNKS] * launch->n[CHANNELS];
}

INLINE ptrdiff_t NAME(second)(const Launch *launch) {
    return launch->n[SAMPLES] * launch->n[CHUNKS] * launch->n[CHANNELS];
}

/* ---- statistics ------------------------------------------------------------------------------------------------ */

/* Join the moments of all chunks of `count` channels into those of the first chunk. */
OUTLINE void NAME(join_chunk_moments)(double *means, double *m2, ptrdiff_t rows, ptrdiff_t stride, ptrdiff_t count) {
    double total = (double)min_size(COLUMN_CHUNK, rows);
    for (ptrdiff_t first = COLUMN_CHUNK; first < rows; first += COLUMN_CHUNK) {
        const double more = (double)min_size(COLUMN_CHUNK, rows - first), share = more / (total + more);
        const double *restrict other = means + first / COLUMN_CHUNK * stride;
        const double *restrict other_m2 = m2 + first / COLUMN_CHUNK * stride;
        for (ptrdiff_t j = 0; j < count; j++) {
            const double delta = other[j] - means[j];
            means[j] += delta * share;
            m2[j] += other_m2[j] + delta * (delta * (total * share));   /* as join_moments in sums.h */
        }
        total += more;
    }
}

/* MEAN, VAR of groups g to last - 1 of sample n, from the moments of their chunks. */
INLINE void NAME(finish_moments)(const Launch *launch, ptrdiff_t n, ptrdiff_t g, ptrdiff_t last) {
    const ptrdiff_t C = launch->n[CHANNELS], R = launch->n[ROWS], width = launch->n[WIDTH], G = C / width;
    double *mean = (double *)launch->p[MEAN] + n * G;
    REAL *var = (REAL *)launch->p[VAR] + n * G;
    double *means = NAME(results)(launch, MOMENTS, n), *m2 = means + NAME(second)(launch);
    if (R) NAME(join_chunk_moments)(means + g * width, m2 + g * width, R, C, (last - g) * width);
    for (; g < last; g++) {
        const double *a = means + g * width, *s = m2 + g * width;
        if (!R) {
            mean[g] = NAN;
            var[g] = (REAL)NAN;
        } else if (width == 1) {
            mean[g] = *a;
            var[g] = (REAL)(*s / (double)R);
        } else {                                                /* add the deviations of the channels' means */
            mean[g] = *a + row_f64(DISTANCES, a, a, *a, width) / (double)width;
            const double between = row_f64(DEVIATIONS, a, a, mean[g], width);
            var[g] = (REAL)((row_f64(SUM, s, s, 0, width) / (double)R + between) / (double)width);
        }
    }
}

/* The moments of `count` channels from c on of chunk k of sample n. */
INLINE void NAME(chunk_of_moments)(const Launch *launch, ptrdiff_t n, ptrdiff_t k, ptrdiff_t c, ptrdiff_t count) {
    const ptrdiff_t C = launch->n[CHANNELS], R = launch->n[ROWS], first = k * COLUMN_CHUNK;
    const REAL *x = (const REAL *)launch->p[X] + (n * R + first) * C + c;
    double *means = NAME(results)(launch, MOMENTS, n) + k * C + c, *m2 = means + NAME(second)(launch);
    for (ptrdiff_t j = 0; j < count; j += TILE)
        NAME(column_chunk_moments)(x + j, C, min_size(COLUMN_CHUNK, R - first), min_size(TILE, count - j), 0, means + j,
                                   m2 + j);
}

static int NAME(channel_moments)(BODY_ARGS) {
    const ptrdiff_t width = launch->n[WIDTH];
    FOR_BLOCKS(COLUMN_CHUNK)
        (void)from, (void)rows;
        NAME(chunk_of_moments)(launch, n, k, c, count);
        if (launch->n[FINISHES]) NAME(finish_moments)(launch, n, c / width, (c + count) / width);
    END_BLOCKS
}

static int NAME(join_moments)(BODY_ARGS) {
    FOR_GROUPS
        NAME(finish_moments)(launch, n, g, last);
    END_BLOCKS
}

/* ---- forward --------------------------------------------------------------------------------------------------- */

/* For the channels of a block, y = (x - centre)*scale + shift. */
typedef struct { REAL centre[PADDED_SPAN], scale[PADDED_SPAN], shift[PADDED_SPAN]; } NAME(Affine);

/* A group's mean: that of a batch is double, a running mean (REAL_MEANS) is REAL. */
INLINE double NAME(mean_of)(const Launch *launch, ptrdiff_t g) {
    return launch->n[REAL_MEANS] ? ((const REAL *)launch->p[MEAN])[g] : ((const double *)launch->p[MEAN])[g];
}

INLINE double NAME(rstd)(REAL var, double eps) { return 1 / sqrt((double)var + eps); }

/* Those of `count` channels from c on of sample n; shift is 0 but for the rounding of the mean if there is no bias. */
OUTLINE void NAME(affine)(NAME(Affine) *out, const Launch *launch, ptrdiff_t n, ptrdiff_t c, ptrdiff_t count) {
    const REAL *var = launch->p[VAR], *weight = launch->p[WEIGHT], *bias = launch->p[BIAS];
    const ptrdiff_t width = launch->n[WIDTH], first = n * (launch->n[CHANNELS] / width);
    const double eps = launch->s[EPS];
    double means[SPAN], scales[SPAN];
    if (width == 1)
        for (ptrdiff_t j = 0; j < count; j++) {
            means[j] = NAME(mean_of)(launch, first + c + j);
            scales[j] = (double)var[first + c + j] + eps;
        }
    for (ptrdiff_t j = width == 1 ? count : 0, g = c / width; j < count; g++) {
        const double mean = NAME(mean_of)(launch, first + g), square = (double)var[first + g] + eps;
        for (const ptrdiff_t stop = min_size(count, (g + 1) * width - c); j < stop; j++) {
            means[j] = mean;
            scales[j] = square;
        }
    }
    for (ptrdiff_t j = 0; j < count; j++) scales[j] = 1 / sqrt(scales[j]);
    if (weight)
        for (ptrdiff_t j = 0; j < count; j++) scales[j] *= weight[c + j];
    for (ptrdiff_t j = 0; j < count; j++) {
        out->centre[j] = (REAL)means[j];
        out->scale[j] = (REAL)scales[j];
        out->shift[j] = (REAL)((bias ? bias[c + j] : 0) + (out->centre[j] - means[j]) * scales[j]);
    }
}

/* CALL(some) for each vector of `some` channels from j on, and `height` rows from `start` on. Whole rows are visited one
 * by one, in the order of memory. A few narrow rows, or parts of wide rows, are visited together, since then the
 * coefficients of the channels stay in registers. In FOR_ROWS, `at` is the place of channel j in each row. */
#define FOR_VECTORS(CALL)                                                                \
    const ptrdiff_t few = count < stride ? WIDE_ROWS : count < NARROW ? NARROW / count : 1; \
    for (ptrdiff_t start = 0; start < rows; start += few) {                              \
        const ptrdiff_t height = min_size(few, rows - start);                            \
        for (ptrdiff_t j = 0; j < count; j += W)                                         \
            if (j + W > count) CALL(count - j, height);                                  \
            else if (height == WIDE_ROWS) CALL(W, WIDE_ROWS);                            \
            else CALL(W, height);                                                        \
    }
#define FOR_ROWS for (ptrdiff_t r = 0, at = start * stride + j; r < height; r++, at += stride)
#define LOAD(p, i) NAME(load_some)((p) + (i), some)

INLINE void NAME(normalize_vector)(REAL *out, const REAL *x, const REAL *residual, const NAME(Affine) *f,
                                   ptrdiff_t stride, ptrdiff_t start, ptrdiff_t height, ptrdiff_t j, ptrdiff_t some,
                                   int relu) {
    const VEC centre = LOAD(f->centre, j), scale = LOAD(f->scale, j), shift = LOAD(f->shift, j);
    FOR_ROWS {
        VEC y = V(fma)(V(sub)(LOAD(x, at), centre), scale, shift);
        if (residual) y = V(add)(y, LOAD(residual, at));
        NAME(store_some)(out + at, relu ? V(relu)(y) : y, some);
    }
}

/* Centre, scale and shift of every channel, one after the other; a block is SPAN channels. */
static int NAME(channel_affine)(BODY_ARGS) {
    const ptrdiff_t C = launch->n[CHANNELS];
    NAME(Affine) f;
    for (ptrdiff_t c = begin * SPAN; c < min_size(end * SPAN, C); c += SPAN) {
        const ptrdiff_t count = min_size(SPAN, C - c);
        REAL *out = (REAL *)launch->p[OUT] + c;
        NAME(affine)(&f, launch, 0, c, count);
        memcpy(out, f.centre, (size_t)count * sizeof(REAL));
        memcpy(out + C, f.scale, (size_t)count * sizeof(REAL));
        memcpy(out + 2 * C, f.shift, (size_t)count * sizeof(REAL));
    }
    return 0;
}

INLINE void NAME(normalize)(REAL *out, const REAL *x, const REAL *residual, const NAME(Affine) *f, ptrdiff_t stride,
                            ptrdiff_t rows, ptrdiff_t count, int relu) {
#define CALL(some, height) NAME(normalize_vector)(out, x, residual, f, stride, start, height, j, some, relu)
    FOR_VECTORS(CALL)
#undef CALL
}

static int NAME(channel_norm)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X], *residual = launch->p[RESIDUAL];
    const int relu = launch->n[RELU] != 0;
    NAME(Affine) f;
    FOR_BLOCKS(launch->n[BLOCK_ROWS])
        NAME(affine)(&f, launch, n, c, count);
#define CALL(residual, relu) NAME(normalize)(out + from, x + from, residual, &f, C, rows, count, relu)
        if (residual) relu ? CALL(residual + from, 1) : CALL(residual + from, 0);
        else relu ? CALL(0, 1) : CALL(0, 0);
#undef CALL
    END_BLOCKS
}

/* A block is all rows of COLUMNS channels of a sample: its statistics, then its output, so x is read from memory once. */
static int NAME(group_norm)(BODY_ARGS) {
    REAL *out = launch->p[SAMPLE_OUT];
    const REAL *x = launch->p[X];
    const ptrdiff_t width = launch->n[WIDTH], chunks = launch->n[CHUNKS];
    NAME(Affine) f;
    FOR_BLOCKS(R)
        for (ptrdiff_t i = k; i < chunks; i++) NAME(chunk_of_moments)(launch, n, i, c, count);
        NAME(finish_moments)(launch, n, c / width, (c + count) / width);
        NAME(affine)(&f, launch, n, c, count);
        NAME(normalize)(out + from, x + from, 0, &f, C, rows, count, 0);
    END_BLOCKS
}

/* ---- backward --------------------------------------------------------------------------------------------------
 * First the sums of g and of g*(x - centre) over each channel, where g is dy, or dy where the output y is positive or
 * NaN. Then dx = scale*g + slope*(x - centre) + shift; the shifts contain the differences of centres and means. */

INLINE VEC NAME(masked)(Sign mask, VEC dy, VEC distance, VEC scale, VEC shift, VEC y) {
    if (mask == UNMASKED) return dy;
    if (mask == BY_INPUT) y = V(fma)(distance, scale, shift);
    return V(select)(V(le)(y, V(zero)()), V(zero)(), dy);
}

#define CHOOSE_MASK(call)                                        \
    switch (launch->n[MASK_SOURCE]) {                            \
    case BY_INPUT: call(BY_INPUT); break;                        \
    case BY_OUTPUT: call(BY_OUTPUT); break;                      \
    default: call(UNMASKED);                                     \
    }

/* Add the sums of `height` rows to `sums` and `dots`; write g to dresidual unless it is absent. */
INLINE void NAME(sum_vector)(const REAL *x, const REAL *y, const REAL *dy, REAL *dresidual, const NAME(Affine) *f,
                             ptrdiff_t stride, ptrdiff_t start, ptrdiff_t height, ptrdiff_t j, ptrdiff_t some,
                             REAL *sums, REAL *dots, Sign mask) {
    const VEC centre = LOAD(f->centre, j), scale = LOAD(f->scale, j), shift = LOAD(f->shift, j);
    VEC sum = V(zero)(), dot = V(zero)();
    FOR_ROWS {
        const VEC distance = V(sub)(LOAD(x, at), centre), output = mask == BY_OUTPUT ? LOAD(y, at) : centre;
        const VEC g = NAME(masked)(mask, LOAD(dy, at), distance, scale, shift, output);
        if (dresidual) NAME(store_some)(dresidual + at, g, some);
        sum = V(add)(sum, g);
        dot = V(fma)(distance, g, dot);
    }
    NAME(store_some)(sums + j, V(add)(LOAD(sums, j), sum), some);
    NAME(store_some)(dots + j, V(add)(LOAD(dots, j), dot), some);
}

INLINE void NAME(gradient_sums)(const REAL *x, const REAL *y, const REAL *dy, REAL *dresidual, const NAME(Affine) *f,
                                ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t count, REAL *sums, REAL *dots, Sign mask) {
#define CALL(some, height) NAME(sum_vector)(x, y, dy, dresidual, f, stride, start, height, j, some, sums, dots, mask)
    FOR_VECTORS(CALL)
#undef CALL
}

/* The sums over all chunks of `count` channels, in place of those of the first chunk. */
OUTLINE void NAME(join_chunk_sums)(double *sums, ptrdiff_t chunks, ptrdiff_t stride, ptrdiff_t count) {
    for (ptrdiff_t k = 1; k < chunks; k++) {
        const double *restrict other = sums + k * stride;
        for (ptrdiff_t j = 0; j < count; j++) sums[j] += other[j];
    }
}

/* Group g of sample n: `sums` and `dots` of its channels become their contributions to dbias and dweight, and its
 * COEFFICIENTS are written unless absent. */
INLINE void NAME(finish_group)(const Launch *launch, ptrdiff_t n, ptrdiff_t g, double *sums, double *dots) {
    const ptrdiff_t C = launch->n[CHANNELS], width = launch->n[WIDTH], all = launch->n[SAMPLES] * C, c = g * width;
    const ptrdiff_t at = n * (C / width) + g;
    const REAL *weight = launch->p[WEIGHT];
    const double mean = NAME(mean_of)(launch, at), rest = (REAL)mean - mean;
    const double rstd = NAME(rstd)(((const REAL *)launch->p[VAR])[at], launch->s[EPS]);
    REAL *scales = launch->p[COEFFICIENTS];
    double sum = 0, dot = 0;
    if (launch->n[CHUNKS])
        for (ptrdiff_t j = c; j < c + width; j++) {
            const double scale = weight ? rstd * weight[j] : rstd;
            dots[j] = (dots[j] + rest * sums[j]) * rstd;
            sum += scale * sums[j];
            dot += scale * dots[j];
        }
    if (!scales) return;
    const double slope = -rstd * dot * launch->s[SHARE], shift = rest * slope - sum * launch->s[SHARE];
    for (ptrdiff_t j = c; j < c + width; j++) {
        scales[n * C + j] = (REAL)(weight ? rstd * weight[j] : rstd);
        scales[n * C + j + all] = (REAL)slope;
        scales[n * C + j + 2 * all] = (REAL)shift;
    }
}

/* The contributions of sample n to DBIAS and DWEIGHT, in place of the SUMS of its chunks, and its COEFFICIENTS, for groups
 * g to last - 1. */
INLINE void NAME(finish_sample)(const Launch *launch, ptrdiff_t n, ptrdiff_t g, ptrdiff_t last) {
    const ptrdiff_t C = launch->n[CHANNELS], width = launch->n[WIDTH], chunks = launch->n[CHUNKS];
    const ptrdiff_t c = g * width, count = (last - g) * width;
    double *sums = NAME(results)(launch, SUMS, n), *dots = sums + NAME(second)(launch);
    NAME(join_chunk_sums)(sums + c, chunks, C, count);
    NAME(join_chunk_sums)(dots + c, chunks, C, count);
    for (ptrdiff_t i = g; i < last; i++) NAME(finish_group)(launch, n, i, sums, dots);
}

/* DBIAS and DWEIGHT of groups g to last - 1; either may be absent. */
INLINE void NAME(add_samples)(const Launch *launch, ptrdiff_t g, ptrdiff_t last) {
    const ptrdiff_t C = launch->n[CHANNELS], width = launch->n[WIDTH], chunks = launch->n[CHUNKS];
    const ptrdiff_t samples = launch->n[SAMPLES], c = g * width, count = (last - g) * width;
    REAL *const outs[] = {launch->p[DBIAS], launch->p[DWEIGHT]};
    for (int k = 0; k < 2; k++) {
        if (!outs[k]) continue;
        double *total = NAME(results)(launch, SUMS, 0) + k * NAME(second)(launch) + c;
        const int some = samples && chunks;                     /* else the variance is NaN, and there are no sums */
        if (some) NAME(join_chunk_sums)(total, samples, chunks * C, count);
        for (ptrdiff_t j = 0; j < count; j++) outs[k][c + j] = some ? (REAL)total[j] : 0;
    }
}

INLINE void NAME(finish_sums)(const Launch *launch, ptrdiff_t g, ptrdiff_t last) {
    for (ptrdiff_t n = 0; n < launch->n[SAMPLES]; n++) NAME(finish_sample)(launch, n, g, last);
    NAME(add_samples)(launch, g, last);
}

/* The sums of `count` channels from c on of chunk k of sample n. */
INLINE void NAME(chunk_of_sums)(const Launch *launch, const NAME(Affine) *f, ptrdiff_t n, ptrdiff_t k, ptrdiff_t c,
                                ptrdiff_t count, Sign mask) {
    const ptrdiff_t C = launch->n[CHANNELS], R = launch->n[ROWS], first = k * COLUMN_CHUNK, from = (n * R + first) * C + c;
    const REAL *x = launch->p[X], *y = launch->p[Y], *dy = launch->p[DY];
    REAL *dresidual = launch->p[DRESIDUAL], sums[PADDED_SPAN] = {0}, dots[PADDED_SPAN] = {0};
    double *totals = NAME(results)(launch, SUMS, n) + k * C + c, *products = totals + NAME(second)(launch);
    NAME(gradient_sums)(x + from, y ? y + from : 0, dy + from, dresidual ? dresidual + from : 0, f, C,
                        min_size(COLUMN_CHUNK, R - first), count, sums, dots, mask);
    for (ptrdiff_t j = 0; j < count; j++) totals[j] = sums[j];
    for (ptrdiff_t j = 0; j < count; j++) products[j] = dots[j];
}

static int NAME(channel_sums)(BODY_ARGS) {
    const ptrdiff_t width = launch->n[WIDTH];
    NAME(Affine) f;
    FOR_BLOCKS(COLUMN_CHUNK)
        (void)from, (void)rows;
        NAME(affine)(&f, launch, n, c, count);
#define CALL(mask) NAME(chunk_of_sums)(launch, &f, n, k, c, count, mask)
        CHOOSE_MASK(CALL)
#undef CALL
        if (launch->n[FINISHES]) NAME(finish_sums)(launch, c / width, (c + count) / width);
    END_BLOCKS
}

static int NAME(join_sums)(BODY_ARGS) {
    FOR_GROUPS
        (void)n;
        NAME(finish_sums)(launch, g, last);
    END_BLOCKS
}

static int NAME(join_samples)(BODY_ARGS) {
    FOR_GROUPS
        (void)n;
        NAME(add_samples)(launch, g, last);
    END_BLOCKS
}

/* Without `varies`, the statistics are constants, and dx = scale*g. */
INLINE void NAME(gradient_vector)(REAL *dx, const REAL *x, const REAL *y, const REAL *dy, const NAME(Affine) *f,
                                  const REAL *scales, ptrdiff_t next, ptrdiff_t stride, ptrdiff_t start,
                                  ptrdiff_t height, ptrdiff_t j, ptrdiff_t some, Sign mask, int varies) {
    const VEC centre = LOAD(f->centre, j), a = LOAD(f->scale, j), b = LOAD(f->shift, j);
    const VEC scale = LOAD(scales, j), slope = LOAD(scales, j + next), shift = LOAD(scales, j + 2 * next);
    FOR_ROWS {
        const VEC distance = varies || mask == BY_INPUT ? V(sub)(LOAD(x, at), centre) : centre;
        const VEC g = NAME(masked)(mask, LOAD(dy, at), distance, a, b, mask == BY_OUTPUT ? LOAD(y, at) : centre);
        const VEC d = varies ? V(fma)(scale, g, V(fma)(slope, distance, shift)) : V(mul)(scale, g);
        NAME(store_some)(dx + at, d, some);
    }
}

INLINE void NAME(input_gradient)(REAL *dx, const REAL *x, const REAL *y, const REAL *dy, const NAME(Affine) *f,
                                 const REAL *scales, ptrdiff_t next, ptrdiff_t stride, ptrdiff_t rows,
                                 ptrdiff_t count, Sign mask, int varies) {
#define CALL(some, height) \
    NAME(gradient_vector)(dx, x, y, dy, f, scales, next, stride, start, height, j, some, mask, varies)
    FOR_VECTORS(CALL)
#undef CALL
}

static int NAME(channel_norm_backward)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *x = launch->p[X], *y = launch->p[Y], *dy = launch->p[DY], *coefficients = launch->p[COEFFICIENTS];
    const ptrdiff_t next = launch->n[SAMPLES] * launch->n[CHANNELS];
    const int varies = launch->s[SHARE] != 0;
    NAME(Affine) f;
    FOR_BLOCKS(launch->n[BLOCK_ROWS])
        const REAL *scales = coefficients + n * C + c;
        NAME(affine)(&f, launch, n, c, count);
#define CALL_OF(mask, varies) NAME(input_gradient)(dx + from, x + from, y ? y + from : 0, dy + from, &f, scales, next, \
                                                   C, rows, count, mask, varies)
#define CALL(mask) { if (varies) CALL_OF(mask, 1); else CALL_OF(mask, 0); }
        CHOOSE_MASK(CALL)
#undef CALL
#undef CALL_OF
    END_BLOCKS
}

/* A block is all rows of COLUMNS channels of a sample: its sums, then dx. `join_samples` follows. */
static int NAME(group_norm_backward)(BODY_ARGS) {
    REAL *dx = launch->p[SAMPLE_DX];
    const REAL *x = launch->p[X], *dy = launch->p[DY], *coefficients = launch->p[COEFFICIENTS];
    const ptrdiff_t width = launch->n[WIDTH], chunks = launch->n[CHUNKS];
    const ptrdiff_t next = launch->n[SAMPLES] * launch->n[CHANNELS];
    NAME(Affine) f;
    FOR_BLOCKS(R)
        NAME(affine)(&f, launch, n, c, count);
        for (ptrdiff_t i = k; i < chunks; i++) NAME(chunk_of_sums)(launch, &f, n, i, c, count, UNMASKED);
        NAME(finish_sample)(launch, n, c / width, (c + count) / width);
        NAME(input_gradient)(dx + from, x + from, 0, dy + from, &f, coefficients + n * C + c, next, C, rows, count,
                             UNMASKED, 1);
    END_BLOCKS
}

/* MEAN and VAR are (SAMPLES, CHANNELS); their averages over the samples are taken. One block, because it counts the
 * batch. */
static int NAME(batch_norm_update_)(BODY_ARGS) {
    REAL *running_mean = launch->p[RUNNING_MEAN], *running_var = launch->p[RUNNING_VAR];
    const double *mean = launch->p[MEAN];
    const REAL *var = launch->p[VAR];
    const ptrdiff_t C = launch->n[CHANNELS], samples = launch->n[SAMPLES];
    int64_t *tracked = launch->p[TRACKED];
    if (begin == end) return 0;
    *tracked += 1;
    if (!launch->n[ROWS] || !samples) return 0;
    const double m = launch->n[HAS_MOMENTUM] ? launch->s[MOMENTUM] : 1 / (double)*tracked;
    for (ptrdiff_t c = 0; c < C; c++) {
        double mean_sum = 0, var_sum = 0;
        for (ptrdiff_t n = 0; n < samples; n++) {
            mean_sum += mean[n * C + c];
            var_sum += var[n * C + c];
        }
        running_mean[c] = (REAL)((1 - m) * running_mean[c] + m * (mean_sum / (double)samples));
        running_var[c] = (REAL)((1 - m) * running_var[c] + m * launch->s[UNBIASED] * (var_sum / (double)samples));
    }
    return 0;
}

#undef FOR_BLOCKS
#undef FOR_GROUPS
#undef END_BLOCKS
#undef FOR_VECTORS
#undef FOR_ROWS
#undef LOAD
#undef CHOOSE_MASK
