/* Convolutions in groups of few channels, depthwise among them, and the gradient of their input: a lane is a channel of
 * the output. Included once for each T.
 *
 * Channel s of each lane's group, s < G_SIZE, is met in turn. The sums of PIXELS_AT_ONCE neighbouring outputs stay in
 * registers, and so do the filters of one line of the kernel; each vector of the input is read once for all outputs
 * that it contributes to. Taps outside of the input are left out. The last vector of channels may overlap the one
 * before it, so that it is a whole one; the lanes that both have get the same bits. */

#ifdef __GNUC__
#define UNROLL_WINDOW _Pragma("GCC unroll 64")
#else
#define UNROLL_WINDOW
#endif

/* The compiler takes p as a new pointer, and does not keep in registers what it has read from it. */
#ifdef __GNUC__
#define FORGET(p) __asm__("" : "+r"(p))
#else
#define FORGET(p)
#endif

typedef struct {
    const REAL *x;                        /* a line of the input, */
    ptrdiff_t tap;                        /* and the first tap of the kernel's line that meets it */
} NAME(Line);

/* Neighbouring outputs of one line. Column q is q pixels after `column`, the input's for the first output
 * and tap. */
typedef struct {
    NAME(Line) line[KERNEL_LINES];
    ptrdiff_t lines;
    ptrdiff_t taps, tap, tap_step;        /* of a line of the kernel: their number, the first one, and the distance */
    ptrdiff_t stride, dilation;
    ptrdiff_t column, first, last;        /* columns first <= q < last are needed and inside of the input */
    ptrdiff_t out, step, count;           /* outputs: the first, the elements between neighbours, the number */
    ptrdiff_t v0, v1;                     /* vectors of channels */
} NAME(Strip);

typedef void (*NAME(StripBody))(const Launch *launch, const NAME(Strip) *t);

/* The address of the input's channels for the lanes from c on. */
INLINE ptrdiff_t NAME(source)(ptrdiff_t c, ptrdiff_t size, const int kind) {
    return kind == BROADCAST ? c - c % size : c;
}

/* Channel s of each lane's group, at a pixel whose `source` is x. */
INLINE VEC NAME(member)(const REAL *x, ptrdiff_t size, ptrdiff_t s, const int kind) {
    return kind == BROADCAST ? V(set)(x[s]) : kind == SPREAD ? V(spread)(V(load)(x), size, s) : V(load)(x);
}

INLINE VEC NAME(some_member)(const REAL *x, ptrdiff_t size, ptrdiff_t s, ptrdiff_t some, const int kind) {
    if (kind == BROADCAST) return V(set)(x[s]);
    return kind == SPREAD ? V(spread)(NAME(load_some)(x, some), size, s) : NAME(load_some)(x, some);
}

/* The last vector of channels overlaps the one before it. */
static inline ptrdiff_t NAME(vector_start)(ptrdiff_t v, ptrdiff_t channels) {
    return max_size(min_size(v * W, channels - W), 0);
}

/* The end of `conv`, for the lanes from c on, `some` of which exist. */
INLINE void NAME(end_strip)(const Launch *launch, const NAME(Strip) *t, VEC *a, ptrdiff_t c, ptrdiff_t some,
                            const ptrdiff_t count) {
    const REAL *bias = launch->p[G_BIAS], *affine = launch->p[G_AFFINE], *residual = launch->p[G_RESIDUAL];
    const ptrdiff_t activation = launch->n[G_ACTIVATION];
    REAL *out = (REAL *)launch->p[G_OUT] + t->out + c;
    if (bias) {
        const VEC b = NAME(load_some)(bias + c, some);
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(add)(a[p], b);
    }
    if (affine) {
        VEC f[3];
        NAME(load_affine)(f, affine + c, launch->n[PIXEL], some);
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(fma)(V(sub)(a[p], f[0]), f[1], f[2]);
    }
    if (residual)
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++)
            if (p < count) a[p] = V(add)(a[p], NAME(load_some)(residual + t->out + c + p * t->step, some));
    if (activation > RELU6) {           /* not in out: another thread may write the lanes that overlap */
        REAL hot[PIXELS_AT_ONCE * W];
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) V(store)(hot + p * W, a[p]);
        NAME(activate_rows)(hot, W, PIXELS_AT_ONCE, W, activation);
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(load)(hot + p * W);
    } else if (activation != NONE_)
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(relu)(a[p]);
    if (activation == RELU6)
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(min)(V(set)(6), a[p]);
    UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++)
        if (p < count) NAME(store_some)(out + p * t->step, a[p], some);
}

/* K adjacent taps at stride S. A strip that is not `clipped` is PIXELS_AT_ONCE outputs inside of the input. */
INLINE void NAME(strip)(const Launch *launch, const NAME(Strip) *t, const int kind, const int K, const int S,
                        const int clipped) {
    const ptrdiff_t *n = launch->n, pixel = n[PIXEL], size = kind == DEPTHWISE ? 1 : n[G_SIZE];
    const ptrdiff_t taps = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W], ahead = n[INPUT_W] * pixel;
    VEC a[PIXELS_AT_ONCE], g[K];
    for (ptrdiff_t v = t->v0; v < t->v1; v++) {
        const ptrdiff_t c = NAME(vector_start)(v, pixel), from = t->column * pixel + NAME(source)(c, size, kind);
        if (n[G_AHEAD] && t->lines)
            for (int row = 1; row <= S; row++)
                for (int p = 0; p < PIXELS_AT_ONCE * S; p++)
                    prefetch_far(t->line[t->lines - 1].x + from + row * ahead + p * pixel);
        if (n[G_OUT_AHEAD])
            for (int p = 0; p < PIXELS_AT_ONCE; p++)
                prefetch((REAL *)launch->p[G_OUT] + t->out + c + n[OUTPUT_W] * pixel + p * t->step);
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(zero)();
        for (ptrdiff_t i = 0; i < t->lines; i++) {
            const REAL *f = (const REAL *)launch->p[G_FILTERS] + (v * size * taps + t->line[i].tap + t->tap) * W;
            for (ptrdiff_t s = 0; s < size; s++, f += taps * W) {
                const REAL *x = t->line[i].x + from;
                if (kind == SPREAD) FORGET(x);
                UNROLL for (int k = 0; k < K; k++) g[k] = V(load)(f + k * t->tap_step * W);
                UNROLL_WINDOW for (int q = 0; q < (PIXELS_AT_ONCE - 1) * S + K; q++, x += pixel) {
                    if (clipped && q >= t->last) break;
                    if (clipped && q < t->first) continue;
                    const VEC b = NAME(member)(x, size, s, kind);
                    UNROLL for (int k = 0; k < K; k++)
                        if (q >= k && (q - k) % S == 0 && (q - k) / S < PIXELS_AT_ONCE)
                            a[(q - k) / S] = V(fma)(b, g[k], a[(q - k) / S]);
                }
            }
        }
        NAME(end_strip)(launch, t, a, c, W, clipped ? t->count : PIXELS_AT_ONCE);
    }
}

/* Windows of any shape, and fewer channels than lanes. */
INLINE void NAME(any_strip)(const Launch *launch, const NAME(Strip) *t, const int kind) {
    const ptrdiff_t *n = launch->n, pixel = n[PIXEL], size = kind == DEPTHWISE ? 1 : n[G_SIZE];
    const ptrdiff_t some = min_size(pixel, W), last = t->last, taps = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W];
    VEC a[PIXELS_AT_ONCE];
    for (ptrdiff_t v = t->v0; v < t->v1; v++) {
        const ptrdiff_t c = NAME(vector_start)(v, pixel), from = t->column * pixel + NAME(source)(c, size, kind);
        UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++) a[p] = V(zero)();
        for (ptrdiff_t i = 0; i < t->lines; i++)
            for (ptrdiff_t s = 0; s < size; s++)
                for (ptrdiff_t k = 0; k < t->taps; k++) {
                    const ptrdiff_t tap = (v * size + s) * taps + t->line[i].tap + t->tap + k * t->tap_step;
                    const VEC g = V(load)((const REAL *)launch->p[G_FILTERS] + tap * W);
                    const REAL *x = t->line[i].x + from;
                    ptrdiff_t q = k * t->dilation;
                    UNROLL for (int p = 0; p < PIXELS_AT_ONCE; p++, q += t->stride)
                        if (q >= t->first && q < last && p < t->count)
                            a[p] = V(fma)(NAME(some_member)(x + q * pixel, size, s, some, kind), g, a[p]);
                }
        NAME(end_strip)(launch, t, a, c, some, t->count);
    }
}

#define ANY_STRIP(kind) \
    static void NAME(CAT_(any, kind))(const Launch *launch, const NAME(Strip) *t) { NAME(any_strip)(launch, t, kind); }
ANY_STRIP(DEPTHWISE)
ANY_STRIP(SPREAD)
ANY_STRIP(BROADCAST)
#undef ANY_STRIP

#define STRIP_OF(kind, K, S) CAT(strip_##kind##_##K, CAT(S, T))
#define STRIP(kind, K, S)                                                                            \
    static void STRIP_OF(kind, K, S)(const Launch *launch, const NAME(Strip) *t) {                   \
        if (t->first == 0 && t->last == (PIXELS_AT_ONCE - 1) * S + K && t->count == PIXELS_AT_ONCE)  \
            NAME(strip)(launch, t, kind, K, S, 0);                                                   \
        else                                                                                         \
            NAME(strip)(launch, t, kind, K, S, 1);                                                   \
    }
#define STRIPS(kind) STRIP(kind, 1, 1) STRIP(kind, 2, 1) STRIP(kind, 3, 1) STRIP(kind, 3, 2)
STRIPS(DEPTHWISE) STRIP(DEPTHWISE, 5, 1) STRIP(DEPTHWISE, 5, 2)
STRIPS(SPREAD)
STRIPS(BROADCAST)

static inline int NAME(kind_of)(ptrdiff_t size) { return size == 1 ? DEPTHWISE : size < W ? SPREAD : BROADCAST; }

/* The body for the strips of a line; it depends on the shape alone. */
static NAME(StripBody) NAME(strip_body)(const ptrdiff_t *n, ptrdiff_t taps, ptrdiff_t stride, ptrdiff_t dilation) {
    const int kind = NAME(kind_of)(n[G_SIZE]);
#define CHOOSE_STRIP(kind_, K, S) if (kind == kind_ && taps == K && stride == S) return STRIP_OF(kind_, K, S);
#define CHOOSE_STRIPS(kind) \
    CHOOSE_STRIP(kind, 1, 1) CHOOSE_STRIP(kind, 2, 1) CHOOSE_STRIP(kind, 3, 1) CHOOSE_STRIP(kind, 3, 2)
    if (n[PIXEL] >= W && (dilation == 1 || taps == 1)) {
        CHOOSE_STRIPS(DEPTHWISE) CHOOSE_STRIP(DEPTHWISE, 5, 1) CHOOSE_STRIP(DEPTHWISE, 5, 2)
        CHOOSE_STRIPS(SPREAD)
        CHOOSE_STRIPS(BROADCAST)
    }
#undef CHOOSE_STRIP
#undef CHOOSE_STRIPS
    return kind == DEPTHWISE ? NAME(any_DEPTHWISE) : kind == SPREAD ? NAME(any_SPREAD) : NAME(any_BROADCAST);
}
#undef STRIP
#undef STRIPS
#undef STRIP_OF

/* The lines of the input that meet line h of plane d of the output, in the order of memory. */
static void NAME(find_lines)(NAME(Strip) *t, const Launch *launch, ptrdiff_t image, ptrdiff_t d, ptrdiff_t h) {
    const ptrdiff_t *n = launch->n;
    const REAL *x = launch->p[G_X];
    t->lines = 0;
    const ptrdiff_t kernel_lines = n[KERNEL_D] * n[KERNEL_H];
    for (ptrdiff_t j = 0; j < kernel_lines; j++) {
        const ptrdiff_t i = n[G_TURNED] ? kernel_lines - 1 - j : j;
        const ptrdiff_t at_d = met_at(n, 0, d, i / n[KERNEL_H]), at_h = met_at(n, 1, h, i % n[KERNEL_H]);
        if (at_d < 0 || at_h < 0) continue;
        const ptrdiff_t line = (image * n[INPUT_D] + at_d) * n[INPUT_H] + at_h;
        t->line[t->lines++] = (NAME(Line)){x + line * n[INPUT_W] * n[PIXEL], i * n[KERNEL_W]};
    }
}

/* One span of a line: `count` outputs from `start` on, those of a phase. */
static void NAME(run_span)(NAME(Strip) *t, const Launch *launch, ptrdiff_t line, const Phase *at, ptrdiff_t start,
                           ptrdiff_t end) {
    const ptrdiff_t *n = launch->n, channels = n[PIXEL];
    const NAME(StripBody) body = NAME(strip_body)(n, at->taps, at->stride, at->dilation);
    t->taps = at->taps, t->tap = at->tap, t->tap_step = at->tap_step;
    t->stride = at->stride, t->dilation = at->dilation;
    t->step = at->step * channels;
    for (ptrdiff_t w = start; w < end; w += PIXELS_AT_ONCE) {
        t->count = min_size(PIXELS_AT_ONCE, end - w);
        t->column = w * at->stride - at->padding;
        t->first = max_size(-t->column, 0);
        t->last = min_size(n[INPUT_W] - t->column, (t->count - 1) * at->stride + (at->taps - 1) * at->dilation + 1);
        t->out = (line * n[OUTPUT_W] + at->first + w * at->step) * channels;
        body(launch, t);
    }
}

/* A block is one span of the lines of one part, for one chunk of the channels. */
static int NAME(grouped)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, phases = n[G_TURNED] ? n[STRIDE_W] : 1, spans = launch->blocks / n[G_CHUNKS];
    NAME(Strip) t;
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t start = block % n[G_SPANS] * n[G_SPAN];
        const ptrdiff_t part = block % spans / n[G_SPANS], plane = part / n[G_PARTS];
        const ptrdiff_t h0 = part % n[G_PARTS] * n[G_LINES], h1 = min_size(h0 + n[G_LINES], n[OUTPUT_H]);
        t.v0 = block / spans * n[G_VECTORS], t.v1 = min_size(t.v0 + n[G_VECTORS], n[G_LANES] / W);
        for (ptrdiff_t h = h0; h < h1; h++) {
            NAME(find_lines)(&t, launch, plane / n[OUTPUT_D], plane % n[OUTPUT_D], h);
            for (ptrdiff_t phase = 0; phase < phases; phase++) {
                const Phase at = phase_at(n, phase);
                NAME(run_span)(&t, launch, plane * n[OUTPUT_H] + h, &at, start, min_size(start + n[G_SPAN], at.count));
            }
        }
    }
    return 0;
}

/* The filters x (channel, s, tap) as out[vector][s][tap][lane]; TURNED, s is the channel of the output. A block is a
 * vector of channels. */
static int NAME(grouped_filters)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, size = n[G_SIZE], taps = n[KERNEL_D] * n[KERNEL_H] * n[KERNEL_W];
    const ptrdiff_t run = n[G_TURNED] ? taps : size * taps;
    const REAL *row[W];
    for (ptrdiff_t v = begin; v < end; v++) {
        const ptrdiff_t c = NAME(vector_start)(v, n[PIXEL]), step = n[G_TURNED] ? size * taps : 0;
        for (ptrdiff_t i = 0; i < W; i++) {
            const ptrdiff_t lane = min_size(c + i, n[PIXEL] - 1), member = lane % size;
            row[i] = (const REAL *)launch->p[G_X] + (n[G_TURNED] ? (lane - member) * size + member : lane * size) * taps;
        }
        for (ptrdiff_t s = 0; s < size * taps / run; s++) {
            NAME(pack_rows)((REAL *)launch->p[G_OUT] + (v * size + s) * taps * W, W, row, run);
            for (ptrdiff_t i = 0; i < W; i++) row[i] += step;
        }
    }
    return 0;
}
