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

/* out = activation((sum + bias - centre) * scale + shift + residual) in its first n lanes; if `add`, out's previous
 * value is added to the sum first. `affine` points at the centres; scales and shifts follow, each `affine_step`
 * later. */
static inline void NAME(emit)(REAL *out, VEC sum, ptrdiff_t n, int add, const REAL *bias, int bias_step,
                              const REAL *affine, ptrdiff_t affine_step, const REAL *residual,
                              ptrdiff_t activation) {
    if (add) sum = V(add)(NAME(load_some)(out, n), sum);
    if (bias) sum = V(add)(sum, bias_step ? NAME(load_some)(bias, n) : V(set)(*bias));
    if (affine)
        sum = V(fma)(V(sub)(sum, NAME(load_some)(affine, n)), NAME(load_some)(affine + affine_step, n),
                     NAME(load_some)(affine + 2 * affine_step, n));
    if (residual) sum = V(add)(sum, NAME(load_some)(residual, n));
    NAME(store_some)(out, NAME(activate)(sum, activation), n);
}

/* Write a tile of sums, contiguous rows of PANEL lanes, to rows of out; the vectors of a column are loaded once. */
static void NAME(finish)(REAL *out, ptrdiff_t out_stride, const REAL *tile, ptrdiff_t rows, ptrdiff_t columns, int add,
                         const REAL *bias, const REAL *affine, ptrdiff_t affine_step, const REAL *residual,
                         ptrdiff_t activation) {
    for (ptrdiff_t j = 0; j < columns; j += W) {
        const ptrdiff_t n = min_size(W, columns - j);
        const VEC zero = V(zero)(), b = bias ? NAME(load_some)(bias + j, n) : zero;
        const VEC centre = affine ? NAME(load_some)(affine + j, n) : zero;
        const VEC scale = affine ? NAME(load_some)(affine + affine_step + j, n) : zero;
        const VEC shift = affine ? NAME(load_some)(affine + 2 * affine_step + j, n) : zero;
        for (ptrdiff_t i = 0; i < rows; i++) {
            VEC sum = V(load)(tile + i * PANEL + j);
            REAL *to = out + i * out_stride + j;
            if (add) sum = V(add)(NAME(load_some)(to, n), sum);
            if (bias) sum = V(add)(sum, b);
            if (affine) sum = V(fma)(V(sub)(sum, centre), scale, shift);
            if (residual) sum = V(add)(sum, NAME(load_some)(residual + i * out_stride + j, n));
            NAME(store_some)(to, activation == RELU ? V(relu)(sum) : NAME(activate)(sum, activation), n);
        }
    }
}

/* Write a tile of sums transposed: its lanes are rows of out. */
static void NAME(finish_turned)(REAL *out, ptrdiff_t out_stride, const REAL *tile, ptrdiff_t rows, ptrdiff_t lanes,
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
