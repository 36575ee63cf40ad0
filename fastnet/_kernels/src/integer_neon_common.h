/* The integer vocabulary of NEON, but for dot products. */
typedef int32x4_t v_i32;

static inline v_i32 v_load_i32(const int32_t *p) { return vld1q_s32(p); }
static inline void v_store_i32(int32_t *p, v_i32 v) { vst1q_s32(p, v); }
static inline v_i32 v_set_i32(int32_t x) { return vdupq_n_s32(x); }
static inline int32_t v_total_i32(v_i32 a) { return vaddvq_s32(a); }
static inline v_i32 v_add_i32(v_i32 a, v_i32 b) { return vaddq_s32(a, b); }
static inline v_i32 v_sub_i32(v_i32 a, v_i32 b) { return vsubq_s32(a, b); }
static inline v_i32 v_mul_i32(v_i32 a, v_i32 b) { return vmulq_s32(a, b); }
static inline v_i32 v_min_i32(v_i32 a, v_i32 b) { return vminq_s32(a, b); }
static inline v_i32 v_max_i32(v_i32 a, v_i32 b) { return vmaxq_s32(a, b); }
static inline v_i32 v_left_i32(v_i32 a, v_i32 s) { return vshlq_s32(a, s); }
static inline v_i32 v_high_i32(v_i32 a, v_i32 b) { return vqrdmulhq_s32(a, b); }
/* vrshl rounds halves upwards; 1 is taken off negative numbers before, unless s is 0 */
static inline v_i32 v_divide_i32(v_i32 a, v_i32 s) {
    v_i32 right = vnegq_s32(s);
    return vrshlq_s32(vqaddq_s32(a, vshrq_n_s32(vandq_s32(a, right), 31)), right);
}
static inline v_i32 v_low4_i32(v_i32 a) { return vandq_s32(a, vdupq_n_s32(15)); }
static inline v_i32 v_high4_i32(v_i32 a) { return vshrq_n_s32(a, 4); }
static inline v_f32 v_float_i32(v_i32 a) { return vcvtq_f32_s32(a); }
static inline v_i32 v_nearest_i32(v_f32 x) { return vcvtnq_s32_f32(x); }
static inline uint8x8_t four_bytes(const void *p) {
    uint32_t bytes;
    memcpy(&bytes, p, 4);
    return vcreate_u8(bytes);
}
static inline v_i32 v_load_s8(const void *p) {
    return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(four_bytes(p)))));
}
static inline v_i32 v_load_u8(const void *p) {
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(four_bytes(p)))));
}
static inline v_i32 v_load_s16(const void *p) {
    int16x4_t x;
    memcpy(&x, p, 8);
    return vmovl_s16(x);
}
static inline void v_store_8(void *p, v_i32 a) {
    int16x4_t half = vmovn_s32(a);
    uint32_t bytes = vget_lane_u32(vreinterpret_u32_s8(vmovn_s16(vcombine_s16(half, half))), 0);
    memcpy(p, &bytes, 4);
}
static inline void v_store_16(void *p, v_i32 a) {
    int16x4_t half = vmovn_s32(a);
    memcpy(p, &half, 8);
}
