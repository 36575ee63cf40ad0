/* The integer vocabulary for SSE2, which lacks shifts by lanes and most products: those go lane by lane. */
typedef __m128i v_i32;

#define SSE2_LANES(name, expression)                                     \
    static inline v_i32 name(v_i32 a, v_i32 b) {                         \
        int32_t x[4], y[4];                                              \
        _mm_storeu_si128((void *)x, a), _mm_storeu_si128((void *)y, b);  \
        for (int i = 0; i < 4; i++) x[i] = (int32_t)(expression);        \
        return _mm_loadu_si128((const void *)x);                         \
    }
SSE2_LANES(v_mul_i32, (uint32_t)x[i] * (uint32_t)y[i])
SSE2_LANES(v_left_i32, (uint32_t)x[i] << y[i])
SSE2_LANES(v_high_i32, ((int64_t)x[i] * y[i] + (1 << 30)) >> 31)
SSE2_LANES(v_divide_i32, (x[i] >> y[i]) + ((x[i] & (int32_t)((1u << y[i]) - 1)) >
                                           (int32_t)((((1u << y[i]) - 1) >> 1) + (x[i] < 0))))
#undef SSE2_LANES

static inline v_i32 v_load_i32(const int32_t *p) { return _mm_loadu_si128((const void *)p); }
static inline void v_store_i32(int32_t *p, v_i32 v) { _mm_storeu_si128((void *)p, v); }
static inline v_i32 v_set_i32(int32_t x) { return _mm_set1_epi32(x); }
static inline int32_t v_total_i32(v_i32 h) {
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(h, _mm_shuffle_epi32(h, 0xB1)));
}
static inline v_i32 v_add_i32(v_i32 a, v_i32 b) { return _mm_add_epi32(a, b); }
static inline v_i32 v_sub_i32(v_i32 a, v_i32 b) { return _mm_sub_epi32(a, b); }
static inline v_i32 either(v_i32 mask, v_i32 a, v_i32 b) {
    return _mm_or_si128(_mm_and_si128(mask, a), _mm_andnot_si128(mask, b));
}
static inline v_i32 v_min_i32(v_i32 a, v_i32 b) { return either(_mm_cmplt_epi32(a, b), a, b); }
static inline v_i32 v_max_i32(v_i32 a, v_i32 b) { return either(_mm_cmpgt_epi32(a, b), a, b); }
static inline v_i32 v_low4_i32(v_i32 a) { return _mm_and_si128(a, _mm_set1_epi32(15)); }
static inline v_i32 v_high4_i32(v_i32 a) { return _mm_srli_epi32(a, 4); }
static inline v_f32 v_float_i32(v_i32 a) { return _mm_cvtepi32_ps(a); }
static inline v_i32 v_nearest_i32(v_f32 x) { return _mm_cvtps_epi32(x); }
static inline v_i32 spread_bytes(const void *p) {     /* each byte four times */
    int32_t four;
    memcpy(&four, p, 4);
    v_i32 v = _mm_cvtsi32_si128(four), twice = _mm_unpacklo_epi8(v, v);
    return _mm_unpacklo_epi16(twice, twice);
}
static inline v_i32 v_load_s8(const void *p) { return _mm_srai_epi32(spread_bytes(p), 24); }
static inline v_i32 v_load_u8(const void *p) { return _mm_srli_epi32(spread_bytes(p), 24); }
static inline v_i32 v_load_s16(const void *p) {
    v_i32 v = _mm_loadl_epi64(p);
    return _mm_srai_epi32(_mm_unpacklo_epi16(v, v), 16);
}
static inline void v_store_8(void *p, v_i32 a) {
    a = _mm_packs_epi32(_mm_and_si128(a, _mm_set1_epi32(255)), _mm_setzero_si128());
    int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(a, a));
    memcpy(p, &four, 4);
}
static inline void v_store_16(void *p, v_i32 a) { _mm_storel_epi64(p, _mm_packs_epi32(a, a)); }

#define DOT_DEPTH 2
#define DOT_WIDE 1
#define DOT_FLIP 0
typedef int16_t dot_t;
typedef __m128i v_w, v_x;

static inline v_w v_load_w(const int8_t *p) {
    v_i32 v = _mm_loadl_epi64((const void *)p);
    return _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8);
}
static inline v_x v_load_x(const dot_t *p) { return _mm_loadu_si128((const void *)p); }
static inline v_x v_set_x(const dot_t *p) {
    int32_t pair;
    memcpy(&pair, p, 4);
    return _mm_set1_epi32(pair);
}
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) { return _mm_add_epi32(sum, _mm_madd_epi16(x, w)); }
