/* The gradient of the filters of grouped.inc.h. Included once for each T.
 *
 * dw[c][s][tap] is a sum over all pixels of dy[c] * x[channel s of c's group]. The sums of a vector of channels for
 * several lines of the kernel stay in registers while the lines of a part are read. A piece is a number of parts; the
 * sums of the pieces are added in order at the end. Sums are kept for each vector of channels, since two may overlap. */

/* Lines of the kernel for K taps: the sums, SLOPES_AT_ONCE gradients and a vector of the input fit in the registers. */
#define SUM_LINES(K) (K == 3 ? 3 : TILE_ROWS > 6 ? 5 : 2)

typedef struct {
    const REAL *dy;                       /* a line of the output's gradient, */
    const REAL *x[LINES_AT_ONCE];         /* those of the input that it meets; NULL: outside; */
    const REAL *next;                     /* and the first of the input's lines to fetch; NULL: none */
} NAME(Slopes);

typedef struct {
    NAME(Slopes) line[PART_LINES];
    ptrdiff_t lines;
    ptrdiff_t kernel_lines;               /* up to LINES_AT_ONCE */
    ptrdiff_t v0, v1;                     /* vectors of channels */
    REAL *sums;                           /* [vector][s][tap][lane], from the first of the kernel's lines on */
    int first;                            /* 1: nothing was added to the sums yet */
} NAME(Part);

typedef void (*NAME(PartBody))(const Launch *launch, const NAME(Part) *t);

/* The sums of up to 5 taps of one line of the kernel: named, because gcc keeps an array of them in memory. */
typedef struct {
    VEC sum0, sum1, sum2, sum3, sum4;
} NAME(Sums);

#define EACH_TAP(X) X(0) X(1) X(2) X(3) X(4)
#define EACH_LINE(X) X(0) X(1) X(2) X(3) X(4)

INLINE void NAME(load_sums)(NAME(Sums) *a, const REAL *sums, int absent, const int K) {
#define LOAD(k) if (k < K) a->sum##k = absent ? V(zero)() : V(load)(sums + k * W);
    EACH_TAP(LOAD)
#undef LOAD
}

INLINE void NAME(store_sums)(const NAME(Sums) *a, REAL *sums, const int K) {
#define STORE(k) if (k < K) V(store)(sums + k * W, a->sum##k);
    EACH_TAP(STORE)
#undef STORE
}

/* One output with gradient g, whose first tap is at `column`; taps may be outside of the input's line x. */
INLINE void NAME(add_pixel)(NAME(Sums) *a, VEC g, const REAL *x, ptrdiff_t pixel, ptrdiff_t column, const ptrdiff_t *n,
                            ptrdiff_t s, const int kind, const int K) {
#define ADD(k)                                                       \
    if (k < K && column + k >= 0 && column + k < n[INPUT_W])         \
        a->sum##k = V(fma)(NAME(member)(x + (column + k) * pixel, n[G_SIZE], s, kind), g, a->sum##k);
    EACH_TAP(ADD)
#undef ADD
}

/* SLOPES_AT_ONCE outputs with gradients g; the first tap of the first one is at x. */
INLINE void NAME(add_pixels)(NAME(Sums) *a, VEC g0, VEC g1, VEC g2, VEC g3, const REAL *x, ptrdiff_t pixel,
                             ptrdiff_t size, ptrdiff_t s, const int kind, const int K, const int S) {
    VEC b;
#define SLOPE(p) ((p) == 0 ? g0 : (p) == 1 ? g1 : (p) == 2 ? g2 : g3)
#define MEETS(q, k) (k < K && q >= k && (q - k) % S == 0 && (q - k) / S < SLOPES_AT_ONCE)
#define ADD(q, k) if (MEETS(q, k)) a->sum##k = V(fma)(b, SLOPE((q - k) / S), a->sum##k);
#define COLUMN(q)                                                                        \
    if (q < (SLOPES_AT_ONCE - 1) * S + K) {                                              \
        b = NAME(member)(x + q * pixel, size, s, kind);                        \
        ADD(q, 0) ADD(q, 1) ADD(q, 2) ADD(q, 3) ADD(q, 4)                                \
    }
    COLUMN(0) COLUMN(1) COLUMN(2) COLUMN(3) COLUMN(4) COLUMN(5) COLUMN(6) COLUMN(7) COLUMN(8) COLUMN(9) COLUMN(10)
#undef SLOPE
#undef MEETS
#undef ADD
#undef COLUMN
}

/* Fetch what the next part will read at the columns w ... w + SLOPES_AT_ONCE - 1 of a line. */
INLINE void NAME(fetch_ahead)(const NAME(Slopes) *line, const ptrdiff_t *n, ptrdiff_t w, const int S) {
    const ptrdiff_t pixel = n[PIXEL];
    if (!line->next) return;
    for (int p = 0; p < SLOPES_AT_ONCE; p++) prefetch_far(line->dy + (n[G_LINES] * n[OUTPUT_W] + w + p) * pixel);
    for (int row = 0; row < S; row++)
        for (int p = 0; p < SLOPES_AT_ONCE * S; p++) prefetch_far(line->next + (row * n[INPUT_W] + w * S + p) * pixel);
}

/* Add to K sums of each of R lines of the kernel, for member s; `pixel` and `slope` are the elements between
 * neighbouring pixels of the input and of the gradient. */
INLINE void NAME(add_lines)(REAL *sums, const ptrdiff_t *n, const NAME(Part) *t, const NAME(Slopes) *lines,
                            ptrdiff_t pixel, ptrdiff_t slope, ptrdiff_t s, const int kind, const int K, const int S,
                            const int R) {
    const ptrdiff_t size = n[G_SIZE];
    /* the outputs whose taps are inside of the input */
    const ptrdiff_t left = first_from(n[PADDING_W], S), right = first_from(n[INPUT_W] + n[PADDING_W] - K + 1, S);
    const ptrdiff_t width = n[OUTPUT_W], whole = min_size(right, width) - SLOPES_AT_ONCE;
    NAME(Sums) line0, line1, line2, line3, line4;
#define LOAD(r) if (r < R) NAME(load_sums)(&line##r, sums + r * K * W, t->first || r >= t->kernel_lines, K);
#define STORE(r) if (r < R && r < t->kernel_lines) NAME(store_sums)(&line##r, sums + r * K * W, K);
#define ADD_PIXEL(r) if (r < R && at->x[r]) NAME(add_pixel)(&line##r, g0, at->x[r], pixel, column, n, s, kind, K);
#define ADD_PIXELS(r) \
    if (r < R && at->x[r]) \
        NAME(add_pixels)(&line##r, g0, g1, g2, g3, at->x[r] + column * pixel, pixel, size, s, kind, K, S);
    EACH_LINE(LOAD)
    for (const NAME(Slopes) *at = lines; at < lines + t->lines; at++) {
        const REAL *dy = at->dy;
        for (ptrdiff_t w = 0; w < width;) {
            const ptrdiff_t column = w * S - n[PADDING_W];
            const VEC g0 = V(load)(dy);
            if (w >= left && w <= whole) {
                const VEC g1 = V(load)(dy + slope), g2 = V(load)(dy + 2 * slope), g3 = V(load)(dy + 3 * slope);
                if (kind == DEPTHWISE) NAME(fetch_ahead)(at, n, w, S);
                EACH_LINE(ADD_PIXELS)
                w += SLOPES_AT_ONCE, dy += SLOPES_AT_ONCE * slope;
            } else {
                EACH_LINE(ADD_PIXEL)
                w++, dy += slope;
            }
        }
    }
    EACH_LINE(STORE)
#undef LOAD
#undef STORE
#undef ADD_PIXEL
#undef ADD_PIXELS
}

/* The lines of a part from channel c of the gradient and channel `from` of the input on. */
static inline void NAME(shift_lines)(NAME(Slopes) *to, const NAME(Part) *t, ptrdiff_t c, ptrdiff_t from) {
    for (ptrdiff_t i = 0; i < t->lines; i++) {
        to[i] = t->line[i];
        to[i].dy += c;
        if (to[i].next) to[i].next += from;
        for (int r = 0; r < LINES_AT_ONCE; r++)
            if (to[i].x[r]) to[i].x[r] += from;
    }
}

/* Copy `count` pixels of `length` elements, which are `step` apart. */
static inline REAL *NAME(copy_pixels)(REAL *to, const REAL *x, ptrdiff_t count, ptrdiff_t step, ptrdiff_t length) {
    for (ptrdiff_t j = 0; j < count; j++, x += step)
        for (ptrdiff_t i = 0; i < length; i += W, to += W) V(store)(to, V(load)(x + i));
    return to;
}

/* Fetch what the next part will copy. */
static inline void NAME(fetch_line)(const NAME(Slopes) *line, const ptrdiff_t *n, ptrdiff_t length) {
    const ptrdiff_t pixel = n[PIXEL], at_once = CACHE_LINE / sizeof(REAL);
    for (ptrdiff_t w = 0; w < n[OUTPUT_W]; w++) prefetch_far(line->dy + (n[G_LINES] * n[OUTPUT_W] + w) * pixel);
    for (ptrdiff_t w = 0; w < n[STRIDE_H] * n[INPUT_W]; w++)
        for (ptrdiff_t i = 0; i < length; i += at_once) prefetch_far(line->next + w * pixel + i);
}

/* Copy what the lines read into contiguous memory, where it is read again for each member of the group: pixels that are
 * a power of 2 apart would share few sets of the first cache. */
static void NAME(copy_lines)(REAL *copy, NAME(Slopes) *lines, const ptrdiff_t *n, ptrdiff_t count, ptrdiff_t length) {
    const REAL *from[MEMBER_LINES];
    REAL *to[MEMBER_LINES];
    ptrdiff_t known = 0;
    for (NAME(Slopes) *at = lines; at < lines + count; at++) {
        REAL *dy = copy;
        if (at->next) NAME(fetch_line)(at, n, length);
        copy = NAME(copy_pixels)(copy, at->dy, n[OUTPUT_W], n[PIXEL], W);
        at->dy = dy;
        for (int r = 0; r < LINES_AT_ONCE; r++) {
            if (!at->x[r]) continue;
            ptrdiff_t i = known;
            while (i > 0 && from[i - 1] != at->x[r]) i--;
            if (i == 0) {
                from[known] = at->x[r], to[known] = copy;
                copy = NAME(copy_pixels)(copy, at->x[r], n[INPUT_W], n[PIXEL], length);
                i = ++known;
            }
            at->x[r] = to[i - 1];
        }
    }
}

/* K adjacent taps at stride S of R lines of the kernel. */
INLINE void NAME(add_part)(const Launch *launch, const NAME(Part) *t, const int kind, const int K, const int S,
                           const int R) {
    const ptrdiff_t *n = launch->n, size = kind == DEPTHWISE ? 1 : n[G_SIZE], length = max_size(size, W);
    const ptrdiff_t run = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W];
    const int copies = kind != DEPTHWISE && n[G_COPIES];
    NAME(Slopes) lines[PART_LINES];
    REAL copy[MEMBER_BYTES / sizeof(REAL)];
    for (ptrdiff_t v = t->v0; v < t->v1; v++) {
        const ptrdiff_t c = NAME(vector_start)(v, n[PIXEL]);
        NAME(shift_lines)(lines, t, c, NAME(source)(c, size, kind));
        if (copies) NAME(copy_lines)(copy, lines, n, t->lines, length);
        for (ptrdiff_t s = 0; s < size; s++)
            NAME(add_lines)(t->sums + (v * size + s) * run * W, n, t, lines, copies ? length : n[PIXEL],
                            copies ? W : n[PIXEL], s, kind, K, S, R);
    }
}

/* Windows of any shape, and fewer channels than lanes: TAPS_AT_ONCE taps from k0 on of one line of the kernel. */
INLINE void NAME(add_taps)(const Launch *launch, const NAME(Part) *t, ptrdiff_t k0, const int kind) {
    const ptrdiff_t *n = launch->n, pixel = n[PIXEL], size = kind == DEPTHWISE ? 1 : n[G_SIZE];
    const ptrdiff_t some = min_size(pixel, W);
    const ptrdiff_t run = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W], count = n[KERNEL_W] - k0;
    VEC a[TAPS_AT_ONCE];
    for (ptrdiff_t v = t->v0; v < t->v1; v++) {
        const ptrdiff_t c = NAME(vector_start)(v, pixel), from = NAME(source)(c, size, kind);
        for (ptrdiff_t s = 0; s < size; s++) {
            REAL *sums = t->sums + ((v * size + s) * run + k0) * W;
            UNROLL for (int k = 0; k < TAPS_AT_ONCE; k++)
                a[k] = t->first || k >= count ? V(zero)() : V(load)(sums + k * W);
            for (ptrdiff_t i = 0; i < t->lines; i++) {
                const REAL *x = t->line[i].x[0];
                if (!x) continue;
                for (ptrdiff_t w = 0; w < n[OUTPUT_W]; w++) {
                    const VEC g = NAME(load_some)(t->line[i].dy + w * pixel + c, some);
                    ptrdiff_t column = w * n[STRIDE_W] - n[PADDING_W] + k0 * n[DILATION_W];
                    UNROLL for (int k = 0; k < TAPS_AT_ONCE; k++, column += n[DILATION_W])
                        if (k < count && column >= 0 && column < n[INPUT_W])
                            a[k] = V(fma)(NAME(some_member)(x + column * pixel + from, size, s, some, kind), g, a[k]);
                }
            }
            UNROLL for (int k = 0; k < TAPS_AT_ONCE; k++)
                if (k < count) V(store)(sums + k * W, a[k]);
        }
    }
}

#define ANY_PART(kind)                                                                      \
    static void NAME(CAT_(part, kind))(const Launch *launch, const NAME(Part) *t) {         \
        for (ptrdiff_t k = 0; k < launch->n[KERNEL_W]; k += TAPS_AT_ONCE) NAME(add_taps)(launch, t, k, kind); \
    }
ANY_PART(DEPTHWISE)
ANY_PART(SPREAD)
ANY_PART(BROADCAST)
#undef ANY_PART

#define PART_OF(kind, K, S) CAT(part_##kind##_##K, CAT(S, T))
#define PART(kind, K, S)                                                                    \
    static void PART_OF(kind, K, S)(const Launch *launch, const NAME(Part) *t) {            \
        NAME(add_part)(launch, t, kind, K, S, SUM_LINES(K));                                \
    }
PART(DEPTHWISE, 3, 1) PART(DEPTHWISE, 3, 2) PART(DEPTHWISE, 5, 1) PART(DEPTHWISE, 5, 2)
PART(SPREAD, 3, 1) PART(SPREAD, 3, 2)
PART(BROADCAST, 3, 1) PART(BROADCAST, 3, 2)

/* The body for the parts, and the lines of the kernel that it takes at once. */
static NAME(PartBody) NAME(part_body)(const ptrdiff_t *n, ptrdiff_t *lines) {
    const int kind = NAME(kind_of)(n[G_SIZE]);
    const ptrdiff_t taps = n[KERNEL_W], stride = n[STRIDE_W];
#define CHOOSE_PART(kind_, K, S) \
    if (kind == kind_ && taps == K && stride == S) { *lines = SUM_LINES(K); return PART_OF(kind_, K, S); }
    if (n[PIXEL] >= W && n[DILATION_W] == 1) {
        CHOOSE_PART(DEPTHWISE, 3, 1) CHOOSE_PART(DEPTHWISE, 3, 2)
        CHOOSE_PART(DEPTHWISE, 5, 1) CHOOSE_PART(DEPTHWISE, 5, 2)
        CHOOSE_PART(SPREAD, 3, 1) CHOOSE_PART(SPREAD, 3, 2)
        CHOOSE_PART(BROADCAST, 3, 1) CHOOSE_PART(BROADCAST, 3, 2)
    }
#undef CHOOSE_PART
    *lines = 1;
    return kind == DEPTHWISE ? NAME(part_DEPTHWISE) : kind == SPREAD ? NAME(part_SPREAD) : NAME(part_BROADCAST);
}
#undef PART
#undef PART_OF

/* The lines of a part of the output's gradient, h0 <= h < h1, and what they meet from line k0 of the kernel on. */
static void NAME(find_slopes)(NAME(Part) *t, const Launch *launch, ptrdiff_t plane, ptrdiff_t h0, ptrdiff_t h1,
                              ptrdiff_t k0) {
    const ptrdiff_t *n = launch->n, image = plane / n[OUTPUT_D], d = plane % n[OUTPUT_D];
    t->lines = h1 - h0;
    for (ptrdiff_t h = h0; h < h1; h++) {
        NAME(Slopes) *line = &t->line[h - h0];
        line->dy = (const REAL *)launch->p[G_DY] + (plane * n[OUTPUT_H] + h) * n[OUTPUT_W] * n[PIXEL];
        line->next = !n[G_AHEAD] || k0 ? 0
            : (const REAL *)launch->p[G_X]
                + (image * n[INPUT_H] + (h + n[G_LINES]) * n[STRIDE_H] - n[PADDING_H] + n[KERNEL_H] - n[STRIDE_H])
                    * n[INPUT_W] * n[PIXEL];
        for (ptrdiff_t r = 0; r < LINES_AT_ONCE; r++) {
            const ptrdiff_t k = k0 + r, inside = r < t->kernel_lines;
            const ptrdiff_t at_d = inside ? met_at(n, 0, d, k / n[KERNEL_H]) : -1;
            const ptrdiff_t at_h = inside ? met_at(n, 1, h, k % n[KERNEL_H]) : -1;
            line->x[r] = at_d < 0 || at_h < 0 ? 0
                : (const REAL *)launch->p[G_X]
                    + ((image * n[INPUT_D] + at_d) * n[INPUT_H] + at_h) * n[INPUT_W] * n[PIXEL];
        }
    }
}

/* Sums [piece][vector][s][tap][lane]. A block is one chunk of the vectors of a piece. */
static int NAME(grouped_sums)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, kernel_lines = n[KERNEL_D] * n[KERNEL_H];
    NAME(Part) t;
    ptrdiff_t at_once;
    const NAME(PartBody) body = NAME(part_body)(n, &at_once);
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t piece = block / n[G_CHUNKS];
        const ptrdiff_t start = part_start(n[G_ITEMS], piece, n[G_PIECES]);
        const ptrdiff_t stop = part_start(n[G_ITEMS], piece + 1, n[G_PIECES]);
        REAL *sums = (REAL *)launch->p[G_OUT] + piece * kernel_lines * n[KERNEL_W] * n[G_SIZE] * n[G_LANES];
        t.v0 = block % n[G_CHUNKS] * n[G_VECTORS];
        t.v1 = min_size(t.v0 + n[G_VECTORS], n[G_LANES] / W);
        for (ptrdiff_t item = start; item < stop; item++)
            for (ptrdiff_t k0 = 0; k0 < kernel_lines; k0 += at_once) {
                const ptrdiff_t h0 = item % n[G_PARTS] * n[G_LINES], h1 = min_size(h0 + n[G_LINES], n[OUTPUT_H]);
                t.first = item == start;
                t.kernel_lines = min_size(at_once, kernel_lines - k0);
                t.sums = sums + k0 * n[KERNEL_W] * W;
                NAME(find_slopes)(&t, launch, item / n[G_PARTS], h0, h1, k0);
                body(launch, &t);
            }
    }
    return 0;
}

/* The filters' gradient out (channel, s, tap): the sum of the pieces x. A block is a vector of channels. */
static int NAME(grouped_join)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, run = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W] * n[G_SIZE], channels = n[PIXEL];
    VEC r[W];
    for (ptrdiff_t v = begin; v < end; v++) {
        const ptrdiff_t c = NAME(vector_start)(v, channels);
        for (ptrdiff_t k = 0; k < run; k += W) {
            const ptrdiff_t some = min_size(W, run - k);
            for (ptrdiff_t i = 0; i < W; i++) {
                const REAL *x = (const REAL *)launch->p[G_X] + (v * run + k + min_size(i, some - 1)) * W;
                r[i] = V(load)(x);
                for (ptrdiff_t piece = 1; piece < n[G_PIECES]; piece++)
                    r[i] = V(add)(r[i], V(load)(x + piece * run * n[G_LANES]));
            }
            NAME(transpose)(r);
            for (ptrdiff_t i = v * W - c; i < min_size(W, channels - c); i++)
                NAME(store_some)((REAL *)launch->p[G_OUT] + (c + i) * run + k, r[i], some);
        }
    }
    return 0;
}
#undef SUM_LINES
#undef EACH_TAP
#undef EACH_LINE
#undef UNROLL_WINDOW
