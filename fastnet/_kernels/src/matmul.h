/* What the two halves of matmul must agree on: the plan is made in matmul.pyx, the work is done in matmul.c.
 *
 * A product is computed as rows x lanes: `rows` are broadcast from one operand, element by element, `lanes` are vectors
 * of the other. Mostly the rows are out's rows and the lanes its columns; where that is cheaper it is the other way
 * round (out' = b' a'). Each number of the result is the same chain of fused multiply-adds either way. */
#ifndef FASTNET_MATMUL_H
#define FASTNET_MATMUL_H

#include "isa.h"

/* A tile is `rows` rows by two vectors, which leaves registers for two vectors of lanes and a broadcast. Each
 * instruction set's object exports its own; TILE_SIZES makes tile_sizes[ISA_COUNT] of them. */
typedef struct {
    int rows, lanes[2];                   /* one vector of float32, of float64 */
    int k_bytes;
} TileSize;

#define ISA_TILE_SIZE(x, isa, has, unix_flags, msvc_flags) extern const TileSize matmul_tile_##isa;
#define ISA_TILE_ADDRESS(x, isa, has, unix_flags, msvc_flags) &matmul_tile_##isa,
#define TILE_SIZES \
    ISAS(ISA_TILE_SIZE, 0) \
    static const TileSize *const tile_sizes[ISA_COUNT] = {ISAS(ISA_TILE_ADDRESS, 0)};

/* k is cut into equal blocks of at most TILE_K_BYTES; each block is summed from zero and added to what is there. The
 * cut depends on k and the instruction set alone, or the bits would depend on more. */

/* Panels that are packed at once, so that lanes that adjoin are read in long runs; the slivers of a group at the most,
 * and those that take long enough for the next panels to come near. */
enum { RUN = 4, GROUP_MOST = 32, PREFETCH_FROM = 8 };

/* A block of matvec is a vector of results, or where the matrix runs along the results so many bytes of them: long runs
 * for the processor's prefetcher, whose sums yet stay in the first cache. One of outer is so many rows. */
enum { STRIP_BYTES = 2048, OUTER_ROWS = 8 };

/* Where a tile's lanes come from. */
enum LanesFrom {
    DIRECT,                 /* the operand itself (its lanes adjoin), but for a partial last vector, which is COPIED */
    COPIED                  /* panels that are packed by the block that uses them, into scratch memory */
};

enum Activation { NONE_, RELU, SIGMOID, TANH, GELU, GELU_TANH, SILU };

/* Launch.n of matmul, matvec and outer; strides are in elements. */
enum Size {
    ROWS, LANES, DEPTH,
    ROW_STRIDE, ROW_K, ROW_BATCH,         /* the operand that is broadcast: by row, along k, by product */
    LANE_STRIDE, LANE_K, LANE_BATCH,      /* the operand that is read as vectors */
    OUT_COLUMNS,                          /* out's row length */
    SWAPPED,                              /* 1: rows are out's columns */
    ACTIVATION, ACCUMULATE,
    ROW_CHUNKS, LANE_CHUNKS,              /* a product's blocks: slivers and panels are dealt out to them evenly */
    LANES_FROM, COPY_ROWS,                /* COPY_ROWS 1: slivers of rows are packed, too */
    GROUP,                                /* the slivers that meet a panel while it is in the first cache */
    PANELS,                               /* the panels that a slot has room for */
    SLOTS, SLOT,                          /* the parts of the scratch memory, and the size of one, in elements */
    BIAS_STEP,                            /* matvec: 0 where one bias serves all */
    STRIP                                 /* matvec: the results of a block */
};

#endif
