/* Softmax and cross-entropy in one pass over each row; included by loss.c once for each T.
 *
 * The rows of a block are taken W at a time. Each lane holds the figures of one row (the largest logit, the sum of
 * exponentials, two sums over the classes), so that logarithms and later steps run on vectors. With few classes the
 * whole softmax runs that way, on the transposed tile; with many it runs along each row. */

/* The weight q[j] of class j in a row's -sum_j q[j] log p[j]: (keep * t[j] + spread) * w[j], or w[j] if t is absent. */
typedef struct {
    int wanted;
    const REAL *t, *w;
    REAL keep, spread;
} NAME(Mix);

/* The figures of the rows of a tile: log p[j] = x[j] - most - log(sum); dot = sum_j q[j] (x[j] - most), total = sum_j
 * q[j]. */
typedef struct {
    REAL most[W], sum[W], dot[W], total[W];
} NAME(Rows);

static inline VEC NAME(mix)(const NAME(Mix) *mix, VEC t, VEC w) {
    VEC q = mix->t ? V(add)(V(mul)(t, V(set)(mix->keep)), V(set)(mix->spread)) : V(set)(1);
    return mix->w ? V(mul)(q, w) : q;
}

/* ---- few classes: lanes are rows --------------------------------------------------------------------------------- */

/* tile[j * W + r] = x[r * c + j]; lanes without a row repeat the last row */
static inline void NAME(transpose_in)(REAL *tile, const REAL *x, ptrdiff_t rows, ptrdiff_t c) {
    for (ptrdiff_t r = 0; r < W; r++)
        for (ptrdiff_t j = 0; j < c; j++) tile[j * W + r] = x[min_size(r, rows - 1) * c + j];
}

static inline void NAME(softmax_few)(REAL *p, const REAL *x, ptrdiff_t rows, ptrdiff_t c, const NAME(Mix) *mix,
                                     NAME(Rows) *found) {
    REAL tile[FEW * W], targets[FEW * W];
    NAME(transpose_in)(tile, x, rows, c);
    if (mix->t) NAME(transpose_in)(targets, mix->t, rows, c);
    VEC most = V(set)(-INFINITY), sum = V(zero)(), dot = sum, total = sum;
    for (ptrdiff_t j = 0; j < c; j++) most = V(max)(most, V(load)(tile + j * W));
    for (ptrdiff_t j = 0; j < c; j++) {
        VEC d = V(sub)(V(load)(tile + j * W), most), e = V(exp)(d);
        V(store)(tile + j * W, e);
        sum = V(add)(sum, e);
        if (mix->wanted) {
            VEC t = mix->t ? V(load)(targets + j * W) : sum;
            VEC q = NAME(mix)(mix, t, mix->w ? V(set)(mix->w[j]) : sum);
            dot = V(add)(dot, V(mul)(q, d));
            total = V(add)(total, q);
        }
    }
    VEC scale = V(div)(V(set)(1), sum);
    for (ptrdiff_t j = 0; j < c; j++) V(store)(tile + j * W, V(mul)(V(load)(tile + j * W), scale));
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t j = 0; j < c; j++) p[r * c + j] = tile[j * W + r];
    V(store)(found->most, most);
    V(store)(found->sum, sum);
    V(store)(found->dot, dot);
    V(store)(found->total, total);
}

/* ---- many classes: lanes are classes --------------------------------------------------------------------------------
 * The last vector of a row ends with the row and overlaps the vector before it: masked stores are slow and delay the
 * loads of the next row. Overlapping elements are computed twice, to the same bits, and summed once. */

static inline REAL NAME(largest)(const REAL *x, ptrdiff_t c) {
    VEC m0 = V(load)(x + c - W), m1 = m0, m2 = m0, m3 = m0;
    ptrdiff_t j = 0;
    for (; j + 4 * W <= c; j += 4 * W) {
        m0 = V(max)(m0, V(load)(x + j));
        m1 = V(max)(m1, V(load)(x + j + W));
        m2 = V(max)(m2, V(load)(x + j + 2 * W));
        m3 = V(max)(m3, V(load)(x + j + 3 * W));
    }
    for (; j + W <= c; j += W) m0 = V(max)(m0, V(load)(x + j));
    return V(hmax)(V(max)(V(max)(m0, m1), V(max)(m2, m3)));
}

/* p = exp(x - most) of a row, and the sums over it */
static inline void NAME(exponentials)(REAL *p, const REAL *x, ptrdiff_t c, const NAME(Mix) *mix,
                                      NAME(Rows) *found, int r) {
    const REAL *t = mix->t ? mix->t + r * c : NULL, *w = mix->w;
    const VEC most = V(set)(found->most[r]), zero = V(zero)();
    VEC sum = zero, dot = zero, total = zero;
    for (ptrdiff_t j = 0; j < c; j += W) {
        const ptrdiff_t at = min_size(j, c - W), had = j - at;
        VEC d = V(sub)(V(load)(x + at), most), e = V(exp)(d);
        V(store)(p + at, e);
        sum = V(add)(sum, had ? V(select)(NAME(first)(had), zero, e) : e);
        if (mix->wanted) {
            VEC q = NAME(mix)(mix, t ? V(load)(t + at) : zero, w ? V(load)(w + at) : zero), qd = V(mul)(q, d);
            dot = V(add)(dot, had ? V(select)(NAME(first)(had), zero, qd) : qd);
            total = V(add)(total, had ? V(select)(NAME(first)(had), zero, q) : q);
        }
    }
    found->sum[r] = V(sum)(sum);
    if (mix->wanted) {
        found->dot[r] = V(sum)(dot);
        found->total[r] = V(sum)(total);
    }
}

static inline void NAME(multiply)(REAL *p, ptrdiff_t c, REAL by) {
    const VEC scale = V(set)(by), last = V(mul)(V(load)(p + c - W), scale);
    for (ptrdiff_t j = 0; j + W <= c; j += W) V(store)(p + j, V(mul)(V(load)(p + j), scale));
    V(store)(p + c - W, last);
}

/* step by step for all rows, so that one row need not wait for another's sums */
static inline void NAME(softmax_many)(REAL *p, const REAL *x, ptrdiff_t rows, ptrdiff_t c, const NAME(Mix) *mix,
                                      NAME(Rows) *found) {
    REAL scale[W];
    for (int r = 0; r < W; r++) found->sum[r] = 1;
    for (int r = 0; r < rows; r++) found->most[r] = NAME(largest)(x + r * c, c);
    for (int r = 0; r < rows; r++) NAME(exponentials)(p + r * c, x + r * c, c, mix, found, r);
    V(store)(scale, V(div)(V(set)(1), V(load)(found->sum)));
    for (int r = 0; r < rows; r++) NAME(multiply)(p + r * c, c, scale[r]);
}

static inline void NAME(softmax)(REAL *p, const REAL *x, ptrdiff_t rows, ptrdiff_t c, const NAME(Mix) *mix,
                                 NAME(Rows) *found) {
    if (c <= FEW)
        NAME(softmax_few)(p, x, rows, c, mix, found);
    else
        NAME(softmax_many)(p, x, rows, c, mix, found);
}

/* ---- class indices ----------------------------------------------------------------------------------------------- */

static int NAME(cross_entropy)(BODY_ARGS) {
    REAL *losses = launch->p[LOSSES], *weights = launch->p[WEIGHTS], *probs = launch->p[PROBS];
    const REAL *x = launch->p[X], *weight = launch->p[CLASS_WEIGHT];
    const int64_t *target = launch->p[TARGET], ignored = launch->n[IGNORE_INDEX];
    const ptrdiff_t c = launch->n[CLASSES], block = launch->n[BLOCK_ROWS], tile = min_size(block, W);
    const ptrdiff_t stop = min_size(end * block, launch->n[ROWS]);
    const REAL smoothing = (REAL)launch->s[LABEL_SMOOTHING];
    const VEC keep = V(set)(1 - smoothing), spread = V(set)(smoothing / (REAL)c);
    const NAME(Mix) mix = {smoothing != 0, NULL, weight, 1, 0};
    NAME(Rows) found;
    for (ptrdiff_t i = begin * block; i < stop; i += tile) {
        const ptrdiff_t rows = min_size(stop - i, tile);
        NAME(softmax)(probs + i * c, x + i * c, rows, c, &mix, &found);
        REAL picked[W] = {0}, w[W] = {0}, counts[W] = {0};
        for (ptrdiff_t r = 0; r < rows; r++) {
            const int64_t k = target[i + r];
            const int valid = (uint64_t)k < (uint64_t)c;
            const ptrdiff_t label = valid ? k : 0;
            counts[r] = k != ignored;
            picked[r] = valid ? x[(i + r) * c + label] : NAN;
            w[r] = weight && c ? counts[r] * weight[label] : counts[r];
        }
        VEC log_sum = V(log)(V(load)(found.sum));
        VEC loss = V(mul)(V(load)(w), V(sub)(log_sum, V(sub)(V(load)(picked), V(load)(found.most))));
        if (mix.wanted) {
            VEC even = V(sub)(V(mul)(log_sum, V(load)(found.total)), V(load)(found.dot));
            loss = V(add)(V(mul)(loss, keep), V(mul)(even, spread));
        }
        loss = V(select)(V(eq)(V(load)(counts), V(zero)()), V(zero)(), loss);
        V(store_n)(losses + i, loss, rows);
        V(store_n)(weights + i, V(load)(w), rows);
    }
    return 0;
}

/* o = p * a - w * b; an absent w is 1 */
static inline void NAME(gradient_row)(REAL *o, const REAL *p, const REAL *w, ptrdiff_t c, REAL a, REAL b) {
    const VEC va = V(set)(a), vb = V(set)(b);
    if (c < W) {
        VEC wb = w ? V(mul)(V(load_n)(w, c), vb) : vb;
        V(store_n)(o, V(sub)(V(mul)(V(load_n)(p, c), va), wb), c);
        return;
    }
    for (ptrdiff_t j = 0; j < c; j += W) {
        const ptrdiff_t at = min_size(j, c - W);
        VEC wb = w ? V(mul)(V(load)(w + at), vb) : vb;
        V(store)(o + at, V(sub)(V(mul)(V(load)(p + at), va), wb));
    }
}

static int NAME(cross_entropy_backward)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *probs = launch->p[PROBS], *dy = launch->p[DY], *total = launch->p[TOTAL];
    const REAL *weight = launch->p[CLASS_WEIGHT];
    const int64_t *target = launch->p[TARGET], ignored = launch->n[IGNORE_INDEX];
    const ptrdiff_t c = launch->n[CLASSES], step = launch->n[DY_STEP], block = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * block, launch->n[ROWS]);
    const REAL smoothing = (REAL)launch->s[LABEL_SMOOTHING], keep = 1 - smoothing, spread = smoothing / (REAL)c;
    const REAL all = smoothing == 0 ? 0 : weight ? (REAL)NAME(row)(SUM, weight, weight, 0, c) : (REAL)c;
    for (ptrdiff_t i = begin * block; i < stop; i++) {
        const REAL *p = probs + i * c;
        REAL *o = dx + i * c;
        const int64_t k = target[i];
        const int valid = (uint64_t)k < (uint64_t)c;
        const REAL g = k == ignored ? 0 : !valid ? NAN : total ? dy[i * step] / *total : dy[i * step];
        const REAL a = (valid && weight ? g * weight[k] : g) * keep, b = g * spread;
        NAME(gradient_row)(o, p, smoothing != 0 ? weight : NULL, c, a + b * all, b);
        /* (p - 1) a rather than p a - a: p - 1 is exact for p near 1 */
        if (valid) o[k] = (p[k] - 1) * a + b * (p[k] * all - (weight ? weight[k] : 1));
    }
    return 0;
}

/* ---- class probabilities ----------------------------------------------------------------------------------------- */

static inline NAME(Mix) NAME(mix_of)(const REAL *weight, double smoothing, ptrdiff_t c) {
    NAME(Mix) mix = {1, NULL, weight, 1 - (REAL)smoothing, (REAL)smoothing / (REAL)c};
    return mix;
}

static int NAME(cross_entropy_probs)(BODY_ARGS) {
    REAL *losses = launch->p[LOSSES], *probs = launch->p[PROBS];
    const REAL *x = launch->p[X], *target = launch->p[TARGET];
    const ptrdiff_t c = launch->n[CLASSES], block = launch->n[BLOCK_ROWS], tile = min_size(block, W);
    const ptrdiff_t stop = min_size(end * block, launch->n[ROWS]);
    NAME(Mix) mix = NAME(mix_of)(launch->p[CLASS_WEIGHT], launch->s[LABEL_SMOOTHING], c);
    NAME(Rows) found;
    for (ptrdiff_t i = begin * block; i < stop; i += tile) {
        const ptrdiff_t rows = min_size(stop - i, tile);
        mix.t = target + i * c;
        NAME(softmax)(probs + i * c, x + i * c, rows, c, &mix, &found);
        VEC log_sum = V(log)(V(load)(found.sum));
        V(store_n)(losses + i, V(sub)(V(mul)(log_sum, V(load)(found.total)), V(load)(found.dot)), rows);
    }
    return 0;
}

/* o = (p sum_j q[j] - q) * g */
static inline void NAME(mixed_row)(REAL *o, const REAL *p, const NAME(Mix) *mix, ptrdiff_t c, REAL g) {
    const REAL *t = mix->t, *w = mix->w;
    const VEC scale = V(set)(g), zero = V(zero)();
    if (c < W) {
        VEC q = NAME(mix)(mix, V(load_n)(t, c), w ? V(load_n)(w, c) : zero);
        VEC total = V(set)(V(sum)(V(select)(NAME(first)(c), q, zero)));
        V(store_n)(o, V(mul)(V(sub)(V(mul)(V(load_n)(p, c), total), q), scale), c);
        return;
    }
    VEC total = zero;
    for (ptrdiff_t j = 0; j < c; j += W) {
        const ptrdiff_t at = min_size(j, c - W);
        VEC q = NAME(mix)(mix, V(load)(t + at), w ? V(load)(w + at) : zero);
        total = V(add)(total, at < j ? V(select)(NAME(first)(j - at), zero, q) : q);
    }
    total = V(set)(V(sum)(total));
    for (ptrdiff_t j = 0; j < c; j += W) {
        const ptrdiff_t at = min_size(j, c - W);
        VEC q = NAME(mix)(mix, V(load)(t + at), w ? V(load)(w + at) : zero);
        V(store)(o + at, V(mul)(V(sub)(V(mul)(V(load)(p + at), total), q), scale));
    }
}

static int NAME(cross_entropy_probs_backward)(BODY_ARGS) {
    REAL *dx = launch->p[DX];
    const REAL *probs = launch->p[PROBS], *target = launch->p[TARGET], *dy = launch->p[DY];
    const ptrdiff_t c = launch->n[CLASSES], step = launch->n[DY_STEP], block = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * block, launch->n[ROWS]);
    NAME(Mix) mix = NAME(mix_of)(launch->p[CLASS_WEIGHT], launch->s[LABEL_SMOOTHING], c);
    for (ptrdiff_t i = begin * block; i < stop; i++) {
        mix.t = target + i * c;
        NAME(mixed_row)(dx + i * c, probs + i * c, &mix, c, dy[i * step] * (REAL)launch->s[SCALE]);
    }
    return 0;
}
