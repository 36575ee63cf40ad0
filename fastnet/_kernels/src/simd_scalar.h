/* The vocabulary in plain C, one lane wide, for all other processors. */
typedef float v_f32;
typedef double v_f64;
typedef int m_f32, m_f64;
#define W_f32 1
#define W_f64 1
#define TILE_ROWS 4
#define TILE_K_BYTES 1600

#define SCALAR(T, REAL_, f)                                                                        \
    static inline REAL_ v_load_##T(const REAL_ *p) { return *p; }                                  \
    static inline void v_store_##T(REAL_ *p, REAL_ v) { *p = v; }                                  \
    static inline REAL_ v_load_n_##T(const REAL_ *p, ptrdiff_t n) { return n ? *p : 0; }           \
    static inline void v_store_n_##T(REAL_ *p, REAL_ v, ptrdiff_t n) { if (n) *p = v; }            \
    static inline REAL_ v_set_##T(REAL_ x) { return x; }                                           \
    static inline REAL_ v_zero_##T(void) { return 0; }                                             \
    static inline REAL_ v_add_##T(REAL_ a, REAL_ b) { return a + b; }                              \
    static inline REAL_ v_sub_##T(REAL_ a, REAL_ b) { return a - b; }                              \
    static inline REAL_ v_mul_##T(REAL_ a, REAL_ b) { return a * b; }                              \
    static inline REAL_ v_div_##T(REAL_ a, REAL_ b) { return a / b; }                              \
    static inline REAL_ v_fma_##T(REAL_ a, REAL_ b, REAL_ c) { return a * b + c; }                 \
    static inline REAL_ v_min_##T(REAL_ a, REAL_ b) { return a < b ? a : b; }                      \
    static inline REAL_ v_max_##T(REAL_ a, REAL_ b) { return a > b ? a : b; }                      \
    static inline REAL_ v_sqrt_##T(REAL_ a) { return sqrt##f(a); }                                 \
    static inline REAL_ v_abs_##T(REAL_ a) { return fabs##f(a); }                                  \
    static inline REAL_ v_neg_##T(REAL_ a) { return -a; }                                          \
    static inline REAL_ v_copysign_##T(REAL_ a, REAL_ b) { return copysign##f(a, b); }             \
    static inline REAL_ v_round_##T(REAL_ a) { return rint##f(a); }                                \
    static inline int v_lt_##T(REAL_ a, REAL_ b) { return a < b; }                                 \
    static inline int v_le_##T(REAL_ a, REAL_ b) { return a <= b; }                                \
    static inline int v_eq_##T(REAL_ a, REAL_ b) { return a == b; }                                \
    static inline int v_unord_##T(REAL_ a, REAL_ b) { return a != a || b != b; }                   \
    static inline int m_and_##T(int a, int b) { return a & b; }                                    \
    static inline int m_or_##T(int a, int b) { return a | b; }                                     \
    static inline int m_not_##T(int a) { return !a; }                                              \
    static inline int m_any_##T(int a) { return a; }                                               \
    static inline REAL_ v_select_##T(int m, REAL_ a, REAL_ b) { return m ? a : b; }                \
    static inline REAL_ v_zip_lo_##T(REAL_ a, REAL_ b) { (void)b; return a; }                      \
    static inline REAL_ v_zip_hi_##T(REAL_ a, REAL_ b) { (void)b; return a; }                      \
    static inline void v_load_across_##T(REAL_ *r, const REAL_ *const *row, ptrdiff_t k) { *r = row[0][k]; } \
    static inline REAL_ v_pow2_##T(REAL_ n) { return ldexp##f(1, (int)n); }                        \
    static inline REAL_ v_scale_##T(REAL_ x, REAL_ n) { return x == x ? ldexp##f(x, (int)n) : x; } \
    static inline REAL_ v_exponent_##T(REAL_ x) { int e; frexp##f(x, &e); return (REAL_)(e - 1); } \
    static inline REAL_ v_mantissa_##T(REAL_ x) { int e; return 2 * frexp##f(x, &e); }             \
    static inline REAL_ v_sum_##T(REAL_ a) { return a; }                                           \
    static inline REAL_ v_hmax_##T(REAL_ a) { return a; }                                          \
    static inline REAL_ v_hmin_##T(REAL_ a) { return a; }

SCALAR(f32, float, f)
SCALAR(f64, double, )
#undef SCALAR

typedef uint64_t v_u64;
#define W_u64 1
#define PHILOX_GROUPS 2
static inline v_u64 v_load_u64(const uint64_t *p) { return *p; }
static inline void v_store_u64(uint32_t *out, v_u64 a) { out[0] = (uint32_t)a, out[1] = (uint32_t)(a >> 32); }
static inline v_u64 v_set_u64(uint64_t x) { return x; }
static inline v_u64 v_add_u64(v_u64 a, v_u64 b) { return a + b; }
static inline v_u64 v_mul_low_u64(v_u64 a, v_u64 b) { return (uint64_t)(uint32_t)a * (uint32_t)b; }
static inline v_u64 v_xor3_u64(v_u64 a, v_u64 b, v_u64 c) { return a ^ b ^ c; }
static inline v_u64 v_high_u64(v_u64 a) { return a >> 32; }
static inline v_u64 v_join_u64(v_u64 low, v_u64 high) { return (uint32_t)low | high << 32; }
static inline v_u64 v_pair_lo_u64(v_u64 a, v_u64 b) { (void)b; return a; }
static inline v_u64 v_pair_hi_u64(v_u64 a, v_u64 b) { (void)a; return b; }

#define SQUARE_4 1
#define SQUARE_8 1
static inline void square_4(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    (void)o_step, (void)x_step;
    memcpy(o, x, 4);
}
static inline void square_8(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    (void)o_step, (void)x_step;
    memcpy(o, x, 8);
}
