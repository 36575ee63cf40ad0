/* Launch slots and block sizes of recurrent.c and recurrent.pyx. */
#ifndef FASTNET_RECURRENT_SLOTS_H
#define FASTNET_RECURRENT_SLOTS_H

#include "launch.h"

enum {
    BLOCK_SEQUENCES = 2,                /* sequences of a block of a launch of all steps */
    BLOCK_VECTORS = 2                   /* vectors of units of a block of a launch of one step */
};

/* p. Names share a slot where no body takes both. */
enum {
    OUTPUT, GATES, CELLS, BEFORE, LAST_H, LAST_C, FIRST_H, FIRST_C, BIASES, SIZES_AT, MEMORY, MIXED,
    PRODUCT = MIXED,                    /* of the states of the only step, in place of a weight */
    INPUT = MIXED,                      /* if FEATURES is not 0 */
    DGATES = OUTPUT, DOUTPUT = LAST_H, DHIDDEN = MIXED, DLAST_H = FIRST_H, DLAST_C = FIRST_C, DFIRST_H = BIASES,
    DFIRST_C = LAST_C, DPROJECTED = MIXED,
    PACKED_TO = OUTPUT, PACKED_FROM = GATES
};

enum {                                  /* n */
    BATCH, STEPS, TOTAL,                /* sequences, time steps, rows of all arrays over time */
    AT_STEP,                            /* the step of a launch of one step, in the order of computation */
    FEATURES,                           /* of an input that each step multiplies by its weight; 0: gates are given */
    HIDDEN, STATE,                      /* units, elements of h: fewer than units with a projection */
    OUTPUT_STRIDE,                      /* between the rows of the output or its gradient */
    SLOPE_STRIDE,                       /* between the rows of the gates' gradients */
    REVERSE,
    RECTIFIED,                          /* 1: rnn has relu for tanh */
    WEIGHTED,                           /* 0: without a weight */
    PROJECTED,                          /* 1: h is a projection of the units */
    PANELS_AT, PROJECTION_AT, ROWS_AT, UNITS_AT,    /* offsets of the parts of MEMORY, in elements */
    ROW_WIDTH, UNIT_WIDTH,              /* elements between the rows at ROWS_AT and UNITS_AT */
    PACKED_GATES, PACKED_DEPTH, PACKED_LANES,
    PACKED_STRIDE,                      /* from one panel to the next, in elements */
    PACKED_ALONG                        /* 1: the weight is (depth, lanes) */
};

#endif
