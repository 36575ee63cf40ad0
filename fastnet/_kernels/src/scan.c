/* Running sums, products, log-sums and extremes along the middle of (outer, n, inner). They accumulate in double. */
#include "scan_slots.h"
#include "simd.h"

#define T f32
#include "scan.inc.h"
#undef T
#define T f64
#include "scan.inc.h"
#undef T

const Entry TABLE(scan)[] = {
    CHOICE(cumsum), CHOICE(cumprod), ROW(cumprod_backward), ROW(logcumsumexp), ROW(logcumsumexp_backward),
    CHOICE(cummax), CHOICE(cummin), END};
