/* Copies between any two layouts: by element size where the dtypes are equal, else with a conversion.
 *
 * Elements are moved by memcpy of a constant size (one instruction), because arrays may be unaligned. */
#include "walk.h"

/* simd.h has no square of single bytes. */
#define SQUARE_1 1
static inline void square_1(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {
    (void)o_step, (void)x_step;
    *o = *x;
}

/* ---- equal dtypes ------------------------------------------------------------------------------------------------ */

#define MOVE(size, TYPE)                                                                                              \
    static inline void strided_##size(char *o, const char *x, ptrdiff_t n, ptrdiff_t o_step, ptrdiff_t x_step) {      \
        for (ptrdiff_t i = 0; i < n; i++) memcpy(o + i * o_step, x + i * x_step, size);                               \
    }                                                                                                                 \
    static inline void repeat_##size(char *o, const char *x, ptrdiff_t n) {                                           \
        TYPE value;                                                                                                   \
        memcpy(&value, x, size);                                                                                      \
        for (ptrdiff_t i = 0; i < n; i++) memcpy(o + i * size, &value, size);                                         \
    }                                                                                                                 \
    /* A square of CACHE_LINE bytes a side, through a buffer, so that lines are read and written whole: if the steps  \
     * are a power of two, a line has left the cache before it is used again. */                                     \
    static inline void line_square_##size(char *o, const char *x, ptrdiff_t o_step, ptrdiff_t x_step) {               \
        enum { S = SQUARE_##size, LINE = CACHE_LINE / size };                                                         \
        char lines[LINE][CACHE_LINE];                                                                                 \
        for (int c = 0; c < LINE; c++) memcpy(lines[c], x + c * x_step, CACHE_LINE);                                  \
        for (int r = 0; r < LINE; r += S)                                                                             \
            for (int c = 0; c < LINE; c += S)                                                                         \
                square_##size(o + r * o_step + c * size, &lines[c][r * size], o_step, CACHE_LINE);                    \
    }                                                                                                                 \
    /* rows are contiguous in x, cols in o */                                                                         \
    static inline void transpose_##size(const Tile *t) {                                                              \
        enum { LINE = CACHE_LINE / size };                                                                            \
        const ptrdiff_t o_step = ROW_STEP(t, 0), x_step = COL_STEP(t, 1);                                             \
        for (ptrdiff_t r0 = 0; r0 < t->rows; r0 += LINE)                                                              \
            for (ptrdiff_t c0 = 0; c0 < t->cols; c0 += LINE) {                                                        \
                char *o = t->at[0] + r0 * o_step + c0 * size;                                                         \
                const char *x = t->at[1] + r0 * size + c0 * x_step;                                                   \
                ptrdiff_t rows = min_size(LINE, t->rows - r0), cols = min_size(LINE, t->cols - c0);                   \
                if (rows == LINE && cols == LINE) line_square_##size(o, x, o_step, x_step);                           \
                else                                                                                                  \
                    for (ptrdiff_t r = 0; r < rows; r++)                                                              \
                        strided_##size(o + r * o_step, x + r * size, cols, size, x_step);                             \
            }                                                                                                         \
    }                                                                                                                 \
    static void move_##size##_tile(const Tile *t) {                                                                   \
        const ptrdiff_t o_step = COL_STEP(t, 0), x_step = COL_STEP(t, 1);                                             \
        if (o_step == size && x_step != size && x_step && ROW_STEP(t, 1) == size) {                                   \
            transpose_##size(t);                                                                                      \
            return;                                                                                                   \
        }                                                                                                             \
        for (ptrdiff_t r = 0; r < t->rows; r++) {                                                                     \
            char *o = t->at[0] + r * ROW_STEP(t, 0);                                                                  \
            const char *x = t->at[1] + r * ROW_STEP(t, 1);                                                            \
            if (o_step == size && x_step == size) memcpy(o, x, size * t->cols);                                       \
            else if (o_step == size && !x_step) repeat_##size(o, x, t->cols);                                         \
            else if (o_step == size && x_step == -size) strided_##size(o, x, t->cols, size, -size);   /* vectorises */ \
            else strided_##size(o, x, t->cols, o_step, x_step);                                                       \
        }                                                                                                             \
    }                                                                                                                 \
    static int move_##size(BODY_ARGS) { return walk(launch, begin, end, 2, move_##size##_tile); }

MOVE(1, uint8_t)
MOVE(4, uint32_t)
MOVE(8, uint64_t)
#undef MOVE

/* ---- many small transpositions, as in a shuffle of channels ------------------------------------------------------ */

#define TURN(rows, cols)                                                                                              \
    for (ptrdiff_t r = 0; r < (rows); r++)                                                                            \
        for (ptrdiff_t c = 0; c < (cols); c++) o[r * (cols) + c] = x[c * (rows) + r];

/* Of SHORT_COUNT matrices: x is (cols, rows), o is (rows, cols), one of which is at most SHORT_MOST. A block is
 * SHORT_BLOCK matrices. */
#define MOVE_SHORT(size, TYPE)                                                                                        \
    static int move_short_##size(BODY_ARGS) {                                                                         \
        const ptrdiff_t rows = launch->n[SHORT_ROWS], cols = launch->n[SHORT_COLS], most = launch->n[SHORT_BLOCK];    \
        const ptrdiff_t last = min_size(end * most, launch->n[SHORT_COUNT]);                                          \
        TYPE *restrict o = (TYPE *)launch->p[WALK_OUT] + begin * most * rows * cols;                                  \
        const TYPE *restrict x = (const TYPE *)launch->p[WALK_INPUTS] + begin * most * rows * cols;                   \
        for (ptrdiff_t k = begin * most; k < last; k++, o += rows * cols, x += rows * cols) {                         \
            if (cols == 2) TURN(rows, 2)                                                                              \
            else if (cols == 3) TURN(rows, 3)                                                                         \
            else if (cols == 4) TURN(rows, 4)                                                                         \
            else if (rows == 2) TURN(2, cols)                                                                         \
            else if (rows == 3) TURN(3, cols)                                                                         \
            else TURN(rows, cols)                                                                                     \
        }                                                                                                             \
        return 0;                                                                                                     \
    }

MOVE_SHORT(4, uint32_t)
MOVE_SHORT(8, uint64_t)
#undef MOVE_SHORT
#undef TURN

/* ---- conversions ------------------------------------------------------------------------------------------------- */

typedef int64_t real_i64;
typedef int32_t real_i32;
typedef uint8_t real_u8;

#define CAST(from, to)                                                                                            \
    static inline void cast_##from##_##to##_row(char *o, const char *x, ptrdiff_t n, ptrdiff_t o_step,            \
                                                ptrdiff_t x_step) {                                               \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                       \
            real_##from given;                                                                                    \
            memcpy(&given, x + i * x_step, sizeof(given));                                                        \
            real_##to wanted = (real_##to)given;                                                                  \
            memcpy(o + i * o_step, &wanted, sizeof(wanted));                                                      \
        }                                                                                                         \
    }                                                                                                             \
    static void cast_##from##_##to##_tile(const Tile *t) {                                                        \
        const ptrdiff_t o_step = COL_STEP(t, 0), x_step = COL_STEP(t, 1);                                         \
        for (ptrdiff_t r = 0; r < t->rows; r++) {                                                                 \
            char *o = t->at[0] + r * ROW_STEP(t, 0);                                                              \
            const char *x = t->at[1] + r * ROW_STEP(t, 1);                                                        \
            if (o_step == sizeof(real_##to) && x_step == sizeof(real_##from))   /* constant steps vectorise */    \
                cast_##from##_##to##_row(o, x, t->cols, sizeof(real_##to), sizeof(real_##from));                  \
            else                                                                                                  \
                cast_##from##_##to##_row(o, x, t->cols, o_step, x_step);                                          \
        }                                                                                                         \
    }                                                                                                             \
    static int cast_##from##_##to(BODY_ARGS) { return walk(launch, begin, end, 2, cast_##from##_##to##_tile); }

CAST(f64, f32)
CAST(i64, f32)
CAST(i32, f32)
CAST(u8, f32)
CAST(f32, f64)
CAST(i64, f64)
CAST(i32, f64)
CAST(u8, f64)
CAST(i32, i64)
CAST(u8, i64)
#undef CAST

/* Kernels by element size have the body for 4 bytes as f32 and the body for 8 bytes as f64; casts have the bodies that
 * write float32 and float64. */
#define BOTH(body) {#body, body, body}

const Entry TABLE(walk)[] = {
    {"move", move_4, move_8}, {"move_short", move_short_4, move_short_8}, BOTH(move_1),
    {"cast_f32", move_4, cast_f32_f64},
    {"cast_f64", cast_f64_f32, move_8, 1},      /* keeps_tiny: the nearest float32 may be subnormal */
    {"cast_i64", cast_i64_f32, cast_i64_f64}, {"cast_i32", cast_i32_f32, cast_i32_f64},
    {"cast_u8", cast_u8_f32, cast_u8_f64},
    BOTH(cast_i32_i64), BOTH(cast_u8_i64), END};
