/* The integer vocabulary for AVX2: products of pairs of int16. */
typedef __m256i v_i32;

static inline v_i32 v_load_i32(const int32_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline void v_store_i32(int32_t *p, v_i32 v) { _mm256_storeu_si256((void *)p, v); }
static inline v_i32 v_set_i32(int32_t x) { return _mm256_set1_epi32(x); }
static inline int32_t v_total_i32(v_i32 a) {
    __m128i h = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(h, _mm_shuffle_epi32(h, 0xB1)));
}
static inline v_i32 v_add_i32(v_i32 a, v_i32 b) { return _mm256_add_epi32(a, b); }
static inline v_i32 v_sub_i32(v_i32 a, v_i32 b) { return _mm256_sub_epi32(a, b); }
static inline v_i32 v_mul_i32(v_i32 a, v_i32 b) { return _mm256_mullo_epi32(a, b); }
static inline v_i32 v_min_i32(v_i32 a, v_i32 b) { return _mm256_min_epi32(a, b); }
static inline v_i32 v_max_i32(v_i32 a, v_i32 b) { return _mm256_max_epi32(a, b); }
static inline v_i32 v_left_i32(v_i32 a, v_i32 s) { return _mm256_sllv_epi32(a, s); }
static inline v_i32 v_high_i32(v_i32 a, v_i32 b) {
    v_i32 half = _mm256_set1_epi64x(1 << 30);
    v_i32 even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
    v_i32 odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
}
static inline v_i32 v_divide_i32(v_i32 a, v_i32 s) {
    v_i32 one = _mm256_set1_epi32(1), mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, s), one);
    v_i32 most = _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(a, 31));
    v_i32 up = _mm256_cmpgt_epi32(_mm256_and_si256(a, mask), most);
    return _mm256_sub_epi32(_mm256_srav_epi32(a, s), up);
}
static inline v_i32 v_low4_i32(v_i32 a) { return _mm256_and_si256(a, _mm256_set1_epi32(15)); }
static inline v_i32 v_high4_i32(v_i32 a) { return _mm256_srli_epi32(a, 4); }
static inline v_f32 v_float_i32(v_i32 a) { return _mm256_cvtepi32_ps(a); }
static inline v_i32 v_nearest_i32(v_f32 x) { return _mm256_cvtps_epi32(x); }
static inline v_i32 v_load_s8(const void *p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64(p)); }
static inline v_i32 v_load_u8(const void *p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64(p)); }
static inline v_i32 v_load_s16(const void *p) { return _mm256_cvtepi16_epi32(_mm_loadu_si128(p)); }
static inline void v_store_8(void *p, v_i32 a) {
    a = _mm256_shuffle_epi8(a, _mm256_set1_epi32(0x0C080400));
    _mm_storel_epi64(p, _mm_unpacklo_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)));
}
static inline void v_store_16(void *p, v_i32 a) {
    a = _mm256_shuffle_epi8(a, _mm256_set1_epi64x(0x0D0C090805040100));
    _mm_storeu_si128(p, _mm_unpacklo_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)));
}

#define DOT_DEPTH 2
#define DOT_WIDE 1
#define DOT_FLIP 0
typedef int16_t dot_t;
typedef __m256i v_w, v_x;

static inline v_w v_load_w(const int8_t *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p)); }
static inline v_x v_load_x(const dot_t *p) { return _mm256_loadu_si256((const void *)p); }
static inline v_x v_set_x(const dot_t *p) {
    int32_t pair;
    memcpy(&pair, p, 4);
    return _mm256_set1_epi32(pair);
}
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }
