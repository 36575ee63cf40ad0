/* Launch slots of integer products, which quantized_matmul.pyx and quantized_conv.pyx plan and quantized_product.inc.h
 * computes.
 *
 * A product has `lines` of rows: the rows of a matrix, or the pixels of a line of an image. A row is multiplied by
 * panels of two vectors of lanes, the output's columns. It is read as runs, one for each tap of a kernel, in groups of
 * DOT_DEPTH numbers; a matrix has one run. */
#ifndef FASTNET_QUANTIZED_SLOTS_H
#define FASTNET_QUANTIZED_SLOTS_H

#include "isa.h"

/* The dot products of each instruction set: numbers in a group, bytes of a stored number, its form (integer.h), lanes
 * of a vector and rows of a tile. */
typedef struct {
    int depth, bytes, wide, flip, lanes, rows;
} Dots;

#define ISA_DOTS(x, isa, base, has, unix_flags, msvc_flags) extern const Dots dots_##isa;
#define ISA_DOTS_ADDRESS(x, isa, base, has, unix_flags, msvc_flags) &dots_##isa,
#define DOTS \
    ISAS(ISA_DOTS, 0) \
    static const Dots *const dots_tables[ISA_COUNT] = {ISAS(ISA_DOTS_ADDRESS, 0)};

enum { FEW_ROWS = 4, FEW_LANES = 16 };  /* rows and lanes of a block that reads the weight where it is */

/* What becomes of a sum. */
enum Finish { REQUANTIZED, RAW, DEQUANTIZED };

enum {
    Q_OUT, Q_ROWS, Q_PANELS, Q_BIAS, Q_MULTIPLIER, Q_SHIFT, Q_ROW_SCALE, Q_ROW_ZERO, Q_SCALE, Q_ROW_SUMS, Q_LANE_ZERO,
    Q_SOURCE                            /* what the launches that pack read: rows, weight or image */
};

enum {
    /* the product */
    Q_LINE, Q_LINES, Q_LINES_H, Q_LINES_D,      /* rows of a line; all lines, those of a plane and of an image */
    Q_IMAGE_STEP, Q_PLANE_STEP, Q_LINE_STEP, Q_ROW_STEP,        /* elements between images, planes, lines and rows */
    Q_TAPS_D, Q_TAPS_H, Q_TAPS_W, Q_TAP_D, Q_TAP_H, Q_TAP_W,    /* runs, and elements between them */
    Q_RUN,                              /* groups of a run */
    Q_LANES, Q_COLUMNS,                 /* lanes of a set, columns of out */
    Q_SETS, Q_SET_STEP,                 /* groups of a convolution, and elements between their channels */
    Q_SET_BYTES, Q_PANELS_AT,           /* of a set's panels; where they begin, after the sums of all lanes */
    Q_FINISH, Q_OUT_BYTES, Q_RELU,
    Q_ZERO, Q_ZERO_OUT, Q_LOW, Q_HIGH,  /* Q_ZERO: of rows, as stored; added to Q_ROW_ZERO */
    Q_DEPTH,                            /* numbers of a row */
    Q_ROW_CHUNKS, Q_LANE_CHUNKS, Q_GROUP,       /* blocks; slivers that use a panel one after the other */
    /* packing of weights: element (lane, run, pixel, channel) */
    Q_INNER, Q_LANE_STRIDE, Q_RUN_STRIDE, Q_PIXEL_STRIDE, Q_CHANNEL_STRIDE, Q_SIGNED,
    Q_LENGTH                            /* numbers of a run, in pixels of Q_INNER channels */
};

/* n of the launches that store rows and images */
enum {
    A_ROWS, A_LENGTH, A_STEP, A_SOURCE_STEP, A_FLIP, A_SIGNED,
    A_D, A_H, A_W, A_CHANNELS, A_PADDED_D, A_PADDED_H, A_PADDED_W, A_BEFORE_D, A_BEFORE_H, A_BEFORE_W, A_ZERO,
    A_GAP, A_WIDE                       /* depthwise: pixels between the numbers of a group; channels with padding */
};

#endif
