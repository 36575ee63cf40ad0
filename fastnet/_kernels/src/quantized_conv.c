/* Integer convolutions: images with their padding, stored for the products of quantized_matmul.c, and depthwise. */
#include "integer.h"
#include "quantized_slots.h"

#include "quantized_finish.inc.h"
#include "quantized_store.inc.h"

/* Q_ROWS = the image with its padding, a block for each line, as stored numbers or, if A_WIDE, as the bytes they are. */
static int store_image(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, channels = n[A_CHANNELS], row = n[A_PADDED_W] * channels;
    const int bytes = n[A_WIDE] != 0;
    const ptrdiff_t left = min_size(n[A_BEFORE_W] > 0 ? n[A_BEFORE_W] : 0, n[A_PADDED_W]);
    const ptrdiff_t first = n[A_BEFORE_W] < 0 ? -n[A_BEFORE_W] : 0;
    ptrdiff_t count = min_size(n[A_W] - first, n[A_PADDED_W] - left);
    if (count < 0) count = 0;
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t plane = b / n[A_PADDED_H], h = b % n[A_PADDED_H] - n[A_BEFORE_H];
        const ptrdiff_t d = plane % n[A_PADDED_D] - n[A_BEFORE_D], image = plane / n[A_PADDED_D];
        const int inside = h >= 0 && h < n[A_H] && d >= 0 && d < n[A_D];
        const ptrdiff_t before = inside ? left * channels : row, middle = inside ? count * channels : 0;
        const char *from = inside ? (const char *)launch->p[Q_SOURCE]
                                        + (((image * n[A_D] + d) * n[A_H] + h) * n[A_W] + first) * channels : 0;
        if (bytes) {
            uint8_t *to = (uint8_t *)launch->p[Q_ROWS] + b * row;
            memset(to, (int)n[A_ZERO], (size_t)before);
            if (middle) memcpy(to + before, from, (size_t)middle);
            memset(to + before + middle, (int)n[A_ZERO], (size_t)(row - before - middle));
        } else {
            dot_t *to = (dot_t *)launch->p[Q_ROWS] + b * row;
            store_zeros(to, before, n[A_ZERO]);
            if (middle) store_numbers(to + before, from, middle, (int)n[A_FLIP], n[A_SIGNED] != 0);
            store_zeros(to + before + middle, row - before - middle, n[A_ZERO]);
        }
    }
    return 0;
}

/* One group of DOT_DEPTH numbers, A_GAP pixels apart, for each channel of a pixel. */
#if DOT_WIDE
typedef uint32_t Group;
#define GROUP_OF(type) ((uint32_t)(uint16_t)((const type *)x)[c] | (uint32_t)(uint16_t)((const type *)x)[c + gap] << 16)
#elif DOT_DEPTH == 4
typedef uint32_t Group;
#define GROUP_OF(type) \
    ((uint32_t)x[c] | (uint32_t)x[c + gap] << 8 | (uint32_t)x[c + 2 * gap] << 16 | (uint32_t)x[c + 3 * gap] << 24)
#else
typedef uint16_t Group;
#define GROUP_OF(type) (uint16_t)(x[c] | x[c + gap] << 8)
#endif

/* Groups without a gap: those of the pixel before, moved by one number, and the numbers at x. */
static inline void shift_groups(Group *restrict to, const Group *restrict before, const uint8_t *restrict x,
                                ptrdiff_t channels, Group flip, int is_signed) {
    const int bits = 8 * (int)sizeof(dot_t), last = (DOT_DEPTH - 1) * bits;
    if (DOT_WIDE && is_signed)
        for (ptrdiff_t c = 0; c < channels; c++)
            to[c] = (Group)(before[c] >> bits | (uint32_t)(uint16_t)((const int8_t *)x)[c] << last);
    else
        for (ptrdiff_t c = 0; c < channels; c++) to[c] = (Group)(before[c] >> bits | (uint32_t)(x[c] ^ flip) << last);
}

/* Q_ROWS = the groups of a line of the padded image of bytes in Q_SOURCE, with A_WIDE channels in a pixel. The last
 * groups of a line reach into the next, where their weights are 0. */
static int store_groups(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, channels = n[A_CHANNELS], gap = n[A_GAP] * channels;
    const Group flip = (Group)(0x01010101u * (uint32_t)n[A_FLIP]);
    for (ptrdiff_t pixel = begin * n[A_PADDED_W], first = pixel; pixel < end * n[A_PADDED_W]; pixel++) {
        const uint8_t *x = (const uint8_t *)launch->p[Q_SOURCE] + pixel * channels;
        Group *to = (Group *)launch->p[Q_ROWS] + pixel * n[A_WIDE];
        if (n[A_GAP] == 1 && pixel > first)
            shift_groups(to, to - n[A_WIDE], x + (DOT_DEPTH - 1) * channels, channels, (Group)n[A_FLIP], n[A_SIGNED] != 0);
        else if (n[A_SIGNED])
            for (ptrdiff_t c = 0; c < channels; c++) to[c] = (Group)(GROUP_OF(int8_t) ^ flip);
        else
            for (ptrdiff_t c = 0; c < channels; c++) to[c] = (Group)(GROUP_OF(uint8_t) ^ flip);
        memset(to + channels, 0, (size_t)(n[A_WIDE] - channels) * sizeof *to);
    }
    return 0;
}

/* Q_PANELS = sums of the weights of each channel, then groups of weights: [tap of D and H][group of W][channel] */
static int pack_depthwise(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, wide = n[Q_SET_STEP], taps = n[Q_TAPS_D] * n[Q_TAPS_H], width = n[Q_LENGTH];
    (void)begin, (void)end;
    int32_t *sums = launch->p[Q_PANELS];
    int8_t *to = (int8_t *)launch->p[Q_PANELS] + n[Q_PANELS_AT];
    const int8_t *w = launch->p[Q_SOURCE];
    memset(sums, 0, (size_t)wide * sizeof *sums);
    memset(to, 0, (size_t)(taps * n[Q_RUN] * wide * DOT_DEPTH));
    for (ptrdiff_t c = 0; c < n[Q_LANES]; c++)
        for (ptrdiff_t tap = 0; tap < taps; tap++)
            for (ptrdiff_t k = 0; k < width; k++) {
                const int8_t value = w[(c * taps + tap) * width + k];
                to[((tap * n[Q_RUN] + k / DOT_DEPTH) * wide + c) * DOT_DEPTH + k % DOT_DEPTH] = value;
                sums[c] += value;
            }
    return 0;
}

enum { PIXELS = 8, LINE_PART = 64 };    /* pixels that share the load of a weight; pixels that are finished at once */

/* The sums of up to PIXELS pixels from x, `step` numbers apart, for one vector of channels. */
INLINE void depthwise_sums(const ptrdiff_t *n, int32_t *sums, const dot_t *x, const int8_t *w, ptrdiff_t step,
                           const int pixels) {
    const ptrdiff_t wide = n[Q_SET_STEP];
    v_i32 sum[PIXELS];
    UNROLL for (int i = 0; i < pixels; i++) sum[i] = v_set_i32(0);
    for (ptrdiff_t d = 0; d < n[Q_TAPS_D]; d++)
        for (ptrdiff_t h = 0; h < n[Q_TAPS_H]; h++) {
            const dot_t *line = x + d * n[Q_TAP_D] + h * n[Q_TAP_H];
            for (ptrdiff_t k = 0; k < n[Q_RUN]; k++, w += wide * DOT_DEPTH, line += n[Q_TAP_W]) {
                const v_w v = v_load_w(w);
                UNROLL for (int i = 0; i < pixels; i++) sum[i] = v_dot(sum[i], v_load_x(line + i * step), v);
            }
        }
    UNROLL for (int i = 0; i < pixels; i++) v_store_i32(sums + i * W_i32, sum[i]);
}

/* A block is a line of out. */
static int depthwise(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, wide = n[Q_SET_STEP], step = n[Q_ROW_STEP];
    int32_t sums[LINE_PART * W_i32];
    for (ptrdiff_t b = begin; b < end; b++) {
        const ptrdiff_t h = b % n[Q_LINES_H], plane = b / n[Q_LINES_H];
        const dot_t *line = (const dot_t *)launch->p[Q_ROWS] + plane / n[Q_LINES_D] * n[Q_IMAGE_STEP]
                          + plane % n[Q_LINES_D] * n[Q_PLANE_STEP] + h * n[Q_LINE_STEP];
        for (ptrdiff_t c = 0; c < wide; c += W_i32) {
            const int8_t *w = (const int8_t *)launch->p[Q_PANELS] + n[Q_PANELS_AT] + c * DOT_DEPTH;
            const v_i32 lane_sums = v_load_i32((const int32_t *)launch->p[Q_PANELS] + c);
            for (ptrdiff_t first = 0; first < n[Q_LINE]; first += LINE_PART) {
                const ptrdiff_t count = min_size(LINE_PART, n[Q_LINE] - first);
                const dot_t *x = line + first * step + c * DOT_DEPTH;
                ptrdiff_t i = 0;
                for (; i + PIXELS <= count; i += PIXELS)
                    depthwise_sums(n, sums + i * W_i32, x + i * step, w, step, PIXELS);
                for (; i + PIXELS / 4 <= count; i += PIXELS / 4)
                    depthwise_sums(n, sums + i * W_i32, x + i * step, w, step, PIXELS / 4);
                for (; i < count; i++) depthwise_sums(n, sums + i * W_i32, x + i * step, w, step, 1);
                finish(launch, sums, W_i32, b * n[Q_LINE] + first, count, c, lane_sums, n[Q_LANES] - c);
            }
        }
    }
    return 0;
}

#define BODY(name) {#name, name, name}
const Entry TABLE(quantized_conv)[] = {
    BODY(store_image), BODY(store_groups), BODY(pack_depthwise), BODY(depthwise), END};
