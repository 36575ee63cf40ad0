/* Sizes of the chunks in which sums are added (sums.h). The bodies and the launches that divide the work must agree. */
#ifndef FASTNET_CHUNKS_H
#define FASTNET_CHUNKS_H

enum {
    CHUNK = 2048,                    /* elements of a row */
    GROUP = 16,                      /* rows that a column adds in a register */
    COLUMN_CHUNK = 256,              /* rows, a multiple of GROUP */
    TILE = 512                       /* columns that are visited together */
};

#endif
