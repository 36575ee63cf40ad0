/* Launch slots and block sizes of the losses. */
#ifndef FASTNET_LOSS_SLOTS_H
#define FASTNET_LOSS_SLOTS_H

#include "map_slots.h"

enum { DELTA = MAP_SCALAR_0 };          /* s of huber_loss */
enum { BETA = MAP_SCALAR_0 };           /* s of smooth_l1_loss */

enum {                                  /* p of gradients and of cross-entropy; the others have those of map_slots.h */
    DX, X, TARGET, DY, POS_WEIGHT,
    LOSSES, WEIGHTS, PROBS, CLASS_WEIGHT, TOTAL
};

enum {                                  /* n */
    SIZE = MAP_SIZE,                    /* elementwise gradients */
    DY_STEP,                            /* 0: dy is a single element, 1: one for each element or row */
    ROWS, CLASSES, BLOCK_ROWS,          /* cross-entropy */
    IGNORE_INDEX
};

enum { SCALE, PARAMETERS };             /* s of gradients; from PARAMETERS on, the loss's own as above */
enum { LABEL_SMOOTHING = PARAMETERS };  /* s of cross-entropy */

enum { ROWS_AT_ONCE = 16 };             /* cross-entropy takes a vector of rows at once, of at most this many lanes */

#endif
