/* Gathers over three spatial dimensions by lists of int64 indices, and their gradients. An index out of range reads no
 * memory. */
#include "lists.h"
#include "sums.h"
#include "volume_slots.h"

/* The number of columns from k on that are adjacent in both arrays: index[k + i] = index[k] + i. */
static inline ptrdiff_t run_length(const int64_t *index, ptrdiff_t k, ptrdiff_t count, ptrdiff_t size) {
    ptrdiff_t n = 1;
    while (k + n < count && index[k + n] == index[k] + n && index[k + n] < size) n++;
    return n;
}

#define T f32
#include "volume.inc.h"
#undef T
#define T f64
#include "volume.inc.h"
#undef T

const Entry TABLE(volume)[] = {CHOICE(take_volume), ROW(take_volume_backward), END};
