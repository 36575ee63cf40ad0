/* The integer vocabulary for NEON with dot products of four int8. */
#include "integer_neon_common.h"

#define DOT_DEPTH 4
#define DOT_WIDE 0
#define DOT_FLIP 0
typedef int8_t dot_t;
typedef int8x16_t v_w, v_x;

static inline v_w v_load_w(const int8_t *p) { return vld1q_s8(p); }
static inline v_x v_load_x(const dot_t *p) { return vld1q_s8(p); }
static inline v_x v_set_x(const dot_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) { return vdotq_s32(sum, x, w); }
