/* Bodies of random.c, included once for each T. n[0] is the size, n[1] the offset of the draw in counters. */

static int NAME(random_uniform)(MAP_ARGS) {
    REAL *out = launch->p[0];
    REAL low = (REAL)launch->s[0], high = (REAL)launch->s[1], limit = (REAL)launch->s[2], scale = high - low;
    DRAW_LOOP(launch->p[1], NAME(PER), {
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL x = NAME(unit)(words, j) * scale + low;
            out[i + j] = x < limit ? x : limit;
        }
    })
    return 0;
}

static int NAME(random_normal)(MAP_ARGS) {
    REAL *out = launch->p[0];
    REAL mean = (REAL)launch->s[0], std = (REAL)launch->s[1];
    _Alignas(64) REAL z[CHUNK / NAME(PER)];
    DRAW_LOOP(launch->p[1], NAME(PER), {
        NAME(normals)(words, z);
        for (ptrdiff_t j = 0; j < n; j++) out[i + j] = z[j] * std + mean;
    })
    return 0;
}

static int NAME(random_bernoulli)(MAP_ARGS) {
    REAL *out = launch->p[0];
    const REAL *p = launch->p[2];
    int bad = 0;
    DRAW_LOOP(launch->p[1], NAME(PER), {
        for (ptrdiff_t j = 0; j < n; j++) {
            bad |= !(p[i + j] >= 0) | !(p[i + j] <= 1);
            out[i + j] = (REAL)(NAME(unit)(words, j) < p[i + j]);
        }
    })
    return bad;
}

/* A dropped element is multiplied by 0, not replaced by it: a NaN stays, as it does in PyTorch. */
static int NAME(dropout)(MAP_ARGS) {
    REAL *out = launch->p[0];
    uint8_t *mask = launch->p[1];
    const REAL *x = launch->p[2];
    REAL scale = (REAL)launch->s[0];
    uint64_t threshold = (uint64_t)launch->n[2];                 /* up to 2^32, which keeps nothing */
    uint32_t least = threshold > 0xFFFFFFFFu ? 0xFFFFFFFFu : (uint32_t)threshold;
    uint32_t some = threshold <= 0xFFFFFFFFu;
    DRAW_LOOP(launch->p[3], 1, {
        for (ptrdiff_t j = 0; j < n; j++) words[j] = (words[j] >= least) & some;
        for (ptrdiff_t j = 0; j < n; j++) mask[i + j] = (uint8_t)words[j];
        for (ptrdiff_t j = 0; j < n; j++) out[i + j] = x[i + j] * (words[j] ? scale : (REAL)0);
    })
    return 0;
}

static int NAME(dropout_backward)(MAP_ARGS) {
    REAL *dx = launch->p[0];
    const uint8_t *mask = launch->p[1];
    const REAL *dy = launch->p[2];
    REAL scale = (REAL)launch->s[0];
    ptrdiff_t stop = min_size(end * BLOCK, launch->n[0]);
    for (ptrdiff_t i = begin * BLOCK; i < stop; i++) dx[i] = dy[i] * (mask[i] ? scale : (REAL)0);
    return 0;
}
