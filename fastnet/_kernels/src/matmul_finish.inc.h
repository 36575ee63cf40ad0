/* The epilogue of matmul.c, for what a micro-kernel does not store itself: partial and transposed tiles, and
 * activations that need registers of their own. They pass through a tile on the stack, still hot. */

/* The first n lanes, where the baseline has no masks: whole vectors are worth the question. */
static inline VEC NAME(load_some)(const REAL *p, ptrdiff_t n) { return n >= W ? V(load)(p) : V(load_n)(p, n); }
static inline void NAME(store_some)(REAL *p, VEC v, ptrdiff_t n) {
    if (n >= W)
        V(store)(p, v);
    else
        V(store_n)(p, v, n);
}

static inline VEC NAME(activate)(VEC x, ptrdiff_t activation) {
    switch (activation) {
    case RELU: return V(relu)(x);
    case SIGMOID: return V(sigmoid)(x);
    case TANH: return V(tanh)(x);
    case GELU: return V(gelu)(x);
    case GELU_TANH: return V(gelu_tanh)(x);
    case SILU: return V(silu)(x);
    default: return x;
    }
}

/* out = activation(sum + bias) in its first n lanes, with out's own value added to the sum first if `add`. */
static inline void NAME(emit)(REAL *out, VEC sum, ptrdiff_t n, int add, const REAL *bias, int bias_step,
                              ptrdiff_t activation) {
    if (add) sum = V(add)(NAME(load_some)(out, n), sum);
    if (bias) sum = V(add)(sum, bias_step ? NAME(load_some)(bias, n) : V(set)(*bias));
    NAME(store_some)(out, NAME(activate)(sum, activation), n);
}

/* A tile of sums to out's rows and columns. */
static void NAME(finish)(REAL *out, ptrdiff_t out_stride, const REAL *tile, ptrdiff_t tile_stride, ptrdiff_t rows,
                         ptrdiff_t columns, int add, const REAL *bias, ptrdiff_t activation) {
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j += W)
            NAME(emit)(out + i * out_stride + j, V(load)(tile + i * tile_stride + j), min_size(W, columns - j), add,
                       bias ? bias + j : 0, 1, activation);
}

/* across[lane][row] = tile[row][lane] for all lanes of the tile; rows beyond `rows` come out as zero. */
static void NAME(turn)(REAL *across, const REAL *tile, ptrdiff_t rows, ptrdiff_t lanes) {
    for (ptrdiff_t i = 0; i < rows; i += W)
        for (ptrdiff_t j = 0; j < lanes; j += W) {
            VEC r[W];
            for (ptrdiff_t e = 0; e < W; e++)
                r[e] = i + e < rows ? V(load)(tile + (i + e) * PANEL + j) : V(zero)();
            NAME(transpose)(r);
            for (ptrdiff_t e = 0; e < W; e++) V(store)(across + (j + e) * SLIVER + i, r[e]);
        }
}
