/* Launch slots of writes and additions at int64 indices along the middle of (OUTER, LENGTH, INNER). */
#ifndef FASTNET_SCATTER_SLOTS_H
#define FASTNET_SCATTER_SLOTS_H

#include "launch.h"

enum { SCATTER_COLUMNS = 64 };          /* columns of a block: no two threads write to the same element */

enum { OUT, INDEX, X };                 /* p; X is the source (fill_rows: of one number), or what rows are selected from */

enum {                                  /* n */
    OUTER, LENGTH, INNER,               /* the array that is indexed; an index is valid from 0 up to LENGTH - 1 */
    INDICES,                            /* scatter: index and X are (OUTER, INDICES, INNER); rows: index is (INDICES,) */
    BLOCK_ROWS                          /* of the outer in a block; select_rows: rows of the result */
};

enum { ALPHA };                         /* s */

#endif
