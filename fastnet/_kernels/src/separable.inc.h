/* A 1x1 convolution, a depthwise one and another 1x1 convolution of conv.c in one pass. Included once for each T.
 *
 * A strip of lines of the output is computed from end to end, so that the expanded lines stay in the second cache. Each
 * part is a launch of the body that computes the convolution alone, so the bits are the same. */

/* A launch of `product` for pixels as rows, without its arrays. */
static Launch NAME(pointwise)(ptrdiff_t depth, ptrdiff_t lanes, ptrdiff_t activation, ptrdiff_t group) {
    Launch product = {.blocks = 1};
    ptrdiff_t *n = product.n;
    n[DEPTH] = n[ROW_STRIDE] = depth, n[ROW_K] = 1;
    n[LANES] = n[OUT_COLUMNS] = n[AFFINE_STEP] = lanes;
    n[LANES_FROM] = PACKED, n[ACTIVATION] = activation, n[GROUP_SLIVERS] = group;
    n[ROW_CHUNKS] = n[LANE_CHUNKS] = n[SLOTS] = 1;
    return product;
}

static void NAME(multiply_pixels)(Launch *product, REAL *out, const REAL *x, ptrdiff_t pixels) {
    product->p[OUT] = out, product->p[ROW_OPERAND] = (void *)x, product->n[ROWS] = pixels;
    NAME(product)(product, 0, 1, NAME(gather_rows));
}

/* A launch of `grouped` for all channels of some lines, without its arrays and the number of lines. */
static Launch NAME(depthwise)(const ptrdiff_t *s) {
    Launch grouped = {.blocks = 1};
    ptrdiff_t *n = grouped.n;
    n[G_SIZE] = n[G_PARTS] = n[G_SPANS] = n[G_CHUNKS] = 1;
    n[G_LANES] = s[S_LANES], n[G_VECTORS] = s[S_LANES] / W, n[PIXEL] = s[S_WIDE];
    n[G_ACTIVATION] = s[S_ACTIVATION], n[G_SPAN] = s[S_OUTPUT_W];
    n[INPUT_D] = n[OUTPUT_D] = n[KERNEL_D] = n[STRIDE_D] = n[DILATION_D] = n[CHANNELS] = 1;
    n[INPUT_W] = s[S_INPUT_W], n[OUTPUT_W] = s[S_OUTPUT_W];
    n[KERNEL_H] = s[S_KERNEL_H], n[STRIDE_H] = s[S_STRIDE_H], n[DILATION_H] = s[S_DILATION_H];
    n[KERNEL_W] = s[S_KERNEL_W], n[STRIDE_W] = s[S_STRIDE_W], n[DILATION_W] = s[S_DILATION_W];
    n[PADDING_W] = s[S_PADDING_W];
    return grouped;
}

/* Lines [first, stop) of an image. */
typedef struct {
    ptrdiff_t image, first, stop;
} NAME(Lines);

/* Expand the lines of x that `now` has into `wide`, which has those of `held`. */
static void NAME(expand_lines)(Launch *expand, REAL *wide, const REAL *x, const ptrdiff_t *n, const NAME(Lines) *held,
                               const NAME(Lines) *now) {
    const ptrdiff_t line = n[S_INPUT_W] * n[S_WIDE];
    const ptrdiff_t kept = held->image == now->image ? max_size(held->stop - now->first, 0) : 0;
    if (kept) NAME(copy_run)(wide, wide + (now->first - held->first) * line, kept * line);
    x += (now->image * n[S_INPUT_H] + now->first + kept) * n[S_INPUT_W] * n[S_CHANNELS];
    NAME(multiply_pixels)(expand, wide + kept * line, x, (now->stop - now->first - kept) * n[S_INPUT_W]);
}

/* A block is one strip of an image. Lines that the strips of neighbouring blocks share are expanded once. */
static int NAME(separable)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    const REAL *residual = launch->p[S_RESIDUAL];
    REAL *wide = (REAL *)launch->p[S_SCRATCH] + begin * n[S_SLOTS] / launch->blocks * n[S_SLOT];
    REAL *narrow = wide + n[S_ROOM] * n[S_INPUT_W] * n[S_WIDE] + W;
    Launch expand = NAME(pointwise)(n[S_CHANNELS], n[S_WIDE], n[S_ACTIVATION], n[S_EXPAND_GROUP]);
    Launch depthwise = NAME(depthwise)(n);
    Launch project = NAME(pointwise)(n[S_WIDE], n[S_OUTPUTS], NONE_, n[S_PROJECT_GROUP]);
    NAME(Lines) held = {-1, 0, 0};
    expand.p[LANE_OPERAND] = launch->p[S_EXPAND], expand.p[AFFINE] = launch->p[S_EXPAND_AFFINE];
    depthwise.p[G_FILTERS] = launch->p[S_FILTERS], depthwise.p[G_AFFINE] = launch->p[S_AFFINE];
    depthwise.p[G_X] = wide, depthwise.p[G_OUT] = narrow;
    project.p[LANE_OPERAND] = launch->p[S_PROJECT], project.p[AFFINE] = launch->p[S_PROJECT_AFFINE];
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t image = block / n[S_STRIPS], h = block % n[S_STRIPS] * n[S_LINES];
        const ptrdiff_t lines = min_size(n[S_LINES], n[S_OUTPUT_H] - h), above = h * n[S_STRIDE_H] - n[S_PADDING_H];
        const ptrdiff_t below = above + (lines - 1) * n[S_STRIDE_H] + (n[S_KERNEL_H] - 1) * n[S_DILATION_H] + 1;
        const ptrdiff_t first = max_size(min_size(above, n[S_INPUT_H]), 0);
        const NAME(Lines) now = {image, first, max_size(min_size(below, n[S_INPUT_H]), first)};
        const ptrdiff_t out = (image * n[S_OUTPUT_H] + h) * n[S_OUTPUT_W] * n[S_OUTPUTS];
        NAME(expand_lines)(&expand, wide, launch->p[S_X], n, &held, &now);
        held = now;
        depthwise.n[INPUT_H] = now.stop - first, depthwise.n[PADDING_H] = first - above;
        depthwise.n[OUTPUT_H] = depthwise.n[G_LINES] = lines;
        NAME(grouped)(&depthwise, 0, 1);
        project.p[RESIDUAL] = residual ? (void *)(residual + out) : 0;
        NAME(multiply_pixels)(&project, (REAL *)launch->p[S_OUT] + out, narrow, lines * n[S_OUTPUT_W]);
    }
    return 0;
}
