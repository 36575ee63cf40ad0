/* Random draws: numbers made from Philox words. A block of BLOCK elements starts at its own counter.
 *
 * Simple arithmetic on words is written as plain loops, of which each step is rounded as written. The compiler's
 * vectors therefore give the same bits as one lane at a time and as NumPy. */
#include "random_slots.h"
#include "map.h"
#include "philox.h"
#include "simd_math.h"

static inline uint64_t pair(const uint32_t *words, ptrdiff_t i) {
    return words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
}

/* The last argument is a statement, run for elements i to i + n with their `words`, PER words an element. */
#define DRAW_LOOP(PER, ...)                                                                                \
    _Alignas(CACHE_LINE) uint32_t words[WORDS];                                                            \
    Stream stream = open_stream(launch->p[STATE], launch->n[OFFSET] + begin * (BLOCK / 4 * PER));          \
    ptrdiff_t stop = min_size(end * BLOCK, launch->n[SIZE]);                                               \
    for (ptrdiff_t i = begin * BLOCK; i < stop; i += WORDS / PER) {                                        \
        ptrdiff_t n = min_size(stop - i, WORDS / PER);                                                     \
        next_words(&stream, words);                                                                        \
        __VA_ARGS__;                                                                                       \
    }

static int random_integers(BODY_ARGS) {
    int64_t *out = launch->p[OUT];
    uint64_t low = (uint64_t)launch->n[LOWEST], range = (uint64_t)launch->n[RANGE];      /* range 0: 2^64 */
    DRAW_LOOP(2, {
        for (ptrdiff_t j = 0; j < n; j++) {
            uint64_t x = pair(words, j);
            out[i + j] = (int64_t)(low + (range ? x % range : x));
        }
    })
    return 0;
}

/* ---- numbers from words: multiples of 2^-24 or 2^-53 in [0, 1), and Box-Muller pairs ---- */

enum { PER_f32 = 1, PER_f64 = 2 };   /* words an element */

static inline float unit_f32(const uint32_t *words, ptrdiff_t i) {
    return (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
}
static inline double unit_f64(const uint32_t *words, ptrdiff_t i) {
    return (double)(int64_t)(pair(words, i) >> 11) * 0x1p-53;
}

/* sin(pi/2 y), |y| <= 1: a minimax fit by Lawson-weighted least squares, relative error 2.8e-8 before rounding */
static inline v_f32 sin_quarter(v_f32 y) {
    v_f32 y2 = v_mul_f32(y, y), p = v_set_f32(0.000155544316f);
    p = v_fma_f32(p, y2, v_set_f32(-0.00468238816f));
    p = v_fma_f32(p, y2, v_set_f32(0.0796955377f));
    p = v_fma_f32(p, y2, v_set_f32(-0.64596504f));
    return v_fma_f32(v_mul_f32(p, y2), y, v_mul_f32(y, v_set_f32(1.57079637f)));
}

static inline void normals_f32(const uint32_t *words, float *z) {
    enum { PAIRS = WORDS / 2 };
    _Alignas(CACHE_LINE) float u[PAIRS], turn[PAIRS], sign[PAIRS];
    for (int j = 0; j < PAIRS; j++) {
        int32_t w = (int32_t)words[2 * j + 1];
        u[j] = (float)(int32_t)(words[2 * j] >> 1) * 0x1p-31f + 0x1p-32f;
        turn[j] = ((float)((w >> 7 & 0xFFFFFF) - 0x800000) + 0.5f) * 0x1p-23f;
        sign[j] = (float)w;
    }
    for (int j = 0; j < PAIRS; j += W_f32) {
        v_f32 y = v_load_f32(turn + j);
        v_f32 radius = v_sqrt_f32(v_mul_f32(v_set_f32(-2.0f), v_log_f32(v_load_f32(u + j))));
        v_f32 cosine = sin_quarter(v_sub_f32(v_set_f32(1.0f), v_abs_f32(y)));   /* 1 - |y| is exact */
        v_store_f32(u + j, v_copysign_f32(v_mul_f32(radius, cosine), v_load_f32(sign + j)));
        v_store_f32(turn + j, v_mul_f32(radius, sin_quarter(y)));
    }
    for (int j = 0; j < PAIRS; j++) {
        z[2 * j] = u[j];
        z[2 * j + 1] = turn[j];
    }
}

static inline void normals_f64(const uint32_t *words, double *z) {
    for (int j = 0; j < WORDS / 2; j += 2) {
        uint64_t x = pair(words, j + 1);
        double radius = sqrt(-2 * log((double)(int64_t)((pair(words, j) >> 11) + 1) * 0x1p-53));
        double turn = ((double)((int64_t)(x >> 10 & 0x1FFFFFFFFFFFFFu) - 0x10000000000000) + 0.5) * 0x1p-52;
        double angle = turn * 1.57079632679489662;
        z[j] = (x >> 63 ? -radius : radius) * cos(angle);
        z[j + 1] = radius * sin(angle);
    }
}

#define T f32
#include "random.inc.h"
#undef T
#define T f64
#include "random.inc.h"
#undef T

const Entry TABLE(random)[] = {
    ROW(random_uniform), ROW(random_normal), {"random_integers", random_integers, random_integers},
    ROW(random_bernoulli), ROW(dropout), ROW(dropout_backward), END};
