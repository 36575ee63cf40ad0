/* Launch slots of grid.c and grid.pyx. */
#ifndef FASTNET_GRID_SLOTS_H
#define FASTNET_GRID_SLOTS_H

#include "launch.h"

enum { OUT, X, GRID, DY };              /* p; OUT: out, dx or dgrid */

enum {                                  /* n */
    IMAGES, DEPTH, HEIGHT, WIDTH, CHANNELS,
    POINTS, DIMS,                       /* GRID is (IMAGES, POINTS, DIMS) */
    MODE, PADDING, ALIGN_CORNERS,
    BLOCK_POINTS                        /* points of a block */
};

enum { BILINEAR, NEAREST, BICUBIC };    /* MODE */
enum { ZEROS, BORDER, REFLECTION };     /* PADDING */
enum { GRID_CHANNELS = 64 };            /* channels of a block that adds to images: no two threads share an element */

#endif
