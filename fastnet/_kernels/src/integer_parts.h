/* Parts of vectors at the end of a row: the first n lanes, 0 < n; the others read as 0 and touch no memory. */
#ifndef FASTNET_INTEGER_PARTS_H
#define FASTNET_INTEGER_PARTS_H

#include "integer.h"

static inline v_i32 some_i32(const int32_t *p, ptrdiff_t n) {
    int32_t part[W_i32] = {0};
    if (n >= W_i32) return v_load_i32(p);
    memcpy(part, p, (size_t)n * sizeof *p);
    return v_load_i32(part);
}

static inline v_f32 some_f32(const float *p, ptrdiff_t n) { return n >= W_i32 ? v_load_f32(p) : v_load_n_f32(p, n); }

/* The kinds of integers that a kernel reads. */
enum Integers { SIGNED_8, UNSIGNED_8, SIGNED_16, SIGNED_32 };

static inline ptrdiff_t integer_bytes(ptrdiff_t kind) { return kind == SIGNED_32 ? 4 : kind == SIGNED_16 ? 2 : 1; }

static inline v_i32 load_integers(const char *p, ptrdiff_t kind) {
    switch (kind) {
    case SIGNED_8: return v_load_s8(p);
    case UNSIGNED_8: return v_load_u8(p);
    case SIGNED_16: return v_load_s16(p);
    default: return v_load_i32((const int32_t *)p);
    }
}

static inline v_i32 some_integers(const char *p, ptrdiff_t kind, ptrdiff_t n) {
    int32_t part[W_i32] = {0};
    if (n >= W_i32) return load_integers(p, kind);
    memcpy(part, p, (size_t)(n * integer_bytes(kind)));
    return load_integers((const char *)part, kind);
}

/* Write the first n numbers of 1 or 2 bytes. */
static inline void put_bytes(char *out, v_i32 x, ptrdiff_t n, ptrdiff_t bytes) {
    char part[2 * W_i32];
    char *to = n >= W_i32 ? out : part;
    if (bytes == 1)
        v_store_8(to, x);
    else
        v_store_16(to, x);
    if (n < W_i32) memcpy(out, part, (size_t)(n * bytes));
}

/* multiplier * 2^(shift - 31) in every lane. */
typedef struct {
    v_i32 multiplier, left, right, least, most;
} FactorLanes;

static inline FactorLanes factor_lanes(ptrdiff_t multiplier, ptrdiff_t shift) {
    const int left = shift > 0 ? (int)shift : 0;
    FactorLanes f = {v_set_i32((int32_t)multiplier), v_set_i32(left), v_set_i32(shift < 0 ? (int)-shift : 0),
                     v_set_i32(INT32_MIN >> left), v_set_i32(INT32_MAX >> left)};
    return f;
}

static inline v_i32 times_factor(v_i32 x, const FactorLanes *f) {
    x = v_left_i32(v_min_i32(v_max_i32(x, f->least), f->most), f->left);
    return v_divide_i32(v_high_i32(x, f->multiplier), f->right);
}

#endif
