/* The micro-kernels of integer products: tiles of up to TILE_ROWS rows by VECTORS vectors of lanes. Each body is written
 * once for every number of rows. Sums go to t->sums, a row of two vectors each. */
#if VECTORS == 2
#define SECOND(x) x
#define TILE(rows) tile2_##rows
#define TILES tiles2
#else
#define SECOND(x)
#define TILE(rows) tile1_##rows
#define TILES tiles1
#endif
#define DECLARE(i) v_i32 lo##i = zero; SECOND(v_i32 hi##i = zero;)
#define STEP(i)                                              \
    x = v_set_x((const dot_t *)ROW_##i(a, row));             \
    lo##i = v_dot(lo##i, x, w0); SECOND(hi##i = v_dot(hi##i, x, w1);)
#define STORE(i) v_store_i32(t->sums + i * 2 * W_i32, lo##i); SECOND(v_store_i32(t->sums + i * 2 * W_i32 + W_i32, hi##i);)

#define KERNEL(rows)                                                                              \
    static void TILE(rows)(const DotTile *t) {                                                    \
        const ptrdiff_t row = t->row_step;                                                        \
        const v_i32 zero = v_set_i32(0);                                                          \
        const int8_t *w = t->panel;                                                               \
        REPEAT_##rows(DECLARE)                                                                    \
        for (ptrdiff_t d = 0; d < t->taps[0]; d++)                                                \
            for (ptrdiff_t h = 0; h < t->taps[1]; h++)                                            \
                for (ptrdiff_t v = 0; v < t->taps[2]; v++) {                                      \
                    ROW_BASES(Source, a, t->source + d * t->tap[0] + h * t->tap[1] + v * t->tap[2], row) \
                    for (ptrdiff_t k = t->run; k > 0; k--) {                                      \
                        v_x x;                                                                    \
                        v_w w0 = v_load_w(w);                                                     \
                        SECOND(v_w w1 = v_load_w(w + W_i32 * DOT_DEPTH);)                         \
                        REPEAT_##rows(STEP)                                                       \
                        ADVANCE_ROWS(a, DOT_DEPTH * (ptrdiff_t)sizeof(dot_t));                    \
                        w += VECTORS * W_i32 * DOT_DEPTH;                                         \
                    }                                                                             \
                }                                                                                 \
        REPEAT_##rows(STORE)                                                                      \
    }

#define ENTRY(rows) TILE(rows),

APPLY(CAT(COUNT, TILE_ROWS), KERNEL)

static void (*const TILES[])(const DotTile *) = {0, APPLY(CAT(COUNT, TILE_ROWS), ENTRY)};

#undef SECOND
#undef TILE
#undef TILES
#undef DECLARE
#undef STEP
#undef STORE
#undef KERNEL
#undef ENTRY
