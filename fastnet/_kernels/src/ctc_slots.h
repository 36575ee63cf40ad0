/* Launch slots of the CTC loss. */
#ifndef FASTNET_CTC_SLOTS_H
#define FASTNET_CTC_SLOTS_H

#include "launch.h"

enum { MARGIN = 32 };                   /* elements of scratch rows before and after the states, always impossible */

enum {                                  /* p */
    LOSSES, ALPHA, LOG_PROBS, TARGETS, STARTS, INPUT_LENGTHS, TARGET_LENGTHS, DX, DY,
    SCRATCH                             /* ROWS_OF_SCRATCH rows of STATES + 2 * MARGIN elements for each sample */
};

enum { ROWS_OF_SCRATCH = 4 };

enum {                                  /* n */
    STEPS, BATCH, CLASSES,              /* LOG_PROBS is (STEPS, BATCH, CLASSES) */
    STATES,                             /* ALPHA is (BATCH, STEPS, STATES) */
    LABELS,                             /* the elements of TARGETS */
    BLANK,
    ZERO_INFINITY                       /* 1: an infinite loss has the gradient 0, else NaN */
};

#endif
