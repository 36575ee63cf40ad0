/* Launch slots of pooling.c and pooling.pyx. Images are (N, D, H, W, C); an axis is 0 for D, 1 for H, 2 for W. */
#ifndef FASTNET_POOLING_SLOTS_H
#define FASTNET_POOLING_SLOTS_H

#include "launch.h"

enum { AXES = 3 };
enum { FEW_CHANNELS = 8 };              /* at most so many are visited one by one */

enum {                                  /* p; a gradient kernel writes DX and reads DY */
    OUT, X, WINNER, DX, DY,
    INDEX = WINNER
};

enum {                                  /* n; a name with one slot for each axis is that of axis 0 */
    IMAGES, CHANNELS,
    BLOCK_ROWS,                         /* rows along W of a block */
    WIDE,                               /* winners are int64 indices into the image, not uint8 taps of the window */
    INCLUDE_PAD,                        /* averages count the padding */
    PLANE, COUNT,                       /* max_unpool: positions of an output image, of an input image */
    INPUT,
    OUTPUT = INPUT + AXES,
    KERNEL = OUTPUT + AXES,
    STRIDE = KERNEL + AXES,
    PADDING = STRIDE + AXES,
    DILATION = PADDING + AXES,
    ADAPTIVE = DILATION + AXES          /* windows follow from INPUT and OUTPUT alone */
};

enum {                                  /* s */
    DIVISOR                             /* of averages; 0: the number of elements of the window */
};

#endif
