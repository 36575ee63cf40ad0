/* Integer matrix products: tiles over packed panels (quantized_product.inc.h), and few rows by a weight as it lies. */
#include "quantized_product.inc.h"

enum { STORE_BLOCK = 16 };              /* rows that are stored in a block */

/* Q_ROWS[row] = the stored form of a row, with zeros up to A_STEP; Q_ROW_SUMS[row] = the sum of its stored numbers */
static int store_rows(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    int32_t *sums = launch->p[Q_ROW_SUMS];
    for (ptrdiff_t r = begin * STORE_BLOCK; r < min_size(end * STORE_BLOCK, n[A_ROWS]); r++) {
        dot_t *to = (dot_t *)launch->p[Q_ROWS] + r * n[A_STEP];
        store_numbers(to, (const char *)launch->p[Q_SOURCE] + r * n[A_LENGTH], n[A_LENGTH], (int)n[A_FLIP],
                      n[A_SIGNED] != 0);
        memset(to + n[A_LENGTH], 0, (size_t)(n[A_STEP] - n[A_LENGTH]) * sizeof *to);
        if (!sums) continue;
        uint32_t sum = 0;
        for (ptrdiff_t i = 0; i < n[A_LENGTH]; i++) sum += (uint32_t)to[i];
        sums[r] = (int32_t)sum;
    }
    return 0;
}

enum { DOT_VECTOR = W_i32 * DOT_DEPTH };

/* The sums of `rows` rows by `lanes` rows of the weight, up to FEW_LANES, along vectors of k; and those of the weight. */
INLINE void few_sums(const Launch *launch, int32_t (*sums)[FEW_LANES], int32_t *lane_sums, ptrdiff_t lane,
                     ptrdiff_t lanes, const int rows) {
    const ptrdiff_t *n = launch->n, depth = n[Q_DEPTH], whole = depth / DOT_VECTOR * DOT_VECTOR;
    const dot_t *x = launch->p[Q_ROWS];
    dot_t one[DOT_VECTOR];
    int8_t rest[DOT_VECTOR];
    for (int i = 0; i < DOT_VECTOR; i++) one[i] = 1;
    const v_x ones = v_load_x(one);
    for (ptrdiff_t j = 0; j < lanes; j++) {
        const int8_t *w = (const int8_t *)launch->p[Q_SOURCE] + (lane + j) * n[Q_LANE_STRIDE];
        v_i32 total = v_set_i32(0), sum[FEW_ROWS];
        for (int r = 0; r < rows; r++) sum[r] = total;
        for (ptrdiff_t k = 0; k < whole; k += DOT_VECTOR) {
            const v_w v = v_load_w(w + k);
            total = v_dot(total, ones, v);
            UNROLL for (int r = 0; r < rows; r++) sum[r] = v_dot(sum[r], v_load_x(x + r * n[Q_ROW_STEP] + k), v);
        }
        if (whole < depth) {
            memset(rest, 0, sizeof rest);
            memcpy(rest, w + whole, (size_t)(depth - whole));
            const v_w v = v_load_w(rest);
            total = v_dot(total, ones, v);
            UNROLL for (int r = 0; r < rows; r++) sum[r] = v_dot(sum[r], v_load_x(x + r * n[Q_ROW_STEP] + whole), v);
        }
        lane_sums[j] = v_total_i32(total);
        for (int r = 0; r < rows; r++) sums[r][j] = v_total_i32(sum[r]);
    }
}

/* A block is FEW_LANES columns of out. The weight is read once, where it lies: its rows are contiguous, int8. */
static int few_rows(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    int32_t sums[FEW_ROWS][FEW_LANES], lane_sums[FEW_LANES], part[FEW_ROWS * W_i32];
    for (ptrdiff_t lane = begin * FEW_LANES; lane < min_size(end * FEW_LANES, n[Q_LANES]); lane += FEW_LANES) {
        const ptrdiff_t lanes = min_size(FEW_LANES, n[Q_LANES] - lane);
        switch (n[Q_LINE]) {
        case 1: few_sums(launch, sums, lane_sums, lane, lanes, 1); break;
        case 2: few_sums(launch, sums, lane_sums, lane, lanes, 2); break;
        case 3: few_sums(launch, sums, lane_sums, lane, lanes, 3); break;
        default: few_sums(launch, sums, lane_sums, lane, lanes, 4);
        }
        for (ptrdiff_t j = 0; j < lanes; j += W_i32) {
            const ptrdiff_t count = min_size(W_i32, lanes - j);
            for (ptrdiff_t r = 0; r < n[Q_LINE]; r++) memcpy(part + r * W_i32, sums[r] + j, (size_t)count * 4);
            finish(launch, part, W_i32, 0, n[Q_LINE], lane + j, some_i32(lane_sums + j, count), count);
        }
    }
    return 0;
}

#define BODY(name) {#name, name, name}
#define EXACT(name) {#name, name, name, 1}

const Dots TABLE(dots) = {DOT_DEPTH, sizeof(dot_t), DOT_WIDE, DOT_FLIP, W_i32, TILE_ROWS};
const Entry TABLE(quantized_matmul)[] = {
    EXACT(product), BODY(pack_weights), BODY(store_rows), EXACT(few_rows), END};
