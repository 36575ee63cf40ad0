/* Elementwise arithmetic, comparisons, selection and constants. */
#include "elementwise_slots.h"
#include "map.h"
#include "simd_math.h"
#include "walk.h"

typedef int64_t real_i64;            /* labels, which are compared */

#define T f32
#define POW powf
#include "elementwise.inc.h"
#include "compare.inc.h"
#undef T
#undef POW
#define T f64
#define POW pow
#include "elementwise.inc.h"
#include "compare.inc.h"
#undef T
#undef POW

#define T i64
#include "compare.inc.h"
#undef T

/* ---- where: by element size, whatever the dtype ------------------------------------------------------------------ */

#define WHERE_ROW(COND, A, B) for (ptrdiff_t i = 0; i < n; i++) { TYPE av = A, bv = B; o[i] = COND ? av : bv; }
#define WHERE(size)                                                                                              \
    static void where_##size##_tile(const Tile *t) {                                                             \
        const ptrdiff_t n = t->cols;                                                                             \
        const int runs = 2 * (COL_STEP(t, 2) != 0) + (COL_STEP(t, 3) != 0);                                      \
        for (ptrdiff_t r = 0; r < t->rows; r++) {                                                                \
            TYPE *o = (TYPE *)(t->at[0] + r * ROW_STEP(t, 0));                                                   \
            const uint8_t *c = (uint8_t *)(t->at[1] + r * ROW_STEP(t, 1)), c0 = *c;                              \
            const TYPE *a = (TYPE *)(t->at[2] + r * ROW_STEP(t, 2)), a0 = *a;                                    \
            const TYPE *b = (TYPE *)(t->at[3] + r * ROW_STEP(t, 3)), b0 = *b;                                    \
            if (!COL_STEP(t, 1)) {                                                                               \
                if (c0 ? runs & 2 : runs & 1) memmove(o, c0 ? a : b, n * sizeof(TYPE));                          \
                else WHERE_ROW(c0, a0, b0)                                                                       \
            }                                                                                                    \
            else if (runs == 3) WHERE_ROW(c[i], a[i], b[i])                                                      \
            else if (runs == 2) WHERE_ROW(c[i], a[i], b0)                                                        \
            else if (runs == 1) WHERE_ROW(c[i], a0, b[i])                                                        \
            else WHERE_ROW(c[i], a0, b0)                                                                         \
        }                                                                                                        \
    }                                                                                                            \
    static int where_##size(BODY_ARGS) { return walk(launch, begin, end, 4, where_##size##_tile); }

#define TYPE uint8_t
WHERE(1)
#undef TYPE
#define TYPE uint32_t
WHERE(4)
#undef TYPE
#define TYPE uint64_t
WHERE(8)
#undef TYPE

/* ---- constants --------------------------------------------------------------------------------------------------- */

#define RANGE                                                                             \
    const ptrdiff_t first = begin * BLOCK, stop = min_size(end * BLOCK, launch->n[MAP_SIZE]);

#define FILL(size, TYPE)                                                       \
    static int fill_##size(BODY_ARGS) {                                         \
        RANGE                                                                  \
        TYPE *o = launch->p[MAP_OUT], value = (TYPE)launch->n[VALUE];                    \
        for (ptrdiff_t i = first; i < stop; i++) o[i] = value;                 \
        return 0;                                                              \
    }
FILL(1, uint8_t)
FILL(4, uint32_t)
FILL(8, uint64_t)

/* first + i * increment, in double for real dtypes and in integers for int64 */
#define ARANGE(T, TYPE, SLOTS, FIRST_, INCREMENT_, WIDE)                                   \
    static int arange_##T(BODY_ARGS) {                                          \
        RANGE                                                                  \
        TYPE *o = launch->p[MAP_OUT];                                                \
        const WIDE first_value = launch->SLOTS[FIRST_], increment = launch->SLOTS[INCREMENT_]; \
        for (ptrdiff_t i = first; i < stop; i++) o[i] = (TYPE)(first_value + (WIDE)i * increment); \
        return 0;                                                              \
    }
ARANGE(f32, float, s, FIRST_REAL, INCREMENT_REAL, double)
ARANGE(f64, double, s, FIRST_REAL, INCREMENT_REAL, double)
ARANGE(i64, int64_t, n, FIRST, INCREMENT, int64_t)

/* Kernels by element size have the body for 4 bytes as f32 and the body for 8 bytes as f64. */
#define SIZES(name) {#name, name##_4, name##_8}
#define BOTH(body) {#body, body, body}

const Entry TABLE(elementwise)[] = {
    ROW(neg), ROW(abs), ROW(sqrt), ROW(exp), ROW(expm1), ROW(log), ROW(log1p), ROW(erf), ROW(reciprocal), ROW(square),
    CHOICE(clamp), CHOICE(clamp_backward),
    ROW(add), ROW(sub), ROW(mul), ROW(div), ROW(maximum), ROW(minimum), ROW(pow),
    ROW(eq), ROW(ne), ROW(lt), ROW(le), ROW(gt), ROW(ge),
    BOTH(eq_i64), BOTH(ne_i64), BOTH(lt_i64), BOTH(le_i64), BOTH(gt_i64), BOTH(ge_i64),
    SIZES(where), BOTH(where_1), SIZES(fill), BOTH(fill_1), ROW(arange), BOTH(arange_i64), END};
