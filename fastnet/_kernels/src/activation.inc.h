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
#undef PLAIN

/* dy where the output is positive or NaN */
static inline VEC NAME(relu_backward_v)(VEC y, VEC dy, const double *s) {
    (void)s;
    return V(select)(V(le)(y, V(zero)()), V(zero)(), dy);
}
MAP2(relu_backward, NAME(relu_backward_v))

static inline VEC NAME(leaky_relu_v)(VEC x, const double *s) {
    return V(select)(V(lt)(V(zero)(), x), x, V(mul)(x, V(set)((REAL)s[0])));
}
MAP1(leaky_relu, NAME(leaky_relu_v))

static inline VEC NAME(leaky_relu_backward_v)(VEC x, VEC dy, const double *s) {
    return V(select)(V(lt)(V(zero)(), x), dy, V(mul)(dy, V(set)((REAL)s[0])));
}
MAP2(leaky_relu_backward, NAME(leaky_relu_backward_v))

/* exp is taken of min(x, 0): what is not used must not overflow */
static inline VEC NAME(elu_v)(VEC x, const double *s) {
    VEC below = V(mul)(V(set)((REAL)s[0]), V(expm1)(V(min)(V(zero)(), x)));
    return V(select)(V(lt)(V(zero)(), x), x, below);
}
MAP1(elu, NAME(elu_v))

static inline VEC NAME(elu_backward_v)(VEC x, VEC dy, const double *s) {
    VEC slope = V(mul)(V(set)((REAL)s[0]), V(exp)(V(min)(V(zero)(), x)));
    return V(select)(V(lt)(V(zero)(), x), dy, V(mul)(dy, slope));
}
MAP2(elu_backward, NAME(elu_backward_v))

static inline VEC NAME(hardtanh_backward_v)(VEC x, VEC dy, const double *s) {
    MASK outside = M(or)(V(le)(x, V(set)((REAL)s[0])), V(le)(V(set)((REAL)s[1]), x));
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

/* the distribution function plus x times the density */
static inline VEC NAME(gelu_backward_v)(VEC x, VEC dy, const double *s) {
    (void)s;
    VEC bell, phi = V(phi)(x, &bell);
    return V(mul)(dy, V(fma)(V(mul)(x, V(set)((REAL)0.3989422804014327)), bell, phi));
}
MAP2(gelu_backward, NAME(gelu_backward_v))

/* x is limited to where the slope is long 0 or 1, so that x^2 stays finite */
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

/* s: beta, threshold, 1/beta */
static inline VEC NAME(softplus_v)(VEC x, const double *s) {
    VEC b = V(mul)(x, V(set)((REAL)s[0]));
    VEC y = V(mul)(V(softplus)(b), V(set)((REAL)s[2]));
    return V(select)(V(lt)(V(set)((REAL)s[1]), b), x, y);
}
MAP1(softplus, NAME(softplus_v))

static inline VEC NAME(softplus_backward_v)(VEC x, VEC dy, const double *s) {
    VEC b = V(mul)(x, V(set)((REAL)s[0]));
    return V(select)(V(lt)(V(set)((REAL)s[1]), b), dy, V(mul)(dy, V(sigmoid)(b)));
}
MAP2(softplus_backward, NAME(softplus_backward_v))
