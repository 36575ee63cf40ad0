/* Lookups by int64 indices and the checks that run before them. An index out of range reads as zero and receives
 * nothing: no pointer ever leaves its array, whatever the indices are. */
#include "simd.h"

enum { BLOCK = 4096, COLUMNS = 64 };   /* index.pyx has them too */

/* one comparison does for both ends: a negative index is a huge unsigned one */
static inline int outside(int64_t k, ptrdiff_t size) { return (uint64_t)k >= (uint64_t)size; }

#ifdef __GNUC__
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define PREFETCH(p) ((void)(p))
#endif

/* 1 if an index is neither in [0, n[1]) nor, where n[3] is set, equal to n[2] */
static int check_index(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    const int64_t *index = launch->p[0], ignored = launch->n[2];
    const ptrdiff_t size = launch->n[1], stop = min_size(end * BLOCK, launch->n[0]);
    const int strict = !launch->n[3];
    int bad = 0;
    for (ptrdiff_t i = begin * BLOCK; i < stop; i++)
        bad |= outside(index[i], size) & (strict | (index[i] != ignored));
    return bad;
}

#define T f32
#include "index.inc.h"
#undef T
#define T f64
#include "index.inc.h"
#undef T

const Entry TABLE(index)[] = {
    {"check_index", check_index, check_index},
    ROW(check_finite), ROW(zeros), ROW(embedding), ROW(embedding_add), ROW(gather), ROW(gather_backward), END,
};
