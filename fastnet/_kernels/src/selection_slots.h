/* Launch slots of selections by position and by mask. */
#ifndef FASTNET_SELECTION_SLOTS_H
#define FASTNET_SELECTION_SLOTS_H

#include "launch.h"

enum { OUT, X, COUNTS };                /* p; COUNTS has the number of true elements of each block */

enum {                                  /* n */
    OUTER, ROWS, COLUMNS,               /* triangle: X is (OUTER, ROWS, COLUMNS) */
    BLOCK_ROWS,                         /* of all matrices, in a block */
    DIAGONAL, UPPER,
    COUNT, PLACES                       /* true_places: elements of the mask and of OUT */
};

#endif
