/* The vocabulary for the x86-64 baseline, SSE2: no FMA, no blend, no masked memory. */
#include <emmintrin.h>

typedef __m128 v_f32;
typedef __m128d v_f64;
typedef __m128 m_f32;
typedef __m128d m_f64;
#define W_f32 4
#define W_f64 2
#define TILE_ROWS 4
#define TILE_K_BYTES 1600

#define SSE2_COMMON(T, S, VEC_, REAL_, WIDTH)                                                              \
    static inline VEC_ v_load_n_##T(const REAL_ *p, ptrdiff_t n) {                                         \
        REAL_ lanes[WIDTH] = {0};                                                                          \
        for (ptrdiff_t i = 0; i < n; i++) lanes[i] = p[i];                                                 \
        return _mm_loadu_##S(lanes);                                                                       \
    }                                                                                                      \
    static inline void v_store_n_##T(REAL_ *p, VEC_ v, ptrdiff_t n) {                                      \
        REAL_ lanes[WIDTH];                                                                                \
        _mm_storeu_##S(lanes, v);                                                                          \
        for (ptrdiff_t i = 0; i < n; i++) p[i] = lanes[i];                                                 \
    }                                                                                                      \
    static inline VEC_ v_fma_##T(VEC_ a, VEC_ b, VEC_ c) { return _mm_add_##S(_mm_mul_##S(a, b), c); }     \
    static inline VEC_ v_lt_##T(VEC_ a, VEC_ b) { return _mm_cmplt_##S(a, b); }                            \
    static inline VEC_ v_le_##T(VEC_ a, VEC_ b) { return _mm_cmple_##S(a, b); }                            \
    static inline VEC_ v_eq_##T(VEC_ a, VEC_ b) { return _mm_cmpeq_##S(a, b); }                            \
    static inline VEC_ v_unord_##T(VEC_ a, VEC_ b) { return _mm_cmpunord_##S(a, b); }                      \
    static inline VEC_ m_and_##T(VEC_ a, VEC_ b) { return _mm_and_##S(a, b); }                             \
    static inline VEC_ m_or_##T(VEC_ a, VEC_ b) { return _mm_or_##S(a, b); }                               \
    static inline int m_any_##T(VEC_ a) { return _mm_movemask_##S(a) != 0; }                               \
    static inline VEC_ v_select_##T(VEC_ m, VEC_ a, VEC_ b) {                                              \
        return _mm_or_##S(_mm_and_##S(m, a), _mm_andnot_##S(m, b));                                        \
    }

SSE2_COMMON(f32, ps, __m128, float, 4)
SSE2_COMMON(f64, pd, __m128d, double, 2)
#undef SSE2_COMMON

static inline __m128 m_not_f32(__m128 a) { return _mm_xor_ps(a, _mm_castsi128_ps(_mm_set1_epi32(-1))); }
static inline __m128d m_not_f64(__m128d a) { return _mm_xor_pd(a, _mm_castsi128_pd(_mm_set1_epi32(-1))); }
static inline __m128 v_round_f32(__m128 a) { return _mm_cvtepi32_ps(_mm_cvtps_epi32(a)); }
static inline __m128d v_round_f64(__m128d a) { return _mm_cvtepi32_pd(_mm_cvtpd_epi32(a)); }

#define SSE2_REDUCE(name, op)                                            \
    static inline float v_##name##_f32(__m128 a) {                       \
        __m128 h = _mm_##op##_ps(a, _mm_movehl_ps(a, a));                \
        return _mm_cvtss_f32(_mm_##op##_ss(h, _mm_shuffle_ps(h, h, 1))); \
    }                                                                    \
    static inline double v_##name##_f64(__m128d a) {                     \
        return _mm_cvtsd_f64(_mm_##op##_sd(a, _mm_unpackhi_pd(a, a)));   \
    }
SSE2_REDUCE(sum, add)
SSE2_REDUCE(hmax, max)
SSE2_REDUCE(hmin, min)
#undef SSE2_REDUCE

typedef __m128i v_u64;
#define W_u64 2
#define PHILOX_GROUPS 2
static inline v_u64 v_set_u64(uint64_t x) { return _mm_set1_epi64x((long long)x); }
static inline v_u64 v_xor3_u64(v_u64 a, v_u64 b, v_u64 c) { return _mm_xor_si128(_mm_xor_si128(a, b), c); }

#define MM _mm
#define SI si128
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

static inline __m128 v_blocks_f32(const float *const *row, ptrdiff_t k) { return _mm_loadu_ps(row[0] + k); }
static inline __m128d v_blocks_f64(const double *const *row, ptrdiff_t k) { return _mm_loadu_pd(row[0] + k); }
#include "simd_x86_across.h"
#undef MM

static inline __m128 v_zip_lo_f32(__m128 a, __m128 b) { return _mm_unpacklo_ps(a, b); }
static inline __m128 v_zip_hi_f32(__m128 a, __m128 b) { return _mm_unpackhi_ps(a, b); }
static inline __m128d v_zip_lo_f64(__m128d a, __m128d b) { return _mm_unpacklo_pd(a, b); }
static inline __m128d v_zip_hi_f64(__m128d a, __m128d b) { return _mm_unpackhi_pd(a, b); }
