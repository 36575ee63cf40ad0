/* The functions of sums.h, included once for each T. */

static const REAL NAME(lane_numbers)[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* the first n lanes */
INLINE MASK NAME(first)(ptrdiff_t n) { return V(lt)(V(load)(NAME(lane_numbers)), V(set)((REAL)n)); }

/* the first n lanes of p, and `other` in the rest */
INLINE VEC NAME(load_or)(const REAL *p, ptrdiff_t n, REAL other) {
    return n >= W ? V(load)(p) : V(select)(NAME(first)(n), V(load_n)(p, n), V(set)(other));
}

INLINE VEC NAME(load_some)(const REAL *p, ptrdiff_t n) { return n >= W ? V(load)(p) : V(load_n)(p, n); }

INLINE void NAME(store_some)(REAL *p, VEC v, ptrdiff_t n) {
    if (n >= W) V(store)(p, v);
    else V(store_n)(p, v, n);
}

/* A NaN on either side stays: max(x, best) is `best` if either is NaN, so only a NaN in x needs a selection. */
INLINE VEC NAME(extreme)(Operation op, VEC best, VEC x) {
    return V(select)(V(unord)(x, x), x, op == LARGEST ? V(max)(x, best) : V(min)(x, best));
}

INLINE VEC NAME(joined)(Operation op, VEC a, VEC b) {
    return op == LARGEST || op == SMALLEST ? NAME(extreme)(op, a, b) : V(add)(a, b);
}

/* `sum` with one more element. c - x rather than x - c lets the instruction read x from memory. */
INLINE VEC NAME(taken)(Operation op, VEC sum, VEC x, VEC y, VEC c) {
    switch (op) {
    case SQUARES: return V(fma)(x, x, sum);
    case DISTANCES: return V(sub)(sum, V(sub)(c, x));
    case DEVIATIONS: return V(fma)(V(sub)(c, x), V(sub)(c, x), sum);
    case PRODUCTS: return V(fma)(x, y, sum);
    case COVARIATIONS: return V(fma)(V(sub)(x, c), y, sum);
    default: return NAME(joined)(op, sum, x);
    }
}

INLINE REAL NAME(folded)(Operation op, VEC v) {
    if (op != LARGEST && op != SMALLEST) return V(sum)(v);
    if (M(any)(V(unord)(v, v))) return (REAL)NAN;
    return op == LARGEST ? V(hmax)(v) : V(hmin)(v);
}

/* ---- a row --------------------------------------------------------------------------------------------------- */

#define TAKE(sum, i) NAME(taken)(op, sum, V(load)(x + (i)), two ? V(load)(y + (i)) : V(zero)(), centre)

INLINE REAL NAME(chunk_of)(Operation op, const REAL *x, const REAL *y, REAL c, ptrdiff_t n) {
    const int two = op == PRODUCTS || op == COVARIATIONS;
    VEC centre = V(set)(c), start = V(set)((REAL)identity(op)), a = start;
    ptrdiff_t i = 0;
    if (n >= 4 * W) {
        VEC b = start, d = start, e = start;
        for (; i + 4 * W <= n; i += 4 * W) {
            a = TAKE(a, i);
            b = TAKE(b, i + W);
            d = TAKE(d, i + 2 * W);
            e = TAKE(e, i + 3 * W);
        }
        a = NAME(joined)(op, NAME(joined)(op, a, b), NAME(joined)(op, d, e));
    }
    for (; i + W <= n; i += W) a = TAKE(a, i);
    if (i < n) {
        VEC last = NAME(taken)(op, a, V(load_n)(x + i, n - i), two ? V(load_n)(y + i, n - i) : V(zero)(), centre);
        a = V(select)(NAME(first)(n - i), last, a);
    }
    return NAME(folded)(op, a);
}
#undef TAKE

/* Over n <= CHUNK elements; only PRODUCTS and COVARIATIONS read y. */
OUTLINE REAL NAME(chunk)(Operation op, const REAL *x, const REAL *y, REAL c, ptrdiff_t n) {
#define CALL(op) return NAME(chunk_of)(op, x, y, c, n)
    CHOOSE(op, CALL)
#undef CALL
}

static inline double NAME(row)(Operation op, const REAL *x, const REAL *y, REAL c, ptrdiff_t n) {
    double total = identity(op);
    for (ptrdiff_t i = 0; i < n; i += CHUNK)
        total = joined(op, total, NAME(chunk)(op, x + i, y + i, c, min_size(CHUNK, n - i)));
    return total;
}

/* ---- mean and deviations -------------------------------------------------------------------------------------
 *
 * The mean is the first element plus the mean distance from it, in double. So the mean of equal numbers is exact, and a
 * large offset costs no digits. Deviations are summed from the nearest REAL and corrected for its known distance. */

/* Moments of `outer` times n elements, all in double: for squares that overflow or underflow in REAL. */
OUTLINE Moments NAME(double_moments)(const REAL *x, ptrdiff_t outer, ptrdiff_t outer_step, ptrdiff_t n,
                                     ptrdiff_t step) {
    Moments m = {(double)(outer * n), 0, 0};
    for (ptrdiff_t o = 0; o < outer; o++)
        for (ptrdiff_t i = 0; i < n; i++) m.mean += x[o * outer_step + i * step];
    m.mean /= m.count;
    for (ptrdiff_t o = 0; o < outer; o++)
        for (ptrdiff_t i = 0; i < n; i++) {
            const double d = x[o * outer_step + i * step] - m.mean;
            m.m2 += d * d;
        }
    return m;
}

/* The squared deviations of `count` elements from their mean, given those from `centre`. */
INLINE double NAME(about_mean)(double squares, double count, double mean, REAL centre) {
    const double rest = mean - centre, m2 = squares - count * rest * rest;
    return m2 < 0 ? 0 : m2;
}

/* Whether a sum of squares in REAL is right: neither infinite, nor NaN, nor less than `least`. */
INLINE int NAME(sound)(double m2, double least) { return m2 >= least && m2 <= DBL_MAX; }

INLINE Moments NAME(chunk_moments)(const REAL *x, ptrdiff_t n, double least) {
    const REAL distance = NAME(chunk)(DISTANCES, x, x, x[0], n), centre = x[0] + distance / (REAL)n;
    const REAL squares = NAME(chunk)(DEVIATIONS, x, x, centre, n);
    Moments m = {(double)n, x[0] + distance / (double)n, 0};
    m.m2 = NAME(about_mean)(squares, m.count, m.mean, centre);
    return NAME(sound)(m.m2, least) ? m : NAME(double_moments)(x, 1, 0, n, 1);
}

static inline Moments NAME(row_moments)(const REAL *x, ptrdiff_t n, double least) {
    Moments all = {0, 0, 0};
    if (n) all = NAME(chunk_moments)(x, min_size(CHUNK, n), least);
    for (ptrdiff_t i = CHUNK; i < n; i += CHUNK) {
        const Moments m = NAME(chunk_moments)(x + i, min_size(CHUNK, n - i), least);
        join_moments(&all, m.count, m.mean, m.m2);
    }
    return all;
}

/* ---- columns ------------------------------------------------------------------------------------------------- */

#define TAKE(sum, j, centre) \
    NAME(taken)(op, sum, V(load)(px + (j)), two ? V(load)(py + (j)) : V(zero)(), centre)
#define JOIN(j, sum) V(store)(sums + (j), first ? sum : NAME(joined)(op, V(load)(sums + (j)), sum))

/* Add `rows` <= GROUP rows to `sums`, one for each column; the first group writes them. */
INLINE void NAME(group)(Operation op, const REAL *x, const REAL *y, const REAL *c, ptrdiff_t stride, ptrdiff_t rows,
                        ptrdiff_t columns, REAL *sums, int first) {
    const int two = op == PRODUCTS || op == COVARIATIONS;
    const int centred = op == DISTANCES || op == DEVIATIONS || op == COVARIATIONS;
    VEC start = V(set)((REAL)identity(op));
    ptrdiff_t j = 0;
    for (; j + 4 * W <= columns; j += 4 * W) {
        VEC a = start, b = start, d = start, e = start;
        VEC ca = centred ? V(load)(c + j) : start, cb = centred ? V(load)(c + j + W) : start;
        VEC cd = centred ? V(load)(c + j + 2 * W) : start, ce = centred ? V(load)(c + j + 3 * W) : start;
        const REAL *px = x + j, *py = y + j;
        for (ptrdiff_t r = 0; r < rows; r++, px += stride, py += stride) {
            a = TAKE(a, 0, ca);
            b = TAKE(b, W, cb);
            d = TAKE(d, 2 * W, cd);
            e = TAKE(e, 3 * W, ce);
        }
        JOIN(j, a);
        JOIN(j + W, b);
        JOIN(j + 2 * W, d);
        JOIN(j + 3 * W, e);
    }
    for (; j < columns; j += W) {
        ptrdiff_t n = min_size(W, columns - j);
        VEC a = start, ca = centred ? NAME(load_some)(c + j, n) : start;
        const REAL *px = x + j, *py = y + j;
        for (ptrdiff_t r = 0; r < rows; r++, px += stride, py += stride)
            a = NAME(taken)(op, a, NAME(load_some)(px, n), two ? NAME(load_some)(py, n) : start, ca);
        NAME(store_some)(sums + j, first ? a : NAME(joined)(op, NAME(load_some)(sums + j, n), a), n);
    }
}
#undef TAKE
#undef JOIN

INLINE void NAME(groups)(Operation op, const REAL *x, const REAL *y, const REAL *c, ptrdiff_t stride, ptrdiff_t rows,
                         ptrdiff_t columns, REAL *sums) {
    NAME(group)(op, x, y, c, stride, min_size(GROUP, rows), columns, sums, 1);
    for (ptrdiff_t r = GROUP; r < rows; r += GROUP)
        NAME(group)(op, x + r * stride, y + r * stride, c, stride, min_size(GROUP, rows - r), columns, sums, 0);
}

/* Over rows <= COLUMN_CHUNK rows: one sum for each column. */
OUTLINE void NAME(column_chunk)(Operation op, const REAL *x, const REAL *y, const REAL *c, ptrdiff_t stride,
                                ptrdiff_t rows, ptrdiff_t columns, REAL *sums) {
#define CALL(op) { NAME(groups)(op, x, y, c, stride, rows, columns, sums); return; }
    CHOOSE(op, CALL)
#undef CALL
}

/* Over any number of rows, columns <= TILE. */
static inline void NAME(columns)(Operation op, const REAL *x, const REAL *y, const REAL *c, ptrdiff_t stride,
                                 ptrdiff_t rows, ptrdiff_t columns, double *totals) {
    REAL sums[TILE];
    for (ptrdiff_t j = 0; j < columns; j++) totals[j] = identity(op);
    for (ptrdiff_t r = 0; r < rows; r += COLUMN_CHUNK) {
        NAME(column_chunk)(op, x + r * stride, y + r * stride, c, stride, min_size(COLUMN_CHUNK, rows - r), columns,
                           sums);
        for (ptrdiff_t j = 0; j < columns; j++) totals[j] = joined(op, totals[j], sums[j]);
    }
}

/* Join the results of `n` chunks, each a row of `partial`, for columns <= TILE. */
INLINE void NAME(join_chunks)(Operation op, const REAL *partial, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t columns,
                              double *totals) {
    for (ptrdiff_t j = 0; j < columns; j++) totals[j] = identity(op);
    for (ptrdiff_t k = 0; k < n; k++)
        for (ptrdiff_t j = 0; j < columns; j++) totals[j] = joined(op, totals[j], partial[k * stride + j]);
}

/* Means and sums of squared deviations of the columns <= TILE of a chunk. */
static inline void NAME(column_chunk_moments)(const REAL *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns,
                                              double least, double *means, double *m2) {
    const double count = (double)rows, share = 1 / count;
    REAL centres[TILE] = {0}, sums[TILE];
    NAME(column_chunk)(DISTANCES, x, x, x, stride, rows, columns, sums);
    for (ptrdiff_t j = 0; j < columns; j++) means[j] = x[j] + sums[j] * share;
    for (ptrdiff_t j = 0; j < columns; j++) centres[j] = (REAL)means[j];
    NAME(column_chunk)(DEVIATIONS, x, x, centres, stride, rows, columns, sums);
    for (ptrdiff_t j = 0; j < columns; j++) m2[j] = NAME(about_mean)(sums[j], count, means[j], centres[j]);
    for (ptrdiff_t j = 0; j < columns; j++)
        if (!NAME(sound)(m2[j], least)) {
            const Moments m = NAME(double_moments)(x + j, 1, 0, rows, stride);
            means[j] = m.mean;
            m2[j] = m.m2;
        }
}
