/* The epilogue of matmul.c for results that a micro-kernel does not store itself: partial and transposed tiles, and
 * activations that need more registers. They pass through a tile on the stack, which is in the cache. */

static inline VEC NAME(activate)(VEC x, ptrdiff_t activation) {
    switch (activation) {
    case RELU: return V(relu)(x);
    case SIGMOID: return V(sigmoid)(x);
    case TANH: return V(tanh)(x);
    case GELU: return V(gelu)(x);
    case GELU_TANH: return V(gelu_tanh)(x);
    case SILU: return V(silu)(x);
    case RELU6: return V(min)(V(set)(6), V(relu)(x));
    default: return x;
    }
}

/* activation((sum + bias - centre) * scale + shift + residual); affine has centre, scale and shift. NULL: absent. */
static inline VEC NAME(ended)(VEC sum, const VEC *bias, const VEC *affine, const VEC *residual, ptrdiff_t activation) {
    if (bias) sum = V(add)(sum, *bias);
    if (affine) sum = V(fma)(V(sub)(sum, affine[0]), affine[1], affine[2]);
    if (residual) sum = V(add)(sum, *residual);
    return activation == RELU ? V(relu)(sum) : NAME(activate)(sum, activation);
}

/* The first n lanes of centres, scales and shifts, each `step` elements after the one before. */
static inline void NAME(load_affine)(VEC *affine, const REAL *p, ptrdiff_t step, ptrdiff_t n) {
    for (int i = 0; i < 3; i++) affine[i] = NAME(load_some)(p + i * step, n);
}

/* Write `sum`, as `ended` changes it, to the first n lanes of out; if `add`, out's previous value is added to the sum
 * first. */
static inline void NAME(emit)(REAL *out, VEC sum, ptrdiff_t n, int add, const REAL *bias, int bias_step,
                              const REAL *affine, ptrdiff_t affine_step, const REAL *residual,
                              ptrdiff_t activation) {
    VEC b = V(zero)(), r = V(zero)(), f[3];
    if (add) sum = V(add)(NAME(load_some)(out, n), sum);
    if (bias) b = bias_step ? NAME(load_some)(bias, n) : V(set)(*bias);
    if (affine) NAME(load_affine)(f, affine, affine_step, n);
    if (residual) r = NAME(load_some)(residual, n);
    NAME(store_some)(out, NAME(ended)(sum, bias ? &b : 0, affine ? f : 0, residual ? &r : 0, activation), n);
}

/* Write a tile of sums, contiguous rows of PANEL lanes, to rows of out; the vectors of a column are loaded once. */
static inline void NAME(finish)(REAL *out, ptrdiff_t out_stride, const REAL *tile, ptrdiff_t rows, ptrdiff_t columns, int add,
                         const REAL *bias, const REAL *affine, ptrdiff_t affine_step, const REAL *residual,
                         ptrdiff_t activation) {
    for (ptrdiff_t j = 0; j < columns; j += W) {
        const ptrdiff_t n = min_size(W, columns - j);
        VEC b = V(zero)(), r = V(zero)(), f[3];
        if (bias) b = NAME(load_some)(bias + j, n);
        if (affine) NAME(load_affine)(f, affine + j, affine_step, n);
        for (ptrdiff_t i = 0; i < rows; i++) {
            VEC sum = V(load)(tile + i * PANEL + j);
            REAL *to = out + i * out_stride + j;
            if (add) sum = V(add)(NAME(load_some)(to, n), sum);
            if (residual) r = NAME(load_some)(residual + i * out_stride + j, n);
            NAME(store_some)(to, NAME(ended)(sum, bias ? &b : 0, affine ? f : 0, residual ? &r : 0, activation), n);
        }
    }
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
