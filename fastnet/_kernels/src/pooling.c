/* Maximum and average over windows of images, and their gradients.
 *
 * Vectors run along C. Forward, each output position reduces its window in row-major order. Backward, each input row
 * adds up the windows that contain it, in row-major order of the windows: no two threads write to one element. */
#include "pooling_slots.h"
#include "sums.h"

typedef struct { ptrdiff_t input, output, kernel, stride, padding, dilation; int adaptive; } Axis;

/* The taps of a window along an axis that lie inside the image. */
typedef struct {
    ptrdiff_t start;                    /* position of the first */
    ptrdiff_t first;                    /* its number within the kernel */
    ptrdiff_t taps;
    ptrdiff_t padded;                   /* taps inside the padded image */
} Span;

static inline Axis axis_of(const Launch *launch, int i) {
    const ptrdiff_t *n = launch->n;
    Axis a = {n[INPUT + i], n[OUTPUT + i], n[KERNEL + i], n[STRIDE + i], n[PADDING + i], n[DILATION + i],
              (int)n[ADAPTIVE + i]};
    return a;
}

static inline Span span_of(const Axis *a, ptrdiff_t o) {
    Span s = {0, 0, 0, 0};
    if (a->adaptive) {
        s.start = o * a->input / a->output;
        s.taps = s.padded = ceil_div((o + 1) * a->input, a->output) - s.start;
        return s;
    }
    const ptrdiff_t start = o * a->stride - a->padding;
    if (start >= 0 && start + (a->kernel - 1) * a->dilation < a->input) {       /* the usual case, without divisions */
        s.start = start;
        s.taps = s.padded = a->kernel;
        return s;
    }
    if (start < 0) s.first = ceil_div(-start, a->dilation);
    s.start = start + s.first * a->dilation;
    const ptrdiff_t fitting = s.start < a->input ? ceil_div(a->input - s.start, a->dilation) : 0;
    s.taps = s.first < a->kernel ? min_size(a->kernel - s.first, fitting) : 0;
    s.padded = min_size(a->kernel, ceil_div(a->input + a->padding - start, a->dilation));
    return s;
}

/* The outputs from `from` to `to` may have a tap at position i. */
typedef struct { ptrdiff_t from, to; } Cover;

static inline Cover cover_of(const Axis *a, ptrdiff_t i) {
    Cover c;
    if (a->adaptive) {
        c.from = i * a->output / a->input;
        c.to = ceil_div((i + 1) * a->output, a->input) - 1;
    } else {
        const ptrdiff_t before = i + a->padding - (a->kernel - 1) * a->dilation;
        c.from = before > 0 ? ceil_div(before, a->stride) : 0;
        c.to = min_size((i + a->padding) / a->stride, a->output - 1);
    }
    return c;
}

/* Whether windows share no element. */
static inline int disjoint(const Axis *a) {
    return !a->adaptive && (a->stride > (a->kernel - 1) * a->dilation || a->output == 1);
}

/* Whether each element belongs to exactly one window. */
static inline int tiles(const Axis *a) {
    return (disjoint(a) && a->stride == a->kernel && (a->dilation == 1 || a->kernel == 1) && !a->padding
            && a->output * a->kernel >= a->input);
}

/* The number of the tap of output o at position i, or -1. */
static inline ptrdiff_t tap_at(const Axis *a, ptrdiff_t o, ptrdiff_t i) {
    if (a->adaptive) return i - o * a->input / a->output;
    const ptrdiff_t distance = i + a->padding - o * a->stride;
    return distance % a->dilation ? -1 : distance / a->dilation;
}

/* Winners are integers in the bits of a vector's lanes: selected like numbers, never computed with. */
typedef int32_t bits_f32;
typedef int64_t bits_f64;
#define BITS CAT(bits, T)
#define UNIT_f32 FLT_EPSILON
#define UNIT_f64 DBL_EPSILON

enum { PARTIAL = 64 };                  /* taps of a partial sum */
enum { ABREAST = 4 };                   /* vectors of a window that are reduced at a time */

typedef enum { MAX, MAX_NARROW, MAX_WIDE, AVERAGE } Pool;       /* without winners, with uint8 or int64 winners */

/* For each tap of a window: x points at its channels, code is its winner. */
#define FOR_TAPS(w, c, x, code, statement)                                                                    \
    for (ptrdiff_t i_ = 0; i_ < (w)->taps[0]; i_++)                                                           \
        for (ptrdiff_t j_ = 0; j_ < (w)->taps[1]; j_++) {                                                     \
            const REAL *x = (w)->x + (c) + i_ * (w)->step[0] + j_ * (w)->step[1];                             \
            ptrdiff_t code = (w)->code + i_ * (w)->code_step[0] + j_ * (w)->code_step[1];                     \
            for (ptrdiff_t k_ = 0; k_ < (w)->taps[2]; k_++, x += (w)->step[2], code += (w)->code_step[2])     \
                statement                                                                                     \
        }

#define T f32
#include "pooling.inc.h"
#undef T
#define T f64
#include "pooling.inc.h"
#undef T

const Entry TABLE(pooling)[] = {
    CHOICE(max_pool), ROW(max_pool_backward), ROW(max_pool_backward_few), ROW(avg_pool), ROW(avg_pool_backward),
    CHOICE(max_unpool), END};
