/* Macros for the register tiles of products (tile.inc.h): the rows of a tile as named variables. */
#ifndef FASTNET_TILE_H
#define FASTNET_TILE_H

#include "matmul.h"
#include "simd_math.h"

/* X(0) ... X(n - 1): the rows of a tile are named variables, because gcc keeps an array of them in memory */
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

/* The address of row i: five bases, each with the rows that x86 can address from it at no cost. Strides are in bytes.
 */
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

/* X(1) ... X(n) */
#define COUNT_1(X) X(1)
#define COUNT_2(X) COUNT_1(X) X(2)
#define COUNT_3(X) COUNT_2(X) X(3)
#define COUNT_4(X) COUNT_3(X) X(4)
#define COUNT_5(X) COUNT_4(X) X(5)
#define COUNT_6(X) COUNT_5(X) X(6)
#define COUNT_7(X) COUNT_6(X) X(7)
#define COUNT_8(X) COUNT_7(X) X(8)
#define COUNT_9(X) COUNT_8(X) X(9)
#define COUNT_10(X) COUNT_9(X) X(10)
#define COUNT_11(X) COUNT_10(X) X(11)
#define COUNT_12(X) COUNT_11(X) X(12)
#define COUNT_13(X) COUNT_12(X) X(13)
#define COUNT_14(X) COUNT_13(X) X(14)
#define APPLY(count, X) count(X)

/* min(number, 4) */
#define UP_TO_4_1 1
#define UP_TO_4_2 2
#define UP_TO_4_4 4
#define UP_TO_4_8 4
#define UP_TO_4_16 4

/* A part of k whose rows and lanes are evenly spaced. */
typedef struct {
    ptrdiff_t row;                        /* bytes from the tile's row to that of the run */
    ptrdiff_t lane;                       /* elements from the end of the lanes of the run before to those of this one */
} TileRun;

static const TileRun single_run = {0, 0};

/* The start of part i of n elements divided evenly into `parts`. */
static inline ptrdiff_t part_start(ptrdiff_t n, ptrdiff_t i, ptrdiff_t parts) { return n * i / parts; }

#endif
