/* Launch slots of winograd.inc.h. A tile is TILE_SIDE x TILE_SIDE pixels of the output; with a 3x3 kernel it needs
 * POINTS x POINTS pixels of the input, and becomes as many products. */
#ifndef FASTNET_WINOGRAD_SLOTS_H
#define FASTNET_WINOGRAD_SLOTS_H

enum {
    TILE_SIDE = 4, POINTS = TILE_SIDE + 2, PRODUCTS = POINTS * POINTS,
    TILES_AT_ONCE = 42,                   /* tiles of a block: whole slivers of 6 and 14 rows */
    FILTER_BLOCK = 16,                    /* channels of a block of filters */
    ORDERED_AHEAD = 8,                    /* channels whose ordered taps are prefetched */
    FILTER_PART = 64                      /* channels whose transformed filters stay in the second cache */
};

enum { W_OUT, W_X, W_WEIGHT, W_PANELS, W_BIAS, W_AFFINE, W_RESIDUAL, W_SCRATCH };

enum WinogradSize {
    W_INPUT_H, W_INPUT_W, W_CHANNELS,     /* of x */
    W_OUTPUT_H, W_OUTPUT_W, W_FILTERS,    /* of out */
    W_PADDING_H, W_PADDING_W,
    W_TILES_H, W_TILES_W, W_TILES,        /* of an image, and of all images */
    W_FIRST, W_COUNT,                     /* the tiles that winograd_input and winograd_slopes transform */
    W_ROW,                                /* elements from one tile to the next in transformed inputs */
    W_LANE_CHUNKS,                        /* blocks that share a block of tiles */
    W_ACTIVATION,
    W_SLOTS, W_SLOT,
    W_LANE_STRIDE, W_K_STRIDE, W_TURNED,  /* of filters: between lanes, between channels; 1: taps in reverse order */
    W_ORDERED                             /* 1: W_PANELS has the taps of the filters, as winograd_order writes them */
};

#endif
