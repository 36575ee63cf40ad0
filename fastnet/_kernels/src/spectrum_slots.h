/* Launch slots and sizes of spectrum.c and spectrum.pyx. */
#ifndef FASTNET_SPECTRUM_SLOTS_H
#define FASTNET_SPECTRUM_SLOTS_H

#include "launch.h"

enum { OUT, X, WINDOW, DY, FILTERS, RANGES, ROOTS, SCRATCH };       /* p; ROOTS: spectrum.pyx says how they lie */

enum {                                  /* n */
    SIGNALS, LENGTH,                    /* of X, or of OUT in overlap_add */
    FRAMES, HOP, WIDTH,                 /* of a signal; from frame to frame; samples of a frame */
    TRANSFORM, BINS,                    /* n samples, WIDTH of them not 0, and n/2 + 1 numbers of their spectrum */
    POINTS,                             /* of the complex transform: n/2 if n is even, else n */
    REMOVE_MEAN, FILTER_COUNT,
    LOGARITHM,                          /* 1: of the sums of the filters */
    SLOTS, SLOT,                        /* parts of the scratch memory, and elements of one */
    REAL_ROOTS,                         /* the element of ROOTS where the roots of real_spectrum start */
    PASSES, RADIX                       /* RADIX: the first of PASSES factors of POINTS; the last slots */
};

enum { POWER, PREEMPHASIS, FLOOR, OFFSET, SCALE };                  /* s */
enum { INNER, OUTER };                                              /* s of rfft and irfft */

enum {
    FRAMES_AT_ONCE = 16,                /* frames of a block, a multiple of each vector's lanes */
    PASSES_MOST = LAUNCH_SIZES - RADIX
};

#endif
