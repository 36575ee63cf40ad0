/* Launch slots of reductions and softmax over the middle of (OUTER, LENGTH, INNER). */
#ifndef FASTNET_REDUCE_SLOTS_H
#define FASTNET_REDUCE_SLOTS_H

#include "launch.h"

enum { ACROSS = 64 };                   /* channels or positions of a block of reduce_across.inc.h */

enum {                                  /* p */
    OUT, MEAN, X, DY,
    PARTIAL,                            /* results of chunks, (OUTER, CHUNKS, INNER): written by chunks, read by join */
    PARTIAL_M2,                         /* variance: squared deviations of chunks; PARTIAL has their means */
    DX = OUT, Y = X, LOG_SUM = MEAN
};

enum {                                  /* n */
    OUTER, LENGTH, INNER,
    BLOCK_ROWS,                         /* rows of a block */
    CHUNKS,                             /* chunks of a row or column */
    CHUNK_LENGTH,                       /* elements of a chunk; the last one has the rest */
    ROOT                                /* variance: 1 for the standard deviation */
};

enum {                                  /* s */
    DIVISOR,
    LEAST                               /* the least sum of squares that is right in x's dtype */
};

#endif
