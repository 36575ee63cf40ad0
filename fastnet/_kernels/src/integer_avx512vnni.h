/* The integer vocabulary for AVX-512 with VNNI: products of four uint8 by four int8. */
#include "integer_avx512_common.h"

#define DOT_DEPTH 4
#define DOT_WIDE 0
#define DOT_FLIP 0x80
typedef uint8_t dot_t;
typedef __m512i v_w, v_x;

static inline v_w v_load_w(const int8_t *p) { return _mm512_loadu_si512((const void *)p); }
static inline v_x v_load_x(const dot_t *p) { return _mm512_loadu_si512((const void *)p); }
static inline v_x v_set_x(const dot_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) { return _mm512_dpbusd_epi32(sum, x, w); }
