/* Packing for matmul.c: copies a part of an operand to panel[k][lane], the order in which a tile reads it. */

/* The W x W transpose of the vectors r: each round of zips moves one bit of the row number into the lane number. */
static inline void NAME(transpose)(VEC *r) {
    VEC t[W];
    UNROLL for (int round = 1; round < W; round *= 2) {
        UNROLL for (int i = 0; i < W / 2; i++) {
            t[2 * i] = V(zip_lo)(r[i], r[i + W / 2]);
            t[2 * i + 1] = V(zip_hi)(r[i], r[i + W / 2]);
        }
        UNROLL for (int i = 0; i < W; i++) r[i] = t[i];
    }
}

/* Pack one vector of lanes, row[lane][k] for k < depth, W of k at a time. */
static void NAME(pack_rows)(REAL *panel, ptrdiff_t width, const REAL *const *row, ptrdiff_t depth) {
    VEC r[W];
    ptrdiff_t k = 0, rest = depth % W;
    for (; k + W <= depth; k += W) {
        V(load_across)(r, row, k);
        UNROLL for (int i = 0; i < W; i++) V(store)(panel + (k + i) * width, r[i]);
    }
    if (rest) {
        for (int i = 0; i < W; i++) r[i] = V(load_n)(row[i] + k, rest);
        NAME(transpose)(r);
        for (int i = 0; i < rest; i++) V(store)(panel + (k + i) * width, r[i]);
    }
}

/* Pack one vector of lanes that are `stride` apart and contiguous along k. Missing lanes repeat the last one; their
 * results are not used. */
static void NAME(pack_across)(REAL *panel, ptrdiff_t width, const REAL *x, ptrdiff_t stride, ptrdiff_t depth,
                              ptrdiff_t lanes) {
    const REAL *row[W];
    for (int i = 0; i < W; i++) row[i] = x + min_size(i, lanes - 1) * stride;
    NAME(pack_rows)(panel, width, row, depth);
}

/* Pack contiguous lanes. */
static void NAME(pack_along)(REAL *panel, ptrdiff_t width, const REAL *x, ptrdiff_t stride, ptrdiff_t depth,
                             ptrdiff_t lanes) {
    for (ptrdiff_t k = 0; k < depth; k++) {
        ptrdiff_t i = 0;
        for (; i + W <= lanes; i += W) V(store)(panel + k * width + i, V(load)(x + k * stride + i));
        if (i < lanes) V(store)(panel + k * width + i, V(load_n)(x + k * stride + i, lanes - i));
    }
}

/* panel[k][i] = x[k * along_k + i * stride], in whole vectors; one of the strides is 1. */
static void NAME(pack)(REAL *panel, ptrdiff_t width, const REAL *x, ptrdiff_t along_k, ptrdiff_t stride,
                       ptrdiff_t depth, ptrdiff_t lanes) {
    if (stride == 1)
        NAME(pack_along)(panel, width, x, along_k, depth, lanes);
    else
        for (ptrdiff_t i = 0; i < lanes; i += W)
            NAME(pack_across)(panel + i, width, x + i * stride, stride, depth, min_size(W, lanes - i));
}
