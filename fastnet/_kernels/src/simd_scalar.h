/* The vocabulary in plain C, one lane wide: for processors that have no header of their own yet. */
typedef float v_f32;
typedef double v_f64;
typedef int m_f32, m_f64;
enum { W_f32 = 1, W_f64 = 1 };

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
