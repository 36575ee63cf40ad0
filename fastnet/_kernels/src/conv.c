/* Convolutions as matrix products whose rows are windows of the input.
 *
 * conv          output and, with turned filters, the gradient of the input: a row is the window of one pixel
 * conv_weight   the gradient of the weight: a row is one position of the window at all pixels
 * pack_filters  the filters, as panels of lanes
 * grouped...    groups of few channels (grouped.inc.h, grouped_sums.inc.h)
 * separable     a 1x1, a depthwise and another 1x1 convolution in one pass (separable.inc.h)
 * winograd...   Winograd's convolution (winograd.inc.h)
 * conv_planes   conv with few filters (planes.inc.h)
 * conv_line...  conv_weight over few channels (line_sums.inc.h)
 *
 * Slivers of rows are copied into scratch memory, with zeros outside of the input, just before the tiles read them. So
 * the tiles are those of matmul, whatever the stride, padding and dilation. */
#include "conv_slots.h"
#include "grouped_slots.h"
#include "lines_slots.h"
#include "separable_slots.h"
#include "tile.h"
#include "winograd_slots.h"

static inline ptrdiff_t max_size(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* The position of a pixel of the output. */
typedef struct {
    ptrdiff_t image, d, h, w;
} Pixel;

static inline Pixel pixel_at(const ptrdiff_t *n, ptrdiff_t pixel) {
    ptrdiff_t line = pixel / n[OUTPUT_W], plane = line / n[OUTPUT_H], image = plane / n[OUTPUT_D];
    return (Pixel){image, plane - image * n[OUTPUT_D], line - plane * n[OUTPUT_H], pixel - line * n[OUTPUT_W]};
}

static inline void next_line(const ptrdiff_t *n, Pixel *at) {
    if (++at->h < n[OUTPUT_H]) return;
    at->h = 0;
    if (++at->d < n[OUTPUT_D]) return;
    at->d = 0;
    at->image++;
}

static inline void next_pixel(const ptrdiff_t *n, Pixel *at) {
    if (++at->w < n[OUTPUT_W]) return;
    at->w = 0;
    next_line(n, at);
}

/* The runs of a block of k, as copies: whole runs of a window, or a part of one. */
typedef struct {
    ptrdiff_t d, h, w;                    /* the position of the first in the window */
    ptrdiff_t count, in_line;             /* of the block, of a line of the window */
    ptrdiff_t tap, taps, skipped;         /* the first tap of a part, its taps, and elements of the first before it */
    ptrdiff_t length;                     /* elements from one copy to the next */
} Runs;

static inline Runs runs_from(const ptrdiff_t *n, ptrdiff_t k, ptrdiff_t depth) {
    const ptrdiff_t size = n[RUN_K], channels = n[CHANNELS], run = k / size, part = min_size(depth, size);
    Runs r = {.count = depth / part, .in_line = n[KERNEL_W] * channels > size ? n[KERNEL_W] : 1};
    const ptrdiff_t line = run / r.in_line;
    r.d = line / n[KERNEL_H], r.h = line - r.d * n[KERNEL_H], r.w = run - line * r.in_line;
    r.tap = (k - run * size) / channels, r.skipped = (k - run * size) - r.tap * channels;
    r.taps = ceil_div(r.skipped + part, channels);
    return r;
}

/* The first i with i * step >= at, for step > 0. */
static inline ptrdiff_t first_from(ptrdiff_t at, ptrdiff_t step) {
    return at <= 0 ? 0 : step == 1 ? at : ceil_div(at, step);
}

/* The index of position `at` among the taps FIRST + STEP * i, i < USED, of one spatial dimension; -1 if it is none. */
static inline ptrdiff_t used_tap(const ptrdiff_t *n, int dimension, ptrdiff_t at) {
    ptrdiff_t i = at - n[FIRST_D + dimension], step = n[STEP_D + dimension], used = n[USED_D + dimension];
    if (i < 0 || i % step || i / step >= used) return -1;
    return n[TURNED] ? used - 1 - i / step : i / step;
}

enum { TAP_ROWS = 128 };                  /* taps whose panel rows are looked up */

/* The row of the panel for a tap and the first inner channel; -1 if the tap is not used. */
static ptrdiff_t panel_row(const ptrdiff_t *n, ptrdiff_t tap) {
    ptrdiff_t line = tap / n[FULL_W];
    ptrdiff_t w = used_tap(n, 2, tap % n[FULL_W]), h = used_tap(n, 1, line % n[FULL_H]), d = used_tap(n, 0, line / n[FULL_H]);
    return w < 0 || h < 0 || d < 0 ? -1 : ((d * n[USED_H] + h) * n[USED_W] + w) * n[INNER];
}

/* The position of the input that position `at` of the output meets at tap `tap` of one spatial dimension; -1: outside. */
static inline ptrdiff_t tap_at(const ptrdiff_t *n, int dimension, ptrdiff_t at, ptrdiff_t tap) {
    const ptrdiff_t shift = tap * n[DILATION_D + dimension] - n[PADDING_D + dimension];
    const ptrdiff_t position = at * n[STRIDE_D + dimension] + shift;
    return position >= 0 && position < n[INPUT_D + dimension] ? position : -1;
}

/* ---- the windows of grouped convolutions and of the gradient of their input ----------------------------------- */

/* As tap_at; TURNED, the output meets the input. */
static inline ptrdiff_t met_at(const ptrdiff_t *n, int dimension, ptrdiff_t at, ptrdiff_t tap) {
    if (!n[G_TURNED]) return tap_at(n, dimension, at, tap);
    const ptrdiff_t stride = n[STRIDE_D + dimension];
    const ptrdiff_t position = at - tap * n[DILATION_D + dimension] + n[PADDING_D + dimension];
    return position >= 0 && position % stride == 0 && position / stride < n[INPUT_D + dimension] ? position / stride : -1;
}

/* Neighbouring outputs, whose sums are in registers. */
enum { PIXELS_AT_ONCE = TILE_ROWS > 6 ? 16 : 8 };

/* Columns first + step * i, i < count, of the output, as the windows of a convolution with taps tap + tap_step * k. */
typedef struct {
    ptrdiff_t first, step, count;
    ptrdiff_t taps, tap, tap_step;
    ptrdiff_t stride, dilation, padding;
} Phase;

/* The columns of the gradient of the input that meet the same taps: those that leave no rest. */
static Phase phase_at(const ptrdiff_t *n, ptrdiff_t phase) {
    const ptrdiff_t stride = n[STRIDE_W], dilation = n[DILATION_W], padding = n[PADDING_W], width = n[OUTPUT_W];
    if (!n[G_TURNED]) return (Phase){0, 1, width, n[KERNEL_W], 0, 1, stride, dilation, padding};
    Phase at = {phase, stride, width > phase ? ceil_div(width - phase, stride) : 0, 0, 0, -1, 1, 1, 0};
    for (ptrdiff_t tap = 0; tap < n[KERNEL_W]; tap++) {
        const ptrdiff_t position = phase + padding - tap * dilation;
        if (position % stride) continue;
        if (at.taps == 1) at.dilation = -at.padding - position / stride, at.tap_step = at.tap - tap;
        at.padding = -position / stride, at.tap = tap, at.taps++;
    }
    return at;
}

#define T f32
#include "tile.inc.h"
#include "product.inc.h"
#include "conv.inc.h"
#include "planes.inc.h"
#include "line_sums.inc.h"
#include "grouped.inc.h"
#include "separable.inc.h"
#include "grouped_sums.inc.h"
#include "winograd.inc.h"
#include "tile_end.inc.h"
#undef T
#define T f64
#include "tile.inc.h"
#include "product.inc.h"
#include "conv.inc.h"
#include "planes.inc.h"
#include "line_sums.inc.h"
#include "grouped.inc.h"
#include "separable.inc.h"
#include "grouped_sums.inc.h"
#include "tile_end.inc.h"
#undef T

#define FLOAT32(kernel) {#kernel, kernel##_f32, 0}
const Entry TABLE(conv)[] = {
    ROW(conv), ROW(conv_weight), ROW(pack_filters),
    ROW(conv_planes), ROW(conv_line_sums), ROW(conv_line_join),
    ROW(grouped), ROW(grouped_filters), ROW(grouped_sums), ROW(grouped_join), ROW(separable),
    FLOAT32(winograd), FLOAT32(winograd_few), FLOAT32(winograd_order), FLOAT32(winograd_filters), FLOAT32(winograd_input),
    FLOAT32(winograd_slopes), FLOAT32(winograd_filter_slopes), END};
