/* Bodies of spectrum.c, included once for each T. A block is FRAMES_AT_ONCE frames of one signal. */

/* W frames, one in each lane, and the memory to compute with. */
typedef struct {
    ptrdiff_t signal, frame, count;       /* the first frame, and the number of frames, at most W */
    REAL *a, *b;                          /* SLOT / 2 elements each */
} NAME(Lanes);
#define LANES NAME(Lanes)

/* Visit the frames of the blocks [begin, end), W at a time. */
#define FOR_LANES(lanes)                                                                                    \
    const ptrdiff_t groups = ceil_div(launch->n[FRAMES], FRAMES_AT_ONCE);                                   \
    REAL *slot = (REAL *)launch->p[SCRATCH] + begin * launch->n[SLOTS] / launch->blocks * launch->n[SLOT];  \
    LANES lanes;                                                                                            \
    for (ptrdiff_t block = begin; block < end; block++)                                                     \
        for (lanes.signal = block / groups, lanes.frame = block % groups * FRAMES_AT_ONCE;                  \
             NAME(some_lanes)(&lanes, launch, block % groups * FRAMES_AT_ONCE, slot); lanes.frame += W)

/* Set the count and the memory of `lanes`; 0 if no frame of the block that starts at `first` is left. */
INLINE ptrdiff_t NAME(some_lanes)(LANES *lanes, const Launch *launch, ptrdiff_t first, REAL *slot) {
    const ptrdiff_t stop = min_size(first + FRAMES_AT_ONCE, launch->n[FRAMES]);
    lanes->a = slot, lanes->b = slot + launch->n[SLOT] / 2;
    lanes->count = min_size(W, stop - lanes->frame);
    return lanes->count > 0;
}

/* ---- rows to lanes and back ------------------------------------------------------------------------------------------ */

/* to = n elements of `count` rows, `step` apart, as vectors with a row in each lane; the other lanes repeat the last. */
INLINE void NAME(load_rows)(REAL *to, const REAL *from, ptrdiff_t step, ptrdiff_t count, ptrdiff_t n) {
    const REAL *row[W];
    for (ptrdiff_t i = 0; i < W; i++) row[i] = from + min_size(i, count - 1) * step;
    ptrdiff_t k = 0;
    for (; k + W <= n; k += W) {
        VEC r[W];
        V(load_across)(r, row, k);
        UNROLL for (int j = 0; j < W; j++) V(store)(to + (k + j) * W, r[j]);
    }
    for (; k < n; k++)
        for (ptrdiff_t i = 0; i < W; i++) to[k * W + i] = row[i][k];
}

/* The rows of load_rows = n vectors. */
INLINE void NAME(store_rows)(REAL *to, const REAL *from, ptrdiff_t step, ptrdiff_t count, ptrdiff_t n) {
    ptrdiff_t k = 0;
    for (; k + W <= n; k += W) {
        const REAL *row[W];
        VEC r[W];
        UNROLL for (int j = 0; j < W; j++) row[j] = from + (k + j) * W;
        V(load_across)(r, row, 0);
        for (ptrdiff_t i = 0; i < count; i++) V(store)(to + i * step + k, r[i]);
    }
    for (; k < n; k++)
        for (ptrdiff_t i = 0; i < count; i++) to[i * step + k] = from[k * W + i];
}

/* For odd n: n vectors as the real parts of complex numbers, in place. */
INLINE void NAME(as_complex)(REAL *x, ptrdiff_t n) {
    for (ptrdiff_t k = n - 1; k >= 0; k--) NAME(store_complex)(x + k * 2 * W, (COMPLEX){V(load)(x + k * W), V(zero)()});
}

/* ---- frames ---------------------------------------------------------------------------------------------------------- */

/* x -= its mean over n vectors */
INLINE void NAME(remove_mean)(REAL *x, ptrdiff_t n) {
    VEC sum[4] = {V(zero)(), V(zero)(), V(zero)(), V(zero)()};
    for (ptrdiff_t k = 0; k < n; k++) sum[k % 4] = V(add)(sum[k % 4], V(load)(x + k * W));
    VEC mean = V(mul)(V(add)(V(add)(sum[0], sum[1]), V(add)(sum[2], sum[3])), V(set)((REAL)(1.0 / (double)n)));
    for (ptrdiff_t k = 0; k < n; k++) V(store)(x + k * W, V(sub)(V(load)(x + k * W), mean));
}

/* x[k] -= c * x[k - 1], and x[0] -= c * x[0]; or its transpose, x[k] -= c * x[k + 1], and x[0] -= c * x[0] more */
INLINE void NAME(emphasize)(REAL *x, ptrdiff_t n, double c, int transposed) {
    const VEC factor = V(set)((REAL)-c);
    const VEC first = V(mul)(factor, V(load)(x));
    for (ptrdiff_t i = 1; i < n; i++) {
        REAL *at = x + (transposed ? i - 1 : n - i) * W;
        V(store)(at, V(fma)(factor, V(load)(transposed ? at + W : at - W), V(load)(at)));
    }
    V(store)(x, V(add)(V(load)(x), first));
}

/* x *= the window, n vectors */
INLINE void NAME(apply_window)(REAL *x, const REAL *window, ptrdiff_t n) {
    for (ptrdiff_t k = 0; k < n; k++) V(store)(x + k * W, V(mul)(V(load)(x + k * W), V(set)(window[k])));
}

/* The spectrum of the frames, in lanes->a. */
static void NAME(frame_spectrum)(const Launch *launch, LANES *lanes) {
    const ptrdiff_t *n = launch->n, width = n[WIDTH];
    const REAL *x = (const REAL *)launch->p[X] + lanes->signal * n[LENGTH] + lanes->frame * n[HOP];
    NAME(load_rows)(lanes->a, x, n[HOP], lanes->count, width);
    if (n[REMOVE_MEAN]) NAME(remove_mean)(lanes->a, width);
    if (launch->s[PREEMPHASIS] != 0) NAME(emphasize)(lanes->a, width, launch->s[PREEMPHASIS], 0);
    NAME(apply_window)(lanes->a, launch->p[WINDOW], width);
    for (ptrdiff_t k = width; k < n[TRANSFORM]; k++) V(store)(lanes->a + k * W, V(zero)());
    if (n[TRANSFORM] % 2) NAME(as_complex)(lanes->a, n[TRANSFORM]);
    NAME(real_spectrum)(launch, &lanes->a, &lanes->b);
}

/* OUT, (signals, frames, width) = the gradient of the frames, given that of their spectrum in lanes->a */
static void NAME(frame_gradient)(const Launch *launch, LANES *lanes) {
    const ptrdiff_t *n = launch->n, width = n[WIDTH];
    REAL *x = lanes->b, *out = (REAL *)launch->p[OUT] + (lanes->signal * n[FRAMES] + lanes->frame) * width;
    NAME(real_signal)(launch, &lanes->a, &lanes->b, 1, 1);
    x = lanes->b;
    for (ptrdiff_t k = 0; k < width; k++)
        V(store)(x + k * W, V(load)(lanes->a + NAME(signal_place)(n[TRANSFORM], k) * W));
    NAME(apply_window)(x, launch->p[WINDOW], width);
    if (launch->s[PREEMPHASIS] != 0) NAME(emphasize)(x, width, launch->s[PREEMPHASIS], 1);
    if (n[REMOVE_MEAN]) NAME(remove_mean)(x, width);
    NAME(store_rows)(out, x, width, lanes->count, width);
}

/* ---- transforms of rows ---------------------------------------------------------------------------------------------- */

/* OUT (frames, bins, 2) = the spectra of X (frames, n), times INNER and at both ends OUTER */
static int NAME(rfft)(BODY_ARGS) {
    const ptrdiff_t n = launch->n[TRANSFORM], bins = launch->n[BINS];
    FOR_LANES(lanes) {
        NAME(load_rows)(lanes.a, (const REAL *)launch->p[X] + lanes.frame * n, n, lanes.count, n);
        if (n % 2) NAME(as_complex)(lanes.a, n);
        NAME(real_spectrum)(launch, &lanes.a, &lanes.b);
        for (ptrdiff_t k = 0; k < bins; k++) {
            VEC factor = V(set)((REAL)launch->s[k == 0 || 2 * k == n ? OUTER : INNER]);
            COMPLEX x = NAME(load_complex)(lanes.a + k * 2 * W);
            NAME(store_complex)(lanes.a + k * 2 * W, (COMPLEX){V(mul)(x.re, factor), V(mul)(x.im, factor)});
        }
        NAME(store_rows)((REAL *)launch->p[OUT] + lanes.frame * 2 * bins, lanes.a, 2 * bins, lanes.count, 2 * bins);
    }
    return 0;
}

/* OUT (frames, n) = the signals of the spectra X (frames, bins, 2) */
static int NAME(irfft)(BODY_ARGS) {
    const ptrdiff_t n = launch->n[TRANSFORM], bins = launch->n[BINS];
    FOR_LANES(lanes) {
        const REAL *y = (const REAL *)launch->p[X] + lanes.frame * 2 * bins;
        NAME(load_rows)(lanes.a, y, 2 * bins, lanes.count, 2 * bins);
        NAME(real_signal)(launch, &lanes.a, &lanes.b, launch->s[INNER], launch->s[OUTER]);
        for (ptrdiff_t k = 0; k < n; k++)
            V(store)(lanes.b + k * W, V(load)(lanes.a + NAME(signal_place)(n, k) * W));
        NAME(store_rows)((REAL *)launch->p[OUT] + lanes.frame * n, lanes.b, n, lanes.count, n);
    }
    return 0;
}

/* ---- transforms of frames -------------------------------------------------------------------------------------------- */

/* The elements of frames lanes->frame and following in row k of an array (signals, rows, frames, size). */
INLINE REAL *NAME(frame_row)(const Launch *launch, int array, const LANES *lanes, ptrdiff_t rows, ptrdiff_t k,
                             ptrdiff_t size) {
    return (REAL *)launch->p[array] + ((lanes->signal * rows + k) * launch->n[FRAMES] + lanes->frame) * size;
}

/* OUT (signals, bins, frames, 2) = the spectra of the frames */
static int NAME(stft)(BODY_ARGS) {
    const ptrdiff_t bins = launch->n[BINS];
    FOR_LANES(lanes) {
        NAME(frame_spectrum)(launch, &lanes);
        for (ptrdiff_t k = 0; k < bins; k++) {
            REAL *out = NAME(frame_row)(launch, OUT, &lanes, bins, k, 2);
            COMPLEX x = NAME(load_complex)(lanes.a + k * 2 * W);
            if (W == 1) {
                NAME(store_complex)(out, x);
                continue;
            }
            NAME(store_some)(out, V(zip_lo)(x.re, x.im), 2 * lanes.count);
            if (2 * lanes.count > W) NAME(store_some)(out + W, V(zip_hi)(x.re, x.im), 2 * lanes.count - W);
        }
    }
    return 0;
}

/* OUT (signals, frames, width) = the gradient of the frames, given DY, that of stft */
static int NAME(stft_backward)(BODY_ARGS) {
    const ptrdiff_t bins = launch->n[BINS];
    FOR_LANES(lanes) {
        for (ptrdiff_t k = 0; k < bins; k++) {
            const REAL *dy = NAME(frame_row)(launch, DY, &lanes, bins, k, 2);
            REAL *to = lanes.a + k * 2 * W;
            for (ptrdiff_t i = 0; i < W; i++) {
                const ptrdiff_t frame = min_size(i, lanes.count - 1);
                to[i] = dy[2 * frame], to[W + i] = dy[2 * frame + 1];
            }
        }
        NAME(frame_gradient)(launch, &lanes);
    }
    return 0;
}

/* |x|^power */
INLINE VEC NAME(magnitude)(COMPLEX x, double power) {
    VEC square = V(fma)(x.re, x.re, V(mul)(x.im, x.im));
    if (power == 2) return square;
    if (power == 1) return V(sqrt)(square);
    return V(exp)(V(mul)(V(set)((REAL)(power / 2)), V(log)(square)));
}

/* The derivative of |x|^power by x, divided by x; 0 where |x|^2 is below the smallest normal number. */
INLINE VEC NAME(magnitude_slope)(COMPLEX x, double power) {
    if (power == 2) return V(set)(2);
    VEC square = V(fma)(x.re, x.re, V(mul)(x.im, x.im)), slope;
    if (power == 1) slope = V(div)(V(set)(1), V(sqrt)(square));
    else slope = V(mul)(V(set)((REAL)power), V(exp)(V(mul)(V(set)((REAL)(power / 2 - 1)), V(log)(square))));
    return V(select)(V(lt)(square, V(set)(NAME(smallest_normal))), V(zero)(), slope);
}

/* OUT (signals, bins, frames) = |spectra of the frames|^POWER */
static int NAME(spectrogram)(BODY_ARGS) {
    const ptrdiff_t bins = launch->n[BINS];
    FOR_LANES(lanes) {
        NAME(frame_spectrum)(launch, &lanes);
        for (ptrdiff_t k = 0; k < bins; k++)
            NAME(store_some)(NAME(frame_row)(launch, OUT, &lanes, bins, k, 1),
                             NAME(magnitude)(NAME(load_complex)(lanes.a + k * 2 * W), launch->s[POWER]), lanes.count);
    }
    return 0;
}

/* OUT (signals, frames, width) = the gradient of the frames, given DY, that of spectrogram */
static int NAME(spectrogram_backward)(BODY_ARGS) {
    const ptrdiff_t bins = launch->n[BINS];
    FOR_LANES(lanes) {
        NAME(frame_spectrum)(launch, &lanes);
        for (ptrdiff_t k = 0; k < bins; k++) {
            COMPLEX x = NAME(load_complex)(lanes.a + k * 2 * W);
            VEC dy = NAME(load_some)(NAME(frame_row)(launch, DY, &lanes, bins, k, 1), lanes.count);
            VEC factor = V(mul)(dy, NAME(magnitude_slope)(x, launch->s[POWER]));
            NAME(store_complex)(lanes.a + k * 2 * W, (COMPLEX){V(mul)(x.re, factor), V(mul)(x.im, factor)});
        }
        NAME(frame_gradient)(launch, &lanes);
    }
    return 0;
}

/* RANGES (filters, 2) = for each filter, a column of FILTERS, the first bin where it is not 0 and the bin after the last;
 * 0, 0 if there is none. A block is W filters. */
static int NAME(filter_ranges)(BODY_ARGS) {
    const ptrdiff_t bins = launch->n[BINS], count = launch->n[FILTER_COUNT];
    for (ptrdiff_t m = begin * W; m < min_size(end * W, count); m += W) {
        const REAL *filter = (const REAL *)launch->p[FILTERS] + m;
        int64_t *ranges = (int64_t *)launch->p[RANGES] + 2 * m;
        REAL first[W], last[W];
        VEC low = V(set)((REAL)bins), high = V(zero)();
        for (ptrdiff_t k = 0; k < bins; k++) {
            MASK none = V(eq)(NAME(load_some)(filter + k * count, count - m), V(zero)());
            low = V(select)(none, low, V(min)(low, V(set)((REAL)k)));
            high = V(select)(none, high, V(set)((REAL)(k + 1)));
        }
        V(store)(first, V(min)(low, high)), V(store)(last, high);
        for (ptrdiff_t i = 0; i < min_size(W, count - m); i++)
            ranges[2 * i] = (int64_t)first[i], ranges[2 * i + 1] = (int64_t)last[i];
    }
    return 0;
}

/* The sum of the vectors [first, last) of x times a filter, a column of `count`. */
INLINE VEC NAME(filtered)(const REAL *x, const REAL *filter, ptrdiff_t count, ptrdiff_t first, ptrdiff_t last) {
    VEC sum[2] = {V(zero)(), V(zero)()};
    ptrdiff_t k = first;
    for (; k + 2 <= last; k += 2)
        UNROLL for (int j = 0; j < 2; j++)
            sum[j] = V(fma)(V(load)(x + (k + j) * W), V(set)(filter[(k + j) * count]), sum[j]);
    if (k < last) sum[0] = V(fma)(V(load)(x + k * W), V(set)(filter[k * count]), sum[0]);
    return V(add)(sum[0], sum[1]);
}

/* OUT (signals, filters, frames) = the sums of |spectra of the frames|^POWER times the columns of FILTERS (bins, filters),
 * or the logarithms of them */
static int NAME(mel_spectrogram)(BODY_ARGS) {
    const ptrdiff_t bins = launch->n[BINS], count = launch->n[FILTER_COUNT];
    const VEC floor = V(set)((REAL)launch->s[FLOOR]), offset = V(set)((REAL)launch->s[OFFSET]);
    const VEC scale = V(set)((REAL)launch->s[SCALE]);
    FOR_LANES(lanes) {
        NAME(frame_spectrum)(launch, &lanes);
        for (ptrdiff_t k = 0; k < bins; k++)
            V(store)(lanes.b + k * W, NAME(magnitude)(NAME(load_complex)(lanes.a + k * 2 * W), launch->s[POWER]));
        for (ptrdiff_t m = 0; m < count; m++) {
            const int64_t *range = (const int64_t *)launch->p[RANGES] + 2 * m;
            VEC y = NAME(filtered)(lanes.b, (const REAL *)launch->p[FILTERS] + m, count, range[0], range[1]);
            if (launch->n[LOGARITHM]) y = V(mul)(scale, V(log)(V(add)(V(max)(floor, y), offset)));
            NAME(store_some)(NAME(frame_row)(launch, OUT, &lanes, count, m, 1), y, lanes.count);
        }
    }
    return 0;
}

/* ---- overlapping frames ---------------------------------------------------------------------------------------------- */

/* OUT (signals, length) = the sums of the frames X (signals, frames, width), each HOP after the last. A block is BLOCK
 * samples of one signal. */
static int NAME(overlap_add)(BODY_ARGS) {
    const ptrdiff_t length = launch->n[LENGTH], width = launch->n[WIDTH], hop = launch->n[HOP];
    const ptrdiff_t frames = launch->n[FRAMES], parts = ceil_div(length, BLOCK);
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t signal = block / parts, start = block % parts * BLOCK, stop = min_size(start + BLOCK, length);
        REAL *out = (REAL *)launch->p[OUT] + signal * length;
        memset(out + start, 0, (size_t)(stop - start) * sizeof *out);
        ptrdiff_t frame = start < width ? 0 : ceil_div(start - width + 1, hop);
        for (; frame < frames && frame * hop < stop; frame++) {
            const REAL *x = (const REAL *)launch->p[X] + (signal * frames + frame) * width - frame * hop;
            const ptrdiff_t last = min_size(stop, frame * hop + width);
            for (ptrdiff_t k = start > frame * hop ? start : frame * hop; k < last; k += W) {
                const ptrdiff_t some = min_size(W, last - k);
                NAME(store_some)(out + k, V(add)(NAME(load_some)(out + k, some), NAME(load_some)(x + k, some)), some);
            }
        }
    }
    return 0;
}

#undef FOR_LANES
#undef LANES
#undef COMPLEX
