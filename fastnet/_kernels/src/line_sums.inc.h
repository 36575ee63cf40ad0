/* The gradient of filters over few channels. Included once for each T.
 *
 * For one line of the kernel, row (tap, channel) of the product is an element of a pixel's window, a lane is a filter,
 * and k are the pixels of a line of the output. The windows of neighbouring pixels overlap, and are read from one copy
 * of the input's line, so each line of the output is a run of the tile. If there are few filters, neighbouring pixels
 * can share a vector of lanes: with 2, lane (1, filter) of row (tap + stride, channel) belongs to row (tap, channel).
 *
 * An item is a number of lines, or a span of one. A piece is a number of items. The sums of its items are added in
 * order, and so are those of the pieces. */

/* Elements of the window that L_PIXELS neighbouring pixels have on a line. */
static inline ptrdiff_t NAME(line_rows)(const ptrdiff_t *n) {
    return (n[KERNEL_W] + (n[L_PIXELS] - 1) * n[STRIDE_W]) * n[CHANNELS];
}

/* Copy `count` columns from `column` on of the lines that the lines of plane d of the output from h on meet. */
static void NAME(copy_windows)(REAL *copy, const Launch *launch, ptrdiff_t image, ptrdiff_t d, ptrdiff_t h,
                             ptrdiff_t column, ptrdiff_t count) {
    const ptrdiff_t *n = launch->n;
    for (ptrdiff_t k = 0; k < n[KERNEL_D]; k++) {
        const ptrdiff_t at_d = tap_at(n, 0, d, k);
        for (ptrdiff_t i = 0; i < n[L_COPIED]; i++, copy += n[L_ROW]) {
            const ptrdiff_t at_h = h * n[STRIDE_H] - n[PADDING_H] + i;
            if (at_d < 0 || at_h < 0 || at_h >= n[INPUT_H])
                NAME(zero_run)(copy, count * n[CHANNELS]);
            else
                NAME(copy_columns)(copy, n, (const REAL *)launch->p[L_X]
                                   + ((image * n[INPUT_D] + at_d) * n[INPUT_H] + at_h) * n[INPUT_W] * n[CHANNELS],
                                   column, count);
        }
    }
}

/* sums[line of the kernel][row][lane] = or += the products of `runs` lines: the windows at x, the gradients at dy. */
static void NAME(add_products)(REAL *sums, const ptrdiff_t *n, NAME(Tile) *t, const REAL *x, const REAL *dy) {
    const ptrdiff_t rows = NAME(line_rows)(n), slivers = ceil_div(rows, TILE_ROWS), lanes = t->lane_k;
    const ptrdiff_t stored = NAME(packed_lanes)(lanes);
    for (ptrdiff_t line = 0; line < n[KERNEL_D] * n[KERNEL_H]; line++) {
        const ptrdiff_t copied = line / n[KERNEL_H] * n[L_COPIED] + line % n[KERNEL_H] * n[DILATION_H];
        for (ptrdiff_t lane = 0; lane < lanes; lane += PANEL) {
            t->lane = dy + lane;
            for (ptrdiff_t s = 0; s < slivers; s++) {
                const ptrdiff_t row = part_start(rows, s, slivers), count = part_start(rows, s + 1, slivers) - row;
                t->row = (const char *)(x + copied * n[L_ROW] + row);
                t->out = (char *)(sums + (line * rows + row) * stored + lane);
                NAME(run_tile)(t, count, lanes - lane);
            }
        }
    }
}

/* Sums [piece][line of the kernel][row][lane]. A block is one piece. */
static int NAME(conv_line_sums)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, filters = n[L_FILTERS], lanes = n[L_PIXELS] * filters, size = sizeof(REAL);
    const ptrdiff_t rows = NAME(line_rows)(n), step = n[L_PIXELS] * n[STRIDE_W];
    const ptrdiff_t all = n[KERNEL_D] * n[KERNEL_H] * rows * NAME(packed_lanes)(lanes);
    REAL *lines = (REAL *)launch->p[L_SCRATCH] + begin * n[L_SLOTS] / launch->blocks * n[L_SLOT];
    REAL *slopes = lines + n[KERNEL_D] * n[L_COPIED] * n[L_ROW];
    TileRun run[RUNS_MOST];
    NAME(Tile) t = {.run = run, .row_stride = size, .row_k = step * n[CHANNELS] * size,
                    .lane_k = lanes, .out_stride = NAME(packed_lanes)(lanes) * size};
    /* several lines have a single span; a copied line of dy is longer than the line */
    for (ptrdiff_t i = 0; i < n[L_LINES]; i++)
        run[i] = (TileRun){i * n[STRIDE_H] * n[L_ROW] * size,
                           i && n[L_SLOPE_ROW] ? n[L_SLOPE_ROW] - n[OUTPUT_W] * filters : 0};
    for (ptrdiff_t piece = begin; piece < end; piece++) {
        const ptrdiff_t first = part_start(n[L_ITEMS], piece, n[L_PIECES]);
        for (ptrdiff_t item = first; item < part_start(n[L_ITEMS], piece + 1, n[L_PIECES]); item++) {
            const ptrdiff_t span = item % n[L_SPANS], part = item / n[L_SPANS], plane = part / n[L_PARTS];
            const ptrdiff_t h = part % n[L_PARTS] * n[L_LINES];
            const ptrdiff_t k = part_start(n[OUTPUT_W] / n[L_PIXELS], span, n[L_SPANS]);
            const REAL *dy = (const REAL *)launch->p[L_DY] + (plane * n[OUTPUT_H] + h) * n[OUTPUT_W] * filters
                           + k * lanes;
            t.depth = part_start(n[OUTPUT_W] / n[L_PIXELS], span + 1, n[L_SPANS]) - k;
            t.runs = min_size(n[L_LINES], n[OUTPUT_H] - h);
            t.add = item > first;
            NAME(copy_windows)(lines, launch, plane / n[OUTPUT_D], plane % n[OUTPUT_D], h, k * step - n[PADDING_W],
                             (t.depth - 1) * step + rows / n[CHANNELS]);
            if (n[L_SLOPE_ROW])             /* tiles read whole vectors of lanes */
                for (ptrdiff_t i = 0; i < t.runs; i++)
                    NAME(copy_run)(slopes + i * n[L_SLOPE_ROW], dy + i * n[OUTPUT_W] * filters, t.depth * lanes);
            NAME(add_products)((REAL *)launch->p[L_OUT] + piece * all, n, &t, lines, n[L_SLOPE_ROW] ? slopes : dy);
        }
    }
    return 0;
}

/* The filters' gradient out (filter, channel, tap): the sum of the pieces x and, in each, of the neighbouring pixels. A
 * block is one tap. */
static int NAME(conv_line_join)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, filters = n[L_FILTERS], channels = n[CHANNELS], width = n[KERNEL_W];
    const ptrdiff_t taps = n[KERNEL_D] * n[KERNEL_H] * width, rows = NAME(line_rows)(n);
    const ptrdiff_t stored = NAME(packed_lanes)(n[L_PIXELS] * filters), all = taps / width * rows * stored;
    REAL some[W];
    for (ptrdiff_t tap = begin; tap < end; tap++)
        for (ptrdiff_t c = 0; c < channels; c++)
            for (ptrdiff_t f = 0; f < filters; f += W) {
                const ptrdiff_t next = n[STRIDE_W] * channels * stored + filters;       /* the next pixel's share */
                const ptrdiff_t count = min_size(W, filters - f);
                const REAL *x = (const REAL *)launch->p[L_X]
                              + (tap / width * rows + tap % width * channels + c) * stored + f;
                VEC sum = V(zero)();
                for (ptrdiff_t piece = 0; piece < n[L_PIECES]; piece++)
                    for (ptrdiff_t p = 0; p < n[L_PIXELS]; p++)
                        sum = V(add)(sum, NAME(load_some)(x + piece * all + p * next, count));
                V(store)(some, sum);
                for (ptrdiff_t i = 0; i < count; i++)
                    ((REAL *)launch->p[L_OUT])[((f + i) * channels + c) * taps + tap] = some[i];
            }
    return 0;
}
