/* Fourier transforms of W signals at once, one in each lane. Included once for each T.
 *
 * A complex number is two vectors, the real and the imaginary parts of W numbers. A transform of POINTS numbers is a
 * pass for each of its factors (Stockham: every pass reads one buffer and writes the other, and the result is in
 * order). A real signal of even length is transformed as half as many complex numbers, its even samples being the real
 * parts. */

typedef struct { VEC re, im; } NAME(Complex);
#define COMPLEX NAME(Complex)

INLINE COMPLEX NAME(load_complex)(const REAL *p) { return (COMPLEX){V(load)(p), V(load)(p + W)}; }
INLINE void NAME(store_complex)(REAL *p, COMPLEX a) { V(store)(p, a.re), V(store)(p + W, a.im); }
INLINE COMPLEX NAME(plus)(COMPLEX a, COMPLEX b) { return (COMPLEX){V(add)(a.re, b.re), V(add)(a.im, b.im)}; }
INLINE COMPLEX NAME(minus)(COMPLEX a, COMPLEX b) { return (COMPLEX){V(sub)(a.re, b.re), V(sub)(a.im, b.im)}; }
INLINE COMPLEX NAME(conjugate)(COMPLEX a) { return (COMPLEX){a.re, V(neg)(a.im)}; }
INLINE COMPLEX NAME(swapped)(COMPLEX a) { return (COMPLEX){a.im, a.re}; }

/* a + b*x, a - i*b */
INLINE COMPLEX NAME(plus_scaled)(COMPLEX a, COMPLEX b, VEC x) {
    return (COMPLEX){V(fma)(b.re, x, a.re), V(fma)(b.im, x, a.im)};
}
INLINE COMPLEX NAME(minus_i)(COMPLEX a, COMPLEX b) { return (COMPLEX){V(add)(a.re, b.im), V(sub)(a.im, b.re)}; }
INLINE COMPLEX NAME(plus_i)(COMPLEX a, COMPLEX b) { return (COMPLEX){V(sub)(a.re, b.im), V(add)(a.im, b.re)}; }

/* a times a root, stored as its real part, its imaginary part and the negative of that */
INLINE COMPLEX NAME(times_root)(COMPLEX a, const REAL *root) {
    VEC re = V(set)(root[0]);
    return (COMPLEX){V(fma)(a.re, re, V(mul)(a.im, V(set)(root[2]))), V(fma)(a.im, re, V(mul)(a.re, V(set)(root[1])))};
}

/* ---- transforms of 2, 3, 4 and 5 numbers, in place ---------------------------------------------------------------- */

INLINE void NAME(butterfly_2)(COMPLEX *a) {
    COMPLEX sum = NAME(plus)(a[0], a[1]);
    a[1] = NAME(minus)(a[0], a[1]);
    a[0] = sum;
}

INLINE void NAME(butterfly_3)(COMPLEX *a) {
    const VEC half = V(set)((REAL)-0.5), sine = V(set)((REAL)0.86602540378443864676);
    COMPLEX sum = NAME(plus)(a[1], a[2]), apart = NAME(minus)(a[1], a[2]);
    COMPLEX even = NAME(plus_scaled)(a[0], sum, half), odd = {V(mul)(apart.re, sine), V(mul)(apart.im, sine)};
    a[0] = NAME(plus)(a[0], sum);
    a[1] = NAME(minus_i)(even, odd);
    a[2] = NAME(plus_i)(even, odd);
}

INLINE void NAME(butterfly_4)(COMPLEX *a) {
    COMPLEX b = NAME(plus)(a[0], a[2]), c = NAME(minus)(a[0], a[2]), d = NAME(plus)(a[1], a[3]);
    COMPLEX e = NAME(minus)(a[1], a[3]);
    a[0] = NAME(plus)(b, d);
    a[1] = NAME(minus_i)(c, e);
    a[2] = NAME(minus)(b, d);
    a[3] = NAME(plus_i)(c, e);
}

INLINE void NAME(butterfly_5)(COMPLEX *a) {
    const VEC c1 = V(set)((REAL)0.30901699437494742410), c2 = V(set)((REAL)-0.80901699437494742410);
    const VEC s1 = V(set)((REAL)0.95105651629515357212), s2 = V(set)((REAL)0.58778525229247312917);
    COMPLEX b = NAME(plus)(a[1], a[4]), c = NAME(plus)(a[2], a[3]);
    COMPLEX d = NAME(minus)(a[1], a[4]), e = NAME(minus)(a[2], a[3]);
    COMPLEX even = NAME(plus_scaled)(NAME(plus_scaled)(a[0], b, c1), c, c2);
    COMPLEX other = NAME(plus_scaled)(NAME(plus_scaled)(a[0], b, c2), c, c1);
    COMPLEX odd = {V(fma)(d.re, s1, V(mul)(e.re, s2)), V(fma)(d.im, s1, V(mul)(e.im, s2))};
    COMPLEX rest = {V(sub)(V(mul)(d.re, s2), V(mul)(e.re, s1)), V(sub)(V(mul)(d.im, s2), V(mul)(e.im, s1))};
    a[0] = NAME(plus)(a[0], NAME(plus)(b, c));
    a[1] = NAME(minus_i)(even, odd);
    a[4] = NAME(plus_i)(even, odd);
    a[2] = NAME(minus_i)(other, rest);
    a[3] = NAME(plus_i)(other, rest);
}

/* ---- passes --------------------------------------------------------------------------------------------------------- */

/* One butterfly of each of `stride` transforms of `length` numbers, from number `part` on; the results are multiplied by
 * roots, which are 1 for part 0. */
#define PART(radix, turned)                                                                                  \
    for (ptrdiff_t q = 0; q < stride; q++) {                                                                 \
        COMPLEX a[radix];                                                                                    \
        UNROLL for (int j = 0; j < radix; j++)                                                               \
            a[j] = NAME(load_complex)(in + (q + stride * (part + j * parts)) * 2 * W);                       \
        NAME(butterfly_##radix)(a);                                                                          \
        UNROLL for (int j = 0; j < radix; j++)                                                               \
            NAME(store_complex)(out + (q + stride * (part * radix + j)) * 2 * W,                             \
                                turned && j ? NAME(times_root)(a[j], roots + 3 * (j - 1)) : a[j]);           \
    }

#define PASS(radix)                                                                                          \
    static void NAME(pass_##radix)(REAL *out, const REAL *in, const REAL *roots, ptrdiff_t length, ptrdiff_t stride) { \
        const ptrdiff_t parts = length / radix;                                                              \
        ptrdiff_t part = 0;                                                                                  \
        PART(radix, 0)                                                                                       \
        for (part = 1; part < parts; part++) {                                                               \
            roots += 3 * (radix - 1);                                                                        \
            PART(radix, 1)                                                                                   \
        }                                                                                                    \
    }
PASS(2)
PASS(3)
PASS(4)
PASS(5)
#undef PASS
#undef PART

/* A pass of any odd radix. It replaces the numbers j and radix - j of each butterfly by their sum and difference, so
 * `in` is overwritten. `circle` holds cos and sin of 2 pi j / radix. */
static void NAME(pass_odd)(REAL *out, REAL *in, const REAL *roots, const REAL *circle, ptrdiff_t radix,
                           ptrdiff_t length, ptrdiff_t stride) {
    const ptrdiff_t parts = length / radix, step = stride * parts * 2 * W, out_step = stride * 2 * W;
    for (ptrdiff_t part = 0; part < parts; part++, roots += 3 * (radix - 1))
        for (ptrdiff_t q = 0; q < stride; q++) {
            REAL *x = in + (q + stride * part) * 2 * W, *y = out + (q + stride * part * radix) * 2 * W;
            const COMPLEX first = NAME(load_complex)(x);
            COMPLEX total = first;
            for (ptrdiff_t j = 1; 2 * j < radix; j++) {
                COMPLEX a = NAME(load_complex)(x + j * step), b = NAME(load_complex)(x + (radix - j) * step);
                COMPLEX sum = NAME(plus)(a, b);
                NAME(store_complex)(x + j * step, sum);
                NAME(store_complex)(x + (radix - j) * step, NAME(minus)(a, b));
                total = NAME(plus)(total, sum);
            }
            NAME(store_complex)(y, total);
            for (ptrdiff_t i = 1; 2 * i < radix; i++) {
                COMPLEX even = first, odd = {V(zero)(), V(zero)()};
                for (ptrdiff_t j = 1, turn = i; 2 * j < radix; j++, turn += turn + i < radix ? i : i - radix) {
                    even = NAME(plus_scaled)(even, NAME(load_complex)(x + j * step), V(set)(circle[2 * turn]));
                    odd = NAME(plus_scaled)(odd, NAME(load_complex)(x + (radix - j) * step),
                                            V(set)(circle[2 * turn + 1]));
                }
                const REAL *low = roots + 3 * (i - 1), *high = roots + 3 * (radix - i - 1);
                NAME(store_complex)(y + i * out_step, NAME(times_root)(NAME(minus_i)(even, odd), low));
                NAME(store_complex)(y + (radix - i) * out_step, NAME(times_root)(NAME(plus_i)(even, odd), high));
            }
        }
}

/* The transform of the POINTS complex numbers in *a. The result is in *a, which is exchanged with *b; *b is overwritten. */
static void NAME(transform)(const Launch *launch, REAL **a, REAL **b) {
    const REAL *roots = launch->p[ROOTS];
    ptrdiff_t length = launch->n[POINTS], stride = 1;
    for (ptrdiff_t i = 0; i < launch->n[PASSES]; i++) {
        const ptrdiff_t radix = launch->n[RADIX + i], count = length / radix * (radix - 1) * 3;
        REAL *in = *a, *out = *b;
        switch (radix) {
        case 2: NAME(pass_2)(out, in, roots, length, stride); break;
        case 3: NAME(pass_3)(out, in, roots, length, stride); break;
        case 4: NAME(pass_4)(out, in, roots, length, stride); break;
        case 5: NAME(pass_5)(out, in, roots, length, stride); break;
        default:
            NAME(pass_odd)(out, in, roots, roots + count, radix, length, stride);
            roots += 2 * radix;
        }
        roots += count;
        *a = out, *b = in;
        length /= radix, stride *= radix;
    }
}

/* ---- real signals --------------------------------------------------------------------------------------------------- */

/* The spectrum, BINS numbers, of the real signal whose samples are in *a: W at a time if n is even, else as the real
 * parts of complex numbers. It is in *a, which may be exchanged with *b.
 *
 * With Z the transform of the even samples + i*odd samples, m = n/2 and r = exp(-2 pi i k/n):
 * X[k] = (Z[k] + conj Z[m - k])/2 - i*r*(Z[k] - conj Z[m - k])/2, and conj X[m - k] is the same with a minus. */
static void NAME(real_spectrum)(const Launch *launch, REAL **a, REAL **b) {
    const REAL *roots = (const REAL *)launch->p[ROOTS] + launch->n[REAL_ROOTS];
    const ptrdiff_t points = launch->n[POINTS];
    const VEC half = V(set)((REAL)0.5);
    NAME(transform)(launch, a, b);
    if (launch->n[TRANSFORM] % 2) return;
    REAL *z = *a, *x = *b;
    for (ptrdiff_t k = 0; 2 * k <= points; k++, roots += 3) {
        COMPLEX low = NAME(load_complex)(z + k * 2 * W);
        COMPLEX high = NAME(conjugate)(NAME(load_complex)(z + (k ? points - k : 0) * 2 * W));
        COMPLEX even = NAME(plus)(low, high), odd = NAME(times_root)(NAME(minus)(low, high), roots);
        COMPLEX first = NAME(minus_i)(even, odd), last = NAME(conjugate)(NAME(plus_i)(even, odd));
        NAME(store_complex)(x + k * 2 * W, (COMPLEX){V(mul)(first.re, half), V(mul)(first.im, half)});
        NAME(store_complex)(x + (points - k) * 2 * W, (COMPLEX){V(mul)(last.re, half), V(mul)(last.im, half)});
    }
    *a = x, *b = z;
}

/* The signal sum over the BINS numbers Y[k] in *a of the real part of Y[k] * exp(2 pi i k j/n), times `inner` for most k
 * and `outer` for k = 0 and k = n/2. It is in *a: sample j at signal_place(j), in vectors.
 *
 * The inverse transform is the transform of numbers with exchanged parts. For even n, with V the factors times Y, halved
 * for most k, and E, D = V[k] +- conj V[m - k]: Z[k] = E + i*D/r, conj Z[m - k] = E - i*D/r. */
static void NAME(real_signal)(const Launch *launch, REAL **a, REAL **b, double inner, double outer) {
    const ptrdiff_t points = launch->n[POINTS], n = launch->n[TRANSFORM], bins = launch->n[BINS];
    const VEC factor = V(set)((REAL)(inner / 2)), edge = V(set)((REAL)outer);
    REAL *y = *a, *z = *b;
    for (ptrdiff_t k = 0; k < bins; k++) {
        const int at_end = k == 0 || 2 * k == n;
        VEC f = at_end ? edge : factor;
        COMPLEX v = NAME(load_complex)(y + k * 2 * W);
        NAME(store_complex)(y + k * 2 * W, (COMPLEX){V(mul)(v.re, f), at_end ? V(zero)() : V(mul)(v.im, f)});
    }
    if (n % 2) {
        for (ptrdiff_t k = 0; k < bins; k++) {
            COMPLEX v = NAME(load_complex)(y + k * 2 * W);
            NAME(store_complex)(z + k * 2 * W, NAME(swapped)(v));
            if (k) NAME(store_complex)(z + (n - k) * 2 * W, NAME(swapped)(NAME(conjugate)(v)));
        }
    } else {
        const REAL *roots = (const REAL *)launch->p[ROOTS] + launch->n[REAL_ROOTS];
        for (ptrdiff_t k = 0; 2 * k <= points; k++, roots += 3) {
            const REAL back[] = {roots[0], roots[2], roots[1]};
            COMPLEX low = NAME(load_complex)(y + k * 2 * W);
            COMPLEX high = NAME(conjugate)(NAME(load_complex)(y + (points - k) * 2 * W));
            COMPLEX even = NAME(plus)(low, high), odd = NAME(times_root)(NAME(minus)(low, high), back);
            NAME(store_complex)(z + k * 2 * W, NAME(swapped)(NAME(plus_i)(even, odd)));
            if (k) NAME(store_complex)(z + (points - k) * 2 * W,
                                       NAME(swapped)(NAME(conjugate)(NAME(minus_i)(even, odd))));
        }
    }
    *a = z, *b = y;
    NAME(transform)(launch, a, b);
}

/* The vector of sample j in the result of real_signal, whose parts are exchanged. */
INLINE ptrdiff_t NAME(signal_place)(ptrdiff_t n, ptrdiff_t j) { return n % 2 ? 2 * j + 1 : j ^ 1; }
