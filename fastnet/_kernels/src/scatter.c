/* Writes and additions at int64 indices. An index out of range receives nothing and reads as zero. */
#include "scatter_slots.h"
#include "simd.h"

static inline int outside(int64_t k, ptrdiff_t size) { return (uint64_t)k >= (uint64_t)size; }

#define T f32
#include "scatter.inc.h"
#undef T
#define T f64
#include "scatter.inc.h"
#undef T

/* Copies move int64 and int32 as numbers of the same size. */
const Entry TABLE(scatter)[] = {
    CHOICE(scatter_put), ROW(scatter_add), ROW(scatter_mul), CHOICE(scatter_amax), CHOICE(scatter_amin),
    CHOICE(select_rows), CHOICE(copy_rows), CHOICE(fill_rows), ROW(add_rows), END};
