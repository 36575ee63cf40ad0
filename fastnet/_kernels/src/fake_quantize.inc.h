/* Bodies of fake_quantize.c, included once for each T. A block is CHUNK_SIZE elements of a row, or fewer at its end. */

/* The place of a block, and the integers of its channel less the zero point. */
#define OPEN_BLOCK                                                                              \
    const ptrdiff_t inner = launch->n[INNER], chunks = launch->n[CHUNKS], row = b / chunks;     \
    const ptrdiff_t start = b % chunks * CHUNK_SIZE, channel = row % launch->n[CHANNELS];       \
    const ptrdiff_t count = inner - start < CHUNK_SIZE ? inner - start : CHUNK_SIZE;            \
    const ptrdiff_t at = row * inner + start;                                                   \
    const REAL zero = ((const REAL *)launch->p[ZERO])[channel];                                 \
    const REAL *x = (const REAL *)launch->p[X] + at;                                            \
    REAL *out = (REAL *)launch->p[OUT] + at;                                                    \
    const VEC scale = V(set)(((const REAL *)launch->p[SCALE])[channel]);                        \
    const VEC low = V(set)((REAL)launch->n[LOW] - zero), high = V(set)((REAL)launch->n[HIGH] - zero)

/* x / scale, rounded, for `lanes` elements from i on; clamped first, since V(round) takes no large numbers */
static inline VEC NAME(steps_of)(VEC x, VEC scale, VEC low, VEC high) {
    return V(round)(V(min)(high, V(max)(low, V(div)(x, scale))));
}

static int NAME(fake_quantize)(BODY_ARGS) {
    for (ptrdiff_t b = begin; b < end; b++) {
        OPEN_BLOCK;
        for (ptrdiff_t i = 0; i < count; i += W) {
            const ptrdiff_t lanes = count - i < W ? count - i : W;
            const VEC a = V(load_n)(x + i, lanes);
            const VEC y = V(mul)(NAME(steps_of)(a, scale, low, high), scale);
            V(store_n)(out + i, V(select)(V(unord)(a, a), a, y), lanes);
        }
    }
    return 0;
}

static int NAME(fake_quantize_backward)(BODY_ARGS) {
    const VEC one = V(set)(1);
    for (ptrdiff_t b = begin; b < end; b++) {
        OPEN_BLOCK;
        const REAL *dy = (const REAL *)launch->p[DY] + at;
        for (ptrdiff_t i = 0; i < count; i += W) {
            const ptrdiff_t lanes = count - i < W ? count - i : W;
            const VEC a = V(load_n)(x + i, lanes);
            const VEC steps = NAME(steps_of)(a, scale, V(sub)(low, one), V(add)(high, one));
            const MASK known = M(not)(V(unord)(a, a));
            const MASK inside = M(and)(known, M(and)(V(le)(low, steps), V(le)(steps, high)));
            V(store_n)(out + i, V(select)(inside, V(load_n)(dy + i, lanes), V(zero)()), lanes);
        }
    }
    return 0;
}

#undef OPEN_BLOCK
