/* Windows of images as columns, and their sums. */
#include "folding_slots.h"
#include "sums.h"

/* The windows [first, last) of `count` whose element at `offset` lies within n elements: 0 <= k*step + offset < n. */
typedef struct { ptrdiff_t first, last; } Range;

static inline Range windows_within(ptrdiff_t count, ptrdiff_t n, ptrdiff_t step, ptrdiff_t offset) {
    const ptrdiff_t first = offset < 0 ? ceil_div(-offset, step) : 0;
    const ptrdiff_t last = offset < n ? min_size(ceil_div(n - offset, step), count) : 0;
    return (Range){first, last};
}

#define T f32
#include "folding.inc.h"
#undef T
#define T f64
#include "folding.inc.h"
#undef T

const Entry TABLE(folding)[] = {CHOICE(unfold), ROW(fold), END};
