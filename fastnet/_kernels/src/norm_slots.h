/* Launch slots of layer norm and batch norm. */
#ifndef FASTNET_NORM_SLOTS_H
#define FASTNET_NORM_SLOTS_H

#include "launch.h"

/* p. Names share a slot where no kernel takes both. */
enum {
    OUT, X, DY, MEAN, VAR, WEIGHT, BIAS, DWEIGHT, DBIAS, SCALES, SHIFTS, DOTS,
    DX = OUT, RSTD = VAR,
    PARTIAL_DWEIGHT = SCALES, PARTIAL_DBIAS = SHIFTS,               /* layer norm: a row for each block */
    SUMS = OUT,                                                     /* batch norm: SUMS and DOTS of chunks, ... */
    CHUNK_MEANS = SUMS, CHUNK_M2 = DOTS,                            /* ... or their means and squared deviations */
    CENTRES = DWEIGHT, SLOPES = BIAS,                               /* CENTRES, SCALES, SLOPES, SHIFTS of channels */
    RUNNING_MEAN = OUT, RUNNING_VAR = X, TRACKED = DY
};

enum {                                  /* n */
    ROWS, COLUMNS,                      /* layer norm: x is (ROWS, COLUMNS) */
    BLOCK_ROWS,                         /* rows of a block */
    PARTS,                              /* rows of the partial sums */
    IMAGES, CHANNELS, LENGTH,           /* batch norm: x is (IMAGES, CHANNELS, LENGTH) */
    CHUNK_IMAGES, CHUNKS,               /* images of a chunk; chunks of a channel */
    SPREAD,                             /* columns of a channel in the sums of a chunk: LENGTH or 1 */
    COLUMN_COUNT,                       /* elements of one image that such a column sums: 1 or LENGTH */
    REAL_MEANS,                         /* 1: means are of x's dtype, 0: float64 */
    HAS_MOMENTUM, HAS_ELEMENTS          /* batch_norm_update_ */
};

enum {                                  /* s */
    EPS,
    SHARE,                              /* batch_norm_backward: 1 / (elements of a channel) in training, else 0 */
    MOMENTUM, UNBIASED                  /* batch_norm_update_: UNBIASED is the factor to the unbiased variance */
};

#endif
