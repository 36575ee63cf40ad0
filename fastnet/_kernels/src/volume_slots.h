/* Launch slots of volume.c and volume.pyx. */
#ifndef FASTNET_VOLUME_SLOTS_H
#define FASTNET_VOLUME_SLOTS_H

#include "launch.h"

enum {                                  /* p; a gradient kernel writes OUT and reads X */
    OUT, X, PLANES, ROWS, COLUMNS,
    PLANE_STARTS, ROW_STARTS, COLUMN_STARTS
};

enum {                                  /* n */
    OUTER, INNER,
    OUT_DEPTH, OUT_HEIGHT, OUT_WIDTH,   /* OUT is (OUTER, OUT_DEPTH, OUT_HEIGHT, OUT_WIDTH, INNER) */
    DEPTH, HEIGHT, WIDTH,               /* X is (OUTER, DEPTH, HEIGHT, WIDTH, INNER) */
    PLANE_COUNT, ROW_COUNT, COLUMN_COUNT,   /* take_volume_backward: elements of the lists of indices */
    BLOCK_ROWS                          /* rows of OUT in a block */
};

enum { VALUE };                         /* s: written where an index is out of range */

#endif
