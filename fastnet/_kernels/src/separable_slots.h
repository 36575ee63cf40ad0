/* Launch slots of separable.inc.h. */
#ifndef FASTNET_SEPARABLE_SLOTS_H
#define FASTNET_SEPARABLE_SLOTS_H

enum {
    S_OUT, S_X,
    S_EXPAND, S_EXPAND_AFFINE,            /* panels */
    S_FILTERS, S_AFFINE,                  /* of the depthwise convolution, as grouped_filters writes them */
    S_PROJECT, S_PROJECT_AFFINE,          /* panels */
    S_RESIDUAL, S_SCRATCH
};

enum SeparableSize {
    S_INPUT_H, S_INPUT_W, S_CHANNELS,     /* of x */
    S_WIDE, S_LANES,                      /* channels of the depthwise convolution; rounded up to whole vectors */
    S_OUTPUT_H, S_OUTPUT_W, S_OUTPUTS,    /* of out */
    S_KERNEL_H, S_KERNEL_W, S_STRIDE_H, S_STRIDE_W, S_DILATION_H, S_DILATION_W, S_PADDING_H, S_PADDING_W,
    S_ACTIVATION,                         /* of the first two convolutions */
    S_LINES, S_STRIPS,                    /* lines of a strip of the output, strips of an image */
    S_ROOM,                               /* expanded lines of a strip at most */
    S_EXPAND_GROUP, S_PROJECT_GROUP,      /* slivers of a group */
    S_SLOTS, S_SLOT
};

#endif
