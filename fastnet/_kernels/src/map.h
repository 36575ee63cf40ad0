/* Elementwise kernels: macros that turn a function of one, two or three vectors into a body over blocks of an array.
 *
 * A block is BLOCK elements. The last vector of the array is loaded and stored by lanes. Every element takes the same
 * vector path wherever it lies, so a result does not depend on how the array is divided. */
#ifndef FASTNET_MAP_H
#define FASTNET_MAP_H

#include "map_slots.h"
#include "simd.h"

/* FULL runs on full vectors, PART on the rest of the last block; i is the element index, stop - i the rest. */
#define MAP_LOOP(FULL, PART)                                         \
    ptrdiff_t i = begin * BLOCK;                                     \
    ptrdiff_t stop = min_size(end * BLOCK, launch->n[MAP_SIZE]);     \
    for (; i + W <= stop; i += W) FULL;                              \
    if (i < stop) PART;                                              \
    return 0;

/* A copy of the scalars: read through `launch` they would be loaded again after each store. */
#define COPY_SCALARS                     \
    double s[LAUNCH_SCALARS];            \
    memcpy(s, launch->s, sizeof(s));     \
    (void)s;

/* out = f(x) */
#define MAP1(kernel, f)                                                                       \
    static int NAME(kernel)(BODY_ARGS) {                                                      \
        REAL *o = launch->p[MAP_OUT];                                                         \
        const REAL *x = launch->p[MAP_X];                                                     \
        COPY_SCALARS                                                                          \
        MAP_LOOP(V(store)(o + i, f(V(load)(x + i), s)),                                       \
                 V(store_n)(o + i, f(V(load_n)(x + i, stop - i), s), stop - i))               \
    }

/* out = f(x, y) */
#define MAP2(kernel, f)                                                                       \
    static int NAME(kernel)(BODY_ARGS) {                                                      \
        REAL *o = launch->p[MAP_OUT];                                                         \
        const REAL *x = launch->p[MAP_X], *y = launch->p[MAP_Y];                              \
        COPY_SCALARS                                                                          \
        MAP_LOOP(V(store)(o + i, f(V(load)(x + i), V(load)(y + i), s)),                       \
                 V(store_n)(o + i, f(V(load_n)(x + i, stop - i), V(load_n)(y + i, stop - i), s), stop - i)) \
    }

/* out = f(x, y, z) */
#define MAP3(kernel, f)                                                                       \
    static int NAME(kernel)(BODY_ARGS) {                                                      \
        REAL *o = launch->p[MAP_OUT];                                                         \
        const REAL *x = launch->p[MAP_X], *y = launch->p[MAP_Y], *z = launch->p[MAP_Z];       \
        COPY_SCALARS                                                                          \
        MAP_LOOP(V(store)(o + i, f(V(load)(x + i), V(load)(y + i), V(load)(z + i), s)),       \
                 V(store_n)(o + i, f(V(load_n)(x + i, stop - i), V(load_n)(y + i, stop - i),  \
                                     V(load_n)(z + i, stop - i), s), stop - i))               \
    }

#endif
