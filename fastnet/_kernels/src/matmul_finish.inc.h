/* The epilogue of products for results that a micro-kernel does not finish itself: transposed tiles, single vectors, and
 * activations that need more registers, which are applied to stored tiles while they are in the cache. */

/* clip((sum + bias - centre) * scale + shift + residual); affine has centre, scale and shift. NULL: absent. */
static inline VEC NAME(ended)(VEC sum, const VEC *bias, const VEC *affine, const VEC *residual, ptrdiff_t clip) {
    if (bias) sum = V(add)(sum, *bias);
    if (affine) sum = V(fma)(V(sub)(sum, affine[0]), affine[1], affine[2]);
    if (residual) sum = V(add)(sum, *residual);
    if (clip == NONE_) return sum;
    return clip == RELU6 ? V(min)(V(set)(6), V(relu)(sum)) : V(relu)(sum);
}

/* Apply an activation to rows of out. A loop for each: the choice within a loop would spill its constants. */
#define IN_PLACE(f)                                                                                                \
    for (ptrdiff_t i = 0; i < rows; i++)                                                                           \
        for (ptrdiff_t j = 0; j < lanes; j += W)                                                                   \
            NAME(store_some)(out + i * stride + j, f(NAME(load_some)(out + i * stride + j, lanes - j)), lanes - j); \
    return;
OUTLINE void NAME(activate_rows)(REAL *out, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t lanes, ptrdiff_t activation) {
    switch (activation) {
    case SIGMOID: IN_PLACE(V(sigmoid))
    case TANH: IN_PLACE(V(tanh))
    case GELU: IN_PLACE(V(gelu))
    case GELU_TANH: IN_PLACE(V(gelu_tanh))
    case SILU: IN_PLACE(V(silu))
    case HARDSWISH: IN_PLACE(V(hardswish))
    case HARDSIGMOID: IN_PLACE(V(hardsigmoid))
    }
}
#undef IN_PLACE

/* Write activation(`sum`, as `ended` changes it) to the first n lanes of out; if `add`, out's previous value is added
 * to the sum first. */
static inline void NAME(emit)(REAL *out, VEC sum, ptrdiff_t n, int add, const REAL *bias, int bias_step,
                              const REAL *affine, ptrdiff_t affine_step, const REAL *residual,
                              ptrdiff_t activation) {
    VEC b = V(zero)(), r = b, f[3] = {b, b, b};
    if (add) sum = V(add)(NAME(load_some)(out, n), sum);
    if (bias) b = bias_step ? NAME(load_some)(bias, n) : V(set)(*bias);
    if (affine) NAME(load_affine)(f, affine, affine_step, n);
    if (residual) r = NAME(load_some)(residual, n);
    const ptrdiff_t clip = activation <= RELU6 ? activation : NONE_;
    NAME(store_some)(out, NAME(ended)(sum, bias ? &b : 0, affine ? f : 0, residual ? &r : 0, clip), n);
    if (activation > RELU6) NAME(activate_rows)(out, 0, 1, n, activation);
}

/* Write a tile of sums transposed: its lanes are rows of out. */
static inline void NAME(finish_turned)(REAL *out, ptrdiff_t out_stride, const REAL *tile, ptrdiff_t rows, ptrdiff_t lanes,
                                int add, const REAL *bias, ptrdiff_t activation) {
    const REAL *row[W];
    VEC r[W];
    for (ptrdiff_t i = 0; i < rows; i += W) {
        for (ptrdiff_t e = 0; e < W; e++) row[e] = tile + min_size(i + e, rows - 1) * PANEL;
        for (ptrdiff_t j = 0; j < lanes; j += W) {
            V(load_across)(r, row, j);
            for (ptrdiff_t e = 0; e < min_size(W, lanes - j); e++)
                NAME(emit)(out + (j + e) * out_stride + i, r[e], min_size(W, rows - i), add, bias ? bias + i : 0, 1,
                           0, 0, 0, activation);
        }
    }
}
