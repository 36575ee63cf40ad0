/* Launch slots and sizes that matmul.pyx, which plans a product, and matmul.c, which computes it, must agree on.
 *
 * A product is computed as rows x lanes: `rows` of one operand are broadcast, element by element; `lanes` are vectors
 * of the other. Usually the rows are out's rows and the lanes its columns. If it is cheaper, they are swapped (out' =
 * b' a'). Each number of the result is the same chain of fused multiply-adds either way. */
#ifndef FASTNET_MATMUL_H
#define FASTNET_MATMUL_H

#include "isa.h"

/* A tile is `rows` rows by two vectors, which leaves registers for two vectors of lanes and a broadcast. The object of
 * each instruction set exports its tile size; TILE_SIZES makes tile_sizes[ISA_COUNT] of them. */
typedef struct {
    int rows, lanes[2];                   /* one vector of float32, of float64 */
    int k_bytes;
    int has_half;                         /* float32 has tiles of half a vector */
} TileSize;

#define ISA_TILE_SIZE(x, isa, base, has, unix_flags, msvc_flags) extern const TileSize matmul_tile_##base;
#define ISA_TILE_ADDRESS(x, isa, base, has, unix_flags, msvc_flags) &matmul_tile_##base,
#define TILE_SIZES \
    ISAS(ISA_TILE_SIZE, 0) \
    static const TileSize *const tile_sizes[ISA_COUNT] = {ISAS(ISA_TILE_ADDRESS, 0)};

/* k is divided into blocks of at most TILE_K_BYTES, whole runs or equal parts of one; each block is summed from zero and
 * added to out. The division depends only on k, the runs and the instruction set, so the bits do too. */

enum {
    RUN = 4,                              /* panels packed at once, so that contiguous lanes are read in long runs */
    GROUP_MOST = 32,                      /* the most slivers of a group */
    RUNS_MOST = 64,                       /* the most runs of a block of k */
    PREFETCH_FROM = 8,                    /* slivers that take long enough to prefetch the next panels */
    COPY_AHEAD = 16                       /* k that are prefetched while slivers are copied */
};

/* A block of matvec is a vector of results or, if the matrix is contiguous along the results, STRIP_BYTES of them: long
 * runs for the processor's prefetcher, with sums that stay in the first cache. A block of outer is OUTER_ROWS rows. */
enum { STRIP_BYTES = 2048, OUTER_ROWS = 8 };

enum { CACHE_WAY = 4096 };                /* rows this many bytes apart share one set of the first cache */

/* The source of a tile's lanes. */
enum LanesFrom {
    DIRECT,                 /* the operand, whose lanes are contiguous; a partial last vector is COPIED */
    COPIED,                 /* panels that each block packs into scratch memory */
    PACKED                  /* panels that an earlier launch packed, as panel[k][lane] */
};

/* Those up to RELU6 take no registers that a tile lacks. */
enum Activation { NONE_, RELU, RELU6, SIGMOID, TANH, GELU, GELU_TANH, SILU, HARDSWISH, HARDSIGMOID };

/* p of matmul, matvec, outer and the products of conv.c */
enum { OUT, ROW_OPERAND, LANE_OPERAND, BIAS, SCRATCH, RESIDUAL, AFFINE };

/* n of matmul, matvec and outer; strides are in elements */
enum Size {
    ROWS, LANES, DEPTH,
    LINE,                                 /* rows that slivers divide evenly; 0: all */
    RUN_K,                                /* k of a contiguous run of the row operand; 0: all */
    ROW_STRIDE, ROW_K, ROW_BATCH,         /* of the row operand: between rows, along k, between products */
    LANE_STRIDE, LANE_K, LANE_BATCH,      /* of the lane operand */
    OUT_COLUMNS,                          /* out's row stride */
    OUT_BATCH, BIAS_BATCH,                /* between products */
    AFFINE_STEP,                          /* from centres to scales and to shifts */
    SWAPPED,                              /* 1: rows are out's columns */
    ACTIVATION, ACCUMULATE,
    ROW_CHUNKS, LANE_CHUNKS,              /* blocks of a product; slivers and panels are divided evenly among them */
    LANES_FROM, COPY_ROWS,                /* COPY_ROWS 1: slivers of rows are packed, too */
    GROUP_SLIVERS,                        /* slivers that use a panel while it is in the first cache */
    PANELS,                               /* panels that fit into a slot */
    SLOTS, SLOT,                          /* parts of the scratch memory, and elements of one */
    BIAS_STEP,                            /* matvec: 0 if all results share one bias */
    STRIP,                                /* matvec: results of a block */
    PRODUCT_SIZES
};

#endif
