/* Sums (and products, squares, extremes) over rows and columns, in one fixed tree.
 *
 * A contiguous row: 4 vectors of running sums over CHUNK elements, reduced to one number; the chunks are added in
 * double. A column of a matrix: GROUP rows in a register, COLUMN_CHUNK rows in REAL; the chunks are added in double.
 * Adjacent columns are adjacent lanes, so a column's sum does not depend on how the matrix is divided into blocks.
 *
 * Each loop is written once and inlined, with a constant operation, into functions that choose the operation. */
#ifndef FASTNET_SUMS_H
#define FASTNET_SUMS_H

#include <float.h>

#include "chunks.h"
#include "simd.h"

/* The terms of the sum, of elements x, y and a centre c: x, x^2, x - c, (x - c)^2, x*y, (x - c)*y; or the largest or
 * smallest x. */
typedef enum { SUM, SQUARES, DISTANCES, DEVIATIONS, PRODUCTS, COVARIATIONS, LARGEST, SMALLEST } Operation;

#define CHOOSE(op, call)                      \
    switch (op) {                             \
    case SQUARES: call(SQUARES);              \
    case DISTANCES: call(DISTANCES);          \
    case DEVIATIONS: call(DEVIATIONS);        \
    case PRODUCTS: call(PRODUCTS);            \
    case COVARIATIONS: call(COVARIATIONS);    \
    case LARGEST: call(LARGEST);              \
    case SMALLEST: call(SMALLEST);            \
    default: call(SUM);                       \
    }

INLINE double identity(Operation op) { return op == LARGEST ? -INFINITY : op == SMALLEST ? INFINITY : 0; }

/* Join two partial results. An extreme is NaN if either is. */
INLINE double joined(Operation op, double a, double b) {
    if (op == LARGEST) return a > b || a != a ? a : b;
    if (op == SMALLEST) return a < b || a != a ? a : b;
    return a + b;
}

/* Count, mean and sum of squared deviations of some numbers, joined by the formula of Chan, Golub and LeVeque. */
typedef struct { double count, mean, m2; } Moments;

/* Add n more numbers, given their mean and their sum of squared deviations from it. */
INLINE void join_moments(Moments *a, double n, double mean, double m2) {
    double delta = mean - a->mean, count = a->count + n, share = n / count;
    a->mean += delta * share;
    a->m2 += m2 + delta * (delta * (a->count * share));     /* 0 at first, however large delta is */
    a->count = count;
}

#define T f32
#include "sums.inc.h"
#undef T
#define T f64
#include "sums.inc.h"
#undef T

#endif
