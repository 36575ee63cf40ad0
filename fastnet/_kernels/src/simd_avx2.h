/* The vocabulary for AVX2 with FMA. A lane mask is a vector of all-ones and all-zeros lanes. */
#include <immintrin.h>

typedef __m256 v_f32;
typedef __m256d v_f64;
typedef __m256 m_f32;
typedef __m256d m_f64;
#define W_f32 8
#define W_f64 4
#define TILE_ROWS 6
#define TILE_K_BYTES 1280

static inline __m256i lanes_f32(ptrdiff_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline __m256i lanes_f64(ptrdiff_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), _mm256_setr_epi64x(0, 1, 2, 3));
}

#define AVX2_COMMON(T, S, VEC_, REAL_)                                                                         \
    static inline VEC_ v_load_n_##T(const REAL_ *p, ptrdiff_t n) { return _mm256_maskload_##S(p, lanes_##T(n)); } \
    static inline VEC_ v_fma_##T(VEC_ a, VEC_ b, VEC_ c) { return _mm256_fmadd_##S(a, b, c); }                 \
    static inline VEC_ v_round_##T(VEC_ a) { return _mm256_round_##S(a, 8); }                                  \
    static inline VEC_ v_lt_##T(VEC_ a, VEC_ b) { return _mm256_cmp_##S(a, b, _CMP_LT_OQ); }                   \
    static inline VEC_ v_le_##T(VEC_ a, VEC_ b) { return _mm256_cmp_##S(a, b, _CMP_LE_OQ); }                   \
    static inline VEC_ v_eq_##T(VEC_ a, VEC_ b) { return _mm256_cmp_##S(a, b, _CMP_EQ_OQ); }                   \
    static inline VEC_ v_unord_##T(VEC_ a, VEC_ b) { return _mm256_cmp_##S(a, b, _CMP_UNORD_Q); }              \
    static inline VEC_ m_and_##T(VEC_ a, VEC_ b) { return _mm256_and_##S(a, b); }                              \
    static inline VEC_ m_or_##T(VEC_ a, VEC_ b) { return _mm256_or_##S(a, b); }                                \
    static inline VEC_ m_not_##T(VEC_ a) { return _mm256_xor_##S(a, _mm256_cmp_##S(a, a, _CMP_TRUE_UQ)); }     \
    static inline int m_any_##T(VEC_ a) { return _mm256_movemask_##S(a) != 0; }                                \
    static inline VEC_ v_select_##T(VEC_ m, VEC_ a, VEC_ b) { return _mm256_blendv_##S(b, a, m); }

AVX2_COMMON(f32, ps, __m256, float)
AVX2_COMMON(f64, pd, __m256d, double)
#undef AVX2_COMMON

/* By halves: on AMD's processors before Zen 4 a masked store takes 20 cycles and more. */
static inline void v_store_n_f32(float *p, __m256 v, ptrdiff_t n) {
    __m128 x = _mm256_castps256_ps128(v);
    if (n & 8) {
        _mm256_storeu_ps(p, v);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, x);
        x = _mm256_extractf128_ps(v, 1), p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, x);
        x = _mm_movehl_ps(x, x), p += 2;
    }
    if (n & 1) _mm_store_ss(p, x);
}
static inline void v_store_n_f64(double *p, __m256d v, ptrdiff_t n) {
    __m128d x = _mm256_castpd256_pd128(v);
    if (n & 4) {
        _mm256_storeu_pd(p, v);
        return;
    }
    if (n & 2) {
        _mm_storeu_pd(p, x);
        x = _mm256_extractf128_pd(v, 1), p += 2;
    }
    if (n & 1) _mm_store_sd(p, x);
}

/* sum, maximum and minimum over the lanes: add the halves, then the SSE tree */
#define AVX2_REDUCE(name, op)                                                              \
    static inline float v_##name##_f32(__m256 a) {                                         \
        __m128 h = _mm_##op##_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));  \
        h = _mm_##op##_ps(h, _mm_movehl_ps(h, h));                                         \
        return _mm_cvtss_f32(_mm_##op##_ss(h, _mm_shuffle_ps(h, h, 1)));                   \
    }                                                                                      \
    static inline double v_##name##_f64(__m256d a) {                                       \
        __m128d h = _mm_##op##_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1)); \
        return _mm_cvtsd_f64(_mm_##op##_sd(h, _mm_unpackhi_pd(h, h)));                     \
    }
AVX2_REDUCE(sum, add)
AVX2_REDUCE(hmax, max)
AVX2_REDUCE(hmin, min)
#undef AVX2_REDUCE

typedef __m256i v_u64;
#define W_u64 4
#define PHILOX_GROUPS 2
static inline v_u64 v_set_u64(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
static inline v_u64 v_xor3_u64(v_u64 a, v_u64 b, v_u64 c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }

#define MM _mm256
#define SI si256
#define T f32
#define S ps
#define EPI epi32
#include "simd_x86.h"
#include "simd_x86_bits.h"
#undef T
#undef S
#undef EPI
#define T f64
#define S pd
#define EPI epi64
#include "simd_x86.h"
#include "simd_x86_bits.h"
#undef T
#undef S
#undef EPI
#include "simd_x86_words.h"
#undef SI

static inline __m256 v_blocks_f32(const float *const *row, ptrdiff_t k) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[0] + k)), _mm_loadu_ps(row[4] + k), 1);
}
static inline __m256d v_blocks_f64(const double *const *row, ptrdiff_t k) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(row[0] + k)), _mm_loadu_pd(row[2] + k), 1);
}
#include "simd_x86_across.h"
#undef MM

/* the unpack instructions zip each half separately */
#define ZIP(name, side)                                                                                          \
    static inline __m256 v_##name##_f32(__m256 a, __m256 b) {                                                    \
        return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), side);                 \
    }                                                                                                            \
    static inline __m256d v_##name##_f64(__m256d a, __m256d b) {                                                 \
        return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), side);                 \
    }
ZIP(zip_lo, 0x20)
ZIP(zip_hi, 0x31)
#undef ZIP

#define HAS_SPREAD_f32
static inline __m256 v_spread_f32(__m256 v, ptrdiff_t size, ptrdiff_t s) {
    __m256i first = _mm256_and_si256(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(-(int)size));
    return _mm256_permutevar8x32_ps(v, _mm256_add_epi32(first, _mm256_set1_epi32((int)s)));
}
