/* The vector vocabulary that every SIMD body is written in.
 *
 * For T in f32, f64 each simd_<isa>.h defines the types v_T (a vector) and m_T (a lane mask), W_T (lanes) and:
 *
 *   v_load_T(p)  v_store_T(p, v)            unaligned
 *   v_load_n_T(p, n)  v_store_n_T(p, v, n)  the first n lanes, 0 <= n <= W; the others read as 0 and touch no memory
 *   v_set_T(x)  v_zero_T()                  broadcast
 *   v_add_T v_sub_T v_mul_T v_div_T         a op b
 *   v_fma_T(a, b, c)                        a*b + c, rounded once if the set has FMA, twice in the baseline
 *   v_min_T(a, b)  v_max_T(a, b)            b if either is NaN: write v_max(limit, x) to keep a NaN in x
 *   v_sqrt_T  v_abs_T  v_neg_T
 *   v_copysign_T(a, b)                      magnitude of a, sign of b
 *   v_round_T(a)                            to nearest even; |a| < 2^31
 *   v_lt_T v_le_T v_eq_T v_unord_T          masks; unord: either is NaN
 *   m_and_T m_or_T m_not_T
 *   m_any_T(m)                              whether any lane is set
 *   v_select_T(m, a, b)                     a where m, else b
 *   v_sum_T(a) v_hmax_T(a) v_hmin_T(a)      over the lanes, in a fixed tree; an extreme of NaN is any lane
 *   v_zip_lo_T(a, b) v_zip_hi_T(a, b)        a0 b0 a1 b1 ... of the lower halves, of the upper halves
 *   v_spread_T(a, size, s)                   lane i is a's lane i - i % size + s, for size a power of 2 below W
 *   v_load_across_T(r, row, k)               r[j] = row[0][k + j], row[1][k + j], ..., row[W - 1][k + j] for j < W
 * and for the mathematics in simd_math.h, B being EXPONENT_BIAS:
 *   v_pow2_T(n)                             2^n for integral n, 1 - B <= n <= B
 *   v_scale_T(x, n)                         x * 2^n for integral n, 2 - 2B <= n <= 2B, with overflow and underflow
 *   v_exponent_T(x)  v_mantissa_T(x)        x = mantissa * 2^exponent, 1 <= mantissa < 2, for normal x > 0
 * and for 64-bit words, for philox.h, which computes PHILOX_GROUPS vectors of them at once:
 *   v_load_u64(p)  v_set_u64(x)  v_add_u64(a, b)  v_xor3_u64(a, b, c)
 *   v_store_u64(p, a)                       as pairs of 32-bit words, the low half of each first
 *   v_mul_low_u64(a, b)                     low half * low half
 *   v_high_u64(a)  v_join_u64(low, high)    the high half; the two low halves in one word
 *   v_pair_lo_u64(a, b) v_pair_hi_u64(a, b) a0 b0 a2 b2 ..., a1 b1 a3 b3 ...; for one lane a, b
 * and for raw bits, for walk.c:
 *   square_4(o, x, o_step, x_step)          o[j][i] = x[i][j] for SQUARE_4 x SQUARE_4 elements of 4 bytes, at any
 *   square_8(o, x, o_step, x_step)          address, the steps between rows in bytes; SQUARE_8 x SQUARE_8 of 8 bytes
 * W_T, TILE_ROWS (the rows of matmul's tiles, 14 at most), TILE_K_BYTES (of a row in a block of k), PHILOX_GROUPS,
 * SQUARE_4 and SQUARE_8 are macros.
 *
 * Inside a body that is included once for each type (`#define T f32` ... `#define T f64`), V(add) is v_add_T, M(and)
 * is m_and_T, VEC and MASK are the types, REAL is the scalar, W the lanes, MANTISSA_BITS and EXPONENT_BIAS describe its
 * format, and NAME(f) is f_T. */
#ifndef FASTNET_SIMD_H
#define FASTNET_SIMD_H

#include <math.h>
#include <string.h>

#include "isa.h"

#ifdef _MSC_VER
#define INLINE static __forceinline
#define OUTLINE static __declspec(noinline)
#else
#define INLINE static inline __attribute__((always_inline))
#define OUTLINE static __attribute__((noinline, unused))
#endif

typedef float real_f32;
typedef double real_f64;
enum { MANTISSA_BITS_f32 = 23, EXPONENT_BIAS_f32 = 127, MANTISSA_BITS_f64 = 52, EXPONENT_BIAS_f64 = 1023 };

#define NAME(f) CAT(f, T)
#define V(op) CAT(v_##op, T)
#define M(op) CAT(m_##op, T)
#define VEC CAT(v, T)
#define MASK CAT(m, T)
#define REAL CAT(real, T)
#define W CAT(W, T)
#define MANTISSA_BITS CAT(MANTISSA_BITS, T)
#define EXPONENT_BIAS CAT(EXPONENT_BIAS, T)

#ifdef __GNUC__
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

/* A function that is always inlined, so that its constant arguments decide its branches. */
/* Include simd_<name>.h of the instruction set that this object is compiled for. */
#define QUOTED_(text) #text
#define QUOTED(text) QUOTED_(text)
#define VOCABULARY_(isa) QUOTED(simd_##isa.h)
#define VOCABULARY(isa) VOCABULARY_(isa)
#include VOCABULARY(FASTNET_ISA)
#ifndef HAS_HALF_f32
#define HAS_HALF_f32 0
#endif
#define HAS_HALF_f64 0                                              /* not worth their size */

/* v_spread of the types for which the instruction set has no permutation by variables. */
#define SPREAD(T, REAL_)                                                                             \
    static inline CAT(v, T) v_spread_##T(CAT(v, T) a, ptrdiff_t size, ptrdiff_t s) {                 \
        REAL_ from[W_##T], to[W_##T];                                                                \
        v_store_##T(from, a);                                                                        \
        for (ptrdiff_t i = 0; i < W_##T; i++) to[i] = from[i - i % size + s];                        \
        return v_load_##T(to);                                                                       \
    }
#ifndef HAS_SPREAD_f32
SPREAD(f32, float)
#endif
#ifndef HAS_SPREAD_f64
SPREAD(f64, double)
#endif
#undef SPREAD

/* Fetch a cache line into the first cache, to be written. */
static inline void prefetch(const void *p) {
#ifdef __GNUC__
    __builtin_prefetch(p, 1);
#else
    (void)p;
#endif
}

/* Fetch a cache line into the second cache, to be read. */
static inline void prefetch_far(const void *p) {
#ifdef __GNUC__
    __builtin_prefetch(p, 0, 2);
#else
    (void)p;
#endif
}
#endif
