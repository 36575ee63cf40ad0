/* Launch slots of normalization by channels. */
#ifndef FASTNET_CHANNEL_NORM_SLOTS_H
#define FASTNET_CHANNEL_NORM_SLOTS_H

#include "launch.h"

enum {
    SPAN = 1024,                        /* channels of a block at most */
    PADDED_SPAN = SPAN + 16,            /* arrays of SPAN elements would begin in the same set of the first cache */
    WIDE_ROWS = 4,                      /* rows of more than SPAN channels that are visited together */
    NARROW = 128                        /* elements of the narrow rows that are visited together, at most */
};

/* The sign that masks dy: none, that of y = (x - centre)*scale + shift, or that of the array Y. */
typedef enum { UNMASKED, BY_INPUT, BY_OUTPUT } Sign;

/* p. Names share a slot where no kernel takes both. */
enum {
    OUT, X, RESIDUAL, MEAN, VAR, WEIGHT, BIAS, DY, DRESIDUAL, DWEIGHT, DBIAS,
    COEFFICIENTS,                       /* scales, slopes and shifts of dx, each (SAMPLES, CHANNELS) */
    DX = OUT,
    Y = RESIDUAL,                       /* the output of the forward pass, whose sign masks dy */
    SUMS = OUT,                         /* sums of dy and dots of dy and x, each (SAMPLES, CHUNKS, CHANNELS), double */
    MOMENTS = OUT,                      /* means and squared deviations, likewise */
    SAMPLE_OUT = RESIDUAL,              /* group_norm, whose OUT is MOMENTS */
    SAMPLE_DX = RESIDUAL,               /* group_norm_backward, whose DX is SUMS */
    RUNNING_MEAN = OUT, RUNNING_VAR = X, TRACKED = RESIDUAL
};

enum {                                  /* n */
    SAMPLES, ROWS, CHANNELS,            /* x is (SAMPLES, ROWS, CHANNELS) */
    WIDTH,                              /* channels that share statistics */
    CHUNKS,                             /* of COLUMN_CHUNK rows, in a sample */
    COLUMNS,                            /* channels of a block */
    BLOCK_ROWS,                         /* rows of a block that writes rows */
    BLOCK_GROUPS,                       /* groups of a block that joins chunks */
    FINISHES,                           /* 1: each block of a sum holds all of its groups and finishes them */
    REAL_MEANS,                         /* 1: means are of x's dtype, 0: float64 */
    RELU,                               /* 1: the output is max(0, ...) */
    MASK_SOURCE,                        /* backward: a Sign */
    HAS_MOMENTUM                        /* batch_norm_update_ */
};

enum {                                  /* s */
    EPS,
    SHARE,                              /* backward: 1 / (elements of a group) in training, else 0 */
    MOMENTUM, UNBIASED                  /* batch_norm_update_: UNBIASED is the factor to the unbiased variance */
};

#endif
