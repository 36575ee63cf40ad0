/* Convolutions with few filters: a lane is a pixel of a line of the output, a row of the product is a filter. Included
 * once for each T.
 *
 * The lines of the input are copied into planes, one for each channel, so that neighbouring pixels are contiguous, with
 * zeros to the left and to the right. The taps of a line of the kernel are then a run of the tile, whose lanes move by
 * one tap for each k. Lines of the kernel outside of the input are left out. */

/* Copy line x of the input into its line of all planes from `to` on. */
static void NAME(copy_to_planes)(REAL *to, const ptrdiff_t *n, const REAL *x) {
    const ptrdiff_t channels = n[CHANNELS], plane = n[L_PLANE], row = n[L_ROW];
    const ptrdiff_t left = min_size(max_size(n[PADDING_W], 0), row), column = left - n[PADDING_W];
    const ptrdiff_t count = max_size(min_size(n[INPUT_W] - column, row - left), 0);
    for (ptrdiff_t c = 0; c < channels; c++) NAME(zero_run)(to + c * plane, left);
    if (channels == 1)
        NAME(copy_run)(to + left, x + column, count);
    else
        for (ptrdiff_t j = 0; j < count; j += W)
            NAME(pack_across)(to + left + j, plane, x + (column + j) * channels, channels, channels,
                              min_size(W, count - j));
    for (ptrdiff_t c = 0; c < channels; c++) NAME(zero_run)(to + c * plane + left + count, row - left - count);
}

/* Copy the lines that the lines of plane d of the output from h on meet. */
static void NAME(copy_planes)(REAL *planes, const Launch *launch, ptrdiff_t image, ptrdiff_t d, ptrdiff_t h) {
    const ptrdiff_t *n = launch->n, first = h * n[STRIDE_H] - n[PADDING_H];
    const ptrdiff_t begin = max_size(-first, 0), end = min_size(n[L_COPIED], n[INPUT_H] - first);
    for (ptrdiff_t k = 0; k < n[KERNEL_D]; k++) {
        const ptrdiff_t at_d = tap_at(n, 0, d, k);
        if (at_d < 0) continue;
        const REAL *x = (const REAL *)launch->p[L_X]
                      + ((image * n[INPUT_D] + at_d) * n[INPUT_H] + first) * n[INPUT_W] * n[CHANNELS];
        for (ptrdiff_t i = begin; i < end; i++)
            NAME(copy_to_planes)(planes + k * n[CHANNELS] * n[L_PLANE] + i * n[L_ROW], n,
                                 x + i * n[INPUT_W] * n[CHANNELS]);
    }
}

/* The runs of line h of the output, a part of which begins at line h0: one for each channel and line of the kernel. */
static ptrdiff_t NAME(find_runs)(TileRun *run, const ptrdiff_t *n, ptrdiff_t d, ptrdiff_t h, ptrdiff_t h0) {
    const ptrdiff_t channels = n[CHANNELS], filter = NAME(width)(n[L_FILTERS], 0) * (ptrdiff_t)sizeof(REAL);
    const ptrdiff_t length = n[KERNEL_W] * n[DILATION_W];
    ptrdiff_t count = 0, last = 0;
    for (ptrdiff_t i = 0; i < n[KERNEL_D]; i++)
        for (ptrdiff_t j = 0; j < n[KERNEL_H]; j++) {
            if (tap_at(n, 0, d, i) < 0 || tap_at(n, 1, h, j) < 0) continue;
            const ptrdiff_t line = (h - h0) * n[STRIDE_H] + j * n[DILATION_H];
            for (ptrdiff_t c = 0; c < channels; c++, count++) {
                const ptrdiff_t lane = (i * channels + c) * n[L_PLANE] + line * n[L_ROW];
                run[count] = (TileRun){((i * n[KERNEL_H] + j) * n[KERNEL_W] * channels + c) * filter, lane - last};
                last = lane + length;
            }
        }
    return count;
}

/* Write the results of `count` pixels from the vectors of their sums: `some` filters of each from filter f on. */
INLINE void NAME(end_pixels)(const Launch *launch, VEC *a, ptrdiff_t pixel, ptrdiff_t f, ptrdiff_t some,
                             const ptrdiff_t count) {
    const ptrdiff_t filters = launch->n[L_FILTERS], activation = launch->n[L_ACTIVATION], at = pixel * filters + f;
    const REAL *bias = launch->p[L_BIAS], *affine = launch->p[L_AFFINE], *residual = launch->p[L_RESIDUAL];
    REAL *out = (REAL *)launch->p[L_OUT] + at;
    if (bias) {
        const VEC b = NAME(load_some)(bias + f, some);
        UNROLL for (int e = 0; e < W; e++) a[e] = V(add)(a[e], b);
    }
    if (affine) {
        VEC b[3];
        NAME(load_affine)(b, affine + f, filters, some);
        UNROLL for (int e = 0; e < W; e++) a[e] = V(fma)(V(sub)(a[e], b[0]), b[1], b[2]);
    }
    if (residual)
        UNROLL for (int e = 0; e < W; e++)
            if (e < count) a[e] = V(add)(a[e], NAME(load_some)(residual + at + e * filters, some));
    if (activation == RELU || activation == RELU6)
        UNROLL for (int e = 0; e < W; e++) a[e] = V(relu)(a[e]);
    if (activation == RELU6)
        UNROLL for (int e = 0; e < W; e++) a[e] = V(min)(V(set)(6), a[e]);
    UNROLL for (int e = 0; e < W; e++)
        if (e < count) NAME(store_some)(out + e * filters, a[e], some);
    if (activation > RELU6) NAME(activate_rows)(out, filters, count, some, activation);
}

/* Write the results of `lanes` pixels, whose sums are columns of `tile`: `rows` filters of each from filter f on. */
static void NAME(turn_tile)(const Launch *launch, const REAL *tile, ptrdiff_t pixel, ptrdiff_t lanes, ptrdiff_t f,
                            ptrdiff_t rows) {
    const REAL *row[W];
    VEC r[W];
    for (ptrdiff_t i = 0; i < rows; i += W, f += W, tile += W * PANEL) {
        UNROLL for (ptrdiff_t e = 0; e < W; e++) row[e] = tile + e * PANEL;
        for (ptrdiff_t j = 0; j < lanes; j += W) {
            V(load_across)(r, row, j);
            if (lanes - j >= W)
                NAME(end_pixels)(launch, r, pixel + j, f, min_size(W, rows - i), W);
            else
                NAME(end_pixels)(launch, r, pixel + j, f, min_size(W, rows - i), lanes - j);
        }
    }
}

/* A block is one part of a plane of the output. */
static int NAME(conv_planes)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, filters = n[L_FILTERS], slivers = ceil_div(filters, TILE_ROWS);
    const ptrdiff_t size = sizeof(REAL), width = n[OUTPUT_W];
    REAL *planes = (REAL *)launch->p[L_SCRATCH] + begin * n[L_SLOTS] / launch->blocks * n[L_SLOT];
    REAL sums[SLIVER * PANEL] = {0};
    TileRun run[MOST_RUNS];
    NAME(Tile) t = {.run = run, .row_stride = size, .lane_k = n[DILATION_W],
                    .row_k = n[CHANNELS] * NAME(width)(filters, 0) * size,
                    .out = (char *)sums, .out_stride = PANEL * size};
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t plane = block / n[L_PARTS], image = plane / n[OUTPUT_D], d = plane % n[OUTPUT_D];
        const ptrdiff_t h0 = block % n[L_PARTS] * n[L_LINES], h1 = min_size(h0 + n[L_LINES], n[OUTPUT_H]);
        NAME(copy_planes)(planes, launch, image, d, h0);
        for (ptrdiff_t h = h0; h < h1; h++) {
            t.runs = NAME(find_runs)(run, n, d, h, h0);
            t.depth = t.runs ? n[KERNEL_W] : 0;
            for (ptrdiff_t w = 0; w < width; w += PANEL) {
                const ptrdiff_t lanes = min_size(PANEL, width - w);
                t.lane = planes + w;
                for (ptrdiff_t s = 0; s < slivers; s++) {
                    const ptrdiff_t f = part_start(filters, s, slivers), rows = part_start(filters, s + 1, slivers) - f;
                    t.row = (const char *)((const REAL *)launch->p[L_PANEL] + f);
                    NAME(run_tile)(&t, rows, lanes);
                    NAME(turn_tile)(launch, sums, (plane * n[OUTPUT_H] + h) * width + w, lanes, f, rows);
                }
            }
        }
    }
    return 0;
}
