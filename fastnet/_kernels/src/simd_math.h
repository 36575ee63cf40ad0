/* Elementary functions of vectors: V(exp), V(expm1), V(log), V(log1p), V(tanh), V(erf), V(sigmoid), and the
 * activations that are more than one operation: V(softplus), V(silu), V(gelu), V(gelu_tanh).
 *
 * f32: polynomials, the same on every lane and on every instruction set but for the roundings of FMA. The coefficients
 * are minimax fits of the function named beside them, by Lawson-weighted least squares on Chebyshev points, rounded to
 * float32 one by one, each time fitting the rest again. Largest errors over all floats whose result is normal, in ulp
 * (benchmarks/ulp.py): exp 1.02, expm1 1.6, log 0.84, log1p 1.6, sigmoid 2.5, tanh 1.34, erf 1.25, softplus 2.2.
 * f64: each lane through the C library: right, not fast.
 *
 * NaN in gives NaN out; exp overflows to inf and goes through the subnormals to 0; tanh and erf reach 1 exactly. */
#ifndef FASTNET_SIMD_MATH_H
#define FASTNET_SIMD_MATH_H

#include "simd.h"

/* ---- float32 ----------------------------------------------------------------------------------------------------- */
#define T f32

/* c[0] + c[1]*x + ... + c[n-1]*x^(n-1); n is a constant wherever this is called, so that the loop unrolls */
static inline VEC V(polynomial)(VEC x, const REAL *c, int n) {
    VEC sum = V(set)(c[n - 1]);
    for (int i = n - 2; i >= 0; i--) sum = V(fma)(sum, x, V(set)(c[i]));
    return sum;
}
#define POLYNOMIAL(x, c) V(polynomial)(x, c, sizeof(c) / sizeof((c)[0]))

/* ln 2 in two parts, of which n times the first is exact for |n| < 2^15, with FMA or without */
#define LN2_HI 0.693359375f
#define LN2_LO -2.12194440e-4f

/* x = n ln 2 + t, |t| <= ln(2)/2; returns exp(t) - 1 = t + t^2 q(t) */
static inline VEC V(exp_reduced)(VEC x, VEC *n) {
    static const REAL q[] = {0.49999994f, 0.166665211f, 0.0416682921f, 0.00836872123f, 0.0013818742f};
    *n = V(round)(V(mul)(x, V(set)(1.44269504f)));
    VEC t = V(fma)(*n, V(set)(-LN2_HI), x);
    t = V(fma)(*n, V(set)(-LN2_LO), t);
    return V(fma)(V(mul)(t, t), POLYNOMIAL(t, q), t);
}

/* exp(x) for x <= 89; below -104 it is 0. The limit stands first so that a NaN passes. */
static inline VEC V(exp_below)(VEC x) {
    VEC n, p = V(exp_reduced)(V(max)(V(set)(-104.0f), x), &n);
    return V(scale)(V(add)(V(set)(1.0f), p), n);
}

static inline VEC V(exp)(VEC x) { return V(exp_below)(V(min)(V(set)(89.0f), x)); }

/* exp(x) - 1 without cancellation */
static inline VEC V(expm1)(VEC x) {
    VEC y = V(max)(V(set)(-26.0f), V(min)(V(set)(89.0f), x));
    VEC n, p = V(exp_reduced)(y, &n), half = V(set)(0.5f);
    /* 2^n (p + 1) - 1, halved so that 2^n fits */
    VEC s = V(pow2)(V(sub)(n, V(set)(1.0f)));
    VEC h = V(fma)(p, s, V(sub)(s, half));
    return V(select)(V(eq)(x, V(zero)()), x, V(add)(h, h));
}

/* log(1 + r) + e ln 2, |r| <= 1/3 */
static inline VEC V(log_reduced)(VEC r, VEC e) {
    static const REAL q[] = {0.333332151f, -0.249998018f, 0.20010446f,   -0.16680339f,
                             0.140052691f, -0.12185961f,  0.139873028f, -0.128854141f};
    VEC r2 = V(mul)(r, r);
    VEC low = V(fma)(e, V(set)(LN2_LO), V(mul)(V(mul)(r2, r), POLYNOMIAL(r, q)));
    low = V(fma)(r2, V(set)(-0.5f), low);
    return V(fma)(e, V(set)(LN2_HI), V(add)(r, low));
}

/* x = m * 2^e with 2/3 <= m <= 4/3, for normal x > 0 */
static inline VEC V(split)(VEC x, VEC *e) {
    VEC m = V(mantissa)(x), one = V(set)(1.0f);
    *e = V(exponent)(x);
    MASK upper = V(lt)(V(set)(1.33333333f), m);
    *e = V(select)(upper, V(add)(*e, one), *e);
    return V(select)(upper, V(mul)(m, V(set)(0.5f)), m);
}

/* what a logarithm is where it is not a number: y for x > 0, -inf at 0, NaN below, inf at inf */
static inline VEC V(log_special)(VEC x, VEC y) {
    VEC inf = V(set)(INFINITY);
    y = V(select)(V(lt)(x, inf), y, x);                         /* inf and NaN */
    y = V(select)(V(lt)(x, V(zero)()), V(set)(NAN), y);
    return V(select)(V(eq)(x, V(zero)()), V(neg)(inf), y);
}

static inline VEC V(log)(VEC x) {
    MASK tiny = V(lt)(x, V(set)(1.17549435e-38f));              /* subnormal: scaled up by 2^23 */
    VEC e, m = V(split)(V(select)(tiny, V(mul)(x, V(set)(8388608.0f)), x), &e);
    e = V(select)(tiny, V(sub)(e, V(set)(23.0f)), e);
    return V(log_special)(x, V(log_reduced)(V(sub)(m, V(set)(1.0f)), e));
}

/* log(1 + x) without losing the digits of x that 1 + x drops */
static inline VEC V(log1p)(VEC x) {
    VEC one = V(set)(1.0f), u = V(add)(one, x), e, m = V(split)(u, &e);
    /* m - 1 = x 2^-e + (2^-e - 1): both terms are exact until 2^-e is negligible */
    VEC s = V(pow2)(V(max)(V(set)(-126.0f), V(neg)(e)));
    VEC r = V(fma)(x, s, V(sub)(s, one));
    r = V(select)(V(lt)(u, V(set)(16777216.0f)), r, V(sub)(m, one));
    VEC y = V(log_special)(u, V(log_reduced)(r, e));
    return V(select)(V(eq)(x, V(zero)()), x, y);
}

/* log(1 + x) for 0 <= x <= 1 */
static inline VEC V(log1p_unit)(VEC x) {
    static const REAL q[] = {-0.499999315f, 0.333304644f,  -0.249580204f, 0.196921214f,  -0.153449774f,
                             0.106613711f,  -0.0574604832f, 0.0200884603f, -0.00329107419f};
    return V(fma)(V(mul)(x, x), POLYNOMIAL(x, q), x);
}

/* odd polynomial up to 0.625, then 1 - 2/(exp(2|x|) + 1) */
static inline VEC V(tanh)(VEC x) {
    static const REAL q[] = {-0.333332777f, 0.133313209f, -0.0537291318f, 0.0206032395f, -0.00566362171f};
    VEC a = V(abs)(x), x2 = V(mul)(x, x), one = V(set)(1.0f), two = V(set)(2.0f), n;
    VEC inner = V(fma)(V(mul)(x, x2), POLYNOMIAL(x2, q), x);
    VEC y = V(min)(V(set)(10.0f), a);
    VEC p = V(exp_reduced)(V(add)(y, y), &n), s = V(pow2)(n);
    VEC outer = V(sub)(one, V(div)(two, V(add)(V(fma)(p, s, s), one)));
    return V(select)(V(lt)(a, V(set)(0.625f)), inner, V(copysign)(outer, x));
}

/* odd polynomial up to 0.921875, then 1 - exp(-a - a q(a)) */
static inline VEC V(erf)(VEC x) {
    static const REAL in[] = {0.128379151f, -0.376124889f, 0.11281731f,
                              -0.0267629661f, 0.00498735253f, -0.00059595838f};
    static const REAL out[] = {0.128526405f, 0.635677278f, 0.105316281f,
                               -0.0229250807f, 0.00322596543f, -0.000215326741f};
    VEC a = V(min)(V(set)(4.0f), V(abs)(x)), x2 = V(mul)(x, x), one = V(set)(1.0f), n;
    VEC inner = V(fma)(x, POLYNOMIAL(x2, in), x);
    VEC p = V(exp_reduced)(V(neg)(V(fma)(a, POLYNOMIAL(a, out), a)), &n), s = V(pow2)(n);
    VEC outer = V(sub)(V(sub)(one, s), V(mul)(p, s));
    return V(select)(V(lt)(a, V(set)(0.921875f)), inner, V(copysign)(outer, x));
}

/* The normal distribution function and exp(-x^2/2), from which its density comes. With a = |x|, its tail Phi(-a) is
 * exp(-a^2/2) t q(t), t = 1/(1 + 0.3 a): no cancellation below 0, where 1 + erf has nothing left. */
static inline VEC V(phi)(VEC x, VEC *bell) {
    static const REAL q[] = {0.119681314f, 0.11984659f, 0.105787061f, 0.109795056f,
                             -0.0207394809f, 0.173900381f, -0.140353933f, 0.0320830047f};
    VEC one = V(set)(1.0f);
    *bell = V(exp_below)(V(mul)(V(mul)(x, x), V(set)(-0.5f)));
    VEC t = V(div)(one, V(fma)(V(abs)(x), V(set)(0.3f), one));
    VEC tail = V(mul)(*bell, V(mul)(t, POLYNOMIAL(t, q)));
    return V(select)(V(lt)(x, V(zero)()), tail, V(sub)(one, tail));
}
#undef LN2_HI
#undef LN2_LO
#undef POLYNOMIAL
#undef T

/* ---- float64 ----------------------------------------------------------------------------------------------------- */
#define T f64

#define LANES(name, function)                                    \
    static inline VEC V(name)(VEC x) {                           \
        REAL lanes[W];                                           \
        V(store)(lanes, x);                                      \
        for (int i = 0; i < W; i++) lanes[i] = function(lanes[i]); \
        return V(load)(lanes);                                   \
    }
LANES(exp, exp)
LANES(expm1, expm1)
LANES(log, log)
LANES(log1p, log1p)
LANES(tanh, tanh)
LANES(erf, erf)
LANES(erfc, erfc)
#undef LANES

static inline VEC V(log1p_unit)(VEC x) { return V(log1p)(x); }

static inline VEC V(phi)(VEC x, VEC *bell) {
    *bell = V(exp)(V(mul)(V(mul)(x, x), V(set)(-0.5)));
    return V(mul)(V(set)(0.5), V(erfc)(V(mul)(x, V(set)(-0.70710678118654752))));
}
#undef T

/* ---- both -------------------------------------------------------------------------------------------------------- */
#define T f32
#include "simd_math.inc.h"
#undef T
#define T f64
#include "simd_math.inc.h"
#undef T

#endif
