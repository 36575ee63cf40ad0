/* Launch slots of grouped.inc.h and grouped_sums.inc.h. Those of the windows (conv_slots.h) follow them in n. */
#ifndef FASTNET_GROUPED_SLOTS_H
#define FASTNET_GROUPED_SLOTS_H

enum {
    SPAN_PIXELS = 16,                     /* a span is a multiple of them */
    SLOPES_AT_ONCE = 4,                   /* neighbouring gradients in registers */
    TAPS_AT_ONCE = 8,                     /* sums of a gradient in registers, for windows of any shape */
    LINES_AT_ONCE = 5,                    /* lines of the kernel whose sums are in registers, at most */
    KERNEL_LINES = 64,                    /* KERNEL_D * KERNEL_H at most */
    PART_LINES = 16,                      /* lines of a part at most */
    MEMBER_LINES = LINES_AT_ONCE * PART_LINES,
    MEMBER_BYTES = 32 << 10               /* of the copy of a part, one vector of channels */
};

/* How a lane gets channel s of its group from the input. */
enum {
    DEPTHWISE,                            /* the lane's own channel: s is 0 */
    SPREAD,                               /* a permutation of a vector, which holds whole groups */
    BROADCAST                             /* one number for all lanes, which are in one group */
};

enum { G_OUT, G_X, G_FILTERS, G_BIAS, G_AFFINE, G_RESIDUAL, G_DY };

enum GroupedSize {
    G_SIZE,                               /* channels of a group: a power of 2 below the lanes of a vector, or a multiple
                                           * of the lanes */
    G_LANES,                              /* channels rounded up to whole vectors */
    G_TURNED,                             /* 1: the gradient of the input; INPUT is then the array that is read */
    G_ACTIVATION,
    G_LINES,                              /* lines of a part */
    G_PARTS,                              /* parts of a plane of the output */
    G_SPAN, G_SPANS,                      /* outputs of a span of a line, a multiple of SPAN_PIXELS; spans of a line */
    G_AHEAD, G_OUT_AHEAD,                 /* 1: fetch the next line of the input, of the output: it is not in a cache */
    G_ITEMS,                              /* gradient of the filters: parts of all planes, */
    G_PIECES,                             /* pieces into which these are divided, */
    G_COPIES,                             /* 1: parts are copied */
    G_VECTORS, G_CHUNKS                   /* vectors of channels of a block, and blocks of a piece */
};

#endif
