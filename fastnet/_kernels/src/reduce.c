/* Reductions over the middle of (outer, n, inner), and softmax. `rows` bodies serve inner == 1. */
#include "simd_math.h"
#include "sums.h"

#define BODY_ARGS const Launch *launch, ptrdiff_t begin, ptrdiff_t end

enum { SEGMENT = 1 << 20 };          /* rows whose numbers a float32 counts exactly */

#define T f32
#include "reduce.inc.h"
#include "softmax.inc.h"
#undef T
#define T f64
#include "reduce.inc.h"
#include "softmax.inc.h"
#undef T

#define REDUCTION(op) ROW(op##_rows), ROW(op##_columns), ROW(op##_row_chunks), ROW(op##_column_chunks), ROW(op##_join)
#define BOTH(kernel) ROW(kernel##_rows), ROW(kernel##_columns)

const Entry TABLE(reduce)[] = {
    REDUCTION(sum), REDUCTION(squares), REDUCTION(amax), REDUCTION(amin), REDUCTION(var), BOTH(argmax), BOTH(argmin),
    BOTH(softmax), BOTH(softmax_backward), BOTH(log_softmax), BOTH(log_softmax_backward), END};
