/* Maximum and average of 8-bit integers over windows, in vectors of channels. */
#include "integer_parts.h"
#include "quantized_pooling_slots.h"

/* The taps of a window along one axis that lie inside the image: first to end, `gap` apart from `start`; padded: their
   number with those in the padding. */
typedef struct {
    ptrdiff_t start, gap, first, end, padded;
} Span;

static inline Span span_of(const ptrdiff_t *n, int axis, ptrdiff_t o) {
    Span s = {o * n[W_STRIDE_D + axis] - n[W_BEFORE_D + axis], n[W_GAP_D + axis], 0, 0, 0};
    s.padded = min_size(n[W_KERNEL_D + axis], ceil_div(n[W_D + axis] + n[W_BEFORE_D + axis] - s.start, s.gap));
    s.first = s.start < 0 ? ceil_div(-s.start, s.gap) : 0;
    s.end = s.start < n[W_D + axis] ? min_size(n[W_KERNEL_D + axis], ceil_div(n[W_D + axis] - s.start, s.gap)) : 0;
    if (s.end < s.first) s.end = s.first;
    return s;
}

/* sum / count to nearest, halves away from zero; the quotient of floats may be 1 off, which the integers tell. */
static inline v_i32 mean(v_i32 sum, ptrdiff_t count) {
    const v_i32 zero = v_set_i32(0), one = v_set_i32(1), c = v_set_i32((int32_t)count);
    const v_i32 sign = v_min_i32(v_max_i32(sum, v_set_i32(-1)), one);
    const v_i32 m = v_add_i32(v_mul_i32(sum, sign), v_set_i32((int32_t)(count / 2)));
    v_i32 t = v_nearest_i32(v_div_f32(v_float_i32(m), v_set_f32((float)count)));
    v_i32 rest = v_sub_i32(m, v_mul_i32(t, c));         /* at least 0 and below c if t is right */
    t = v_sub_i32(t, v_min_i32(v_max_i32(v_sub_i32(zero, rest), zero), one));
    t = v_add_i32(t, v_min_i32(v_max_i32(v_sub_i32(v_add_i32(rest, one), c), zero), one));
    return v_mul_i32(t, sign);
}

/* A block is a line of out. */
INLINE int pooled(const Launch *launch, ptrdiff_t begin, ptrdiff_t end, const int average) {
    const ptrdiff_t *n = launch->n, channels = n[W_CHANNELS];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t plane = b / n[W_OUT_H], image = plane / n[W_OUT_D];
        const Span d = span_of(n, 0, plane % n[W_OUT_D]), h = span_of(n, 1, b % n[W_OUT_H]);
        const char *x = (const char *)launch->p[W_IN] + image * n[W_D] * n[W_H] * n[W_W] * channels;
        for (ptrdiff_t o = 0; o < n[W_OUT_W]; o++) {
            const Span w = span_of(n, 2, o);
            const ptrdiff_t inside = (d.end - d.first) * (h.end - h.first) * (w.end - w.first);
            const v_i32 zeros = v_set_i32((int32_t)(inside * n[W_ZERO]));
            char *out = (char *)launch->p[W_OUT] + (b * n[W_OUT_W] + o) * channels;
            for (ptrdiff_t c = 0; c < channels; c += W_i32) {
                v_i32 sum = v_set_i32(average ? 0 : n[W_KIND] == SIGNED_8 ? -128 : 0);
                for (ptrdiff_t i = d.first; i < d.end; i++)
                    for (ptrdiff_t j = h.first; j < h.end; j++)
                        for (ptrdiff_t k = w.first; k < w.end; k++) {
                            const ptrdiff_t line = (d.start + i * d.gap) * n[W_H] + h.start + j * h.gap;
                            const char *from = x + (line * n[W_W] + w.start + k * w.gap) * channels + c;
                            const v_i32 v = some_integers(from, n[W_KIND], channels - c);
                            sum = average ? v_add_i32(sum, v) : v_max_i32(sum, v);
                        }
                if (average) {
                    const ptrdiff_t count = n[W_PADDED] ? d.padded * h.padded * w.padded : inside;
                    sum = mean(v_sub_i32(sum, zeros), count > 0 ? count : 1);
                    sum = v_add_i32(sum, v_set_i32((int32_t)n[W_ZERO]));
                }
                put_bytes(out + c, sum, channels - c, 1);
            }
        }
    }
    return 0;
}

static int quantized_average_pool(BODY_ARGS) { return pooled(launch, begin, end, 1); }
static int quantized_max_pool(BODY_ARGS) { return pooled(launch, begin, end, 0); }

#define BODY(name) {#name, name, name}
const Entry TABLE(quantized_pooling)[] = {BODY(quantized_average_pool), BODY(quantized_max_pool), END};
