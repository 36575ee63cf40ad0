/* Operations on 64-bit words and raw bits that all x86 vector extensions have. Included by simd_<isa>.h with MM (the
 * prefix) and SI (si128, si256 or si512) defined. */
#define X86__(mm, op, s) mm##_##op##_##s
#define X86_(mm, op, s) X86__(mm, op, s)
#define X86(op) X86_(MM, op, epi64)
#define X86_BITS(op) X86_(MM, op, SI)

static inline v_u64 v_load_u64(const uint64_t *p) { return X86_BITS(loadu)((const void *)p); }
static inline void v_store_u64(uint32_t *p, v_u64 a) { X86_BITS(storeu)((void *)p, a); }
static inline v_u64 v_add_u64(v_u64 a, v_u64 b) { return X86(add)(a, b); }
static inline v_u64 v_mul_low_u64(v_u64 a, v_u64 b) { return X86_(MM, mul, epu32)(a, b); }
static inline v_u64 v_high_u64(v_u64 a) { return X86(srli)(a, 32); }
static inline v_u64 v_join_u64(v_u64 low, v_u64 high) {
    return X86_BITS(or)(X86_BITS(and)(low, v_set_u64(0xFFFFFFFFu)), X86(slli)(high, 32));
}
static inline v_u64 v_pair_lo_u64(v_u64 a, v_u64 b) { return X86(unpacklo)(a, b); }
static inline v_u64 v_pair_hi_u64(v_u64 a, v_u64 b) { return X86(unpackhi)(a, b); }

#undef X86__
#undef X86_
#undef X86
#undef X86_BITS

#define SQUARE_4 4
#define SQUARE_8 2

static inline void square_4(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    __m128 a = _mm_loadu_ps((const float *)x), b = _mm_loadu_ps((const float *)(x + x_step));
    __m128 c = _mm_loadu_ps((const float *)(x + 2 * x_step)), d = _mm_loadu_ps((const float *)(x + 3 * x_step));
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps((float *)o, a);
    _mm_storeu_ps((float *)(o + o_step), b);
    _mm_storeu_ps((float *)(o + 2 * o_step), c);
    _mm_storeu_ps((float *)(o + 3 * o_step), d);
}
static inline void square_8(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    __m128d a = _mm_loadu_pd((const double *)x), b = _mm_loadu_pd((const double *)(x + x_step));
    _mm_storeu_pd((double *)o, _mm_unpacklo_pd(a, b));
    _mm_storeu_pd((double *)(o + o_step), _mm_unpackhi_pd(a, b));
}
