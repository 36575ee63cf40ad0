/* The integer vocabulary of AVX-512, but for dot products. */
typedef __m512i v_i32;

static inline v_i32 v_load_i32(const int32_t *p) { return _mm512_loadu_si512((const void *)p); }
static inline void v_store_i32(int32_t *p, v_i32 v) { _mm512_storeu_si512((void *)p, v); }
static inline v_i32 v_set_i32(int32_t x) { return _mm512_set1_epi32(x); }
static inline int32_t v_total_i32(v_i32 a) { return _mm512_reduce_add_epi32(a); }
static inline v_i32 v_add_i32(v_i32 a, v_i32 b) { return _mm512_add_epi32(a, b); }
static inline v_i32 v_sub_i32(v_i32 a, v_i32 b) { return _mm512_sub_epi32(a, b); }
static inline v_i32 v_mul_i32(v_i32 a, v_i32 b) { return _mm512_mullo_epi32(a, b); }
static inline v_i32 v_min_i32(v_i32 a, v_i32 b) { return _mm512_min_epi32(a, b); }
static inline v_i32 v_max_i32(v_i32 a, v_i32 b) { return _mm512_max_epi32(a, b); }
static inline v_i32 v_left_i32(v_i32 a, v_i32 s) { return _mm512_sllv_epi32(a, s); }
static inline v_i32 v_high_i32(v_i32 a, v_i32 b) {
    v_i32 half = _mm512_set1_epi64(1 << 30);
    v_i32 even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
    v_i32 odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), half);
    return _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}
static inline v_i32 v_divide_i32(v_i32 a, v_i32 s) {
    v_i32 one = _mm512_set1_epi32(1), mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, s), one);
    v_i32 most = _mm512_add_epi32(_mm512_srli_epi32(mask, 1), _mm512_srli_epi32(a, 31));
    __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(a, mask), most);
    v_i32 down = _mm512_srav_epi32(a, s);
    return _mm512_mask_add_epi32(down, up, down, one);
}
static inline v_i32 v_low4_i32(v_i32 a) { return _mm512_and_si512(a, _mm512_set1_epi32(15)); }
static inline v_i32 v_high4_i32(v_i32 a) { return _mm512_srli_epi32(a, 4); }
static inline v_f32 v_float_i32(v_i32 a) { return _mm512_cvtepi32_ps(a); }
/* the 16 numbers less zero, of which a permutation picks by the low four bits */
#define HAS_FOURS
static inline v_f32 v_fours_f32(float zero) {
    v_f32 all = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_sub_ps(all, _mm512_set1_ps(zero));
}
static inline v_f32 v_four_f32(v_i32 a, v_f32 fours) { return _mm512_permutexvar_ps(a, fours); }
static inline v_i32 v_nearest_i32(v_f32 x) { return _mm512_cvtps_epi32(x); }
static inline v_i32 v_load_s8(const void *p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128(p)); }
static inline v_i32 v_load_u8(const void *p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128(p)); }
static inline v_i32 v_load_s16(const void *p) { return _mm512_cvtepi16_epi32(_mm256_loadu_si256(p)); }
static inline void v_store_8(void *p, v_i32 a) { _mm_storeu_si128(p, _mm512_cvtepi32_epi8(a)); }
static inline void v_store_16(void *p, v_i32 a) { _mm256_storeu_si256(p, _mm512_cvtepi32_epi16(a)); }
