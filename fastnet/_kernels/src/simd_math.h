/* Elementary functions of vectors: V(exp), V(expm1), V(log), V(log1p), V(tanh), V(erf), V(phi), V(sigmoid), and the
 * activations of several operations: V(softplus), V(silu), V(gelu), V(gelu_tanh).
 *
 * They are polynomials, the same on every lane and, except for the roundings of FMA, on every instruction set. The
 * coefficients are minimax fits of the function named next to them. f32: Lawson-weighted least squares on Chebyshev
 * points, with the coefficients rounded one at a time and the rest fitted again. f64 and log_p: the Remez exchange,
 * then rounded. The contract states the error bounds (ulp= in _kernels/reference); benchmarks/ulp.py measures the
 * errors.
 *
 * NaN in gives NaN out; exp overflows to inf and goes through the subnormals to 0; tanh and erf reach 1 exactly. */
#ifndef FASTNET_SIMD_MATH_H
#define FASTNET_SIMD_MATH_H

#include <float.h>

#include "simd.h"

#define POLYNOMIAL(x, c) V(polynomial)(x, c, sizeof(c) / sizeof((c)[0]))

/* ---- constants by type ------------------------------------------------------------------------------------------- */

static const float smallest_normal_f32 = FLT_MIN, exp_top_f32 = 89, exp_bottom_f32 = -104;
static const double smallest_normal_f64 = DBL_MIN, exp_top_f64 = 710, exp_bottom_f64 = -746;

/* ln 2 in two parts; n times the first part is exact for every n in exp and log, with or without FMA */
static const float ln2_hi_f32 = 0.693359375f, ln2_lo_f32 = -2.12194440e-4f;
static const double ln2_hi_f64 = 0.6931471805598903, ln2_lo_f64 = 5.497923018708371e-14;

/* (exp(t) - 1 - t) / t^2, |t| <= ln(2)/2 */
static const float exp_q_f32[] = {0.49999994f, 0.166665211f, 0.0416682921f, 0.00836872123f, 0.0013818742f};
static const double exp_q_f64[] = {
    0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333322182, 0.0013888888888867826, 0.00019841269884869316,
    2.48015873589588e-05, 2.755724536696947e-06, 2.7557243935885205e-07, 2.510866366276682e-08, 2.0924120131406384e-09};

/* (2 atanh(s) - 2 s) / s^3 in z = s^2; f32: 0 <= z <= 1/25, f64: 0 <= z <= 1/9 */
static const float log_p_f32[] = {0.666669071f, 0.399606705f, 0.303138316f};
static const double log_p_f64[] = {
    0.6666666666666651, 0.40000000000097585, 0.2857142855427857, 0.22222223618804499, 0.18181755010174688,
    0.1538634517344392, 0.13303565163508604, 0.12087083465827356, 0.08417594471705063, 0.16883761551108822};

/* ---- float32 ----------------------------------------------------------------------------------------------------- */
#define T f32
#include "simd_math.inc.h"

/* log(1 + x) for 0 <= x <= 1 */
static inline VEC V(log1p_unit)(VEC x) {
    static const REAL q[] = {-0.499999315f, 0.333304644f,  -0.249580204f, 0.196921214f,  -0.153449774f,
                             0.106613711f,  -0.0574604832f, 0.0200884603f, -0.00329107419f};
    return V(fma)(V(mul)(x, x), POLYNOMIAL(x, q), x);
}

/* odd polynomial up to 0.921875, then 1 - exp(-a - a q(a)) */
static inline VEC V(erf)(VEC x) {
    static const REAL in[] = {0.128379151f, -0.376124889f, 0.11281731f,
                              -0.0267629661f, 0.00498735253f, -0.00059595838f};
    static const REAL out[] = {0.128526405f, 0.635677278f, 0.105316281f,
                               -0.0229250807f, 0.00322596543f, -0.000215326741f};
    VEC a = V(min)(V(set)(4.0f), V(abs)(x)), one = V(set)(1.0f), n;
    VEC inner = V(erf_inner)(x, POLYNOMIAL(V(mul)(x, x), in));
    VEC p = V(exp_reduced)(V(neg)(V(fma)(a, POLYNOMIAL(a, out), a)), &n), s = V(pow2)(n);
    VEC outer = V(sub)(V(sub)(one, s), V(mul)(p, s));
    return V(select)(V(lt)(a, V(set)(0.921875f)), inner, V(copysign)(outer, x));
}

/* The normal distribution function, and exp(-x^2/2) for its density. With a = |x|, its tail Phi(-a) is
 * exp(-a^2/2) t q(t), t = 1/(1 + 0.3 a), which does not cancel for x < 0 as 1 + erf would. */
static inline VEC V(phi)(VEC x, VEC *bell) {
    static const REAL q[] = {0.119681314f, 0.11984659f, 0.105787061f, 0.109795056f,
                             -0.0207394809f, 0.173900381f, -0.140353933f, 0.0320830047f};
    VEC one = V(set)(1.0f);
    *bell = V(exp_below)(V(mul)(V(mul)(x, x), V(set)(-0.5f)));
    VEC t = V(div)(one, V(fma)(V(abs)(x), V(set)(0.3f), one));
    VEC tail = V(mul)(*bell, V(mul)(t, POLYNOMIAL(t, q)));
    return V(select)(V(lt)(x, V(zero)()), tail, V(sub)(one, tail));
}
#include "simd_activation.inc.h"
#undef T

/* ---- float64 ----------------------------------------------------------------------------------------------------- */
#define T f64
#include "simd_math.inc.h"

/* log(1 + x) for 0 <= x <= 1 */
static inline VEC V(log1p_unit)(VEC x) { return V(add)(x, V(log1p_rest)(x, V(zero)())); }

/* Phi(-a) exp(a^2/2) for a >= 0: t q(1 - 2t), t = 1/(1 + a/5), fitted up to a = 39, where Phi(-a) ends */
static inline VEC V(tail)(VEC a) {
    static const REAL q[] = {
        0.15383860995001258, -0.13307650057801135, 0.09906112319399546, -0.06270663133425924, 0.03300407323406756,
        -0.013823727741314011, 0.004159013360166404, -0.0005986753533411031, -0.00015957388159346488,
        0.00010897980667906204, -1.1875134994403995e-05, -9.952530991147686e-06, 3.3362083335937464e-06,
        7.960769753613985e-07, -5.537906216275366e-07, -6.71075045747299e-08, 8.65769081510689e-08,
        8.176154515854739e-09, -1.320231934413082e-08, -1.6589725672899274e-09, 1.5884280960750225e-09,
        2.8638664151233416e-10, -6.058143423369825e-11};
    VEC one = V(set)(1), t = V(div)(one, V(fma)(a, V(set)(0.2), one));
    return V(mul)(t, POLYNOMIAL(V(sub)(one, V(add)(t, t)), q));
}

/* odd polynomial up to 0.921875, then 1 - 2 Phi(-sqrt(2) a) */
static inline VEC V(erf)(VEC x) {
    static const REAL in[] = {
        0.1283791670955126, -0.37612638903183715, 0.11283791670953049, -0.026866170644672626, 0.005223977620207044,
        -0.0008548326670557629, 0.00012055317880215162, -1.4925223956506632e-05, 1.6454051552046073e-06,
        -1.6264441841869317e-07, 1.3987025335052938e-08, -8.34587017336281e-10};
    VEC a = V(min)(V(set)(6), V(abs)(x)), one = V(set)(1);
    VEC inner = V(erf_inner)(x, POLYNOMIAL(V(mul)(x, x), in));
    VEC half = V(mul)(V(exp_below)(V(neg)(V(mul)(a, a))), V(tail)(V(mul)(a, V(set)(1.4142135623730951))));
    VEC outer = V(sub)(one, V(add)(half, half));
    return V(select)(V(lt)(a, V(set)(0.921875)), inner, V(copysign)(outer, x));
}

/* as for f32; for x < 0 the rounding of x^2 costs x^2/2 ulp */
static inline VEC V(phi)(VEC x, VEC *bell) {
    *bell = V(exp_below)(V(mul)(V(mul)(x, x), V(set)(-0.5)));
    VEC tail = V(mul)(*bell, V(tail)(V(abs)(x)));
    return V(select)(V(lt)(x, V(zero)()), tail, V(sub)(V(set)(1), tail));
}
#include "simd_activation.inc.h"
#undef T

#undef POLYNOMIAL
#endif
