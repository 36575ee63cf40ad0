/* Bodies of folding.c, included once for each T. A block is BLOCK_ROWS rows of the output. */

#define SIZES                                                                            \
    const ptrdiff_t H = launch->n[HEIGHT], width = launch->n[WIDTH], kw = launch->n[KERNEL_WIDTH]; \
    const ptrdiff_t kh = launch->n[KERNEL_HEIGHT], oh = launch->n[ROW_COUNT], ow = launch->n[COLUMN_COUNT]; \
    const ptrdiff_t sy = launch->n[STRIDE_Y], sx = launch->n[STRIDE_X], block_rows = launch->n[BLOCK_ROWS]; \
    const ptrdiff_t py = launch->n[PADDING_Y], px = launch->n[PADDING_X];                \
    const ptrdiff_t dy = launch->n[DILATION_Y], dx = launch->n[DILATION_X];

static int NAME(unfold)(BODY_ARGS) {
    SIZES
    const ptrdiff_t stop = min_size(end * block_rows, launch->n[IMAGES] * kh * kw * oh);
    for (ptrdiff_t r = begin * block_rows; r < stop; r++) {
        REAL *out = (REAL *)launch->p[COLUMNS] + r * ow;
        const ptrdiff_t j = r / oh % kw, i = r / oh / kw % kh, offset = j * dx - px;
        const ptrdiff_t row = r % oh * sy + i * dy - py;
        const Range in = windows_within(ow, width, sx, offset);
        if (row < 0 || row >= H || in.first >= in.last) {
            memset(out, 0, (size_t)ow * sizeof *out);
            continue;
        }
        const REAL *x = (const REAL *)launch->p[X] + (r / oh / kw / kh * H + row) * width;
        memset(out, 0, (size_t)in.first * sizeof *out);
        memset(out + in.last, 0, (size_t)(ow - in.last) * sizeof *out);
        if (sx == 1)
            memcpy(out + in.first, x + in.first + offset, (size_t)(in.last - in.first) * sizeof *out);
        else
            for (ptrdiff_t k = in.first; k < in.last; k++) out[k] = x[k * sx + offset];
    }
    return 0;
}

static int NAME(fold)(BODY_ARGS) {
    SIZES
    const ptrdiff_t stop = min_size(end * block_rows, launch->n[IMAGES] * H);
    for (ptrdiff_t r = begin * block_rows; r < stop; r++) {
        REAL *out = (REAL *)launch->p[X] + r * width;
        memset(out, 0, (size_t)width * sizeof *out);
        for (ptrdiff_t tap = 0; tap < kh * kw; tap++) {
            const ptrdiff_t offset = tap % kw * dx - px, place = r % H + py - tap / kw * dy;
            if (place < 0 || place % sy || place / sy >= oh) continue;
            const Range in = windows_within(ow, width, sx, offset);
            const REAL *from = (const REAL *)launch->p[COLUMNS] + ((r / H * kh * kw + tap) * oh + place / sy) * ow;
            ptrdiff_t k = in.first;
            for (; sx == 1 && k < in.last; k += W) {
                const ptrdiff_t count = min_size(W, in.last - k);
                REAL *to = out + k + offset;
                NAME(store_some)(to, V(add)(NAME(load_some)(to, count), NAME(load_some)(from + k, count)), count);
            }
            for (; k < in.last; k++) out[k * sx + offset] += from[k];
        }
    }
    return 0;
}

#undef SIZES
