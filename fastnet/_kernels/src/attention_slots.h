/* Launch slots of attention. */
#ifndef FASTNET_ATTENTION_SLOTS_H
#define FASTNET_ATTENTION_SLOTS_H

#include "launch.h"

enum {
    KEY_BLOCK = 128,                    /* keys of a block: a draw of Philox gives this many words */
    SCORE_STEP = KEY_BLOCK + 16,        /* from one row of scores to the next: an odd number of cache lines */
    QUERY_ROWS = 72,                    /* the most queries of a block, with any number of rows of a tile */
    FEW_QUERIES = 4                     /* so few are computed without blocks */
};

/* p. Names share a slot where no kernel takes both. */
enum {
    A_Q, A_K, A_V, A_MASK, A_STATE, A_SCRATCH, A_LSE, A_OUT, A_DQ, A_DK, A_DV, A_DMASK,
    A_DELTA_OUT = A_Q,                  /* attention_delta: the result */
    A_DOUT = A_DMASK,                   /* attention_delta */
    A_SLOPE = A_OUT                     /* attention_backward: the gradient of out */
};

enum { A_BATCH_STEP, A_ROW_STEP, A_HEAD_STEP, A_STEPS };     /* the steps of an array, in elements */

/* n; the name of the steps of an array is that of the first */
enum {
    A_BATCH, A_HEADS, A_SHARED,         /* A_SHARED: heads of q that read one head of k and v */
    A_QUERIES, A_KEYS, A_WIDTH, A_VALUE_WIDTH,
    A_Q_STEPS,
    A_K_STEPS = A_Q_STEPS + A_STEPS,
    A_V_STEPS = A_K_STEPS + A_STEPS,
    A_OUT_STEPS = A_V_STEPS + A_STEPS,
    A_SLOPE_STEPS = A_OUT_STEPS + A_STEPS,
    A_DQ_STEPS = A_SLOPE_STEPS + A_STEPS,
    A_DK_STEPS = A_DQ_STEPS + A_STEPS,
    A_DV_STEPS = A_DK_STEPS + A_STEPS,
    A_MASK_STEPS = A_DV_STEPS + A_STEPS,
    A_TRIMMED = A_MASK_STEPS + A_STEPS,       /* 1: query i attends to keys up to i + A_DIAGONAL */
    A_DIAGONAL,
    A_DRAW_OFFSET, A_THRESHOLD, A_DROPS,        /* of Philox; A_DROPS 0: no dropout */
    A_QUERY_BLOCKS,                     /* of a head; the queries are divided evenly */
    A_BY_QUERIES,                       /* attention_backward: a block is a block of queries, not of keys */
    A_HELD_QUERIES, A_HELD_KEYS,        /* rows of the copies in a slot of the scratch memory */
    A_DELTA,                            /* elements of the scratch memory before the slots */
    A_SLOTS, A_SLOT                     /* parts of the scratch memory, and elements of one */
};

enum { A_SCALE, A_KEEP_SCALE };         /* s */

#endif
