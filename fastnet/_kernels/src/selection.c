/* Selections by position and by mask. */
#include "selection_slots.h"
#include "simd.h"

enum { FEW = 128 };                     /* elements whose places are collected at once */

/* COUNTS[b] = the number of true elements of block b; a block is BLOCK elements */
static int count_true(BODY_ARGS) {
    const uint8_t *mask = launch->p[X];
    int64_t *counts = launch->p[COUNTS];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t stop = min_size((b + 1) * BLOCK, launch->n[COUNT]);
        int32_t count = 0;
        for (ptrdiff_t i = b * BLOCK; i < stop; i++) count += mask[i];
        counts[b] = count;
    }
    return 0;
}

/* OUT = the places of true elements; OUT may be shorter. No branch depends on the mask, which is hard to predict. */
static int true_places(BODY_ARGS) {
    const uint8_t *mask = launch->p[X];
    const int64_t *counts = launch->p[COUNTS];
    int64_t *out = launch->p[OUT], few[FEW];
    ptrdiff_t at = 0;
    for (ptrdiff_t b = 0; b < begin; b++) at += counts[b];
    const ptrdiff_t stop = min_size(end * BLOCK, launch->n[COUNT]);
    for (ptrdiff_t i = begin * BLOCK; i < stop; i += FEW) {
        const ptrdiff_t last = min_size(i + FEW, stop);
        ptrdiff_t found = 0;
        for (ptrdiff_t k = i; k < last; k++) {
            few[found] = k;
            found += mask[k];
        }
        if (at >= launch->n[PLACES]) return 0;
        memcpy(out + at, few, (size_t)min_size(found, launch->n[PLACES] - at) * sizeof *out);
        at += found;
    }
    return 0;
}

#define T f32
#include "selection.inc.h"
#undef T
#define T f64
#include "selection.inc.h"
#undef T

const Entry TABLE(selection)[] = {
    CHOICE(triangle), {"count_true", count_true, count_true}, {"true_places", true_places, true_places}, END};
