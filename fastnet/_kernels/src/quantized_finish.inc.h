/* The ends of integer sums: requantised, raw, or real. A vector is one of W_i32 neighbouring columns of out. */

#include "integer_parts.h"

/* The numbers of a vector of columns. */
typedef struct {
    v_i32 base, multiplier, left, right, least, most, zero_out, low, high;
    int lefts;                          /* whether a shift is positive */
} Lanes;

static inline void load_lanes(Lanes *lanes, const Launch *launch, ptrdiff_t column, v_i32 lane_sums, ptrdiff_t n) {
    const ptrdiff_t *sizes = launch->n;
    const v_i32 zero = v_set_i32(0);
    v_i32 s = some_i32((const int32_t *)launch->p[Q_SHIFT] + column, n);
    lanes->base = v_mul_i32(lane_sums, v_set_i32((int32_t)-sizes[Q_ZERO]));
    if (launch->p[Q_BIAS])
        lanes->base = v_add_i32(lanes->base, some_i32((const int32_t *)launch->p[Q_BIAS] + column, n));
    lanes->multiplier = some_i32((const int32_t *)launch->p[Q_MULTIPLIER] + column, n);
    lanes->left = v_max_i32(s, zero), lanes->lefts = v_total_i32(lanes->left) != 0;
    lanes->right = v_max_i32(v_sub_i32(zero, s), zero);
    lanes->least = v_sub_i32(zero, v_left_i32(v_set_i32(1), v_sub_i32(v_set_i32(31), lanes->left)));
    lanes->most = v_sub_i32(v_set_i32(-1), lanes->least);
    lanes->zero_out = v_set_i32((int32_t)sizes[Q_ZERO_OUT]);
    lanes->low = v_set_i32((int32_t)sizes[Q_LOW]), lanes->high = v_set_i32((int32_t)sizes[Q_HIGH]);
}

static inline v_i32 requantized(v_i32 sum, const Lanes *lanes, int lefts) {
    v_i32 x = v_add_i32(sum, lanes->base);
    if (lefts) x = v_left_i32(v_min_i32(v_max_i32(x, lanes->least), lanes->most), lanes->left);
    x = v_add_i32(v_divide_i32(v_high_i32(x, lanes->multiplier), lanes->right), lanes->zero_out);
    return v_min_i32(v_max_i32(x, lanes->low), lanes->high);
}

INLINE void finish_requantized(const Launch *launch, char *out, ptrdiff_t out_step, const int32_t *sums,
                               ptrdiff_t sums_step, ptrdiff_t rows, const Lanes *lanes, ptrdiff_t n, int lefts) {
    const ptrdiff_t bytes = launch->n[Q_OUT_BYTES];
    const Lanes own = *lanes;           /* in registers, since out may not be written over it */
    if (n >= W_i32 && bytes == 1)
        for (ptrdiff_t i = 0; i < rows; i++)
            v_store_8(out + i * out_step, requantized(v_load_i32(sums + i * sums_step), &own, lefts));
    else
        for (ptrdiff_t i = 0; i < rows; i++)
            put_bytes(out + i * out_step, requantized(v_load_i32(sums + i * sums_step), &own, lefts), n, bytes);
}

/* The terms of sum - zero_a * lane_sums - zero_w * (row_sum - depth * zero_a) of a row. */
static inline v_i32 without_zeros(const Launch *launch, v_i32 sum, v_i32 lane_sums, v_i32 lane_zero, ptrdiff_t row) {
    const int32_t *zeros = launch->p[Q_ROW_ZERO], *row_sums = launch->p[Q_ROW_SUMS];
    const int32_t zero = (int32_t)((uint32_t)launch->n[Q_ZERO] + (zeros ? (uint32_t)zeros[row] : 0));
    sum = v_sub_i32(sum, v_mul_i32(v_set_i32(zero), lane_sums));
    if (!row_sums) return sum;
    const uint32_t rest = (uint32_t)row_sums[row] - (uint32_t)launch->n[Q_DEPTH] * (uint32_t)zero;
    return v_sub_i32(sum, v_mul_i32(v_set_i32((int32_t)rest), lane_zero));
}

static inline void finish_raw(const Launch *launch, int32_t *out, v_i32 x, ptrdiff_t n) {
    int32_t part[W_i32];
    (void)launch;
    if (n >= W_i32) {
        v_store_i32(out, x);
        return;
    }
    v_store_i32(part, x);
    memcpy(out, part, (size_t)n * sizeof *out);
}

static inline void finish_real(const Launch *launch, float *out, v_i32 x, ptrdiff_t row, v_f32 scale, v_f32 bias,
                               ptrdiff_t n) {
    const float row_scale = ((const float *)launch->p[Q_ROW_SCALE])[row];
    v_f32 real = v_mul_f32(v_float_i32(x), v_mul_f32(v_set_f32(row_scale), scale));
    if (launch->p[Q_BIAS]) real = v_add_f32(real, bias);
    if (launch->n[Q_RELU]) real = v_max_f32(v_zero_f32(), real);
    if (n >= W_i32)
        v_store_f32(out, real);
    else
        v_store_n_f32(out, real, n);
}

/* Finish a vector of columns of `rows` rows from `row`, whose sums are `sums_step` apart. */
static void finish(const Launch *launch, const int32_t *sums, ptrdiff_t sums_step, ptrdiff_t row, ptrdiff_t rows,
                   ptrdiff_t column, v_i32 lane_sums, ptrdiff_t n) {
    const ptrdiff_t *sizes = launch->n, columns = sizes[Q_COLUMNS];
    char *out = (char *)launch->p[Q_OUT] + (row * columns + column) * sizes[Q_OUT_BYTES];
    if (sizes[Q_FINISH] == REQUANTIZED) {
        Lanes lanes;
        load_lanes(&lanes, launch, column, lane_sums, n);
        if (lanes.lefts)
            finish_requantized(launch, out, columns * sizes[Q_OUT_BYTES], sums, sums_step, rows, &lanes, n, 1);
        else
            finish_requantized(launch, out, columns * sizes[Q_OUT_BYTES], sums, sums_step, rows, &lanes, n, 0);
        return;
    }
    const int32_t *zeros = launch->p[Q_LANE_ZERO];
    const v_i32 lane_zero = zeros ? some_i32(zeros + column, n) : v_set_i32(0);
    const v_i32 stored_zero = v_add_i32(lane_zero, v_set_i32(sizes[Q_SIGNED] ? 0 : -128));
    const int real = sizes[Q_FINISH] == DEQUANTIZED;
    const v_f32 scale = real ? some_f32((const float *)launch->p[Q_SCALE] + column, n) : v_zero_f32();
    const v_f32 bias = real && launch->p[Q_BIAS] ? some_f32((const float *)launch->p[Q_BIAS] + column, n) : v_zero_f32();
    for (ptrdiff_t i = 0; i < rows; i++) {
        v_i32 x = without_zeros(launch, v_load_i32(sums + i * sums_step), lane_sums, stored_zero, row + i);
        if (real)
            finish_real(launch, (float *)out + i * columns, x, row + i, scale, bias, n);
        else
            finish_raw(launch, (int32_t *)out + i * columns, x, n);
    }
}
