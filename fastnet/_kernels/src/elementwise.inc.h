/* Bodies of elementwise.c, included once for each T. */

/* ---- one input --------------------------------------------------------------------------------------------------- */

#define PLAIN(f) \
    static inline VEC NAME(f##_v)(VEC x, const double *s) { (void)s; return V(f)(x); } \
    MAP1(f, NAME(f##_v))
PLAIN(neg)
PLAIN(abs)
PLAIN(sqrt)
PLAIN(exp)
PLAIN(expm1)
PLAIN(log)
PLAIN(log1p)
PLAIN(erf)
#undef PLAIN

static inline VEC NAME(reciprocal_v)(VEC x, const double *s) { (void)s; return V(div)(V(set)(1), x); }
MAP1(reciprocal, NAME(reciprocal_v))

static inline VEC NAME(square_v)(VEC x, const double *s) { (void)s; return V(mul)(x, x); }
MAP1(square, NAME(square_v))

/* The limits are the first operands, so that a NaN in x stays; if they cross, the upper one wins. */
static inline VEC NAME(clamp_v)(VEC x, const double *s) {
    return V(min)(V(set)((REAL)s[HIGH]), V(max)(V(set)((REAL)s[LOW]), x));
}
MAP1(clamp, NAME(clamp_v))

static inline VEC NAME(clamp_backward_v)(VEC x, VEC dy, const double *s) {
    MASK inside = M(and)(V(le)(V(set)((REAL)s[LOW]), x), V(le)(x, V(set)((REAL)s[HIGH])));
    return V(select)(inside, dy, V(zero)());
}
MAP2(clamp_backward, NAME(clamp_backward_v))

/* ---- two inputs that broadcast ----------------------------------------------------------------------------------- */

/* A row of a tile: each operand is a run of elements, or one value if its step is 0. */
#define BINARY_ROW(f, A, A_PART, B, B_PART)                                     \
    {                                                                           \
        ptrdiff_t i = 0;                                                        \
        for (; i + W <= n; i += W) V(store)(o + i, f(A, B));                    \
        if (i < n) V(store_n)(o + i, f(A_PART, B_PART), n - i);                 \
    }

#define BINARY(kernel, f)                                                                                          \
    static inline void NAME(kernel##_row)(REAL *o, const REAL *a, const REAL *b, ptrdiff_t n, int runs) {          \
        if (runs == 3) BINARY_ROW(f, V(load)(a + i), V(load_n)(a + i, n - i), V(load)(b + i), V(load_n)(b + i, n - i)) \
        else if (runs == 2) {                                                                                      \
            const VEC value = V(set)(*b);                                                                          \
            BINARY_ROW(f, V(load)(a + i), V(load_n)(a + i, n - i), value, value)                                   \
        } else if (runs == 1) {                                                                                    \
            const VEC value = V(set)(*a);                                                                          \
            BINARY_ROW(f, value, value, V(load)(b + i), V(load_n)(b + i, n - i))                                   \
        } else {                                                                                                   \
            const VEC both = f(V(set)(*a), V(set)(*b));                                                            \
            BINARY_ROW(NAME(first), both, both, both, both)                                                        \
        }                                                                                                          \
    }                                                                                                              \
    static void NAME(kernel##_tile)(const Tile *t) {                                                               \
        const int runs = 2 * (COL_STEP(t, 1) != 0) + (COL_STEP(t, 2) != 0);                                        \
        for (ptrdiff_t r = 0; r < t->rows; r++)                                                                    \
            NAME(kernel##_row)((REAL *)(t->at[0] + r * ROW_STEP(t, 0)), (REAL *)(t->at[1] + r * ROW_STEP(t, 1)),   \
                               (REAL *)(t->at[2] + r * ROW_STEP(t, 2)), t->cols, runs);                            \
    }                                                                                                              \
    static int NAME(kernel)(BODY_ARGS) { return walk(launch, begin, end, 3, NAME(kernel##_tile)); }

static inline VEC NAME(first)(VEC a, VEC b) { (void)b; return a; }

/* V(max) and V(min) give b if either is NaN, so a NaN in a is selected separately. */
static inline VEC NAME(maximum_v)(VEC a, VEC b) { return V(select)(V(unord)(a, a), a, V(max)(a, b)); }
static inline VEC NAME(minimum_v)(VEC a, VEC b) { return V(select)(V(unord)(a, a), a, V(min)(a, b)); }

static inline VEC NAME(pow_v)(VEC a, VEC b) {               /* with the C library's rules for 0, NaN and a < 0 */
    REAL x[W], y[W];
    V(store)(x, a);
    V(store)(y, b);
    for (int i = 0; i < W; i++) x[i] = POW(x[i], y[i]);
    return V(load)(x);
}

BINARY(add, V(add))
BINARY(sub, V(sub))
BINARY(mul, V(mul))
BINARY(div, V(div))
BINARY(maximum, NAME(maximum_v))
BINARY(minimum, NAME(minimum_v))
BINARY(pow, NAME(pow_v))

#undef BINARY
#undef BINARY_ROW
