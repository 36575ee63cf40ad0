/* Bodies of conv.c, included once for each T. */

/* ---- the windows of pixels ------------------------------------------------------------------------------------------ */

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

/* Copy elements [from, to) of one line of a window: KERNEL_W taps of CHANNELS. x is the line of the input, which begins
 * at column `column`; NULL outside of the input. */
static void NAME(copy_line)(REAL *copy, const Launch *launch, const REAL *x, ptrdiff_t column, ptrdiff_t from,
                            ptrdiff_t to) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t channels = n[CHANNELS], dilation = n[DILATION_W], width = n[INPUT_W];
    if (!x) {
        NAME(zero_run)(copy, to - from);
        return;
    }
    ptrdiff_t first = first_from(-column, dilation), last = first_from(width - column, dilation);   /* taps inside */
    first = min_size(first, n[KERNEL_W]), last = min_size(last, n[KERNEL_W]);
    if (last < first) last = first;
    ptrdiff_t inside = first * channels < from ? from : min_size(first * channels, to);
    ptrdiff_t stop = last * channels < inside ? inside : min_size(last * channels, to);
    NAME(zero_run)(copy, inside - from);
    if (dilation == 1 && channels == n[PIXEL])
        NAME(copy_run)(copy + inside - from, x + column * channels + inside, stop - inside);
    else
        for (ptrdiff_t q = inside, next; q < stop; q = next) {
            ptrdiff_t tap = q / channels, c = q % channels;
            next = min_size(q - c + channels, stop);
            NAME(copy_run)(copy + q - from, x + (column + tap * dilation) * n[PIXEL] + c, next - q);
        }
    NAME(zero_run)(copy + stop - from, to - stop);
}

/* Copy elements [k, k + depth) of the window of one pixel of the output. */
static void NAME(copy_window)(REAL *copy, const Launch *launch, const REAL *x, ptrdiff_t pixel, ptrdiff_t k,
                              ptrdiff_t depth) {
    const ptrdiff_t *n = launch->n;
    if (!depth) return;
    const ptrdiff_t line = n[KERNEL_W] * n[CHANNELS], stop = k + depth, row = pixel / n[OUTPUT_W];
    const ptrdiff_t column = pixel % n[OUTPUT_W] * n[STRIDE_W] - n[PADDING_W];
    const ptrdiff_t h0 = row % n[OUTPUT_H] * n[STRIDE_H] - n[PADDING_H], plane = row / n[OUTPUT_H];
    const ptrdiff_t d0 = plane % n[OUTPUT_D] * n[STRIDE_D] - n[PADDING_D], image = plane / n[OUTPUT_D];
    for (ptrdiff_t lines = k / line; k < stop; lines++) {
        ptrdiff_t h = h0 + lines % n[KERNEL_H] * n[DILATION_H], d = d0 + lines / n[KERNEL_H] * n[DILATION_D];
        ptrdiff_t from = k - lines * line, to = min_size(line, stop - lines * line);
        int inside = h >= 0 && h < n[INPUT_H] && d >= 0 && d < n[INPUT_D];
        ptrdiff_t start = ((image * n[INPUT_D] + d) * n[INPUT_H] + h) * n[INPUT_W] * n[PIXEL];
        NAME(copy_line)(copy, launch, inside ? x + start : 0, column, from, to);
        copy += to - from, k += to - from;
    }
}

static void NAME(gather_windows)(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k, ptrdiff_t depth,
                                 REAL *copies, ptrdiff_t first, ptrdiff_t count) {
    const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * launch->n[CHANNELS];
    const ptrdiff_t length = NAME(row_length)(depth);
    NAME(divide)(group, launch, first, count);
    group->row_stride = length * (ptrdiff_t)sizeof(REAL), group->row_k = sizeof(REAL);
    for (ptrdiff_t i = 0; i < count; i++) {
        group->row[i] = (const char *)copies;
        for (ptrdiff_t pixel = group->start[i]; pixel < group->start[i + 1]; pixel++, copies += length)
            NAME(copy_window)(copies, launch, x, pixel, k, depth);
    }
}

static int NAME(conv)(BODY_ARGS) { return NAME(product)(launch, begin, end, NAME(gather_windows)); }

/* ---- one position of the window at all pixels ------------------------------------------------------------------------
 * Row r = (tap, channel) of the product has an element for each pixel; a sliver is packed as copy[pixel][row]. */

/* Copy `rows` channels of one tap from x at the pixels [pixel, pixel + depth) of the output. */
static void NAME(copy_tap)(REAL *copy, const Launch *launch, const REAL *x, ptrdiff_t tap, ptrdiff_t pixel,
                           ptrdiff_t depth, ptrdiff_t rows) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t shift_w = tap % n[KERNEL_W] * n[DILATION_W] - n[PADDING_W], line = tap / n[KERNEL_W];
    const ptrdiff_t shift_h = line % n[KERNEL_H] * n[DILATION_H] - n[PADDING_H];
    const ptrdiff_t shift_d = line / n[KERNEL_H] * n[DILATION_D] - n[PADDING_D];
    for (ptrdiff_t stop = pixel + depth, next; pixel < stop; pixel = next) {
        ptrdiff_t column = pixel % n[OUTPUT_W], row = pixel / n[OUTPUT_W], plane = row / n[OUTPUT_H];
        ptrdiff_t h = row % n[OUTPUT_H] * n[STRIDE_H] + shift_h, d = plane % n[OUTPUT_D] * n[STRIDE_D] + shift_d;
        next = min_size(pixel - column + n[OUTPUT_W], stop);
        int inside = h >= 0 && h < n[INPUT_H] && d >= 0 && d < n[INPUT_D];
        const REAL *start = x + ((plane / n[OUTPUT_D] * n[INPUT_D] + d) * n[INPUT_H] + h) * n[INPUT_W] * n[PIXEL];
        for (ptrdiff_t w = column * n[STRIDE_W] + shift_w; pixel < next; pixel++, w += n[STRIDE_W], copy += SLIVER) {
            int here = inside && w >= 0 && w < n[INPUT_W];
            for (ptrdiff_t i = 0; i < rows; i += W) {
                ptrdiff_t some = min_size(W, rows - i);
                NAME(store_some)(copy + i, here ? NAME(load_some)(start + w * n[PIXEL] + i, some) : V(zero)(), some);
            }
        }
    }
}

static void NAME(gather_taps)(NAME(Group) *group, const Launch *launch, ptrdiff_t batch, ptrdiff_t k, ptrdiff_t depth,
                              REAL *copies, ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t channels = launch->n[CHANNELS];
    const REAL *x = (const REAL *)launch->p[ROW_OPERAND] + batch * channels;
    NAME(divide)(group, launch, first, count);
    group->row_stride = sizeof(REAL), group->row_k = SLIVER * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t i = 0; i < count; i++, copies += SLIVER * depth) {
        group->row[i] = (const char *)copies;
        for (ptrdiff_t row = group->start[i], next; row < group->start[i + 1]; row = next) {
            ptrdiff_t c = row % channels;
            next = min_size(row - c + channels, group->start[i + 1]);
            NAME(copy_tap)(copies + row - group->start[i], launch, x + c, row / channels, k, depth, next - row);
        }
    }
}

static int NAME(conv_weight)(BODY_ARGS) { return NAME(product)(launch, begin, end, NAME(gather_taps)); }

/* ---- filters -------------------------------------------------------------------------------------------------------- */

/* Pack panel p of one group, whose filters begin at x. */
static void NAME(pack_filter_panel)(REAL *packed, const Launch *launch, const REAL *x, ptrdiff_t p) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t lanes = n[FILTER_LANES], width = NAME(width)(lanes, p), depth = n[FILTER_DEPTH], length = n[RUN_LENGTH];
    const ptrdiff_t k_blocks = ceil_div(depth, K_MOST), taps = n[RUNS] == 1 ? length / n[INNER] : length;
    const REAL *row[W];
    VEC r[W];
    for (ptrdiff_t lane = p * PANEL; lane < p * PANEL + width && lane < lanes; lane += W)
        for (ptrdiff_t run = 0; run < n[RUNS]; run++) {
            for (ptrdiff_t i = 0; i < W; i++)       /* missing lanes repeat the last one; their results are not used */
                row[i] = x + min_size(lane + i, lanes - 1) * n[FILTER_LANE_STRIDE] + run * n[RUN_STRIDE];
            for (ptrdiff_t q = 0; q < length; q += W) {
                ptrdiff_t some = min_size(W, length - q);
                if (some == W)
                    V(load_across)(r, row, q);
                else {
                    for (ptrdiff_t i = 0; i < W; i++) r[i] = V(load_n)(row[i] + q, some);
                    NAME(transpose)(r);
                }
                for (ptrdiff_t i = 0; i < some; i++) {
                    ptrdiff_t k = panel_row(n, (q + i) % taps, n[RUNS] == 1 ? (q + i) / taps : run), block = 0;
                    if (k < 0) continue;
                    while (part_start(depth, block + 1, k_blocks) <= k) block++;
                    ptrdiff_t start = part_start(depth, block, k_blocks), size = part_start(depth, block + 1, k_blocks) - start;
                    V(store)(packed + start * NAME(packed_lanes)(lanes) + p * PANEL * size + (k - start) * width
                             + lane - p * PANEL, r[i]);
                }
            }
        }
}

/* A block is one panel of one group. */
static int NAME(pack_filters)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, panels = ceil_div(n[FILTER_LANES], PANEL);
    const ptrdiff_t group_size = n[FILTER_DEPTH] * NAME(packed_lanes)(n[FILTER_LANES]);
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t group = block / panels;
        NAME(pack_filter_panel)((REAL *)launch->p[PANELS_OUT] + group * group_size, launch,
                                (const REAL *)launch->p[FILTERS] + group * n[GROUP_STRIDE], block % panels);
    }
    return 0;
}
