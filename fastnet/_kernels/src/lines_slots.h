/* Launch slots of planes.inc.h and line_sums.inc.h. Those of the windows (conv_slots.h) follow them in n. */
#ifndef FASTNET_LINES_SLOTS_H
#define FASTNET_LINES_SLOTS_H

enum { MOST_RUNS = 512 };                 /* KERNEL_D * KERNEL_H * CHANNELS of planes.inc.h at most */

enum { L_OUT, L_X, L_PANEL, L_DY, L_BIAS, L_AFFINE, L_RESIDUAL, L_SCRATCH };

enum LinesSize {
    L_FILTERS,
    L_LINES,                              /* lines of a part of a plane of the output */
    L_PARTS,                              /* parts of a plane */
    L_COPIED,                             /* lines of the input that a part meets, for one tap of D */
    L_ROW,                                /* elements from one copied line to the next */
    L_SLOTS, L_SLOT,                      /* parts of the scratch memory, and elements of one */
    L_PLANE,                              /* conv_planes: elements from one copied plane to the next */
    L_ACTIVATION,
    L_PIXELS,                             /* the gradient of the filters: neighbouring pixels in one row of lanes, */
    L_SPANS,                              /* spans of a line, */
    L_ITEMS, L_PIECES,                    /* spans of all parts, and the pieces into which these are divided, */
    L_SLOPE_ROW                           /* and elements from one copied line of dy to the next; 0: not copied */
};

#endif
