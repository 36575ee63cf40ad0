/* Kernels over arrays of any strides and broadcast shapes: a loop over tiles of two dimensions.
 *
 * walk.pyx merges the dimensions of all arrays into outer dimensions and an inner pair, rows x cols, and divides the
 * pair into tiles; a block is one tile. A tile function computes one tile from the addresses of its first elements.
 * The step of a broadcast dimension is 0. */
#ifndef FASTNET_WALK_H
#define FASTNET_WALK_H

#include "simd.h"
#include "walk_slots.h"

typedef struct {
    char *at[WALK_ARRAYS];              /* the first element of each array, the output first */
    ptrdiff_t rows, cols;
    const ptrdiff_t *step;              /* row step and column step of each array */
} Tile;

#define ROW_STEP(tile, array) ((tile)->step[2 * (array)])
#define COL_STEP(tile, array) ((tile)->step[2 * (array) + 1])

static inline int walk(BODY_ARGS, int arrays, void (*compute)(const Tile *)) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t outer = n[WALK_OUTER], rows = n[WALK_ROWS], cols = n[WALK_COLS];
    const ptrdiff_t tile_rows = n[WALK_TILE_ROWS], tile_cols = n[WALK_TILE_COLS];
    const ptrdiff_t row_blocks = ceil_div(rows, tile_rows), col_blocks = ceil_div(cols, tile_cols);
    char *base[WALK_ARRAYS];
    ptrdiff_t index[WALK_MOST_OUTER];
    Tile tile = {.step = n + WALK_STEPS};

    ptrdiff_t rest = begin / col_blocks, col = begin % col_blocks, row = rest % row_blocks;
    rest /= row_blocks;
    for (int k = 0; k < arrays; k++) base[k] = launch->p[k];
    for (ptrdiff_t d = outer - 1; d >= 0; d--) {
        const ptrdiff_t length = n[WALK_LENGTH(arrays, d)];
        index[d] = rest % length;
        rest /= length;
        for (int k = 0; k < arrays; k++) base[k] += index[d] * n[WALK_STEP(arrays, d, k)];
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
        for (ptrdiff_t d = outer - 1; d >= 0; d--) {        /* count up the outer indices, the last one fastest */
            const ptrdiff_t length = n[WALK_LENGTH(arrays, d)];
            int carry = ++index[d] == length;
            for (int k = 0; k < arrays; k++) {
                const ptrdiff_t step = n[WALK_STEP(arrays, d, k)];
                base[k] += carry ? step * (1 - length) : step;
            }
            if (!carry) break;
            index[d] = 0;
        }
    }
    return 0;
}

#endif
