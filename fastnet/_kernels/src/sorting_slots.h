/* Launch slots of sorting rows and searching in them. */
#ifndef FASTNET_SORTING_SLOTS_H
#define FASTNET_SORTING_SLOTS_H

#include "launch.h"

enum { OUT, X, VALUES, SCRATCH };       /* p; SCRATCH has SCRATCH_WORDS words of 64 bits for each block */

enum {                                  /* n */
    ROWS, COLUMNS,                      /* X is (ROWS, COLUMNS) */
    BLOCK_ROWS,                         /* rows of a block; searchsorted: values of a block */
    CHOSEN,                             /* topk: the number of elements; kth: the rank */
    DESCENDING,                         /* 1: the largest first */
    INTEGERS,                           /* 1: elements are int32 or int64, not float32 or float64 */
    SCRATCH_WORDS,
    SEARCHED,                           /* searchsorted: values of a row */
    SHARED,                             /* 1: all rows search in the first row of X */
    RIGHT                               /* 1: the place after equal elements */
};

#endif
