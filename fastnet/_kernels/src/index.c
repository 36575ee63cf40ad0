/* Lookups by int64 indices, and the checks that run before them. An index out of range reads as zero and receives
 * nothing, so no index can lead outside an array. */
#include "index_slots.h"
#include "lists.h"
#include "simd.h"
#include "sums.h"

#ifdef __GNUC__
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define PREFETCH(p) ((void)(p))
#endif

/* 1 if an index is outside [0, LIMIT) and not IGNORED */
static int check_index(BODY_ARGS) {
    const int64_t *index = launch->p[INDEX], ignored = launch->n[IGNORED];
    const ptrdiff_t size = launch->n[LIMIT], stop = min_size(end * BLOCK, launch->n[COUNT]);
    const int strict = !launch->n[HAS_IGNORED];
    int bad = 0;
    for (ptrdiff_t i = begin * BLOCK; i < stop; i++)
        bad |= outside(index[i], size) & (strict | (index[i] != ignored));
    return bad;
}

typedef uint32_t bits_f32;
typedef uint64_t bits_f64;

#define T f32
#include "index.inc.h"
#undef T
#define T f64
#include "index.inc.h"
#undef T

const Entry TABLE(index)[] = {
    {"check_index", check_index, check_index},
    ROW(check_finite), ROW(zeros), ROW(embedding), ROW(embedding_add), ROW(bag_add), CHOICE(bag_max), ROW(bag_shares),
    ROW(gather), ROW(gather_backward), END,
};
