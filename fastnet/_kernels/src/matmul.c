/* Matrix products: register tiles over packed panels, written once for every instruction set and both types.
 *
 * matmul_tile.inc.h    the micro-kernels
 * matmul_pack.inc.h    panels, and the transposition in registers
 * matmul_finish.inc.h  the epilogue: bias, activation, partial and transposed tiles
 * matmul.inc.h         the body matmul
 * matvec.inc.h         the body for one row or one column
 * outer.inc.h          the body for one column times one row */
#include "matmul.h"
#include "simd_math.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define TILE_ROWS 14
#elif defined(__AVX2__)
#define TILE_ROWS 6
#else
#define TILE_ROWS 4
#endif

/* X(0) ... X(n - 1): a tile's rows are variables with names, since gcc keeps an indexed array of them in memory */
#define REPEAT_1(X) X(0)
#define REPEAT_2(X) REPEAT_1(X) X(1)
#define REPEAT_3(X) REPEAT_2(X) X(2)
#define REPEAT_4(X) REPEAT_3(X) X(3)
#define REPEAT_5(X) REPEAT_4(X) X(4)
#define REPEAT_6(X) REPEAT_5(X) X(5)
#define REPEAT_7(X) REPEAT_6(X) X(6)
#define REPEAT_8(X) REPEAT_7(X) X(7)
#define REPEAT_9(X) REPEAT_8(X) X(8)
#define REPEAT_10(X) REPEAT_9(X) X(9)
#define REPEAT_11(X) REPEAT_10(X) X(10)
#define REPEAT_12(X) REPEAT_11(X) X(11)
#define REPEAT_13(X) REPEAT_12(X) X(12)
#define REPEAT_14(X) REPEAT_13(X) X(13)

/* The address of row i: five bases, each with the rows that x86 can address from it at no cost. Strides in bytes. */
#define ROW_0(g, s) (g##0)
#define ROW_1(g, s) (g##0 + s)
#define ROW_2(g, s) (g##0 + 2 * s)
#define ROW_3(g, s) (g##1)
#define ROW_4(g, s) (g##1 + s)
#define ROW_5(g, s) (g##1 + 2 * s)
#define ROW_6(g, s) (g##2)
#define ROW_7(g, s) (g##2 + s)
#define ROW_8(g, s) (g##2 + 2 * s)
#define ROW_9(g, s) (g##3)
#define ROW_10(g, s) (g##3 + s)
#define ROW_11(g, s) (g##3 + 2 * s)
#define ROW_12(g, s) (g##4)
#define ROW_13(g, s) (g##4 + s)
typedef const char *Source;
typedef char *Target;
#define ROW_BASES(type, g, start, s)                                                                        \
    type g##0 = (type)(start), g##1 = g##0 + 3 * s, g##2 = g##0 + 6 * s, g##3 = g##0 + 9 * s,               \
         g##4 = g##0 + 12 * s;                                                                              \
    (void)g##0, (void)g##1, (void)g##2, (void)g##3, (void)g##4;
#define ADVANCE_ROWS(g, step) g##0 += step, g##1 += step, g##2 += step, g##3 += step, g##4 += step

/* for matvec.inc.h: half the lanes of a vector, and a quarter, or 1 */
#if TILE_ROWS == 14
#define REPEAT_GROUP_f32 REPEAT_8
#define REPEAT_GROUP_f64 REPEAT_4
#define REPEAT_ROUND_f32 REPEAT_4
#define REPEAT_ROUND_f64 REPEAT_2
#elif TILE_ROWS == 6
#define REPEAT_GROUP_f32 REPEAT_4
#define REPEAT_GROUP_f64 REPEAT_2
#define REPEAT_ROUND_f32 REPEAT_2
#define REPEAT_ROUND_f64 REPEAT_1
#else
#ifdef FASTNET_X86
#define REPEAT_GROUP_f32 REPEAT_2
#else
#define REPEAT_GROUP_f32 REPEAT_1
#endif
#define REPEAT_GROUP_f64 REPEAT_1
#define REPEAT_ROUND_f32 REPEAT_1
#define REPEAT_ROUND_f64 REPEAT_1
#endif

static inline ptrdiff_t cut(ptrdiff_t n, ptrdiff_t i, ptrdiff_t parts) { return n * i / parts; }   /* start of part i */
static inline ptrdiff_t parts(ptrdiff_t n, ptrdiff_t most) { return (n + most - 1) / most; }

#define T f32
#define REPEAT_GROUP REPEAT_GROUP_f32
#define REPEAT_ROUND REPEAT_ROUND_f32
#include "matmul.inc.h"
#undef REPEAT_GROUP
#undef REPEAT_ROUND
#undef T
#define T f64
#define REPEAT_GROUP REPEAT_GROUP_f64
#define REPEAT_ROUND REPEAT_ROUND_f64
#include "matmul.inc.h"
#undef REPEAT_GROUP
#undef REPEAT_ROUND
#undef T

const Entry TABLE(matmul)[] = {ROW(matmul), ROW(matvec), ROW(outer), END};
