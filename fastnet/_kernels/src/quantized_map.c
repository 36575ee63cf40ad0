/* Quantised numbers element by element, conversions, and softmax. */
#include "integer_parts.h"
#include "quantized_map_slots.h"

/* ---- conversions ------------------------------------------------------------------------------------------------- */

/* clamp(x / scale + zero), NaN as 0; the limits are integers, so they may come before rounding. */
static inline v_i32 rounded(v_f32 x, v_f32 scale, v_i32 zero, ptrdiff_t lowest) {
    const v_i32 low = v_sub_i32(v_set_i32((int32_t)lowest), zero), high = v_add_i32(low, v_set_i32(255));
    v_f32 t = v_div_f32(x, scale);
    t = v_select_f32(v_unord_f32(t, t), v_zero_f32(), t);
    t = v_min_f32(v_max_f32(t, v_float_i32(low)), v_float_i32(high));
    return v_add_i32(v_nearest_i32(t), zero);
}

/* Quantise n elements; scales and zeros are read along the elements if `step`, else they are one number. */
INLINE void quantize_run(char *out, const float *x, const float *scale, const int32_t *zero, ptrdiff_t n,
                         ptrdiff_t lowest, const int step) {
    v_f32 s = v_set_f32(*scale);
    v_i32 z = v_set_i32(*zero);
    for (ptrdiff_t i = 0; i < n; i += W_i32) {
        if (step) s = some_f32(scale + i, n - i), z = some_i32(zero + i, n - i);
        put_bytes(out + i, rounded(some_f32(x + i, n - i), s, z, lowest), n - i, 1);
    }
}

INLINE void dequantize_run(float *out, const char *q, const float *scale, const int32_t *zero, ptrdiff_t n,
                           ptrdiff_t kind, const int step) {
    v_f32 s = v_set_f32(*scale);
    v_i32 z = v_set_i32(*zero);
    for (ptrdiff_t i = 0; i < n; i += W_i32) {
        if (step) s = some_f32(scale + i, n - i), z = some_i32(zero + i, n - i);
        v_i32 x = v_sub_i32(some_integers(q + i * integer_bytes(kind), kind, n - i), z);
        v_f32 real = v_mul_f32(v_float_i32(x), s);
        if (n - i >= W_i32)
            v_store_f32(out + i, real);
        else
            v_store_n_f32(out + i, real, n - i);
    }
}

/* Blocks are parts of runs of X_INNER elements; if these are single elements, of runs over all channels. */
#define OVER_RUNS(RUN)                                                                                          \
    const ptrdiff_t *n = launch->n, channels = n[X_CHANNELS], inner = n[X_INNER];                               \
    const float *scale = launch->p[X_SCALE];                                                                    \
    const int32_t *zero = launch->p[X_ZERO];                                                                    \
    const int across = inner == 1 && channels > 1;                                                              \
    const ptrdiff_t length = across ? channels : inner, parts = ceil_div(length, BLOCK);                        \
    for (ptrdiff_t b = begin; b < end; b++) {                                                                   \
        const ptrdiff_t run = b / parts, first = b % parts * BLOCK, count = min_size(BLOCK, length - first);    \
        const ptrdiff_t at = run * length + first, channel = across ? first : run % channels;                   \
        if (across)                                                                                             \
            RUN(1);                                                                                             \
        else                                                                                                    \
            RUN(0);                                                                                             \
    }                                                                                                           \
    return 0;

#define QUANTIZE(step) \
    quantize_run((char *)launch->p[X_OUT] + at, (const float *)launch->p[X_IN] + at, scale + channel, zero + channel, \
                 count, n[X_OUT_LOWEST], step)
static int quantize(BODY_ARGS) { OVER_RUNS(QUANTIZE) }

#define DEQUANTIZE(step)                                                                                            \
    dequantize_run((float *)launch->p[X_OUT] + at, (const char *)launch->p[X_IN] + at * integer_bytes(n[X_KIND]),   \
                   scale + channel, zero + channel, count, n[X_KIND], step)
static int dequantize(BODY_ARGS) { OVER_RUNS(DEQUANTIZE) }

/* The scale and the zero of a row. */
static void row_numbers(const float *x, ptrdiff_t n, ptrdiff_t lowest, float *scale, int32_t *zero) {
    v_f32 least = v_zero_f32(), most = least, sum = least;
    for (ptrdiff_t i = 0; i < n; i += W_i32) {
        v_f32 v = some_f32(x + i, n - i);
        least = v_min_f32(v, least), most = v_max_f32(v, most);
        sum = v_select_f32(v_unord_f32(v, v), v, sum);
    }
    float low = v_hmin_f32(least), high = v_hmax_f32(most);
    if (m_any_f32(v_unord_f32(sum, sum))) low = NAN;
    float s = (high - low) / 255;
    if (s == 0) s = 1;
    const float first = (float)lowest - low / s;
    *scale = s;
    *zero = (int32_t)(first != first ? (float)lowest
                      : rintf(first < (float)lowest ? (float)lowest : first > (float)lowest + 255 ? (float)lowest + 255
                                                                                                    : first));
}

static int quantize_rows(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    for (ptrdiff_t r = begin; r < end; r++) {
        const float *x = (const float *)launch->p[X_IN] + r * n[X_LENGTH];
        float *scale = (float *)launch->p[X_SCALE] + r;
        int32_t *zero = (int32_t *)launch->p[X_ZERO] + r;
        row_numbers(x, n[X_LENGTH], n[X_OUT_LOWEST], scale, zero);
        quantize_run((char *)launch->p[X_OUT] + r * n[X_LENGTH], x, scale, zero, n[X_LENGTH], n[X_OUT_LOWEST], 0);
    }
    return 0;
}

/* ---- integers to integers ---------------------------------------------------------------------------------------- */

#define OVER_ELEMENTS(...)                                                                                      \
    const ptrdiff_t *n = launch->n, stop = min_size(end * BLOCK, n[X_SIZE]), kind = n[X_KIND];                  \
    const ptrdiff_t bytes = integer_bytes(kind);                                                                \
    const char *a = launch->p[X_IN], *b = launch->p[X_OTHER];                                                   \
    const v_i32 zero_a = v_set_i32((int32_t)n[X_ZERO_A]), zero_b = v_set_i32((int32_t)n[X_ZERO_B]);             \
    const v_i32 zero_out = v_set_i32((int32_t)n[X_ZERO_OUT]);                                                   \
    const v_i32 low = v_set_i32((int32_t)n[X_LOW]), high = v_set_i32((int32_t)n[X_HIGH]);                       \
    const FactorLanes factor = factor_lanes(n[X_MULTIPLIER], n[X_SHIFT]);                                       \
    (void)b, (void)zero_b;                                                                                      \
    for (ptrdiff_t i = begin * BLOCK; i < stop; i += W_i32) {                                                   \
        v_i32 x = v_sub_i32(some_integers(a + i * bytes, kind, stop - i), zero_a);                              \
        __VA_ARGS__                                                                                             \
        x = v_add_i32(times_factor(x, &factor), zero_out);                                                      \
        put_bytes((char *)launch->p[X_OUT] + i, v_min_i32(v_max_i32(x, low), high), stop - i, 1);               \
    }                                                                                                           \
    return 0;
#define OTHER v_sub_i32(some_integers(b + i * bytes, kind, stop - i), zero_b)

static int requantize(BODY_ARGS) { OVER_ELEMENTS() }

static int quantized_mul(BODY_ARGS) { OVER_ELEMENTS(x = v_mul_i32(x, OTHER);) }

static int quantized_add(BODY_ARGS) {
    const FactorLanes left = factor_lanes(launch->n[X_MULTIPLIER_A], launch->n[X_SHIFT_A]);
    const FactorLanes right = factor_lanes(launch->n[X_MULTIPLIER_B], launch->n[X_SHIFT_B]);
    const v_i32 bits = v_set_i32(20);
    OVER_ELEMENTS(x = v_add_i32(times_factor(v_left_i32(x, bits), &left),
                                times_factor(v_left_i32(OTHER, bits), &right));)
}

static int byte_table(BODY_ARGS) {
    const ptrdiff_t stop = min_size(end * BLOCK, launch->n[X_SIZE]);
    const uint8_t *q = launch->p[X_IN], *table = launch->p[X_TABLE];
    const uint8_t flip = launch->n[X_KIND] == SIGNED_8 ? 0x80 : 0;
    uint8_t *out = launch->p[X_OUT], turned[256];
    for (int i = 0; i < 256; i++) turned[i] = table[i ^ flip];
    for (ptrdiff_t i = begin * BLOCK; i < stop; i++) out[i] = turned[q[i]];
    return 0;
}

static int quantized_softmax(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, length = n[X_LENGTH];
    const int32_t *table = launch->p[X_TABLE];
    const uint8_t flip = n[X_KIND] == SIGNED_8 ? 0x80 : 0;
    for (ptrdiff_t r = begin; r < end; r++) {
        const uint8_t *q = (const uint8_t *)launch->p[X_IN] + r * length;
        uint8_t *out = (uint8_t *)launch->p[X_OUT] + r * length, largest = 0;
        uint64_t total = 0;
        for (ptrdiff_t i = 0; i < length; i++) largest = (uint8_t)(q[i] ^ flip) > largest ? (uint8_t)(q[i] ^ flip) : largest;
        for (ptrdiff_t i = 0; i < length; i++) total += (uint64_t)table[largest - (uint8_t)(q[i] ^ flip)];
        for (ptrdiff_t i = 0; i < length; i++) {
            const uint64_t e = (uint64_t)table[largest - (uint8_t)(q[i] ^ flip)];
            const uint64_t share = (256 * e + total / 2) / total;
            out[i] = (uint8_t)((share < 255 ? (ptrdiff_t)share : 255) + n[X_OUT_LOWEST]);
        }
    }
    return 0;
}

#define BODY(name) {#name, name, name}
#define EXACT(name) {#name, name, name, 1}
const Entry TABLE(quantized_map)[] = {
    EXACT(quantize), EXACT(dequantize), EXACT(quantize_rows), BODY(requantize), BODY(quantized_add), BODY(quantized_mul),
    BODY(byte_table), BODY(quantized_softmax), END};
