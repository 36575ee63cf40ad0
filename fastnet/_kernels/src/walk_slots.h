/* Launch slots of kernels on arrays of any strides (walk.h, walk.pyx). All steps are in bytes.
 *
 * p: the output, then the inputs. n: the slots below, then from WALK_STEPS on the row step and the column step of each
 * array, then for each outer dimension its length and the step of each array. */
#ifndef FASTNET_WALK_SLOTS_H
#define FASTNET_WALK_SLOTS_H

#include "launch.h"

enum { WALK_OUT, WALK_INPUTS };             /* p; input i is WALK_INPUTS + i */

enum {                                      /* n */
    WALK_OUTER,                             /* the number of outer dimensions */
    WALK_ROWS, WALK_COLS,                   /* the lengths of the two inner dimensions */
    WALK_TILE_ROWS, WALK_TILE_COLS,         /* the size of a tile: one block */
    WALK_STEPS
};

#define WALK_ROW_STEP(array) (WALK_STEPS + 2 * (array))
#define WALK_COL_STEP(array) (WALK_STEPS + 2 * (array) + 1)
#define WALK_LENGTH(arrays, dim) (WALK_STEPS + 2 * (arrays) + (dim) * (1 + (arrays)))
#define WALK_STEP(arrays, dim, array) (WALK_LENGTH(arrays, dim) + 1 + (array))

enum { SHORT_COUNT, SHORT_ROWS, SHORT_COLS, SHORT_BLOCK };     /* n of move_short */
enum { SHORT_MOST = 4 };                    /* rows or columns of its matrices */

/* Maximum numbers of arrays and of outer dimensions; the latter fills a launch's slots with two arrays. */
enum { WALK_ARRAYS = 4, WALK_MOST_OUTER = (LAUNCH_SIZES - WALK_STEPS - 4) / 3 };

#endif
