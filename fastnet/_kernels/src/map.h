/* Elementwise kernels: a function of one vector (or two, or three) turned into a body over blocks of an array.
 *
 * A block is BLOCK elements; the last vector of the array is loaded and stored by lanes. Every element takes the same
 * vector path wherever it stands, so a result does not depend on where the array was cut. n[0] is the size. */
#ifndef FASTNET_MAP_H
#define FASTNET_MAP_H

#include "simd.h"

enum { BLOCK = 4096 };               /* map.pyx has it too */

/* EXPR(first, count) runs with `o` the output pointer and i the element index, on full vectors then on the rest. */
#define MAP_LOOP(FULL, PART)                                  \
    ptrdiff_t i = begin * BLOCK;                              \
    ptrdiff_t stop = min_size(end * BLOCK, launch->n[0]);     \
    for (; i + W <= stop; i += W) FULL;                       \
    if (i < stop) PART;                                       \
    return 0;

/* a copy of the scalars: from `launch` itself they would be read again after each store */
#define MAP_SCALARS                      \
    double s[LAUNCH_SCALARS];            \
    memcpy(s, launch->s, sizeof(s));     \
    (void)s;

#define MAP_ARGS const Launch *launch, ptrdiff_t begin, ptrdiff_t end

/* out = f(x) */
#define MAP1(kernel, f)                                                                       \
    static int NAME(kernel)(MAP_ARGS) {                                                       \
        REAL *o = launch->p[0];                                                               \
        const REAL *x = launch->p[1];                                                         \
        MAP_SCALARS                                                                           \
        MAP_LOOP(V(store)(o + i, f(V(load)(x + i), s)),                                       \
                 V(store_n)(o + i, f(V(load_n)(x + i, stop - i), s), stop - i))               \
    }

/* out = f(x, y) */
#define MAP2(kernel, f)                                                                       \
    static int NAME(kernel)(MAP_ARGS) {                                                       \
        REAL *o = launch->p[0];                                                               \
        const REAL *x = launch->p[1], *y = launch->p[2];                                      \
        MAP_SCALARS                                                                           \
        MAP_LOOP(V(store)(o + i, f(V(load)(x + i), V(load)(y + i), s)),                       \
                 V(store_n)(o + i, f(V(load_n)(x + i, stop - i), V(load_n)(y + i, stop - i), s), stop - i)) \
    }

/* out = f(x, y, z) */
#define MAP3(kernel, f)                                                                       \
    static int NAME(kernel)(MAP_ARGS) {                                                       \
        REAL *o = launch->p[0];                                                               \
        const REAL *x = launch->p[1], *y = launch->p[2], *z = launch->p[3];                   \
        MAP_SCALARS                                                                           \
        MAP_LOOP(V(store)(o + i, f(V(load)(x + i), V(load)(y + i), V(load)(z + i), s)),       \
                 V(store_n)(o + i, f(V(load_n)(x + i, stop - i), V(load_n)(y + i, stop - i),  \
                                     V(load_n)(z + i, stop - i), s), stop - i))               \
    }

#endif
