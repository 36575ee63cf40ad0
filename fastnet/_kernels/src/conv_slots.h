/* Launch slots of conv.c: those of a product (matmul.h) and the geometry of the windows. */
#ifndef FASTNET_CONV_SLOTS_H
#define FASTNET_CONV_SLOTS_H

#include "matmul.h"

/* n of conv and conv_weight. The element at position p of a spatial dimension of the output and position t of the
 * kernel is at p * STRIDE + t * DILATION - PADDING of the input. Each name is followed by those of the two other
 * spatial dimensions. */
enum ConvSize {
    INPUT_D = PRODUCT_SIZES, INPUT_H, INPUT_W,
    OUTPUT_D, OUTPUT_H, OUTPUT_W,
    KERNEL_D, KERNEL_H, KERNEL_W,
    STRIDE_D, STRIDE_H, STRIDE_W,
    DILATION_D, DILATION_H, DILATION_W,
    PADDING_D, PADDING_H, PADDING_W,
    CHANNELS,                             /* of a group of the input */
    PIXEL,                                /* channels of all groups: from one pixel of the input to the next */
    CONV_SIZES
};

enum { FILTERS_AHEAD = 4 };               /* filters to prefetch: too far apart for the processor's own prefetcher */

/* p and n of pack_filters, which packs the panels of a convolution. Position q = (channel, tap) of a filter's run
 * becomes row `tap * INNER + channel` of the panel; in a turned filter, whose runs are the taps of one output channel,
 * INNER is the number of these channels. */
enum { PANELS_OUT, FILTERS };
enum FilterSize {
    FILTER_LANES = 16, FILTER_DEPTH,      /* of a group's product */
    FILTER_LANE_STRIDE,                   /* from one lane to the next in the weight */
    RUNS, RUN_STRIDE, RUN_LENGTH,         /* contiguous runs of a lane */
    INNER,
    GROUP_STRIDE,                         /* from one group to the next in the weight */
    FULL_TAPS, FULL_H, FULL_W,            /* of the weight's kernel */
    FIRST_D, FIRST_H, FIRST_W,            /* the taps FIRST + STEP * i, i < USED, are used, */
    STEP_D, STEP_H, STEP_W,
    USED_D, USED_H, USED_W,
    TURNED                                /* 1: in reverse order */
};

#endif
