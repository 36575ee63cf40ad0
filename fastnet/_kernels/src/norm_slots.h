/* Launch slots of layer norm. */
#ifndef FASTNET_NORM_SLOTS_H
#define FASTNET_NORM_SLOTS_H

#include "launch.h"

/* p. Names share a slot where no kernel takes both. */
enum {
    OUT, X, DY, MEAN, RSTD, WEIGHT, BIAS, DWEIGHT, DBIAS,
    PARTIAL_DWEIGHT, PARTIAL_DBIAS,     /* a row for each block */
    DX = OUT
};

enum {                                  /* n */
    ROWS, COLUMNS,                      /* x is (ROWS, COLUMNS) */
    BLOCK_ROWS,                         /* rows of a block */
    PARTS                               /* rows of the partial sums */
};

enum { EPS };                           /* s */

#endif
