/* Reductions over the middle of (outer, n, inner), and softmax. The `rows` bodies are for inner == 1. */
#include "reduce_slots.h"
#include "simd_math.h"
#include "sums.h"

enum { SEGMENT = 1 << 20 };          /* rows whose indices float32 represents exactly */

#define T f32
#include "reduce.inc.h"
#include "reduce_across.inc.h"
#include "softmax.inc.h"
#undef T
#define T f64
#include "reduce.inc.h"
#include "reduce_across.inc.h"
#include "softmax.inc.h"
#undef T

/* The sum of LENGTH integers; it wraps around, like NumPy's. */
static int sum_i64(BODY_ARGS) {
    const int64_t *x = launch->p[X];
    uint64_t sum = 0;
    (void)begin, (void)end;
    for (ptrdiff_t i = 0; i < launch->n[LENGTH]; i++) sum += (uint64_t)x[i];
    *(uint64_t *)launch->p[OUT] = sum;
    return 0;
}

#define REDUCTION(op) ROW(op##_rows), ROW(op##_columns), ROW(op##_row_chunks), ROW(op##_column_chunks), ROW(op##_join)
#define EXTREME(op) CHOICE(op##_rows), CHOICE(op##_columns), CHOICE(op##_row_chunks), CHOICE(op##_column_chunks), \
                    CHOICE(op##_join)
#define ACROSS_OF(entry, op) entry(op##_positions), entry(op##_channels)
#define BOTH(kernel) ROW(kernel##_rows), ROW(kernel##_columns)
#define PLACE(kernel) CHOICE(kernel##_rows), CHOICE(kernel##_columns)

const Entry TABLE(reduce)[] = {
    REDUCTION(sum), REDUCTION(squares), EXTREME(amax), EXTREME(amin), REDUCTION(var), PLACE(argmax), PLACE(argmin),
    ACROSS_OF(ROW, sum), ACROSS_OF(CHOICE, amax), ACROSS_OF(CHOICE, amin),
    BOTH(softmax), BOTH(softmax_backward), BOTH(log_softmax), BOTH(log_softmax_backward),
    BOTH(logsumexp), BOTH(logsumexp_backward), ROW(quotient),
    {"sum_i64", sum_i64, sum_i64}, END};
