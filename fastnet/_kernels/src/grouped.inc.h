/* Convolutions in groups of few channels, depthwise among them: a lane is an output channel. Included once for each T.
 *
 * A vector of channels holds whole groups. The part of the input that some lines of the output need is copied into
 * scratch memory first, with zeros around it, one vector of channels at a time; copy s of a pixel holds, in each lane,
 * channel s of that lane's group. Then output += copy * filter for each tap and each s, without a test in the loop. */

/* Copy `count` pixels, `step` elements apart, as to[pixel][s][lane]; `some` lanes exist, and the others become 0. */
static inline void NAME(copy_pixels)(REAL *to, const REAL *from, ptrdiff_t step, ptrdiff_t count, ptrdiff_t size,
                                     ptrdiff_t some) {
    REAL padded[W];
    if (size == 1)
        for (ptrdiff_t j = 0; j < count; j++) V(store)(to + j * W, NAME(load_some)(from + j * step, some));
    else
        for (ptrdiff_t j = 0; j < count; j++) {
            V(store)(padded, NAME(load_some)(from + j * step, some));
            for (ptrdiff_t s = 0; s < size; s++, to += W) V(store)(to, V(spread)(padded, size, s));
        }
}

/* Copies of one vector of channels from c, `some` of which exist: to[row][column][s][lane], for KERNEL_D planes of
 * ROWS. */
static void NAME(copy_planes)(REAL *to, const Launch *launch, ptrdiff_t image, ptrdiff_t d0, ptrdiff_t h0, ptrdiff_t c,
                              ptrdiff_t some) {
    const ptrdiff_t *n = launch->n, size = n[G_SIZE], pixel = n[PIXEL], columns = n[G_COLUMNS], rows = n[G_ROWS];
    const ptrdiff_t left = min_size(max_size(n[PADDING_W], 0), columns), skipped = max_size(-n[PADDING_W], 0);
    const ptrdiff_t inside = max_size(min_size(n[INPUT_W] - skipped, columns - left), 0);
    for (ptrdiff_t r = 0; r < n[KERNEL_D] * rows; r++, to += columns * size * W) {
        const ptrdiff_t d = d0 + r / rows * n[DILATION_D], h = h0 + r % rows;
        const ptrdiff_t count = d >= 0 && d < n[INPUT_D] && h >= 0 && h < n[INPUT_H] ? inside : 0;
        const ptrdiff_t first = count ? left : 0;
        NAME(zero_run)(to, first * size * W);
        if (count)
            NAME(copy_pixels)(to + first * size * W,
                              (const REAL *)launch->p[G_X] + c
                                  + (((image * n[INPUT_D] + d) * n[INPUT_H] + h) * n[INPUT_W] + skipped) * pixel,
                              pixel, count, size, some);
        NAME(zero_run)(to + (first + count) * size * W, (columns - first - count) * size * W);
    }
}

/* PIXELS_AT_ONCE neighbouring sums; x is their first copied pixel, for the first tap, filters the taps' vectors. */
static inline void NAME(sum_pixels)(VEC *sum, const ptrdiff_t *n, const REAL *x, const REAL *filters) {
    const ptrdiff_t size = n[G_SIZE], step = n[STRIDE_W] * size * W, padded = n[G_PADDED];
    /* adjacent taps and their channels are one run */
    const ptrdiff_t run = n[DILATION_W] == 1 ? n[KERNEL_W] * size : size, runs = n[KERNEL_W] * size / run;
    VEC a[PIXELS_AT_ONCE];
    UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(zero)();
    for (ptrdiff_t d = 0; d < n[KERNEL_D]; d++)
        for (ptrdiff_t h = 0; h < n[KERNEL_H]; h++)
            for (ptrdiff_t w = 0; w < runs; w++) {
                const ptrdiff_t row = d * n[G_ROWS] + h * n[DILATION_H];
                const REAL *tap = x + (row * n[G_COLUMNS] + w * n[DILATION_W]) * size * W;
                for (ptrdiff_t s = 0; s < run; s++, filters += padded, tap += W) {
                    const VEC f = V(load)(filters);
                    UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(fma)(V(load)(tap + p * step), f, a[p]);
                }
            }
    UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) sum[p] = a[p];
}

/* The position of part `item` of all planes of the output: its image, plane and first line, and the number of lines. */
typedef struct {
    ptrdiff_t image, d, h, lines;
} NAME(Part);

static inline NAME(Part) NAME(part_at)(const ptrdiff_t *n, ptrdiff_t item) {
    ptrdiff_t plane = item / n[G_PARTS], h = item % n[G_PARTS] * n[G_LINES];
    return (NAME(Part)){plane / n[OUTPUT_D], plane % n[OUTPUT_D], h, min_size(n[G_LINES], n[OUTPUT_H] - h)};
}

static inline void NAME(copy_part)(REAL *to, const Launch *launch, const NAME(Part) *at, ptrdiff_t c, ptrdiff_t some) {
    const ptrdiff_t *n = launch->n;
    NAME(copy_planes)(to, launch, at->image, at->d * n[STRIDE_D] - n[PADDING_D], at->h * n[STRIDE_H] - n[PADDING_H], c,
                      some);
}

/* A block is one part. */
static int NAME(grouped)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t channels = n[PIXEL], size = n[G_SIZE], step = n[G_STEP_W];
    const REAL *bias = launch->p[G_BIAS], *affine = launch->p[G_AFFINE], *residual = launch->p[G_RESIDUAL];
    REAL *copy = (REAL *)launch->p[G_SCRATCH] + begin * n[G_SLOTS] / launch->blocks * n[G_SLOT];
    VEC sum[PIXELS_AT_ONCE];
    for (ptrdiff_t block = begin; block < end; block++) {
        NAME(Part) at = NAME(part_at)(n, block);
        for (ptrdiff_t c = 0; c < channels; c += W) {
            ptrdiff_t some = min_size(W, channels - c);
            NAME(copy_part)(copy, launch, &at, c, some);
            for (ptrdiff_t line = 0; line < at.lines; line++)
                for (ptrdiff_t w = 0; w < n[OUTPUT_W]; w += PIXELS_AT_ONCE) {
                    ptrdiff_t out = at.image * n[G_STEP_IMAGE] + at.d * n[G_STEP_D] + (at.h + line) * n[G_STEP_H];
                    out += w * step + c;
                    NAME(sum_pixels)(sum, n, copy + (line * n[STRIDE_H] * n[G_COLUMNS] + w * n[STRIDE_W]) * size * W,
                                     (const REAL *)launch->p[G_FILTERS] + c);
                    for (ptrdiff_t p = 0; p < min_size(PIXELS_AT_ONCE, n[OUTPUT_W] - w); p++, out += step)
                        NAME(emit)((REAL *)launch->p[G_OUT] + out, sum[p], some, 0, bias ? bias + c : 0, 1,
                                   affine ? affine + c : 0, channels, residual ? residual + out : 0, n[G_ACTIVATION]);
                }
        }
    }
    return 0;
}

/* The sums over one part of x * dy, for each tap and s: added to sums[tap][s][lane], or stored if `first`. */
static void NAME(add_sums)(REAL *sums, const ptrdiff_t *n, const REAL *x, const REAL *dy, ptrdiff_t lines, int first) {
    const ptrdiff_t size = n[G_SIZE], width = ceil_div(n[OUTPUT_W], SUMS_AT_ONCE) * SUMS_AT_ONCE;
    for (ptrdiff_t d = 0; d < n[KERNEL_D]; d++)
        for (ptrdiff_t h = 0; h < n[KERNEL_H]; h++)
            for (ptrdiff_t w = 0; w < n[KERNEL_W]; w++)
                for (ptrdiff_t s = 0; s < size; s++, sums += n[G_PADDED]) {
                    VEC a[SUMS_AT_ONCE];
                    for (int i = 0; i < SUMS_AT_ONCE; i++) a[i] = V(zero)();
                    for (ptrdiff_t line = 0; line < lines; line++) {
                        const ptrdiff_t row = d * n[G_ROWS] + line * n[STRIDE_H] + h * n[DILATION_H];
                        const REAL *p = x + ((row * n[G_COLUMNS] + w * n[DILATION_W]) * size + s) * W;
                        for (ptrdiff_t j = 0; j < width; j += SUMS_AT_ONCE)
                            UNROLL for (int i = 0; i < SUMS_AT_ONCE; i++)
                                a[i] = V(fma)(V(load)(p + (j + i) * n[STRIDE_W] * size * W),
                                              V(load)(dy + (line * width + j + i) * W), a[i]);
                    }
                    VEC total = V(add)(V(add)(a[0], a[1]), V(add)(a[2], a[3]));
                    V(store)(sums, first ? total : V(add)(V(load)(sums), total));
                }
}

/* Partial sums of the filters' gradient, [block][tap][s][channel]; a block is ITEMS parts. */
static int NAME(grouped_sums)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t channels = n[PIXEL], width = ceil_div(n[OUTPUT_W], SUMS_AT_ONCE) * SUMS_AT_ONCE;
    const ptrdiff_t taps = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W], items = n[G_BLOCKS];
    REAL *copy = (REAL *)launch->p[G_SCRATCH] + begin * n[G_SLOTS] / launch->blocks * n[G_SLOT];
    REAL *slopes = copy + n[KERNEL_D] * n[G_ROWS] * n[G_COLUMNS] * n[G_SIZE] * W;
    for (ptrdiff_t block = begin; block < end; block++)
        for (ptrdiff_t item = block * n[G_ITEMS]; item < min_size((block + 1) * n[G_ITEMS], items); item++) {
            NAME(Part) at = NAME(part_at)(n, item);
            for (ptrdiff_t c = 0; c < channels; c += W) {
                ptrdiff_t some = min_size(W, channels - c);
                NAME(copy_part)(copy, launch, &at, c, some);
                for (ptrdiff_t i = 0; i < at.lines * width; i++) {
                    ptrdiff_t w = i % width, line = ((at.image * n[OUTPUT_D] + at.d) * n[OUTPUT_H] + at.h + i / width);
                    const REAL *dy = (const REAL *)launch->p[G_DY] + (line * n[OUTPUT_W] + w) * channels + c;
                    V(store)(slopes + i * W, w < n[OUTPUT_W] ? NAME(load_some)(dy, some) : V(zero)());
                }
                NAME(add_sums)((REAL *)launch->p[G_OUT] + block * taps * n[G_SIZE] * n[G_PADDED] + c, n, copy, slopes,
                               at.lines, item == block * n[G_ITEMS]);
            }
        }
    return 0;
}

/* The filters' gradient out (channel, s, tap) from BLOCKS partial sums x. A block is a vector of channels. */
static int NAME(grouped_join)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, size = n[G_SIZE], taps = n[FULL_TAPS], step = taps * size * n[G_PADDED];
    REAL lane[W];
    for (ptrdiff_t c = begin * W; c < min_size(end * W, n[PIXEL]); c += W)
        for (ptrdiff_t tap = 0; tap < taps; tap++)
            for (ptrdiff_t s = 0; s < size; s++) {
                const REAL *x = (const REAL *)launch->p[G_X] + (tap * size + s) * n[G_PADDED] + c;
                VEC total = V(load)(x);
                for (ptrdiff_t b = 1; b < n[G_BLOCKS]; b++) total = V(add)(total, V(load)(x + b * step));
                V(store)(lane, total);
                for (ptrdiff_t i = 0; i < min_size(W, n[PIXEL] - c); i++)
                    ((REAL *)launch->p[G_OUT])[((c + i) * size + s) * taps + tap] = lane[i];
            }
    return 0;
}

/* The filters x (channel, s, tap) as out[used tap][s][channel]; TURNED, s is the channel of the output and the used
 * taps are in reverse order. A block is a vector of channels. */
static int NAME(grouped_filters)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, size = n[G_SIZE], taps = n[FULL_TAPS];
    const REAL *x = launch->p[G_X];
    REAL lane[W];
    for (ptrdiff_t c = begin * W; c < end * W; c += W)
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            ptrdiff_t row = panel_row(n, tap);
            if (row < 0) continue;
            for (ptrdiff_t s = 0; s < size; s++) {
                for (ptrdiff_t i = 0; i < W; i++) {
                    ptrdiff_t to = c + i, first = to - to % size;       /* a lane's channel, its group's first */
                    ptrdiff_t from = n[TURNED] ? (first + s) * size + to - first : to * size + s;
                    lane[i] = to < n[FILTER_LANES] ? x[from * taps + tap] : 0;
                }
                V(store)((REAL *)launch->p[G_OUT] + (row * size + s) * n[G_PADDED] + c, V(load)(lane));
            }
        }
    return 0;
}
