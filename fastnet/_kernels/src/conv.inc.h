/* Bodies of conv.c, included once for each T. */

/* ---- the windows of pixels ------------------------------------------------------------------------------------ */

/* Elements of a copied row: whole vectors and one more, since copies write whole vectors. Rows whose distance is an odd
 * number of cache lines do not share a set of the first cache. */
static inline ptrdiff_t NAME(row_length)(ptrdiff_t depth) { return (ceil_div(depth, W) | 1) * W + W; }

/* Copy `count` elements; up to W - 1 more may be written. */
static inline void NAME(copy_run)(REAL *to, const REAL *from, ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (; i + W <= count; i += W) V(store)(to + i, V(load)(from + i));
    if (i < count) V(store)(to + i, V(load_n)(from + i, count - i));
}

static inline void NAME(zero_run)(REAL *to, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += W) V(store)(to + i, V(zero)());
}

/* Copy the CHANNELS of `count` columns of the input's line x from `column` on, with zeros outside of the input. */
static inline void NAME(copy_columns)(REAL *copy, const ptrdiff_t *n, const REAL *x, ptrdiff_t column, ptrdiff_t count) {
    const ptrdiff_t channels = n[CHANNELS], pixel = n[PIXEL];
    const ptrdiff_t first = min_size(max_size(-column, 0), count);
    const ptrdiff_t stop = max_size(min_size(n[INPUT_W] - column, count), first);
    NAME(zero_run)(copy, first * channels);
    if (channels == pixel)
        NAME(copy_run)(copy + first * channels, x + (column + first) * channels, (stop - first) * channels);
    else
        for (ptrdiff_t j = first; j < stop; j++)
            NAME(copy_run)(copy + j * channels, x + (column + j) * pixel, channels);
    NAME(zero_run)(copy + stop * channels, (count - stop) * channels);
}

/* Copy the runs of the windows of neighbouring pixels from `at` on: `columns` columns of each. */
static void NAME(copy_runs)(REAL *copy, const ptrdiff_t *n, const REAL *x, const Pixel *at, Runs r, ptrdiff_t columns) {
    const ptrdiff_t d0 = at->d * n[STRIDE_D] - n[PADDING_D], h0 = at->h * n[STRIDE_H] - n[PADDING_H];
    const ptrdiff_t w0 = at->w * n[STRIDE_W] - n[PADDING_W] + r.tap;
    for (ptrdiff_t i = 0; i < r.count; i++, copy += r.length) {
        const ptrdiff_t d = d0 + r.d * n[DILATION_D], h = h0 + r.h * n[DILATION_H];
        if (d >= 0 && d < n[INPUT_D] && h >= 0 && h < n[INPUT_H])
            NAME(copy_columns)(copy, n, x + ((at->image * n[INPUT_D] + d) * n[INPUT_H] + h) * n[INPUT_W] * n[PIXEL],
                               w0 + r.w * n[DILATION_W], columns);
        else
            NAME(zero_run)(copy, columns * n[CHANNELS]);
        if (++r.w < r.in_line) continue;
        r.w = 0;
        if (++r.h < n[KERNEL_H]) continue;
        r.h = 0, r.d++;
    }
}

/* If slivers are parts of lines of the output, the windows of a group's pixels in a line overlap and are read from one copy
 * of their runs. Otherwise each window is copied, and its runs are adjacent. */
static void NAME(gather_windows)(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k,
                                 ptrdiff_t depth, REAL *copies, ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t *n = launch->n, channels = n[CHANNELS], size = sizeof(REAL);
    const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * channels;
    NAME(divide)(group, launch, depth, first, count);
    group->row_stride = group->row_k = size;
    for (ptrdiff_t i = 0; i < count; i++) group->row[i] = (const char *)copies;
    if (depth == 0) return;
    Runs r = runs_from(n, k, depth);
    const int shared = n[LINE] != 0;
    const ptrdiff_t part = depth / r.count;             /* of a run */
    const ptrdiff_t step = n[STRIDE_W] * channels, window = NAME(row_length)(r.taps * channels * r.count);
    const ptrdiff_t most = min_size(n[LINE], n[GROUP_SLIVERS] * TILE_ROWS);             /* pixels that share a copy */
    r.length = shared ? NAME(row_length)((most - 1) * step + r.taps * channels) : part;
    group->row_stride = (shared ? step : window) * size;
    if (shared && r.count > 1) {
        group->depth = part, group->runs = r.count;
        for (ptrdiff_t i = 0; i < r.count; i++) group->run[i] = (TileRun){i * r.length * size, 0};
    }
    Pixel at = pixel_at(n, group->start[0]);
    for (ptrdiff_t i = 0, end; i < count;)
        if (shared) {
            const ptrdiff_t pixel = group->start[i];
            end = min_size(pixel + n[OUTPUT_W] - at.w, group->start[count]);
            NAME(copy_runs)(copies, n, x, &at, r, (end - pixel - 1) * n[STRIDE_W] + r.taps);
            for (; i < count && group->start[i] < end; i++)
                group->row[i] = (const char *)(copies + r.skipped + (group->start[i] - pixel) * step);
            copies += r.count * r.length, at.w = 0;
            next_line(n, &at);
        } else {
            group->row[i] = (const char *)(copies + r.skipped);
            end = group->start[++i];
            for (ptrdiff_t pixel = group->start[i - 1]; pixel < end; pixel++, copies += window, next_pixel(n, &at))
                NAME(copy_runs)(copies, n, x, &at, r, r.taps);
        }
}

static int NAME(conv)(BODY_ARGS) { return NAME(product)(launch, begin, end, NAME(gather_windows)); }

/* ---- one position of the window at all pixels ---------------------------------------------------------------
 * Row r = (tap, channel) of the product has an element for each pixel; a sliver is packed as copy[pixel][row]. */

/* copy[j][0 ... rows - 1] = x[j * step] for count pixels j. `rows` is at most SLIVER. */
static inline void NAME(copy_channels)(REAL *copy, const REAL *x, ptrdiff_t step, ptrdiff_t count, ptrdiff_t rows) {
    ptrdiff_t i = 0;
    for (; i + W <= rows; i += W)
        for (ptrdiff_t j = 0; j < count; j++) V(store)(copy + j * SLIVER + i, V(load)(x + j * step + i));
    if (i < rows)
        for (ptrdiff_t j = 0; j < count; j++)
            V(store_n)(copy + j * SLIVER + i, V(load_n)(x + j * step + i, rows - i), rows - i);
}

static inline void NAME(zero_channels)(REAL *copy, ptrdiff_t count, ptrdiff_t rows) {
    for (ptrdiff_t j = 0; j < count; j++)
        for (ptrdiff_t i = 0; i < rows; i += W)
            NAME(store_some)(copy + j * SLIVER + i, V(zero)(), min_size(W, rows - i));
}

/* Copy `rows` channels of one tap from x, at `depth` pixels of the output from `pixel`. */
static void NAME(copy_tap)(REAL *copy, const ptrdiff_t *n, const REAL *x, ptrdiff_t tap, ptrdiff_t pixel,
                           ptrdiff_t depth, ptrdiff_t rows) {
    const ptrdiff_t shift_w = tap % n[KERNEL_W] * n[DILATION_W] - n[PADDING_W], line = tap / n[KERNEL_W];
    const ptrdiff_t shift_h = line % n[KERNEL_H] * n[DILATION_H] - n[PADDING_H];
    const ptrdiff_t shift_d = line / n[KERNEL_H] * n[DILATION_D] - n[PADDING_D];
    /* the columns of the output whose element is inside of the input */
    const ptrdiff_t left = first_from(-shift_w, n[STRIDE_W]), right = first_from(n[INPUT_W] - shift_w, n[STRIDE_W]);
    Pixel at = pixel_at(n, pixel);
    for (ptrdiff_t rest = depth; rest > 0; at.w = 0, next_line(n, &at)) {
        ptrdiff_t end = min_size(at.w + rest, n[OUTPUT_W]), first = at.w, stop = end;
        ptrdiff_t h = at.h * n[STRIDE_H] + shift_h, d = at.d * n[STRIDE_D] + shift_d;
        if (h >= 0 && h < n[INPUT_H] && d >= 0 && d < n[INPUT_D])
            first = min_size(max_size(left, at.w), end), stop = max_size(min_size(right, end), first);
        else
            first = stop = end;
        NAME(zero_channels)(copy, first - at.w, rows);
        if (first < stop)
            NAME(copy_channels)(copy + (first - at.w) * SLIVER,
                                x + (((at.image * n[INPUT_D] + d) * n[INPUT_H] + h) * n[INPUT_W] + first * n[STRIDE_W]
                                     + shift_w) * n[PIXEL],
                                n[STRIDE_W] * n[PIXEL], stop - first, rows);
        NAME(zero_channels)(copy + (stop - at.w) * SLIVER, end - stop, rows);
        copy += (end - at.w) * SLIVER, rest -= end - at.w;
    }
}

static void NAME(gather_taps)(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k, ptrdiff_t depth,
                              REAL *copies, ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t channels = launch->n[CHANNELS];
    const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * channels;
    NAME(divide)(group, launch, depth, first, count);
    group->row_stride = sizeof(REAL), group->row_k = SLIVER * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t i = 0; i < count; i++, copies += SLIVER * depth) {
        group->row[i] = (const char *)copies;
        for (ptrdiff_t row = group->start[i], next; row < group->start[i + 1]; row = next) {
            ptrdiff_t c = row % channels;
            next = min_size(row - c + channels, group->start[i + 1]);
            NAME(copy_tap)(copies + row - group->start[i], launch->n, x + c, row / channels, k, depth, next - row);
        }
    }
}

static int NAME(conv_weight)(BODY_ARGS) { return NAME(product)(launch, begin, end, NAME(gather_taps)); }

/* ---- filters -------------------------------------------------------------------------------------------------- */

/* Pack panel p of one group, whose filters begin at x; tap_rows has the panel's row of the first taps. */
static void NAME(pack_filter_panel)(REAL *packed, const ptrdiff_t *n, const REAL *x, ptrdiff_t p,
                                    const ptrdiff_t *tap_rows) {
    const ptrdiff_t lanes = n[FILTER_LANES], width = NAME(width)(lanes, p), length = n[RUN_LENGTH];
    const ptrdiff_t taps = n[RUNS] == 1 ? length / n[INNER] : length;
    const REAL *row[W];
    VEC r[W];
    for (ptrdiff_t lane = p * PANEL; lane < p * PANEL + width && lane < lanes; lane += W, packed += W)
        for (ptrdiff_t run = 0; run < n[RUNS]; run++) {
            ptrdiff_t tap = 0, inner = run;
            for (ptrdiff_t i = 0; i < W; i++) {     /* missing lanes repeat the last one; their results are not used */
                row[i] = x + min_size(lane + i, lanes - 1) * n[FILTER_LANE_STRIDE] + run * n[RUN_STRIDE];
                prefetch_far(row[i] + FILTERS_AHEAD * n[RUN_STRIDE]);
            }
            for (ptrdiff_t q = 0; q < length; q += W) {
                ptrdiff_t some = min_size(W, length - q);
                if (some == W)
                    V(load_across)(r, row, q);
                else {
                    for (ptrdiff_t i = 0; i < W; i++) r[i] = V(load_n)(row[i] + q, some);
                    NAME(transpose)(r);
                }
                for (ptrdiff_t i = 0; i < some; i++) {
                    ptrdiff_t k = tap < TAP_ROWS ? tap_rows[tap] : panel_row(n, tap);
                    if (k >= 0) V(store)(packed + (k + inner) * width, r[i]);
                    if (++tap == taps) tap = 0, inner++;
                }
            }
        }
}

/* A block is one panel of one group. */
static int NAME(pack_filters)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, panels = ceil_div(n[FILTER_LANES], PANEL);
    const ptrdiff_t group_size = n[FILTER_DEPTH] * NAME(packed_lanes)(n[FILTER_LANES]);
    ptrdiff_t tap_rows[TAP_ROWS];
    for (ptrdiff_t tap = 0; tap < min_size(TAP_ROWS, n[FULL_TAPS]); tap++) tap_rows[tap] = panel_row(n, tap);
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t group = block / panels, p = block % panels;
        REAL *packed = (REAL *)launch->p[PANELS_OUT] + group * group_size + p * PANEL * n[FILTER_DEPTH];
        NAME(pack_filter_panel)(packed, n, (const REAL *)launch->p[FILTERS] + group * n[GROUP_STRIDE], p, tap_rows);
    }
    return 0;
}
