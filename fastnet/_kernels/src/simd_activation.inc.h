/* Activations of several operations, from the functions of simd_math.h; included once for each T. */

static inline VEC V(relu)(VEC x) { return V(max)(V(zero)(), x); }

static inline VEC V(silu)(VEC x) { return V(mul)(x, V(sigmoid)(x)); }

static inline VEC V(gelu)(VEC x) {
    VEC bell;
    return V(mul)(x, V(phi)(x, &bell));
}

/* 2 u of the tanh form: 1/2 (1 + tanh(u)) = sigmoid(2u), with u = sqrt(2/pi) (x + 0.044715 x^3) */
static inline VEC V(gelu_tanh_2u)(VEC x) {
    VEC p = V(fma)(V(mul)(x, x), V(set)((REAL)0.071354816272600248), V(set)((REAL)1.5957691216057308));
    return V(mul)(x, p);
}

static inline VEC V(gelu_tanh)(VEC x) { return V(mul)(x, V(sigmoid)(V(gelu_tanh_2u)(x))); }

/* log(1 + exp(x)), neither overflowing nor cancelling */
static inline VEC V(softplus)(VEC x) {
    return V(add)(V(max)(V(zero)(), x), V(log1p_unit)(V(exp)(V(neg)(V(abs)(x)))));
}

/* min(max(x + 3, 0), 6) / 6 */
static inline VEC V(hardsigmoid)(VEC x) {
    return V(div)(V(min)(V(set)(6), V(max)(V(zero)(), V(add)(x, V(set)(3)))), V(set)(6));
}

static inline VEC V(hardswish)(VEC x) { return V(mul)(x, V(hardsigmoid)(x)); }
