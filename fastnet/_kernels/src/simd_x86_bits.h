/* 2^n, the exponent and the mantissa from the bits of a number, for the x86 sets that have no instructions for them.
 * Included once for each T with MM and S as for simd_x86.h, SI (si128 or si256) and EPI (epi32 or epi64). */
#define X86__(mm, op, s) mm##_##op##_##s
#define X86_(mm, op, s) X86__(mm, op, s)
#define X86_CAST__(mm, from, to) mm##_cast##from##_##to
#define X86_CAST_(mm, from, to) X86_CAST__(mm, from, to)
#define FLOATS(bits) X86_CAST_(MM, SI, S)(bits)
#define BITS(v) X86_CAST_(MM, S, SI)(v)
#define LEFT(v, n) FLOATS(X86_(MM, slli, EPI)(BITS(v), n))
#define RIGHT(v, n) FLOATS(X86_(MM, srli, EPI)(BITS(v), n))
#define OR X86_(MM, or, S)
/* WHOLE + k has k in the lowest bits of its mantissa, for whole 0 <= k < WHOLE */
#define WHOLE ((REAL)((int64_t)1 << MANTISSA_BITS))
#define BIASED V(set)(WHOLE + EXPONENT_BIAS)

static inline VEC V(pow2)(VEC n) { return LEFT(V(add)(n, BIASED), MANTISSA_BITS); }

/* x 2^i 2^(n - i) with i near n/2, so that neither factor overflows. The lowest bits of `rest` are n - i, biased. */
static inline VEC V(scale)(VEC x, VEC n) {
    VEC half = V(fma)(n, V(set)(0.5f), BIASED), both = V(add)(n, V(set)(WHOLE + 2 * EXPONENT_BIAS));
    VEC rest = FLOATS(X86_(MM, sub, EPI)(BITS(both), BITS(half)));
    return V(mul)(V(mul)(x, LEFT(half, MANTISSA_BITS)), LEFT(rest, MANTISSA_BITS));
}

static inline VEC V(exponent)(VEC x) { return V(sub)(OR(RIGHT(x, MANTISSA_BITS), V(set)(WHOLE)), BIASED); }

static inline VEC V(mantissa)(VEC x) {
    const int above = 8 * sizeof(REAL) - MANTISSA_BITS;
    return OR(RIGHT(LEFT(x, above), above), V(set)(1));
}

#undef X86__
#undef X86_
#undef X86_CAST__
#undef X86_CAST_
#undef FLOATS
#undef BITS
#undef LEFT
#undef RIGHT
#undef OR
#undef WHOLE
#undef BIASED
