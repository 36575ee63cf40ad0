/* The elementary functions that both types share, from the constants of simd_math.h; included once for each T. */

/* c[0] + c[step]*x + c[2*step]*x^2 + ..., for indices below n */
static inline VEC V(horner)(VEC x, const REAL *c, int n, int step) {
    int i = (n - 1) / step * step;
    VEC sum = V(set)(c[i]);
    while ((i -= step) >= 0) sum = V(fma)(sum, x, V(set)(c[i]));
    return sum;
}

/* c[0] + c[1]*x + ... + c[n-1]*x^(n-1). All callers pass a constant n, so that the loops unroll. A long polynomial is
 * two independent chains, of the even and the odd powers. */
static inline VEC V(polynomial)(VEC x, const REAL *c, int n) {
    if (n < 10) return V(horner)(x, c, n, 1);
    VEC x2 = V(mul)(x, x);
    return V(fma)(V(horner)(x2, c + 1, n - 1, 2), x, V(horner)(x2, c, n, 2));
}

/* ---- exponentials ------------------------------------------------------------------------------------------------ */

/* x = n ln 2 + t, |t| <= ln(2)/2; returns exp(t) - 1 = t + t^2 q(t) */
static inline VEC V(exp_reduced)(VEC x, VEC *n) {
    *n = V(round)(V(mul)(x, V(set)((REAL)1.4426950408889634)));
    VEC t = V(fma)(*n, V(set)(-NAME(ln2_hi)), x);
    t = V(fma)(*n, V(set)(-NAME(ln2_lo)), t);
    return V(fma)(V(mul)(t, t), POLYNOMIAL(t, NAME(exp_q)), t);
}

/* exp(x) for x <= exp_top; 0 below exp_bottom. The limit is the first operand, so that a NaN passes. */
static inline VEC V(exp_below)(VEC x) {
    VEC n, p = V(exp_reduced)(V(max)(V(set)(NAME(exp_bottom)), x), &n);
    return V(scale)(V(add)(V(set)(1), p), n);
}

static inline VEC V(exp)(VEC x) { return V(exp_below)(V(min)(V(set)(NAME(exp_top)), x)); }

/* exp(x) - 1 without cancellation: -1 below -40, and x if it is so small that its half might be flushed to 0 */
static inline VEC V(expm1)(VEC x) {
    VEC y = V(max)(V(set)(-40), V(min)(V(set)(NAME(exp_top)), x));
    VEC n, p = V(exp_reduced)(y, &n), half = V(set)(0.5f);
    /* 2^n (p + 1) - 1, halved so that 2^n fits */
    VEC s = V(pow2)(V(sub)(n, V(set)(1)));
    VEC h = V(fma)(p, s, V(sub)(s, half));
    return V(select)(V(lt)(V(abs)(x), V(set)((REAL)1e-17)), x, V(add)(h, h));
}

/* m / (m + 2) with m = exp(2|x|) - 1; 1 above 20 */
static inline VEC V(tanh)(VEC x) {
    VEC a = V(min)(V(set)(20), V(abs)(x)), n;
    VEC p = V(exp_reduced)(V(add)(a, a), &n), s = V(pow2)(n);
    VEC m = V(fma)(p, s, V(sub)(s, V(set)(1)));
    return V(copysign)(V(div)(m, V(add)(m, V(set)(2))), x);
}

static inline VEC V(sigmoid)(VEC x) {
    VEC one = V(set)(1);
    return V(div)(one, V(add)(one, V(exp)(V(neg)(x))));
}

/* erf(x) = x + x p, p from x^2. For a tiny x the product might be flushed to 0; then erf(x) = x 2/sqrt(pi). */
static inline VEC V(erf_inner)(VEC x, VEC p) {
    VEC linear = V(mul)(x, V(set)((REAL)1.1283791670955126));
    return V(select)(V(lt)(V(abs)(x), V(set)((REAL)1e-17)), linear, V(fma)(x, p, x));
}

/* ---- logarithms -------------------------------------------------------------------------------------------------- */

/* log(1 + r) - r + low, |r| <= 1/3 (f64: up to 1). With s = r/(2 + r) and z = s^2, log(1 + r) = 2 atanh(s) =
 * 2 s + s z p(z), and 2 s = r - h + s h, h = r^2/2: the terms added to r are small, and so are their errors. */
static inline VEC V(log1p_rest)(VEC r, VEC low) {
    VEC s = V(div)(r, V(add)(V(set)(2), r)), z = V(mul)(s, s), h = V(mul)(V(mul)(r, V(set)(0.5f)), r);
    return V(sub)(V(fma)(s, V(fma)(z, POLYNOMIAL(z, NAME(log_p)), h), low), h);
}

/* log(1 + r) + e ln 2, |r| <= 1/3 */
static inline VEC V(log_reduced)(VEC r, VEC e) {
    VEC rest = V(log1p_rest)(r, V(mul)(e, V(set)(NAME(ln2_lo))));
    return V(fma)(e, V(set)(NAME(ln2_hi)), V(add)(r, rest));
}

/* x = m * 2^e with 2/3 <= m <= 4/3, for normal x > 0 */
static inline VEC V(split)(VEC x, VEC *e) {
    VEC m = V(mantissa)(x);
    *e = V(exponent)(x);
    MASK upper = V(lt)(V(set)((REAL)(4.0 / 3)), m);
    *e = V(select)(upper, V(add)(*e, V(set)(1)), *e);
    return V(select)(upper, V(mul)(m, V(set)(0.5f)), m);
}

/* Special values of a logarithm: y for x > 0, -inf at 0, NaN below, inf at inf. */
static inline VEC V(log_special)(VEC x, VEC y) {
    VEC inf = V(set)(INFINITY);
    y = V(select)(V(lt)(x, inf), y, x);                         /* inf and NaN */
    y = V(select)(V(lt)(x, V(zero)()), V(set)(NAN), y);
    return V(select)(V(eq)(x, V(zero)()), V(neg)(inf), y);
}

static inline VEC V(log)(VEC x) {
    MASK tiny = V(lt)(x, V(set)(NAME(smallest_normal)));        /* subnormal: scaled up */
    VEC scaled = V(mul)(x, V(set)((REAL)((int64_t)1 << MANTISSA_BITS)));
    VEC e, m = V(split)(V(select)(tiny, scaled, x), &e);
    e = V(select)(tiny, V(sub)(e, V(set)(MANTISSA_BITS)), e);
    return V(log_special)(x, V(log_reduced)(V(sub)(m, V(set)(1)), e));
}

/* log(1 + x) without losing the digits of x that 1 + x drops */
static inline VEC V(log1p)(VEC x) {
    VEC one = V(set)(1), u = V(add)(one, x), e, m = V(split)(u, &e);
    /* m - 1 = x 2^-e + (2^-e - 1): both terms are exact until 2^-e is negligible */
    VEC s = V(pow2)(V(max)(V(set)(1 - EXPONENT_BIAS), V(neg)(e)));
    VEC r = V(fma)(x, s, V(sub)(s, one));
    r = V(select)(V(lt)(u, V(set)((REAL)((int64_t)2 << MANTISSA_BITS))), r, V(sub)(m, one));
    VEC y = V(log_special)(u, V(log_reduced)(r, e));
    return V(select)(V(eq)(x, V(zero)()), x, y);
}
