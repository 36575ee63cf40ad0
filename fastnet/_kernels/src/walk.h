/* Kernels over arrays of any strides and broadcast shapes: the walk over tiles of two dimensions.
 *
 * walk.pyx reduces the dimensions of all arrays together, to `outer` ones and an inner rows x cols, and cuts the inner
 * two into tiles; a block is one tile. A tile function computes one tile from the addresses of its first elements.
 * All steps are in bytes; a broadcast dimension has step 0.
 *
 * n: outer, rows, cols, rows of a tile, cols of a tile; then for each array its row step and col step; then for each
 * outer dimension its length and each array's step. */
#ifndef FASTNET_WALK_H
#define FASTNET_WALK_H

#include "simd.h"

enum { WALK_HEAD = 5, WALK_ARRAYS = 4, WALK_OUTER = 6 };

typedef struct {
    char *at[WALK_ARRAYS];              /* the first element of each array, out first */
    ptrdiff_t rows, cols;
    const ptrdiff_t *step;              /* row step and col step of each array */
} Tile;

#define ROW_STEP(tile, array) ((tile)->step[2 * (array)])
#define COL_STEP(tile, array) ((tile)->step[2 * (array) + 1])
#define WALK_ARGS const Launch *launch, ptrdiff_t begin, ptrdiff_t end

static inline ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

static inline int walk(WALK_ARGS, int arrays, void (*compute)(const Tile *)) {
    const ptrdiff_t *n = launch->n, *dims = n + WALK_HEAD + 2 * arrays;
    const ptrdiff_t outer = n[0], rows = n[1], cols = n[2], tile_rows = n[3], tile_cols = n[4], width = 1 + arrays;
    const ptrdiff_t row_blocks = ceil_div(rows, tile_rows), col_blocks = ceil_div(cols, tile_cols);
    char *base[WALK_ARRAYS];
    ptrdiff_t index[WALK_OUTER];
    Tile tile = {.step = n + WALK_HEAD};

    ptrdiff_t rest = begin / col_blocks, col = begin % col_blocks, row = rest % row_blocks;
    rest /= row_blocks;
    for (int k = 0; k < arrays; k++) base[k] = launch->p[k];
    for (ptrdiff_t d = outer - 1; d >= 0; d--) {
        const ptrdiff_t *dim = dims + d * width;
        index[d] = rest % dim[0];
        rest /= dim[0];
        for (int k = 0; k < arrays; k++) base[k] += index[d] * dim[1 + k];
    }
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t r = row * tile_rows, c = col * tile_cols;
        tile.rows = min_size(tile_rows, rows - r);
        tile.cols = min_size(tile_cols, cols - c);
        for (int k = 0; k < arrays; k++) tile.at[k] = base[k] + r * ROW_STEP(&tile, k) + c * COL_STEP(&tile, k);
        compute(&tile);
        if (++col < col_blocks) continue;
        col = 0;
        if (++row < row_blocks) continue;
        row = 0;
        for (ptrdiff_t d = outer - 1; d >= 0; d--) {        /* as an odometer turns */
            const ptrdiff_t *dim = dims + d * width;
            int turned = ++index[d] == dim[0];
            for (int k = 0; k < arrays; k++) base[k] += turned ? dim[1 + k] * (1 - dim[0]) : dim[1 + k];
            if (!turned) break;
            index[d] = 0;
        }
    }
    return 0;
}

#endif
