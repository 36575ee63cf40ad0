/* Sums (and products, squares, extremes) over rows and over columns, in one fixed tree: what reduce.c and norm.c share.
 *
 * A row, contiguous: 4 vectors of running sums over CHUNK elements, folded to one number; the chunks add in double.
 * A column of a matrix: GROUP rows in a register, COLUMN_CHUNK rows in REAL; the chunks add in double. Neighbouring
 * columns are neighbouring lanes, so a column's sum does not depend on where the matrix was cut.
 *
 * The loops are written once and inlined with a constant operation into the functions that choose by it. */
#ifndef FASTNET_SUMS_H
#define FASTNET_SUMS_H

#include "cuts.h"
#include "simd.h"

#ifdef _MSC_VER
#define INLINE static __forceinline
#define OUTLINE static __declspec(noinline)
#else
#define INLINE static inline __attribute__((always_inline))
#define OUTLINE static __attribute__((noinline, unused))
#endif

/* What is added up, of elements x, y and a centre c: x, x^2, (x - c)^2, x*y, (x - c)*y; or the largest, smallest x. */
typedef enum { SUM, SQUARES, DEVIATIONS, PRODUCTS, COVARIATIONS, LARGEST, SMALLEST } Operation;

#define CHOOSE(op, call)                      \
    switch (op) {                             \
    case SQUARES: call(SQUARES);              \
    case DEVIATIONS: call(DEVIATIONS);        \
    case PRODUCTS: call(PRODUCTS);            \
    case COVARIATIONS: call(COVARIATIONS);    \
    case LARGEST: call(LARGEST);              \
    case SMALLEST: call(SMALLEST);            \
    default: call(SUM);                       \
    }

INLINE double identity(Operation op) { return op == LARGEST ? -INFINITY : op == SMALLEST ? INFINITY : 0; }

/* Two partial results into one; an extreme lets a NaN of either through. */
INLINE double joined(Operation op, double a, double b) {
    if (op == LARGEST) return a > b || a != a ? a : b;
    if (op == SMALLEST) return a < b || a != a ? a : b;
    return a + b;
}

/* Count, mean and sum of squared deviations of some numbers, joined as Chan, Golub and LeVeque do. */
typedef struct { double count, mean, m2; } Moments;

/* n more numbers, of which `sum` is the sum and `m2` the sum of squared deviations from their own mean */
INLINE void join_moments(Moments *a, double n, double sum, double m2) {
    double delta = sum / n - a->mean, count = a->count + n;
    a->mean += delta * (n / count);
    a->m2 += m2 + delta * delta * (a->count * (n / count));
    a->count = count;
}

#define T f32
#include "sums.inc.h"
#undef T
#define T f64
#include "sums.inc.h"
#undef T

#endif
