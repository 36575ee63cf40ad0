/* Products of float32 rows by weights of 8 or 4 bits, which are read once, as they lie. */
#include "integer.h"
#include "weight_only_slots.h"

enum { MIDDLE = 8 };                    /* of 4 bits */

/* The number that stands for 0 in a group. */
static inline float zero_of(const Launch *launch, ptrdiff_t at) {
    if (!launch->p[O_ZERO]) return launch->n[O_FOUR] ? MIDDLE : 0;
    return launch->n[O_SIGNED] ? ((const int8_t *)launch->p[O_ZERO])[at] : ((const uint8_t *)launch->p[O_ZERO])[at];
}

/* Weight k of a row. */
static inline float number_at(const Launch *launch, ptrdiff_t column, ptrdiff_t k) {
    const ptrdiff_t *n = launch->n;
    if (!n[O_FOUR]) return ((const int8_t *)launch->p[O_WEIGHT])[column * n[O_DEPTH] + k];
    const uint8_t pair = ((const uint8_t *)launch->p[O_WEIGHT])[column * (n[O_DEPTH] / 2) + k / 2];
    return (float)(k % 2 ? pair >> 4 : pair & 15);
}

/* O_OUT = rows of x with the even and the odd numbers apart, in pieces of two vectors, as bytes of two weights hold
 * them. */
static int part_pairs(BODY_ARGS) {
    const ptrdiff_t depth = launch->n[O_DEPTH];
    for (ptrdiff_t r = begin; r < end; r++)
        for (ptrdiff_t k = 0; k + 2 * W_i32 <= depth; k += 2 * W_i32) {
            const float *x = (const float *)launch->p[O_X] + r * depth + k;
            float *out = (float *)launch->p[O_OUT] + r * depth + k;
            for (int i = 0; i < W_i32; i++) out[i] = x[2 * i], out[i + W_i32] = x[2 * i + 1];
        }
    return 0;
}

/* The products of a group of `size` numbers from k, `columns` columns by `rows` rows, added to total after the scale. */
INLINE void add_group(v_f32 *total, const Launch *launch, const float *x, ptrdiff_t column, ptrdiff_t group,
                      const int rows, const int columns, const int four, const int zeros) {
    const ptrdiff_t *n = launch->n, depth = n[O_DEPTH], size = depth / n[O_GROUPS], k0 = group * size;
    v_f32 sum[ROWS_AT_ONCE * 4], zero[4];
    UNROLL for (int i = 0; i < rows * columns; i++) sum[i] = v_zero_f32();
    UNROLL for (int j = 0; j < columns; j++) {
        const float z = zero_of(launch, (column + j) * n[O_GROUPS] + group);
        zero[j] = four ? v_fours_f32(z) : v_set_f32(z);
    }
    if (four)
        for (ptrdiff_t k = k0; k < k0 + size; k += 2 * W_i32)
            UNROLL for (int j = 0; j < columns; j++) {
                const char *p = (const char *)launch->p[O_WEIGHT] + ((column + j) * depth + k) / 2;
                if (k / 2 % CACHE_LINE == 0) prefetch_far(p + columns * depth / 2);     /* of the next columns */
                const v_i32 pair = v_load_u8(p);
                const v_f32 even = v_four_f32(pair, zero[j]), odd = v_four_f32(v_high4_i32(pair), zero[j]);
                UNROLL for (int r = 0; r < rows; r++) {
                    v_f32 *s = sum + r * columns + j;
                    *s = v_fma_f32(even, v_load_f32(x + r * depth + k), *s);
                    *s = v_fma_f32(odd, v_load_f32(x + r * depth + k + W_i32), *s);
                }
            }
    else
        for (ptrdiff_t k = k0; k < k0 + size; k += W_i32)
            UNROLL for (int j = 0; j < columns; j++) {
                const char *p = (const char *)launch->p[O_WEIGHT] + (column + j) * depth + k;
                if (k % CACHE_LINE == 0) prefetch_far(p + columns * depth);
                v_f32 w = v_float_i32(v_load_s8(p));
                if (zeros) w = v_sub_f32(w, zero[j]);
                UNROLL for (int r = 0; r < rows; r++)
                    sum[r * columns + j] = v_fma_f32(w, v_load_f32(x + r * depth + k), sum[r * columns + j]);
            }
    UNROLL for (int j = 0; j < columns; j++) {
        const v_f32 scale = v_set_f32(((const float *)launch->p[O_SCALE])[(column + j) * n[O_GROUPS] + group]);
        UNROLL for (int r = 0; r < rows; r++)
            total[r * columns + j] = v_fma_f32(sum[r * columns + j], scale, total[r * columns + j]);
    }
}

INLINE void columns_by_rows(const Launch *launch, ptrdiff_t row, ptrdiff_t column, const int rows, const int columns,
                            const int four) {
    const ptrdiff_t *n = launch->n;
    const float *x = (const float *)launch->p[O_X] + row * n[O_DEPTH], *bias = launch->p[O_BIAS];
    v_f32 total[ROWS_AT_ONCE * 4];
    UNROLL for (int i = 0; i < rows * columns; i++) total[i] = v_zero_f32();
    if (launch->p[O_ZERO])
        for (ptrdiff_t group = 0; group < n[O_GROUPS]; group++)
            add_group(total, launch, x, column, group, rows, columns, four, 1);
    else
        for (ptrdiff_t group = 0; group < n[O_GROUPS]; group++)
            add_group(total, launch, x, column, group, rows, columns, four, 0);
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < columns; j++) {
            const float sum = v_sum_f32(total[r * columns + j]);
            ((float *)launch->p[O_OUT])[(row + r) * n[O_COLUMNS] + column + j] = bias ? sum + bias[column + j] : sum;
        }
}

/* Every column is computed alike, however many go together. */
INLINE void rows_of_columns(const Launch *launch, ptrdiff_t column, ptrdiff_t last, const int rows, ptrdiff_t row,
                            const int four) {
    const int together = rows == 1 ? 4 : rows == 2 ? 2 : 1;
    for (; column + together <= last; column += together)
        columns_by_rows(launch, row, column, rows, together, four);
    for (; column < last; column++) columns_by_rows(launch, row, column, rows, 1, four);
}

INLINE void all_rows(const Launch *launch, ptrdiff_t column, ptrdiff_t last, const int four) {
    ptrdiff_t row = 0;
    for (; row + 4 <= launch->n[O_ROWS]; row += 4) rows_of_columns(launch, column, last, 4, row, four);
    for (; row + 2 <= launch->n[O_ROWS]; row += 2) rows_of_columns(launch, column, last, 2, row, four);
    for (; row < launch->n[O_ROWS]; row++) rows_of_columns(launch, column, last, 1, row, four);
}

/* A block is COLUMNS_AT_ONCE columns; groups are whole vectors, and x was parted if the weight has 4 bits. */
static int weight_only(BODY_ARGS) {
    const ptrdiff_t last = min_size(end * COLUMNS_AT_ONCE, launch->n[O_COLUMNS]);
    if (launch->n[O_FOUR])
        all_rows(launch, begin * COLUMNS_AT_ONCE, last, 1);
    else
        all_rows(launch, begin * COLUMNS_AT_ONCE, last, 0);
    return 0;
}

/* The same for groups of any size, number by number. */
static int weight_only_odd(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, size = n[O_DEPTH] / n[O_GROUPS];
    const float *bias = launch->p[O_BIAS];
    for (ptrdiff_t c = begin * COLUMNS_AT_ONCE; c < min_size(end * COLUMNS_AT_ONCE, n[O_COLUMNS]); c++)
        for (ptrdiff_t r = 0; r < n[O_ROWS]; r++) {
            const float *x = (const float *)launch->p[O_X] + r * n[O_DEPTH];
            float total = 0;
            for (ptrdiff_t g = 0; g < n[O_GROUPS]; g++) {
                const float zero = zero_of(launch, c * n[O_GROUPS] + g);
                float sum = 0;
                for (ptrdiff_t k = g * size; k < (g + 1) * size; k++) sum += (number_at(launch, c, k) - zero) * x[k];
                total += sum * ((const float *)launch->p[O_SCALE])[c * n[O_GROUPS] + g];
            }
            ((float *)launch->p[O_OUT])[r * n[O_COLUMNS] + c] = bias ? total + bias[c] : total;
        }
    return 0;
}

/* A block is a row of the weight. */
static int unpack_weight(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, size = n[O_DEPTH] / n[O_GROUPS];
    for (ptrdiff_t c = begin; c < end; c++)
        for (ptrdiff_t g = 0; g < n[O_GROUPS]; g++) {
            const float scale = ((const float *)launch->p[O_SCALE])[c * n[O_GROUPS] + g];
            const float zero = zero_of(launch, c * n[O_GROUPS] + g);
            float *out = (float *)launch->p[O_OUT] + c * n[O_DEPTH] + g * size;
            if (n[O_FOUR]) {
                const uint8_t *q = (const uint8_t *)launch->p[O_WEIGHT] + (c * n[O_DEPTH] + g * size) / 2;
                for (ptrdiff_t i = 0; i < size / 2; i++) {
                    out[2 * i] = ((float)(q[i] & 15) - zero) * scale;
                    out[2 * i + 1] = ((float)(q[i] >> 4) - zero) * scale;
                }
            } else {
                const int8_t *q = (const int8_t *)launch->p[O_WEIGHT] + c * n[O_DEPTH] + g * size;
                for (ptrdiff_t i = 0; i < size; i++) out[i] = ((float)q[i] - zero) * scale;
            }
        }
    return 0;
}

#define BODY(name) {#name, name, name}
#define EXACT(name) {#name, name, name, 1}

const Entry TABLE(weight_only)[] = {
    BODY(weight_only), BODY(weight_only_odd), EXACT(part_pairs), EXACT(unpack_weight), END};
