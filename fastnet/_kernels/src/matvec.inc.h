/* One row times a matrix (or a matrix times one column), the body matvec of matmul.c.
 *
 * Each result keeps W partial sums, the j-th over k = j, j + W, ... in order, and adds them pairwise. If the matrix is
 * contiguous along k, a partial sum is a lane; if it is contiguous along the results, a partial sum is a row of sums.
 * Both memory orders are read without copies and give the same bits. */
#define STRIP_MOST ((ptrdiff_t)(STRIP_BYTES / sizeof(REAL)))
#define DOT_GROUP CAT(UP_TO_4, W)
#define REPEAT_DOT_GROUP CAT(REPEAT, DOT_GROUP)

/* ---- the matrix is contiguous along k ------------------------------------------------------------------------ */

#define SUM(i) VEC s##i = V(zero)();
#define KEEP(i) partial[i] = s##i;
#define DOT(i) s##i = V(fma)(v, V(load)((const REAL *)ROW_##i(r, stride)), s##i);
#define DOT_N(i) s##i = V(fma)(v, V(load_n)((const REAL *)ROW_##i(r, stride), depth - k), s##i);

/* partial[i] = the partial sums of x . m[i], for `count` results whose rows of m are `stride` bytes apart. */
#define DOTS(name, count)                                                                                         \
    static inline void NAME(name)(VEC *partial, const REAL *x, const REAL *m, ptrdiff_t stride, ptrdiff_t depth) { \
        ROW_BASES(Source, r, m, stride)                                                                           \
        count(SUM)                                                                                                \
        ptrdiff_t k = 0;                                                                                          \
        for (; k + W <= depth; k += W) {                                                                          \
            VEC v = V(load)(x + k);                                                                               \
            count(DOT)                                                                                            \
            ADVANCE_ROWS(r, W * (ptrdiff_t)sizeof(REAL));                                                         \
        }                                                                                                         \
        if (k < depth) {                                                                                          \
            VEC v = V(load_n)(x + k, depth - k);                                                                  \
            count(DOT_N)                                                                                          \
        }                                                                                                         \
        count(KEEP)                                                                                               \
    }
DOTS(dot_group, REPEAT_DOT_GROUP)
DOTS(dot, REPEAT_1)

/* partial[j] = the j-th partial sums of `count` results; the other lanes are zero. */
static inline void NAME(dots)(VEC *partial, const REAL *x, const REAL *m, ptrdiff_t stride, ptrdiff_t depth,
                              ptrdiff_t count) {
    const ptrdiff_t bytes = stride * (ptrdiff_t)sizeof(REAL);
    ptrdiff_t i = 0;
    for (; i + DOT_GROUP <= count; i += DOT_GROUP) NAME(dot_group)(partial + i, x, m + i * stride, bytes, depth);
    for (; i < count; i++) NAME(dot)(partial + i, x, m + i * stride, bytes, depth);
    for (; i < W; i++) partial[i] = V(zero)();
    NAME(transpose)(partial);
}

/* ---- the matrix is contiguous along the results -------------------------------------------------------------- */

/* sums += x[k] * m[k] for k = 0, W, 2 W, 3 W, all of one partial sum. The processor's prefetcher follows a few rows at
 * a time, each in a run as long as the strip; behind the end of one lies the row of the next partial sum, read next. */
#define FACTOR(i) VEC x##i = V(set)(x[i * W]);
#define SWEEP(i) s = V(fma)(x##i, FETCH(ROW_##i(r, stride)), s);
static inline void NAME(sweep)(REAL *sums, const REAL *x, const REAL *m, ptrdiff_t along_k, ptrdiff_t lanes) {
    const ptrdiff_t stride = W * along_k * (ptrdiff_t)sizeof(REAL);
    ROW_BASES(Source, r, m, stride)
    REPEAT_4(FACTOR)
    ptrdiff_t v = 0;
#define FETCH(address) V(load)((const REAL *)(address))
    for (; v + W <= lanes; v += W) {
        VEC s = V(load)(sums + v);
        REPEAT_4(SWEEP)
        V(store)(sums + v, s);
        ADVANCE_ROWS(r, W * (ptrdiff_t)sizeof(REAL));
    }
#undef FETCH
#define FETCH(address) V(load_n)((const REAL *)(address), lanes - v)
    if (v < lanes) {
        VEC s = V(load)(sums + v);
        REPEAT_4(SWEEP)
        V(store)(sums + v, s);
    }
#undef FETCH
}

/* sums[j] = the j-th partial sums of a strip of results, in whole vectors. */
static void NAME(sum_rows)(REAL *sums, ptrdiff_t strip, const REAL *x, const REAL *m, ptrdiff_t along_k,
                           ptrdiff_t depth, ptrdiff_t lanes) {
    ptrdiff_t k = 0, rest = depth % W;
    memset(sums, 0, W * strip * sizeof(REAL));
    for (; k + 4 * W <= depth; k += 4 * W)
        for (ptrdiff_t j = 0; j < W; j++)
            NAME(sweep)(sums + j * strip, x + k + j, m + (k + j) * along_k, along_k, lanes);
    for (; k < depth; k++)
        for (ptrdiff_t v = 0; v < lanes; v += W) {
            REAL *s = sums + k % W * strip + v;
            V(store)(s, V(fma)(V(set)(x[k]), NAME(load_some)(m + k * along_k + v, lanes - v), V(load)(s)));
        }
    /* `dots` reads zeros behind the last elements, which turn a sum of -0 into 0; do the same here */
    for (ptrdiff_t i = rest * strip; rest && i < W * strip; i += W)
        V(store)(sums + i, V(add)(V(load)(sums + i), V(zero)()));
}

/* ---- both ---------------------------------------------------------------------------------------------------- */

static inline VEC NAME(add_partials)(VEC *partial) {
    UNROLL for (int half = W / 2; half > 0; half /= 2)
        UNROLL for (int j = 0; j < half; j++) partial[j] = V(add)(partial[j], partial[j + half]);
    return partial[0];
}

/* The vector is the row operand, the matrix the lane operand. A block is a strip of results. */
static int NAME(matvec)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    ptrdiff_t strips = ceil_div(n[LANES], n[STRIP]), stride = n[LANE_STRIDE];
    const REAL *bias = launch->p[BIAS];
    REAL sums[W * STRIP_MOST];
    VEC partial[W];
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t batch = block / strips, first = block % strips * n[STRIP];
        ptrdiff_t lanes = min_size(n[STRIP], n[LANES] - first), strip = ceil_div(lanes, W) * W;
        REAL *out = (REAL *)launch->p[OUT] + batch * n[LANES];
        const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * n[ROW_BATCH];
        const REAL *m = (const REAL *)launch->p[LANE_OPERAND] + batch * n[LANE_BATCH];
        if (stride == 1) NAME(sum_rows)(sums, strip, x, m + first, n[LANE_K], n[DEPTH], lanes);
        for (ptrdiff_t lane = first; lane < first + lanes; lane += W) {
            ptrdiff_t count = min_size(W, first + lanes - lane);
            if (stride == 1)
                for (ptrdiff_t j = 0; j < W; j++) partial[j] = V(load)(sums + j * strip + lane - first);
            else
                NAME(dots)(partial, x, m + lane * stride, stride, n[DEPTH], count);
            NAME(emit)(out + lane, NAME(add_partials)(partial), count, n[ACCUMULATE] != 0,
                       bias && n[BIAS_STEP] ? bias + lane : bias, n[BIAS_STEP] != 0, 0, 0, 0,
                       n[ACTIVATION]);
        }
    }
    return 0;
}

#undef STRIP_MOST
#undef DOT_GROUP
#undef REPEAT_DOT_GROUP
#undef SUM
#undef KEEP
#undef DOT
#undef DOT_N
#undef DOTS
#undef FACTOR
#undef SWEEP
