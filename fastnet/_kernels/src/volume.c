/* Gathers over three spatial dimensions by lists of int64 indices, and their gradients. An index out of range reads no
 * memory. */
#include "sums.h"
#include "volume_slots.h"

/* One comparison tests both ends: a negative index becomes a huge unsigned number. */
static inline int outside(int64_t k, ptrdiff_t size) { return (uint64_t)k >= (uint64_t)size; }

/* The number of columns from k on that are adjacent in both arrays: index[k + i] = index[k] + i. */
static inline ptrdiff_t run_length(const int64_t *index, ptrdiff_t k, ptrdiff_t count, ptrdiff_t size) {
    ptrdiff_t n = 1;
    while (k + n < count && index[k + n] == index[k] + n && index[k + n] < size) n++;
    return n;
}

/* The part of a list of `count` indices that belongs to the entry i of `starts`. */
typedef struct { const int64_t *at, *stop; } List;

static inline List list_of(const int64_t *index, const int64_t *starts, ptrdiff_t i, ptrdiff_t count) {
    const int64_t start = starts[i], stop = starts[i + 1];
    const int valid = start >= 0 && start <= stop && stop <= count;
    return (List){index + (valid ? start : 0), index + (valid ? stop : 0)};
}

#define T f32
#include "volume.inc.h"
#undef T
#define T f64
#include "volume.inc.h"
#undef T

const Entry TABLE(volume)[] = {CHOICE(take_volume), ROW(take_volume_backward), END};
