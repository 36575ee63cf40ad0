/* The vocabulary for AVX-512 (F, DQ, BW, VL). */
#include <immintrin.h>

typedef __m512 v_f32;
typedef __m512d v_f64;
typedef __mmask16 m_f32;
typedef __mmask8 m_f64;
#define W_f32 16
#define W_f64 8
#define TILE_ROWS 14
#define TILE_K_BYTES 1600

#define AVX512_COMMON(T, S, VEC_, MASK_, REAL_)                                                                    \
    static inline MASK_ lanes_##T(ptrdiff_t n) { return (MASK_)((1u << n) - 1); }                                  \
    static inline VEC_ v_load_n_##T(const REAL_ *p, ptrdiff_t n) { return _mm512_maskz_loadu_##S(lanes_##T(n), p); } \
    static inline void v_store_n_##T(REAL_ *p, VEC_ v, ptrdiff_t n) { _mm512_mask_storeu_##S(p, lanes_##T(n), v); } \
    static inline VEC_ v_fma_##T(VEC_ a, VEC_ b, VEC_ c) { return _mm512_fmadd_##S(a, b, c); }                     \
    static inline VEC_ v_round_##T(VEC_ a) { return _mm512_roundscale_##S(a, 8); }                                 \
    static inline MASK_ v_lt_##T(VEC_ a, VEC_ b) { return _mm512_cmp_##S##_mask(a, b, _CMP_LT_OQ); }               \
    static inline MASK_ v_le_##T(VEC_ a, VEC_ b) { return _mm512_cmp_##S##_mask(a, b, _CMP_LE_OQ); }               \
    static inline MASK_ v_eq_##T(VEC_ a, VEC_ b) { return _mm512_cmp_##S##_mask(a, b, _CMP_EQ_OQ); }               \
    static inline MASK_ v_unord_##T(VEC_ a, VEC_ b) { return _mm512_cmp_##S##_mask(a, b, _CMP_UNORD_Q); }          \
    static inline MASK_ m_and_##T(MASK_ a, MASK_ b) { return (MASK_)(a & b); }                                     \
    static inline MASK_ m_or_##T(MASK_ a, MASK_ b) { return (MASK_)(a | b); }                                      \
    static inline MASK_ m_not_##T(MASK_ a) { return (MASK_)~a; }                                                   \
    static inline int m_any_##T(MASK_ a) { return a != 0; }                                                        \
    static inline VEC_ v_select_##T(MASK_ m, VEC_ a, VEC_ b) { return _mm512_mask_blend_##S(m, b, a); }            \
    static inline VEC_ v_pow2_##T(VEC_ n) { return _mm512_scalef_##S(_mm512_set1_##S(1), n); }                     \
    static inline VEC_ v_scale_##T(VEC_ x, VEC_ n) { return _mm512_scalef_##S(x, n); }                             \
    static inline VEC_ v_exponent_##T(VEC_ x) { return _mm512_getexp_##S(x); }                                     \
    static inline VEC_ v_mantissa_##T(VEC_ x) {                                                                    \
        return _mm512_getmant_##S(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);                                        \
    }                                                                                                              \
    static inline REAL_ v_sum_##T(VEC_ a) { return _mm512_reduce_add_##S(a); }                                     \
    static inline REAL_ v_hmax_##T(VEC_ a) { return _mm512_reduce_max_##S(a); }                                    \
    static inline REAL_ v_hmin_##T(VEC_ a) { return _mm512_reduce_min_##S(a); }

AVX512_COMMON(f32, ps, __m512, __mmask16, float)
AVX512_COMMON(f64, pd, __m512d, __mmask8, double)
#undef AVX512_COMMON

/* Half vectors: processors with units of 256 bits multiply them in half the time. */
#define HAS_HALF_f32 1
typedef __m256 half_f32;
static inline __m256 v_half_zero_f32(void) { return _mm256_setzero_ps(); }
static inline __m256 v_half_set_f32(float x) { return _mm256_set1_ps(x); }
static inline __m256 v_half_load_f32(const float *p) { return _mm256_loadu_ps(p); }
static inline __m256 v_half_fma_f32(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
static inline __m512 v_half_whole_f32(__m256 a) { return _mm512_zextps256_ps512(a); }

typedef __m512i v_u64;
#define W_u64 8
#define PHILOX_GROUPS 4
static inline v_u64 v_set_u64(uint64_t x) { return _mm512_set1_epi64((long long)x); }
static inline v_u64 v_xor3_u64(v_u64 a, v_u64 b, v_u64 c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }

#define MM _mm512
#define T f32
#define S ps
#include "simd_x86.h"
#undef T
#undef S
#define T f64
#define S pd
#include "simd_x86.h"
#undef T
#undef S
#define SI si512
#include "simd_x86_words.h"
#undef SI

#define BLOCKS(T, S, VEC_, REAL_, FORM, FROM, STEP, MASK1, MASK2, MASK3)                              \
    static inline VEC_ v_blocks_##T(const REAL_ *const *row, ptrdiff_t k) {                           \
        VEC_ v = FROM(_mm_loadu_##S(row[0] + k));                                                     \
        v = _mm512_mask_broadcast_##FORM(v, MASK1, _mm_loadu_##S(row[STEP] + k));                     \
        v = _mm512_mask_broadcast_##FORM(v, MASK2, _mm_loadu_##S(row[2 * STEP] + k));                 \
        return _mm512_mask_broadcast_##FORM(v, MASK3, _mm_loadu_##S(row[3 * STEP] + k));              \
    }
BLOCKS(f32, ps, __m512, float, f32x4, _mm512_castps128_ps512, 4, 0x00f0, 0x0f00, 0xf000)
BLOCKS(f64, pd, __m512d, double, f64x2, _mm512_castpd128_pd512, 2, 0x0c, 0x30, 0xc0)
#undef BLOCKS
#include "simd_x86_across.h"
#undef MM

#define ZIP(name, first)                                                                                        \
    static inline __m512 v_##name##_f32(__m512 a, __m512 b) {                                                   \
        const int i = first;                                                                                    \
        __m512i index = _mm512_setr_epi32(i, i + 16, i + 1, i + 17, i + 2, i + 18, i + 3, i + 19,               \
                                          i + 4, i + 20, i + 5, i + 21, i + 6, i + 22, i + 7, i + 23);          \
        return _mm512_permutex2var_ps(a, index, b);                                                             \
    }                                                                                                           \
    static inline __m512d v_##name##_f64(__m512d a, __m512d b) {                                                \
        const int i = first / 2;                                                                                \
        __m512i index = _mm512_setr_epi64(i, i + 8, i + 1, i + 9, i + 2, i + 10, i + 3, i + 11);                \
        return _mm512_permutex2var_pd(a, index, b);                                                             \
    }
ZIP(zip_lo, 0)
ZIP(zip_hi, 8)
#undef ZIP

#define HAS_SPREAD_f32
static inline __m512 v_spread_f32(__m512 v, ptrdiff_t size, ptrdiff_t s) {
    __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i first = _mm512_and_si512(lane, _mm512_set1_epi32(-(int)size));
    return _mm512_permutexvar_ps(_mm512_add_epi32(first, _mm512_set1_epi32((int)s)), v);
}
#define HAS_SPREAD_f64
static inline __m512d v_spread_f64(__m512d v, ptrdiff_t size, ptrdiff_t s) {
    __m512i first = _mm512_and_si512(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), _mm512_set1_epi64(-size));
    return _mm512_permutexvar_pd(_mm512_add_epi64(first, _mm512_set1_epi64(s)), v);
}
