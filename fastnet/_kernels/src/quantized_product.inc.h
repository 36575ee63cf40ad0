/* Integer products of stored rows by packed panels, for matrices and convolutions, and the packing of both. */
#include "integer.h"
#include "quantized_slots.h"
#include "tile.h"

#include "quantized_finish.inc.h"
#include "quantized_store.inc.h"

typedef struct {
    const char *source;                 /* row i at source + i * row_step, in bytes */
    ptrdiff_t row_step, taps[3], tap[3], run;
    const int8_t *panel;
    int32_t *sums;
} DotTile;

#define VECTORS 1
#include "quantized_tile.inc.h"
#undef VECTORS
#define VECTORS 2
#include "quantized_tile.inc.h"
#undef VECTORS

enum { DOT_PANEL = 2 * W_i32 };

/* Vectors of lanes of a set. */
static inline ptrdiff_t vectors_of(const ptrdiff_t *n) { return ceil_div(n[Q_LANES], W_i32); }

/* The groups of a row. */
static inline ptrdiff_t groups_of(const ptrdiff_t *n) { return n[Q_TAPS_D] * n[Q_TAPS_H] * n[Q_TAPS_W] * n[Q_RUN]; }

/* The first stored number of a line. */
static inline const dot_t *line_of(const Launch *launch, ptrdiff_t line) {
    const ptrdiff_t *n = launch->n, h = line % n[Q_LINES_H], plane = line / n[Q_LINES_H];
    return (const dot_t *)launch->p[Q_ROWS] + plane / n[Q_LINES_D] * n[Q_IMAGE_STEP]
         + plane % n[Q_LINES_D] * n[Q_PLANE_STEP] + h * n[Q_LINE_STEP];
}

/* One sliver, rows [first, end) of a line, by panel p of a set. */
static inline void sliver_by_panel(const Launch *launch, DotTile *t, ptrdiff_t line, ptrdiff_t first, ptrdiff_t end,
                                   ptrdiff_t set, ptrdiff_t p) {
    const ptrdiff_t *n = launch->n, vectors = vectors_of(n);
    const int32_t *lane_sums = (const int32_t *)launch->p[Q_PANELS] + set * vectors * W_i32 + p * DOT_PANEL;
    t->source = (const char *)(line_of(launch, line) + first * n[Q_ROW_STEP] + set * n[Q_SET_STEP]);
    const int wide = vectors - 2 * p > 1;
    (wide ? tiles2 : tiles1)[end - first](t);
    for (int v = 0; v <= wide; v++) {
        const ptrdiff_t lane = p * DOT_PANEL + v * W_i32;
        finish(launch, t->sums + v * W_i32, DOT_PANEL, line * n[Q_LINE] + first, end - first,
               set * n[Q_LANES] + lane, v_load_i32(lane_sums + v * W_i32), n[Q_LANES] - lane);
    }
}

/* A block is a chunk of slivers by a chunk of panels of one set. A group of slivers stays in the second cache while it is
 * multiplied by one panel after the other. */
static int product(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, slivers = ceil_div(n[Q_LINE], TILE_ROWS), panels = ceil_div(vectors_of(n), 2);
    const ptrdiff_t across = n[Q_ROW_CHUNKS], along = n[Q_LANE_CHUNKS], size = sizeof(dot_t);
    int32_t sums[TILE_ROWS * DOT_PANEL];
    DotTile t = {0};
    t.row_step = n[Q_ROW_STEP] * size, t.run = n[Q_RUN], t.sums = sums;
    for (int i = 0; i < 3; i++) t.taps[i] = n[Q_TAPS_D + i], t.tap[i] = n[Q_TAP_D + i] * size;
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t row_chunk = b % across, lane_chunk = b / across % along, set = b / across / along;
        const ptrdiff_t all = n[Q_LINES] * slivers, stop = part_start(all, row_chunk + 1, across);
        const int8_t *packed = (const int8_t *)launch->p[Q_PANELS] + n[Q_PANELS_AT] + set * n[Q_SET_BYTES];
        for (ptrdiff_t s = part_start(all, row_chunk, across); s < stop; s += n[Q_GROUP])
            for (ptrdiff_t p = part_start(panels, lane_chunk, along); p < part_start(panels, lane_chunk + 1, along); p++) {
                t.panel = packed + p * DOT_PANEL * groups_of(n) * DOT_DEPTH;
                for (ptrdiff_t i = s; i < min_size(s + n[Q_GROUP], stop); i++)
                    sliver_by_panel(launch, &t, i / slivers, part_start(n[Q_LINE], i % slivers, slivers),
                                    part_start(n[Q_LINE], i % slivers + 1, slivers), set, p);
            }
    }
    return 0;
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */

/* A row of numbers that are contiguous and signed, DOT_DEPTH at a time; returns their sum. */
static int32_t pack_contiguous(int8_t *to, ptrdiff_t step, const int8_t *row, ptrdiff_t length) {
    const ptrdiff_t whole = length / DOT_DEPTH * DOT_DEPTH;
    int32_t sum = 0;
    for (ptrdiff_t k = 0; k < whole; k += DOT_DEPTH, to += step) memcpy(to, row + k, DOT_DEPTH);
    for (ptrdiff_t k = whole; k < length; k++) to[k - whole] = row[k];
    for (ptrdiff_t k = 0; k < length; k++) sum += row[k];
    return sum;
}

/* The same for numbers anywhere, `flip` exclusive-ored to them. */
static int32_t pack_scattered(int8_t *to, ptrdiff_t step, const int8_t *row, const ptrdiff_t *n, int flip) {
    int32_t sum = 0;
    int place = 0;
    for (ptrdiff_t rest = n[Q_LENGTH]; rest > 0; rest -= n[Q_INNER], row += n[Q_PIXEL_STRIDE]) {
        const int8_t *from = row;
        for (ptrdiff_t c = n[Q_INNER]; c > 0; c--, from += n[Q_CHANNEL_STRIDE]) {
            const int8_t value = (int8_t)(*from ^ flip);
            to[place] = value;
            sum += value;
            if (++place == DOT_DEPTH) place = 0, to += step;
        }
    }
    return sum;
}

/* The weights of one vector of lanes for one run: to[group][lane][DOT_DEPTH], with `width` lanes from group to group. */
static void pack_run(int8_t *to, ptrdiff_t width, int32_t *sums, const Launch *launch, const int8_t *x, ptrdiff_t lanes) {
    const ptrdiff_t *n = launch->n, step = width * DOT_DEPTH;
    const int contiguous = n[Q_SIGNED] && n[Q_CHANNEL_STRIDE] == 1 && n[Q_INNER] == n[Q_LENGTH];
    for (ptrdiff_t lane = 0; lane < lanes; lane++, to += DOT_DEPTH, x += n[Q_LANE_STRIDE]) {
        const int32_t sum = contiguous ? pack_contiguous(to, step, x, n[Q_LENGTH])
                                       : pack_scattered(to, step, x, n, n[Q_SIGNED] ? 0 : 0x80);
        sums[lane] = (int32_t)((uint32_t)sums[lane] + (uint32_t)sum);
    }
}

/* A block is a panel of a set. */
static int pack_weights(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, vectors = vectors_of(n), panels = ceil_div(vectors, 2);
    const ptrdiff_t runs = n[Q_TAPS_D] * n[Q_TAPS_H] * n[Q_TAPS_W];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t set = b / panels, p = b % panels, count = min_size(2, vectors - 2 * p);
        int8_t *panel = (int8_t *)launch->p[Q_PANELS] + n[Q_PANELS_AT] + set * n[Q_SET_BYTES]
                      + p * DOT_PANEL * groups_of(n) * DOT_DEPTH;
        memset(panel, 0, (size_t)(count * W_i32 * groups_of(n) * DOT_DEPTH));
        for (ptrdiff_t v = 0; v < count; v++) {
            const ptrdiff_t lane = p * DOT_PANEL + v * W_i32;
            int32_t *sums = (int32_t *)launch->p[Q_PANELS] + set * vectors * W_i32 + lane;
            memset(sums, 0, W_i32 * sizeof *sums);
            for (ptrdiff_t run = 0; run < runs; run++)
                pack_run(panel + (run * n[Q_RUN] * count + v) * W_i32 * DOT_DEPTH, count * W_i32, sums, launch,
                         (const int8_t *)launch->p[Q_SOURCE] + (set * n[Q_LANES] + lane) * n[Q_LANE_STRIDE]
                         + run * n[Q_RUN_STRIDE], min_size(W_i32, n[Q_LANES] - lane));
        }
    }
    return 0;
}
