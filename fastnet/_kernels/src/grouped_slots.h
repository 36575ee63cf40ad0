/* Launch slots of grouped.inc.h. Those of the windows and of the filters (conv_slots.h) follow them in n. */
#ifndef FASTNET_GROUPED_SLOTS_H
#define FASTNET_GROUPED_SLOTS_H

enum {
    PIXELS_AT_ONCE = 8,                   /* neighbouring outputs that share a filter in a register */
    SUMS_AT_ONCE = 4                      /* independent sums of a gradient */
};

enum { G_OUT, G_X, G_FILTERS, G_BIAS, G_AFFINE, G_RESIDUAL, G_SCRATCH, G_DY };

enum GroupedSize {
    G_SIZE,                               /* channels of a group, a power of 2 up to the lanes of a vector */
    G_LINES,                              /* lines of the output that are computed together */
    G_PARTS,                              /* such parts of a plane */
    G_ITEMS,                              /* parts of all planes in a block of the filters' gradient */
    G_ROWS, G_COLUMNS,                    /* of the copied input: lines of one plane, pixels */
    G_STEP_IMAGE, G_STEP_D, G_STEP_H, G_STEP_W,     /* elements between neighbouring outputs */
    G_PADDED,                             /* channels rounded up to whole vectors */
    G_ACTIVATION, G_SLOTS, G_SLOT,
    G_BLOCKS                              /* of the filters' gradient; for its sums, parts of all planes */
};

#endif
