/* Bodies of pooling.c, included once for each T. */

INLINE VEC NAME(set_bits)(ptrdiff_t value) {
    const BITS bits = (BITS)value;
    REAL x;
    memcpy(&x, &bits, sizeof x);
    return V(set)(x);
}

/* Store `count` winners. `room` more may be overwritten, since they follow in the same row: a full vector is faster. */
INLINE void NAME(store_bits)(void *winner, ptrdiff_t at, VEC code, ptrdiff_t count, ptrdiff_t room, int wide) {
    BITS lanes[W];
    memcpy(lanes, &code, sizeof lanes);
    if (wide)
        for (ptrdiff_t j = 0; j < count; j++) ((int64_t *)winner)[at + j] = lanes[j];
    else if (count + room >= W)
        for (ptrdiff_t j = 0; j < W; j++) ((uint8_t *)winner)[at + j] = (uint8_t)lanes[j];
    else
        for (ptrdiff_t j = 0; j < count; j++) ((uint8_t *)winner)[at + j] = (uint8_t)lanes[j];
}

/* 1 + k units in the last place: winners as numbers that are compared. */
INLINE VEC NAME(set_number)(ptrdiff_t k) { return V(set)((REAL)1 + (REAL)k * NAME(UNIT)); }

/* Load `count` bytes as such numbers. `room` more may be read; the lanes beyond `count` are not used. */
INLINE VEC NAME(load_numbers)(const uint8_t *p, ptrdiff_t count, ptrdiff_t room) {
    const REAL one = 1;
    BITS lanes[W] = {0}, base;
    VEC numbers;
    memcpy(&base, &one, sizeof base);
    if (count + room >= W)
        for (ptrdiff_t j = 0; j < W; j++) lanes[j] = base + p[j];
    else
        for (ptrdiff_t j = 0; j < count; j++) lanes[j] = base + p[j];
    memcpy(&numbers, lanes, sizeof numbers);
    return numbers;
}

/* A window: taps and the distance between them in elements and in winners, for each axis. */
typedef struct {
    ptrdiff_t taps[AXES], step[AXES], code_step[AXES], code;
    const REAL *x;                      /* its first tap, channel 0 */
} NAME(Window);

/* The windows of output row (n, od, oh); `set_column` makes it that of one output. */
INLINE NAME(Window) NAME(row_window)(const Launch *launch, const Span *d, const Span *h, ptrdiff_t image, int wide) {
    const Axis axis[AXES] = {axis_of(launch, 0), axis_of(launch, 1), axis_of(launch, 2)};
    const ptrdiff_t channels = launch->n[CHANNELS], width = axis[2].input, height = axis[1].input;
    const ptrdiff_t step_h = width * axis[1].dilation, step_d = width * height * axis[0].dilation;
    const ptrdiff_t position = (d->start * height + h->start) * width;
    NAME(Window) w;
    w.taps[0] = d->taps, w.taps[1] = h->taps;
    w.step[0] = step_d * channels, w.step[1] = step_h * channels, w.step[2] = axis[2].dilation * channels;
    w.x = (const REAL *)launch->p[X] + (image * axis[0].input * height * width + position) * channels;
    w.code_step[0] = wide ? step_d : axis[1].kernel * axis[2].kernel;
    w.code_step[1] = wide ? step_h : axis[2].kernel;
    w.code_step[2] = wide ? axis[2].dilation : 1;
    w.code = wide ? position : d->first * w.code_step[0] + h->first * w.code_step[1];
    return w;
}

INLINE NAME(Window) NAME(set_column)(NAME(Window) w, const Span *s, ptrdiff_t channels, int wide) {
    w.taps[2] = s->taps;
    w.x += s->start * channels;
    w.code += wide ? s->start : s->first;
    if (!w.taps[0] || !w.taps[1] || !w.taps[2]) w.code = wide ? -1 : UINT8_MAX;
    return w;
}

/* Reduce `vectors` vectors of channels from c on; the last has `count` lanes. A later element wins if it is larger or
 * NaN. */
INLINE void NAME(window_max)(VEC *best, VEC *winner, const NAME(Window) *w, ptrdiff_t c, int vectors, ptrdiff_t count,
                             int tracked) {
    UNROLL
    for (int v = 0; v < vectors; v++) best[v] = V(set)(-INFINITY), winner[v] = NAME(set_bits)(w->code);
    FOR_TAPS(w, c, x, code, {
        const VEC here = NAME(set_bits)(code);
        UNROLL
        for (int v = 0; v < vectors; v++) {
            VEC a = NAME(load_some)(x + v * W, v + 1 < vectors ? W : count);
            MASK better = M(or)(V(lt)(best[v], a), V(unord)(a, a));
            best[v] = V(select)(better, a, best[v]);
            if (tracked) winner[v] = V(select)(better, here, winner[v]);
        }
    })
}

/* The same for sums: up to PARTIAL taps of a row are added first. */
INLINE void NAME(window_sum)(VEC *sum, const NAME(Window) *w, ptrdiff_t c, int vectors, ptrdiff_t count) {
    UNROLL
    for (int v = 0; v < vectors; v++) sum[v] = V(zero)();
    for (ptrdiff_t i = 0; i < w->taps[0]; i++)
        for (ptrdiff_t j = 0; j < w->taps[1]; j++) {
            const REAL *x = w->x + c + i * w->step[0] + j * w->step[1];
            for (ptrdiff_t k = 0; k < w->taps[2]; k += PARTIAL) {
                const ptrdiff_t stop = min_size(k + PARTIAL, w->taps[2]);
                VEC part[ABREAST];
                UNROLL
                for (int v = 0; v < vectors; v++) part[v] = V(zero)();
                for (ptrdiff_t t = k; t < stop; t++) {
                    UNROLL
                    for (int v = 0; v < vectors; v++) {
                        VEC a = NAME(load_some)(x + t * w->step[2] + v * W, v + 1 < vectors ? W : count);
                        part[v] = V(add)(part[v], a);
                    }
                }
                UNROLL
                for (int v = 0; v < vectors; v++) sum[v] = V(add)(sum[v], part[v]);
            }
        }
}

INLINE double NAME(divisor)(const Launch *launch, const Span *d, const Span *h, const Span *w) {
    if (launch->s[DIVISOR] != 0) return launch->s[DIVISOR];
    return launch->n[INCLUDE_PAD] ? (double)(d->padded * h->padded * w->padded) : (double)(d->taps * h->taps * w->taps);
}

/* Reduce a window; `at` is the position of channel 0 of its output, `room` as for store_bits. */
INLINE void NAME(pool_window)(const Launch *launch, const NAME(Window) *w, ptrdiff_t at, ptrdiff_t c, int vectors,
                              ptrdiff_t count, ptrdiff_t room, VEC divisor, Pool pool) {
    REAL *out = (REAL *)launch->p[OUT] + at + c;
    VEC value[ABREAST], winner[ABREAST];
    if (pool == AVERAGE)
        NAME(window_sum)(value, w, c, vectors, count);
    else
        NAME(window_max)(value, winner, w, c, vectors, count, pool != MAX);
    UNROLL
    for (int v = 0; v < vectors; v++) {
        const ptrdiff_t lanes = v + 1 < vectors ? W : count;
        if (pool == AVERAGE) value[v] = V(div)(value[v], divisor);
        NAME(store_some)(out + v * W, value[v], lanes);
        if (pool == MAX_NARROW || pool == MAX_WIDE)
            NAME(store_bits)(launch->p[WINNER], at + c + v * W, winner[v], lanes, room, pool == MAX_WIDE);
    }
}

/* A block is BLOCK_ROWS output rows (n, od, oh). */
INLINE void NAME(pool_rows)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end, Pool pool) {
    const Axis axis[AXES] = {axis_of(launch, 0), axis_of(launch, 1), axis_of(launch, 2)};
    const ptrdiff_t channels = launch->n[CHANNELS], columns = axis[2].output, rows = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * rows, launch->n[IMAGES] * axis[0].output * axis[1].output);
    const int wide = pool == MAX_WIDE;
    for (ptrdiff_t row = begin * rows; row < stop; row++) {
        const ptrdiff_t oh = row % axis[1].output, od = row / axis[1].output % axis[0].output;
        const Span d = span_of(&axis[0], od), h = span_of(&axis[1], oh);
        const NAME(Window) along = NAME(row_window)(launch, &d, &h, row / axis[1].output / axis[0].output, wide);
        for (ptrdiff_t ow = 0; ow < columns; ow++) {
            const Span s = span_of(&axis[2], ow);
            const NAME(Window) w = NAME(set_column)(along, &s, channels, wide);
            const VEC divisor = V(set)(pool == AVERAGE ? (REAL)NAME(divisor)(launch, &d, &h, &s) : 1);
            const ptrdiff_t at = (row * columns + ow) * channels, room = (columns - 1 - ow) * channels;
            ptrdiff_t c = 0;
            for (; c + ABREAST * W <= channels; c += ABREAST * W)
                NAME(pool_window)(launch, &w, at, c, ABREAST, W, room, divisor, pool);
            for (; c + 2 * W <= channels; c += 2 * W)
                NAME(pool_window)(launch, &w, at, c, 2, W, room, divisor, pool);
            for (; c < channels; c += W)
                NAME(pool_window)(launch, &w, at, c, 1, min_size(W, channels - c), room, divisor, pool);
        }
    }
}

static int NAME(max_pool)(BODY_ARGS) {
    if (!launch->p[WINNER])
        NAME(pool_rows)(launch, begin, end, MAX);
    else if (launch->n[WIDE])
        NAME(pool_rows)(launch, begin, end, MAX_WIDE);
    else
        NAME(pool_rows)(launch, begin, end, MAX_NARROW);
    return 0;
}

static int NAME(avg_pool)(BODY_ARGS) {
    NAME(pool_rows)(launch, begin, end, AVERAGE);
    return 0;
}

/* Add the gradients of output row `row`, whose kernel row is number `kernel_row`, to the input row dx; or write
 * them, if no element of dx gets two. */
INLINE void NAME(add_output_row)(const Launch *launch, REAL *dx, ptrdiff_t row, ptrdiff_t kernel_row, const Span *d,
                                 const Span *h, Pool pool, int write) {
    const Axis axis = axis_of(launch, 2);
    const ptrdiff_t channels = launch->n[CHANNELS], step = axis.dilation * channels;
    for (ptrdiff_t ow = 0; ow < axis.output; ow++) {
        const Span s = span_of(&axis, ow);
        const ptrdiff_t at = (row * axis.output + ow) * channels, first = kernel_row * axis.kernel + s.first;
        const REAL *dy = (const REAL *)launch->p[DY] + at;
        const VEC share = V(set)(pool == AVERAGE ? (REAL)(1 / NAME(divisor)(launch, d, h, &s)) : 1);
        REAL *to = dx + s.start * channels;
        const ptrdiff_t room = (axis.output - 1 - ow) * channels;
        if (pool == AVERAGE && !write && channels <= FEW_CHANNELS) {   /* parts of vectors would wait for each other */
            const REAL part = (REAL)(1 / NAME(divisor)(launch, d, h, &s));
            for (ptrdiff_t k = 0; k < s.taps; k++)
                for (ptrdiff_t c = 0; c < channels; c++)
                    to[k * step + c] += dy[c] * part;
            continue;
        }
        for (ptrdiff_t c = 0; c < channels; c += W) {
            const ptrdiff_t count = min_size(W, channels - c);
            const VEC none = V(zero)();
            VEC g = NAME(load_some)(dy + c, count), winner = none;
            if (pool == AVERAGE) g = V(mul)(g, share);
            if (pool == MAX_NARROW)
                winner = NAME(load_numbers)((const uint8_t *)launch->p[WINNER] + at + c, count, room);
            for (ptrdiff_t k = 0; k < s.taps; k++) {
                REAL *p = to + c + k * step;
                VEC term = g;
                if (pool == MAX_NARROW) term = V(select)(V(eq)(winner, NAME(set_number)(first + k)), g, none);
                if (!write) term = V(add)(NAME(load_some)(p, count), term);
                NAME(store_some)(p, term, count);
            }
        }
    }
}

/* A block is BLOCK_ROWS input rows (n, d, h). */
INLINE void NAME(pool_rows_backward)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end, Pool pool) {
    const Axis axis[AXES] = {axis_of(launch, 0), axis_of(launch, 1), axis_of(launch, 2)};
    const ptrdiff_t width = axis[2].input * launch->n[CHANNELS], rows = launch->n[BLOCK_ROWS];
    const int whole = tiles(&axis[2]);
    const ptrdiff_t stop = min_size(end * rows, launch->n[IMAGES] * axis[0].input * axis[1].input);
    for (ptrdiff_t row = begin * rows; row < stop; row++) {
        const ptrdiff_t ih = row % axis[1].input, id = row / axis[1].input % axis[0].input;
        const ptrdiff_t image = row / axis[1].input / axis[0].input;
        const Cover deep = cover_of(&axis[0], id), high = cover_of(&axis[1], ih);
        REAL *dx = (REAL *)launch->p[DX] + row * width;
        int first = 1;
        if (!whole) memset(dx, 0, (size_t)width * sizeof *dx);
        for (ptrdiff_t od = deep.from; od <= deep.to; od++)
            for (ptrdiff_t oh = high.from; oh <= high.to; oh++) {
                const ptrdiff_t kd = tap_at(&axis[0], od, id), kh = tap_at(&axis[1], oh, ih);
                if (kd < 0 || kh < 0) continue;
                const Span d = span_of(&axis[0], od), h = span_of(&axis[1], oh);
                const ptrdiff_t from = (image * axis[0].output + od) * axis[1].output + oh;
                if (first && disjoint(&axis[2]))
                    NAME(add_output_row)(launch, dx, from, kd * axis[1].kernel + kh, &d, &h, pool, 1);
                else
                    NAME(add_output_row)(launch, dx, from, kd * axis[1].kernel + kh, &d, &h, pool, 0);
                first = 0;
            }
        if (whole && first) memset(dx, 0, (size_t)width * sizeof *dx);
    }
}

static int NAME(max_pool_backward)(BODY_ARGS) {
    NAME(pool_rows_backward)(launch, begin, end, MAX_NARROW);
    return 0;
}

/* A winner: the distance of its tap from the first tap of the window, along each axis and in elements. */
typedef struct { ptrdiff_t along[AXES], elements; } NAME(Tap);

/* Add the gradient of a window that is partly outside of the image, where `start` is the position of its first tap. */
OUTLINE void NAME(add_border_winners)(REAL *dx, const REAL *dy, const uint8_t *winner, const Axis *axis,
                                      const ptrdiff_t *start, ptrdiff_t channels, const NAME(Tap) *tap) {
    const ptrdiff_t taps = axis[0].kernel * axis[1].kernel * axis[2].kernel;
    for (ptrdiff_t c = 0; c < channels; c++) {
        ptrdiff_t at = 0;
        int inside = winner[c] < taps;
        for (int i = 0; inside && i < AXES; i++) {
            const ptrdiff_t position = start[i] + tap[winner[c]].along[i];
            inside = 0 <= position && position < axis[i].input;
            at = at * axis[i].input + position;
        }
        if (inside) dx[at * channels + c] += dy[c];
    }
}

/* For channels that do not fill a vector: in row-major order of the windows, too. A block is BLOCK_ROWS images. */
static int NAME(max_pool_backward_few)(BODY_ARGS) {
    const Axis axis[AXES] = {axis_of(launch, 0), axis_of(launch, 1), axis_of(launch, 2)};
    const ptrdiff_t C = launch->n[CHANNELS], rows = launch->n[BLOCK_ROWS];
    const ptrdiff_t positions = axis[0].input * axis[1].input * axis[2].input;
    const ptrdiff_t windows = axis[0].output * axis[1].output * axis[2].output;
    const ptrdiff_t height = axis[1].input, width = axis[2].input;
    const ptrdiff_t taps = axis[0].kernel * axis[1].kernel * axis[2].kernel;
    NAME(Tap) tap[UINT8_MAX + 1];
    for (ptrdiff_t i = 0; i < taps; i++) {
        const ptrdiff_t k = i / axis[2].kernel / axis[1].kernel * axis[0].dilation;
        const ptrdiff_t l = i / axis[2].kernel % axis[1].kernel * axis[1].dilation;
        const ptrdiff_t m = i % axis[2].kernel * axis[2].dilation;
        tap[i] = (NAME(Tap)){{k, l, m}, ((k * height + l) * width + m) * C};
    }
    for (ptrdiff_t image = begin * rows; image < min_size(end * rows, launch->n[IMAGES]); image++) {
        REAL *dx = (REAL *)launch->p[DX] + image * positions * C;
        const REAL *dy = (const REAL *)launch->p[DY] + image * windows * C;
        const uint8_t *winner = (const uint8_t *)launch->p[WINNER] + image * windows * C;
        memset(dx, 0, (size_t)(positions * C) * sizeof *dx);
        for (ptrdiff_t od = 0; od < axis[0].output; od++)
            for (ptrdiff_t oh = 0; oh < axis[1].output; oh++) {
                const int here = span_of(&axis[0], od).taps == axis[0].kernel
                                 && span_of(&axis[1], oh).taps == axis[1].kernel;
                ptrdiff_t start[] = {od * axis[0].stride - axis[0].padding, oh * axis[1].stride - axis[1].padding,
                                     -axis[2].padding};
                for (ptrdiff_t ow = 0; ow < axis[2].output; ow++, dy += C, winner += C, start[2] += axis[2].stride) {
                    if (!here || span_of(&axis[2], ow).taps < axis[2].kernel) {
                        NAME(add_border_winners)(dx, dy, winner, axis, start, C, tap);
                        continue;
                    }
                    REAL *first = dx + ((start[0] * height + start[1]) * width + start[2]) * C;
                    for (ptrdiff_t c = 0; c < C; c++)
                        if (winner[c] < taps) first[tap[winner[c]].elements + c] += dy[c];
                }
            }
    }
    return 0;
}

static int NAME(avg_pool_backward)(BODY_ARGS) {
    NAME(pool_rows_backward)(launch, begin, end, AVERAGE);
    return 0;
}

/* out[n, index[n, i, c], c] = x[n, i, c] in the order of i, into zeros; a block is BLOCK_ROWS images */
static int NAME(max_unpool)(BODY_ARGS) {
    const ptrdiff_t channels = launch->n[CHANNELS], plane = launch->n[PLANE], count = launch->n[COUNT];
    const ptrdiff_t stop = min_size(end * launch->n[BLOCK_ROWS], launch->n[IMAGES]);
    for (ptrdiff_t n = begin * launch->n[BLOCK_ROWS]; n < stop; n++) {
        REAL *out = (REAL *)launch->p[OUT] + n * plane * channels;
        const REAL *x = (const REAL *)launch->p[X] + n * count * channels;
        const int64_t *index = (const int64_t *)launch->p[INDEX] + n * count * channels;
        memset(out, 0, (size_t)(plane * channels) * sizeof *out);
        for (ptrdiff_t i = 0; i < count; i++, x += channels, index += channels)
            for (ptrdiff_t c = 0; c < channels; c++)
                if ((uint64_t)index[c] < (uint64_t)plane) out[index[c] * channels + c] = x[c];
    }
    return 0;
}
