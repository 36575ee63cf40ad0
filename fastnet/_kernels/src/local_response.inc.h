/* Bodies of local_response.c, included once for each T. x is (ROWS, CHANNELS).
 *
 * The terms of a row's windows are first written into a row padded with zeros, where every window is in range. */

/* Rows r of a block, with two padded rows of `width` elements, zeros but for what the row writes. */
#define FOR_ROWS                                                                         \
    const ptrdiff_t C = launch->n[CHANNELS], before = launch->n[BEFORE], after = launch->n[AFTER]; \
    const ptrdiff_t width = before + C + after + SLACK, height = launch->n[BLOCK_ROWS];  \
    for (ptrdiff_t b = begin; b < end; b++) {                                            \
        REAL *terms = (REAL *)launch->p[SCRATCH] + 2 * b * width;                        \
        memset(terms, 0, (size_t)width * sizeof(REAL));                                  \
        for (ptrdiff_t r = b * height; r < min_size((b + 1) * height, launch->n[ROWS]); r++) {
#define END_ROWS } } return 0;
#define FOR_CHANNELS \
    for (ptrdiff_t i = 0, some = min_size(W, C); i < C; i += W, some = min_size(W, C - i))
#define LOAD(p) NAME(load_some)((p) + i, some)

/* scale^-beta; two roots are faster and nearer than the usual power 3/4 by logarithms */
INLINE VEC NAME(inverse_power)(VEC scale, double beta) {
    if (beta == 0.75) {
        const VEC root = V(sqrt)(scale);
        return V(div)(V(set)(1), V(mul)(root, V(sqrt)(root)));
    }
    return V(exp)(V(mul)(V(set)((REAL)-beta), V(log)(scale)));
}

/* The sum over the window of `size` terms from p on. */
INLINE VEC NAME(window)(const REAL *p, ptrdiff_t size) {
    VEC sum = V(load)(p);
    for (ptrdiff_t o = 1; o < size; o++) sum = V(add)(sum, V(load)(p + o));
    return sum;
}

static int NAME(local_response_norm)(BODY_ARGS) {
    const VEC factor = V(set)((REAL)launch->s[FACTOR]), k = V(set)((REAL)launch->s[K]);
    const double beta = launch->s[BETA];
    FOR_ROWS
        const REAL *x = (const REAL *)launch->p[X] + r * C;
        REAL *out = (REAL *)launch->p[OUT] + r * C, *scales = (REAL *)launch->p[SCALE] + r * C;
        FOR_CHANNELS NAME(store_some)(terms + before + i, V(mul)(LOAD(x), LOAD(x)), some);
        FOR_CHANNELS {
            const VEC scale = V(fma)(NAME(window)(terms + i, before + 1 + after), factor, k);
            NAME(store_some)(scales + i, scale, some);
            NAME(store_some)(out + i, V(mul)(LOAD(x), NAME(inverse_power)(scale, beta)), some);
        }
    END_ROWS
}

/* Channel i is in the windows of channels i - AFTER to i + BEFORE. */
static int NAME(local_response_norm_backward)(BODY_ARGS) {
    const double beta = launch->s[BETA];
    const VEC factor = V(set)((REAL)(-2 * beta * launch->s[FACTOR]));
    FOR_ROWS
        const REAL *x = (const REAL *)launch->p[X] + r * C, *dy = (const REAL *)launch->p[DY] + r * C;
        const REAL *scales = (const REAL *)launch->p[SCALE] + r * C;
        REAL *dx = (REAL *)launch->p[DX] + r * C, *direct = terms + width;
        FOR_CHANNELS {
            const VEC scale = NAME(load_or)(scales + i, some, 1);
            const VEC g = V(mul)(LOAD(dy), NAME(inverse_power)(scale, beta));
            NAME(store_some)(direct + i, g, some);
            NAME(store_some)(terms + after + i, V(div)(V(mul)(g, LOAD(x)), scale), some);
        }
        FOR_CHANNELS {
            const VEC sum = V(mul)(factor, NAME(window)(terms + i, before + 1 + after));
            NAME(store_some)(dx + i, V(fma)(LOAD(x), sum, LOAD(direct)), some);
        }
    END_ROWS
}

#undef FOR_ROWS
#undef END_ROWS
#undef FOR_CHANNELS
#undef LOAD
