/* The vocabulary for NEON, which every 64-bit ARM processor has. */
#include <arm_neon.h>

typedef float32x4_t v_f32;
typedef float64x2_t v_f64;
typedef uint32x4_t m_f32;
typedef uint64x2_t m_f64;
#define W_f32 4
#define W_f64 2
#define TILE_ROWS 8
#define TILE_K_BYTES 1600

#define NEON(T, S, U, VEC_, MASK_, REAL_)                                                                      \
    static inline VEC_ v_load_##T(const REAL_ *p) { return vld1q_##S(p); }                                     \
    static inline void v_store_##T(REAL_ *p, VEC_ v) { vst1q_##S(p, v); }                                      \
    static inline VEC_ v_set_##T(REAL_ x) { return vdupq_n_##S(x); }                                           \
    static inline VEC_ v_zero_##T(void) { return vdupq_n_##S(0); }                                             \
    static inline VEC_ v_add_##T(VEC_ a, VEC_ b) { return vaddq_##S(a, b); }                                   \
    static inline VEC_ v_sub_##T(VEC_ a, VEC_ b) { return vsubq_##S(a, b); }                                   \
    static inline VEC_ v_mul_##T(VEC_ a, VEC_ b) { return vmulq_##S(a, b); }                                   \
    static inline VEC_ v_div_##T(VEC_ a, VEC_ b) { return vdivq_##S(a, b); }                                   \
    static inline VEC_ v_fma_##T(VEC_ a, VEC_ b, VEC_ c) { return vfmaq_##S(c, a, b); }                        \
    static inline VEC_ v_sqrt_##T(VEC_ a) { return vsqrtq_##S(a); }                                            \
    static inline VEC_ v_abs_##T(VEC_ a) { return vabsq_##S(a); }                                              \
    static inline VEC_ v_neg_##T(VEC_ a) { return vnegq_##S(a); }                                              \
    static inline VEC_ v_round_##T(VEC_ a) { return vrndnq_##S(a); }                                           \
    static inline MASK_ v_lt_##T(VEC_ a, VEC_ b) { return vcltq_##S(a, b); }                                   \
    static inline MASK_ v_le_##T(VEC_ a, VEC_ b) { return vcleq_##S(a, b); }                                   \
    static inline MASK_ v_eq_##T(VEC_ a, VEC_ b) { return vceqq_##S(a, b); }                                   \
    static inline MASK_ m_and_##T(MASK_ a, MASK_ b) { return vandq_##U(a, b); }                                \
    static inline MASK_ m_or_##T(MASK_ a, MASK_ b) { return vorrq_##U(a, b); }                                 \
    static inline MASK_ m_not_##T(MASK_ a) { return vceqq_##U(a, vdupq_n_##U(0)); }                            \
    static inline VEC_ v_select_##T(MASK_ m, VEC_ a, VEC_ b) { return vbslq_##S(m, a, b); }                    \
    static inline MASK_ v_unord_##T(VEC_ a, VEC_ b) {                                                          \
        return m_not_##T(vandq_##U(vceqq_##S(a, a), vceqq_##S(b, b)));                                         \
    }                                                                                                          \
    /* not vminq, vmaxq: of NaNs and of zeros of both signs these choose otherwise */                          \
    static inline VEC_ v_min_##T(VEC_ a, VEC_ b) { return vbslq_##S(vcltq_##S(a, b), a, b); }                  \
    static inline VEC_ v_max_##T(VEC_ a, VEC_ b) { return vbslq_##S(vcgtq_##S(a, b), a, b); }                  \
    static inline REAL_ v_hmax_##T(VEC_ a) { return vmaxvq_##S(a); }                                           \
    static inline REAL_ v_hmin_##T(VEC_ a) { return vminvq_##S(a); }                                           \
    static inline VEC_ v_zip_lo_##T(VEC_ a, VEC_ b) { return vzip1q_##S(a, b); }                               \
    static inline VEC_ v_zip_hi_##T(VEC_ a, VEC_ b) { return vzip2q_##S(a, b); }

NEON(f32, f32, u32, float32x4_t, uint32x4_t, float)
NEON(f64, f64, u64, float64x2_t, uint64x2_t, double)
#undef NEON

static inline int m_any_f32(uint32x4_t a) { return vmaxvq_u32(a) != 0; }
static inline int m_any_f64(uint64x2_t a) { return vmaxvq_u32(vreinterpretq_u32_u64(a)) != 0; }

static inline float v_sum_f32(float32x4_t a) {
    float32x2_t h = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(h, 0) + vget_lane_f32(h, 1);
}
static inline double v_sum_f64(float64x2_t a) { return vgetq_lane_f64(a, 0) + vgetq_lane_f64(a, 1); }

static inline float32x4_t v_load_n_f32(const float *p, ptrdiff_t n) {
    float32x4_t v = vdupq_n_f32(0);
    if (n >= 4) return vld1q_f32(p);
    if (n > 0) v = vld1q_lane_f32(p, v, 0);
    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}
static inline float64x2_t v_load_n_f64(const double *p, ptrdiff_t n) {
    if (n >= 2) return vld1q_f64(p);
    return n > 0 ? vld1q_lane_f64(p, vdupq_n_f64(0), 0) : vdupq_n_f64(0);
}
static inline void v_store_n_f32(float *p, float32x4_t v, ptrdiff_t n) {
    if (n > 0) vst1q_lane_f32(p, v, 0);
    if (n > 1) vst1q_lane_f32(p + 1, v, 1);
    if (n > 2) vst1q_lane_f32(p + 2, v, 2);
    if (n > 3) vst1q_lane_f32(p + 3, v, 3);
}
static inline void v_store_n_f64(double *p, float64x2_t v, ptrdiff_t n) {
    if (n > 0) vst1q_lane_f64(p, v, 0);
    if (n > 1) vst1q_lane_f64(p + 1, v, 1);
}

/* Operations on the bits of a number; power(e) is 2^e. */
#define NEON_BITS(T, S, I, U, VEC_, INTEGERS)                                                                  \
    static inline VEC_ power_##T(INTEGERS e) {                                                                 \
        INTEGERS biased = vaddq_##I(e, vdupq_n_##I(EXPONENT_BIAS_##T));                                        \
        return vreinterpretq_##S##_##I(vshlq_n_##I(biased, MANTISSA_BITS_##T));                                \
    }                                                                                                          \
    static inline VEC_ v_pow2_##T(VEC_ n) { return power_##T(vcvtq_##I##_##S(n)); }                            \
    static inline VEC_ v_scale_##T(VEC_ x, VEC_ n) {          /* in two steps, so that neither overflows */    \
        INTEGERS e = vcvtq_##I##_##S(n), half = vshrq_n_##I(e, 1);                                             \
        return vmulq_##S(vmulq_##S(x, power_##T(half)), power_##T(vsubq_##I(e, half)));                        \
    }                                                                                                          \
    static inline VEC_ v_exponent_##T(VEC_ x) {                                                                \
        INTEGERS biased = vshrq_n_##I(vreinterpretq_##I##_##S(x), MANTISSA_BITS_##T);                          \
        return vcvtq_##S##_##I(vsubq_##I(biased, vdupq_n_##I(EXPONENT_BIAS_##T)));                             \
    }                                                                                                          \
    static inline VEC_ v_mantissa_##T(VEC_ x) {                                                                \
        return vbslq_##S(vdupq_n_##U(((uint64_t)1 << MANTISSA_BITS_##T) - 1), x, vdupq_n_##S(1));              \
    }                                                                                                          \
    static inline VEC_ v_copysign_##T(VEC_ a, VEC_ b) {                                                        \
        return vbslq_##S(vreinterpretq_##U##_##S(vdupq_n_##S(-0.0f)), b, a);                                   \
    }

NEON_BITS(f32, f32, s32, u32, float32x4_t, int32x4_t)
NEON_BITS(f64, f64, s64, u64, float64x2_t, int64x2_t)
#undef NEON_BITS

static inline void v_load_across_f32(v_f32 *r, const float *const *row, ptrdiff_t k) {
    v_f32 a = vld1q_f32(row[0] + k), b = vld1q_f32(row[1] + k), c = vld1q_f32(row[2] + k), d = vld1q_f32(row[3] + k);
    v_f32 ac = vzip1q_f32(a, c), bd = vzip1q_f32(b, d);
    r[0] = vzip1q_f32(ac, bd), r[1] = vzip2q_f32(ac, bd);
    ac = vzip2q_f32(a, c), bd = vzip2q_f32(b, d);
    r[2] = vzip1q_f32(ac, bd), r[3] = vzip2q_f32(ac, bd);
}
static inline void v_load_across_f64(v_f64 *r, const double *const *row, ptrdiff_t k) {
    v_f64 a = vld1q_f64(row[0] + k), b = vld1q_f64(row[1] + k);
    r[0] = vzip1q_f64(a, b), r[1] = vzip2q_f64(a, b);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

typedef uint64x2_t v_u64;
#define W_u64 2
#define PHILOX_GROUPS 2

static inline v_u64 v_load_u64(const uint64_t *p) { return vld1q_u64(p); }
static inline void v_store_u64(uint32_t *p, v_u64 a) { vst1q_u32(p, vreinterpretq_u32_u64(a)); }
static inline v_u64 v_set_u64(uint64_t x) { return vdupq_n_u64(x); }
static inline v_u64 v_add_u64(v_u64 a, v_u64 b) { return vaddq_u64(a, b); }
static inline v_u64 v_mul_low_u64(v_u64 a, v_u64 b) { return vmull_u32(vmovn_u64(a), vmovn_u64(b)); }
static inline v_u64 v_xor3_u64(v_u64 a, v_u64 b, v_u64 c) { return veorq_u64(veorq_u64(a, b), c); }
static inline v_u64 v_high_u64(v_u64 a) { return vshrq_n_u64(a, 32); }
static inline v_u64 v_join_u64(v_u64 low, v_u64 high) { return vsliq_n_u64(low, high, 32); }
static inline v_u64 v_pair_lo_u64(v_u64 a, v_u64 b) { return vzip1q_u64(a, b); }
static inline v_u64 v_pair_hi_u64(v_u64 a, v_u64 b) { return vzip2q_u64(a, b); }

/* ---- squares ----------------------------------------------------------------------------------------------------- */

#define SQUARE_4 4
#define SQUARE_8 2

static inline uint32x4_t row_4(const char *x) { return vreinterpretq_u32_u8(vld1q_u8((const uint8_t *)x)); }
static inline void put_row_4(char *o, uint32x4_t row) { vst1q_u8((uint8_t *)o, vreinterpretq_u8_u32(row)); }

static inline void square_4(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    uint32x4_t a = row_4(x), b = row_4(x + x_step), c = row_4(x + 2 * x_step), d = row_4(x + 3 * x_step);
    uint32x4_t ac = vzip1q_u32(a, c), bd = vzip1q_u32(b, d);
    put_row_4(o, vzip1q_u32(ac, bd));
    put_row_4(o + o_step, vzip2q_u32(ac, bd));
    ac = vzip2q_u32(a, c), bd = vzip2q_u32(b, d);
    put_row_4(o + 2 * o_step, vzip1q_u32(ac, bd));
    put_row_4(o + 3 * o_step, vzip2q_u32(ac, bd));
}
static inline void square_8(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    uint64x2_t a = vreinterpretq_u64_u32(row_4(x)), b = vreinterpretq_u64_u32(row_4(x + x_step));
    put_row_4(o, vreinterpretq_u32_u64(vzip1q_u64(a, b)));
    put_row_4(o + o_step, vreinterpretq_u32_u64(vzip2q_u64(a, b)));
}
