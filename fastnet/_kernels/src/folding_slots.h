/* Launch slots of folding.c and folding.pyx. */
#ifndef FASTNET_FOLDING_SLOTS_H
#define FASTNET_FOLDING_SLOTS_H

#include "launch.h"

enum { COLUMNS, X };                    /* p */

enum {                                  /* n */
    IMAGES,                             /* N*C */
    HEIGHT, WIDTH,                      /* of X */
    KERNEL_HEIGHT, KERNEL_WIDTH,
    ROW_COUNT, COLUMN_COUNT,            /* windows along the height and the width */
    STRIDE_Y, STRIDE_X, PADDING_Y, PADDING_X, DILATION_Y, DILATION_X,
    BLOCK_ROWS                          /* rows of the output in a block */
};

#endif
