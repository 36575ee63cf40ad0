/* Launch slots and block sizes of index.c and index.pyx. */
#ifndef FASTNET_INDEX_SLOTS_H
#define FASTNET_INDEX_SLOTS_H

#include "launch.h"

enum { INDEX_COLUMNS = 64 };            /* columns of a block that adds to rows: no two threads share an element */

enum {                                  /* p; a gradient kernel writes OUT and reads DY */
    OUT, X, INDEX, DY, STARTS, FACTORS, FOUND,
    WEIGHT = X
};

enum {                                  /* n */
    COUNT,                              /* elements to check or clear; indices of embedding */
    LIMIT,                              /* an index is valid from 0 up to LIMIT - 1 */
    IGNORED, HAS_IGNORED,               /* check_index: one more valid value */
    WIDTH,                              /* embedding: elements of a row */
    PADDING,                            /* embedding_backward: the index whose row gets no gradient, or -1 */
    OUTER, INDICES, INNER,              /* gather: x is (OUTER, LIMIT, INNER), index (OUTER, INDICES, INNER) */
    BAGS,
    BLOCK_ROWS                          /* rows of a block */
};

#endif
