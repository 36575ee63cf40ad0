/* Launch slots of local response norm. */
#ifndef FASTNET_LOCAL_RESPONSE_SLOTS_H
#define FASTNET_LOCAL_RESPONSE_SLOTS_H

#include "launch.h"

enum { SLACK = 32 };                    /* elements that a vector may read past a row */

enum { OUT, X, SCALE, DY, SCRATCH, DX = OUT };                      /* p; SCRATCH: two padded rows for each block */
enum { ROWS, CHANNELS, BEFORE, AFTER, BLOCK_ROWS };                 /* n; channels of the window before and after */
enum { FACTOR, BETA, K };                                           /* s; FACTOR: alpha / size */

#endif
