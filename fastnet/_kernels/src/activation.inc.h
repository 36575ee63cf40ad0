/* Bodies of activation.c, included once for each T. Each function takes vectors and the launch's scalars s. */

#define PLAIN(f) \
    static inline VEC NAME(f##_v)(VEC x, const double *s) { (void)s; return V(f)(x); } \
    MAP1(f, NAME(f##_v))
PLAIN(relu)
PLAIN(sigmoid)
PLAIN(tanh)
PLAIN(gelu)
PLAIN(gelu_tanh)
PLAIN(silu)
PLAIN(hardswish)
PLAIN(hardsigmoid)
#undef PLAIN

/* dy where the output is positive or NaN, else 0 */
static inline VEC NAME(relu_backward_v)(VEC y, VEC dy, const double *s) {
    (void)s;
    return V(select)(V(le)(y, V(zero)()), V(zero)(), dy);
}
MAP2(relu_backward, NAME(relu_backward_v))

static inline VEC NAME(leaky_relu_v)(VEC x, const double *s) {
    return V(select)(V(lt)(V(zero)(), x), x, V(mul)(x, V(set)((REAL)s[SLOPE])));
}
MAP1(leaky_relu, NAME(leaky_relu_v))

static inline VEC NAME(leaky_relu_backward_v)(VEC x, VEC dy, const double *s) {
    return V(select)(V(lt)(V(zero)(), x), dy, V(mul)(dy, V(set)((REAL)s[SLOPE])));
}
MAP2(leaky_relu_backward, NAME(leaky_relu_backward_v))

/* exp of min(x, 0): the lanes that are not used must not overflow */
static inline VEC NAME(elu_v)(VEC x, const double *s) {
    VEC below = V(mul)(V(set)((REAL)s[ALPHA]), V(expm1)(V(min)(V(zero)(), x)));
    return V(select)(V(lt)(V(zero)(), x), x, below);
}
MAP1(elu, NAME(elu_v))

static inline VEC NAME(elu_backward_v)(VEC x, VEC dy, const double *s) {
    VEC slope = V(mul)(V(set)((REAL)s[ALPHA]), V(exp)(V(min)(V(zero)(), x)));
    return V(select)(V(lt)(V(zero)(), x), dy, V(mul)(dy, slope));
}
MAP2(elu_backward, NAME(elu_backward_v))

static inline VEC NAME(hardtanh_backward_v)(VEC x, VEC dy, const double *s) {
    MASK outside = M(or)(V(le)(x, V(set)((REAL)s[LOW])), V(le)(V(set)((REAL)s[HIGH]), x));
    return V(select)(outside, V(zero)(), dy);
}
MAP2(hardtanh_backward, NAME(hardtanh_backward_v))

static inline VEC NAME(sigmoid_backward_v)(VEC y, VEC dy, const double *s) {
    (void)s;
    return V(mul)(dy, V(mul)(y, V(sub)(V(set)(1), y)));
}
MAP2(sigmoid_backward, NAME(sigmoid_backward_v))

static inline VEC NAME(tanh_backward_v)(VEC y, VEC dy, const double *s) {
    (void)s;
    return V(mul)(dy, V(sub)(V(set)(1), V(mul)(y, y)));
}
MAP2(tanh_backward, NAME(tanh_backward_v))

/* Phi(x) + x phi(x): the normal distribution function, plus x times the density */
static inline VEC NAME(gelu_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    VEC bell, phi = V(phi)(x, &bell);
    return V(mul)(dy, V(fma)(V(mul)(x, V(set)((REAL)0.3989422804014327)), bell, phi));
}
MAP2(gelu_backward, NAME(gelu_backward_v))

/* x is limited to [-100, 100], beyond which the slope is 0 or 1, so that x^2 stays finite */
static inline VEC NAME(gelu_tanh_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    VEC limit = V(set)(100), a = V(max)(V(neg)(limit), V(min)(limit, x));
    VEC y = V(sigmoid)(V(gelu_tanh_2u)(a));
    VEC inner = V(fma)(V(mul)(a, a), V(set)((REAL)0.21406444881780076), V(set)((REAL)1.5957691216057308));
    VEC curve = V(mul)(V(mul)(y, V(sub)(V(set)(1), y)), inner);
    return V(mul)(dy, V(fma)(a, curve, y));
}
MAP2(gelu_tanh_backward, NAME(gelu_tanh_backward_v))

static inline VEC NAME(silu_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    VEC one = V(set)(1), y = V(sigmoid)(x);
    return V(mul)(dy, V(mul)(y, V(fma)(x, V(sub)(one, y), one)));
}
MAP2(silu_backward, NAME(silu_backward_v))

static inline VEC NAME(softplus_v)(VEC x, const double *s) {
    VEC b = V(mul)(x, V(set)((REAL)s[BETA]));
    VEC y = V(mul)(V(softplus)(b), V(set)((REAL)s[INVERSE_BETA]));
    return V(select)(V(lt)(V(set)((REAL)s[THRESHOLD]), b), x, y);
}
MAP1(softplus, NAME(softplus_v))

static inline VEC NAME(softplus_backward_v)(VEC x, VEC dy, const double *s) {
    VEC b = V(mul)(x, V(set)((REAL)s[BETA]));
    return V(select)(V(lt)(V(set)((REAL)s[THRESHOLD]), b), dy, V(mul)(dy, V(sigmoid)(b)));
}
MAP2(softplus_backward, NAME(softplus_backward_v))

static inline VEC NAME(hardswish_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    VEC slope = V(add)(V(div)(x, V(set)(3)), V(set)((REAL)0.5));
    slope = V(select)(V(le)(V(set)(3), x), V(set)(1), slope);
    return V(mul)(dy, V(select)(V(le)(x, V(set)(-3)), V(zero)(), slope));
}
MAP2(hardswish_backward, NAME(hardswish_backward_v))

static inline VEC NAME(hardsigmoid_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    MASK inside = M(and)(V(lt)(V(set)(-3), x), V(lt)(x, V(set)(3)));
    return V(select)(inside, V(div)(dy, V(set)(6)), V(zero)());
}
MAP2(hardsigmoid_backward, NAME(hardsigmoid_backward_v))


static inline VEC NAME(selu_v)(VEC x, const double *s) {
    (void)s;
    VEC below = V(mul)(V(set)((REAL)1.7580993408473766), V(expm1)(V(min)(V(zero)(), x)));
    return V(select)(V(lt)(V(zero)(), x), V(mul)(V(set)((REAL)1.0507009873554805), x), below);
}
MAP1(selu, NAME(selu_v))

static inline VEC NAME(selu_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    VEC slope = V(mul)(V(set)((REAL)1.7580993408473766), V(exp)(V(min)(V(zero)(), x)));
    slope = V(select)(V(lt)(V(zero)(), x), V(set)((REAL)1.0507009873554805), slope);
    return V(mul)(dy, slope);
}
MAP2(selu_backward, NAME(selu_backward_v))
