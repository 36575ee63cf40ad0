/* Launch slots of running sums, products and extremes along the middle of (OUTER, LENGTH, INNER). */
#ifndef FASTNET_SCAN_SLOTS_H
#define FASTNET_SCAN_SLOTS_H

#include "launch.h"

enum { SCAN_COLUMNS = 64 };             /* columns of a block */

enum { OUT, X, Y, DY };                 /* p */

enum {                                  /* n */
    OUTER, LENGTH, INNER,
    BLOCK_ROWS,                         /* of the outer, in a block */
    REVERSE                             /* cumsum: from the last element to the first */
};

#endif
