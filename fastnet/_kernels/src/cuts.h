/* Where sums are cut (sums.h): the bodies and the launches that divide the work among them must agree. */
#ifndef FASTNET_CUTS_H
#define FASTNET_CUTS_H

enum {
    CHUNK = 2048,                    /* elements of a row */
    GROUP = 16,                      /* rows that a column adds in a register */
    COLUMN_CHUNK = 256,              /* rows, a multiple of GROUP */
    TILE = 512                       /* columns that are walked together */
};

#endif
