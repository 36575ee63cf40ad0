/* Bodies of random.c, included once for each T. */

static int NAME(random_uniform)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    REAL low = (REAL)launch->s[LOW], high = (REAL)launch->s[HIGH], scale = high - low;
    REAL limit = (REAL)launch->s[BELOW_HIGH];
    DRAW_LOOP(NAME(PER), {
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL x = NAME(unit)(words, j) * scale + low;
            out[i + j] = x < limit ? x : limit;
        }
    })
    return 0;
}

static int NAME(random_normal)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    REAL mean = (REAL)launch->s[MEAN], std = (REAL)launch->s[STD];
    _Alignas(CACHE_LINE) REAL z[WORDS / NAME(PER)];
    DRAW_LOOP(NAME(PER), {
        NAME(normals)(words, z);
        for (ptrdiff_t j = 0; j < n; j++) out[i + j] = z[j] * std + mean;
    })
    return 0;
}

static int NAME(random_bernoulli)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *p = launch->p[PROBABILITIES];
    int bad = 0;
    DRAW_LOOP(NAME(PER), {
        for (ptrdiff_t j = 0; j < n; j++) {
            bad |= !(p[i + j] >= 0) | !(p[i + j] <= 1);
            out[i + j] = (REAL)(NAME(unit)(words, j) < p[i + j]);
        }
    })
    return bad;
}

/* A dropped element is multiplied by 0, so that a NaN stays NaN, as in PyTorch. */
static int NAME(dropout)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    uint8_t *mask = launch->p[KEPT];
    const REAL *x = launch->p[X];
    REAL scale = (REAL)launch->s[SCALE];
    uint64_t threshold = (uint64_t)launch->n[THRESHOLD];         /* 2^32 keeps nothing */
    uint32_t least = threshold > 0xFFFFFFFFu ? 0xFFFFFFFFu : (uint32_t)threshold;
    uint32_t some = threshold <= 0xFFFFFFFFu;
    DRAW_LOOP(1, {
        for (ptrdiff_t j = 0; j < n; j++) words[j] = (words[j] >= least) & some;
        for (ptrdiff_t j = 0; j < n; j++) mask[i + j] = (uint8_t)words[j];
        for (ptrdiff_t j = 0; j < n; j++) out[i + j] = x[i + j] * (words[j] ? scale : (REAL)0);
    })
    return 0;
}

static int NAME(dropout_backward)(BODY_ARGS) {
    REAL *dx = launch->p[OUT];
    const uint8_t *mask = launch->p[KEPT];
    const REAL *dy = launch->p[X];
    REAL scale = (REAL)launch->s[SCALE];
    ptrdiff_t stop = min_size(end * BLOCK, launch->n[SIZE]);
    for (ptrdiff_t i = begin * BLOCK; i < stop; i++) dx[i] = dy[i] * (mask[i] ? scale : (REAL)0);
    return 0;
}
