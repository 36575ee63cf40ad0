/* The integer vocabulary for AVX-512 without VNNI: products of pairs of int16. */
#include "integer_avx512_common.h"

#define DOT_DEPTH 2
#define DOT_WIDE 1
#define DOT_FLIP 0
typedef int16_t dot_t;
typedef __m512i v_w, v_x;

static inline v_w v_load_w(const int8_t *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p)); }
static inline v_x v_load_x(const dot_t *p) { return _mm512_loadu_si512((const void *)p); }
static inline v_x v_set_x(const dot_t *p) {
    int32_t pair;
    memcpy(&pair, p, 4);
    return _mm512_set1_epi32(pair);
}
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w)); }
