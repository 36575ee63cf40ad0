/* Launch slots of resampling.c and resampling.pyx. */
#ifndef FASTNET_RESAMPLING_SLOTS_H
#define FASTNET_RESAMPLING_SLOTS_H

#include "launch.h"

enum { OUT, X, STARTS, INDEX, WEIGHTS };                        /* p */

enum { OUTER, LENGTH, OUT_LENGTH, INNER, ENTRIES, BLOCK_ROWS }; /* n; ENTRIES: elements of INDEX and WEIGHTS */

#endif
