/* The integer vocabulary for NEON without dot products: pairs of int8, whose products are added pair by pair. */
#include "integer_neon_common.h"

#define DOT_DEPTH 2
#define DOT_WIDE 0
#define DOT_FLIP 0
typedef int8_t dot_t;
typedef int8x8_t v_w, v_x;

static inline v_w v_load_w(const int8_t *p) { return vld1_s8(p); }
static inline v_x v_load_x(const dot_t *p) { return vld1_s8(p); }
static inline v_x v_set_x(const dot_t *p) {
    int16_t pair;
    memcpy(&pair, p, 2);
    return vreinterpret_s8_s16(vdup_n_s16(pair));
}
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) { return vpadalq_s16(sum, vmull_s8(x, w)); }
