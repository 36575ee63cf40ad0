/* Attention of few queries, as in generation: keys and values are read once, where they are. Included once for each T. */

/* The scores of one query: scale * q k' + mask for n keys, and -inf up to a whole vector. Returns the largest. */
static REAL NAME(score)(REAL *scores, const REAL *query, const REAL *keys, ptrdiff_t step, ptrdiff_t width, ptrdiff_t n,
                        REAL scale, const REAL *mask) {
    VEC top = V(set)(-INFINITY);
    for (ptrdiff_t j = 0; j < n; j += 4) {
        const REAL *k[4];
        VEC a = V(zero)(), b = a, c = a, d = a;
        for (int i = 0; i < 4; i++) k[i] = keys + min_size(j + i, n - 1) * step;
        for (ptrdiff_t i = 0; i < width; i += W) {
            const VEC q = NAME(load_some)(query + i, width - i);
            a = V(fma)(q, NAME(load_some)(k[0] + i, width - i), a);
            b = V(fma)(q, NAME(load_some)(k[1] + i, width - i), b);
            c = V(fma)(q, NAME(load_some)(k[2] + i, width - i), c);
            d = V(fma)(q, NAME(load_some)(k[3] + i, width - i), d);
        }
        scores[j] = V(sum)(a), scores[j + 1] = V(sum)(b), scores[j + 2] = V(sum)(c), scores[j + 3] = V(sum)(d);
    }
    for (ptrdiff_t i = 0; i < n; i += W) {
        VEC x = V(mul)(V(load)(scores + i), V(set)(scale));
        if (mask) x = V(add)(x, NAME(load_some)(mask + i, n - i));
        x = n - i >= W ? x : V(select)(NAME(within)(n - i), x, V(set)(-INFINITY));
        V(store)(scores + i, x);
        top = V(max)(top, x);
    }
    return V(hmax)(top);
}

/* The sum of n rows weighted by `weights`, times `factor`. */
static void NAME(weighted_sum)(REAL *out, const REAL *weights, const REAL *rows, ptrdiff_t step, ptrdiff_t width,
                               ptrdiff_t n, REAL factor) {
    for (ptrdiff_t i = 0; i < width; i += W) {
        const ptrdiff_t count = width - i;
        VEC a = V(zero)(), b = a;
        ptrdiff_t j = 0;
        for (; j + 2 <= n; j += 2) {
            a = V(fma)(V(set)(weights[j]), NAME(load_some)(rows + j * step + i, count), a);
            b = V(fma)(V(set)(weights[j + 1]), NAME(load_some)(rows + (j + 1) * step + i, count), b);
        }
        if (j < n) a = V(fma)(V(set)(weights[j]), NAME(load_some)(rows + j * step + i, count), a);
        NAME(store_some)(out + i, V(mul)(V(add)(a, b), V(set)(factor)), count);
    }
}

/* A block of the launch is one query of one head. No dropout. */
static int NAME(attention_few)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    REAL *scores = (REAL *)launch->p[A_SCRATCH] + begin * n[A_SLOTS] / launch->blocks * n[A_SLOT];
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t head = block / n[A_QUERIES], query = block % n[A_QUERIES];
        const ptrdiff_t batch = head / n[A_HEADS], h = head % n[A_HEADS], shared = h / n[A_SHARED];
        const NAME(Scores) b = {launch, batch, h, query, 1, 0, 0, 0};
        const ptrdiff_t keys = n[A_TRIMMED] ? max_size(0, min_size(n[A_KEYS], query + n[A_DIAGONAL] + 1)) : n[A_KEYS];
        const REAL top = NAME(score)(scores, NAME(at)(launch, A_Q, A_Q_STEPS, batch, h, query),
                                     NAME(at)(launch, A_K, A_K_STEPS, batch, shared, 0), n[A_K_STEPS + A_ROW_STEP],
                                     n[A_WIDTH], keys, (REAL)launch->s[A_SCALE], NAME(mask_row)(&b, 0));
        const VEC shift = V(set)(top == -INFINITY ? 0 : top);
        VEC sum = V(zero)();
        for (ptrdiff_t i = 0; i < keys; i += W) {
            VEC e = V(exp_below)(V(sub)(V(load)(scores + i), shift));
            V(store)(scores + i, e);
            sum = V(add)(sum, e);
        }
        const REAL total = V(sum)(sum);
        REAL lse[W];
        V(store)(lse, V(add)(shift, V(log)(V(set)(total))));
        ((REAL *)launch->p[A_LSE])[block] = total == 0 ? (REAL)INFINITY : lse[0];
        NAME(weighted_sum)(NAME(at)(launch, A_OUT, A_OUT_STEPS, batch, h, query), scores,
                           NAME(at)(launch, A_V, A_V_STEPS, batch, shared, 0), n[A_V_STEPS + A_ROW_STEP],
                           n[A_VALUE_WIDTH], keys, total == 0 ? 0 : 1 / total);
    }
    return 0;
}
