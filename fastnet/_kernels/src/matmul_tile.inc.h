/* The micro-kernels of matmul.c: tiles of 1 to TILE_ROWS rows by VECTORS (1 or 2) vectors of lanes, or by half a vector
 * (VECTORS 0), which some processors multiply in half the time.
 *
 * A number of the result is acc = fma(row[k], lane[k], acc) for k in order, from zero: the same in every tile and for
 * any memory layout of the operands. Included for each T and each VECTORS. */
#if VECTORS == 2
#define SECOND(...) __VA_ARGS__
#define TILE(rows) TABLE(CAT(tile2_##rows, T))
#define TILES CAT(tiles2, T)
#elif VECTORS == 1
#define SECOND(...)
#define TILE(rows) TABLE(CAT(tile1_##rows, T))
#define TILES CAT(tiles1, T)
#else
#define SECOND(...)
#define TILE(rows) TABLE(CAT(tile0_##rows, T))
#define TILES CAT(tiles0, T)
#endif
#if VECTORS
#define SUM VEC
#define S(op) V(op)
#define WHOLE(i) VEC lo##i = sum##i;
#else
#define SUM CAT(half, T)
#define S(op) V(half_##op)
#define WHOLE(i) VEC lo##i = V(half_whole)(sum##i);
#endif

#define DECLARE(i) SUM sum##i = S(zero)(); SECOND(VEC hi##i = V(zero)();)
#define STEP(i)                                              \
    x = S(set)(*(const REAL *)ROW_##i(a, row));              \
    sum##i = S(fma)(x, b0, sum##i);                          \
    SECOND(hi##i = V(fma)(x, b1, hi##i);)
#define ADD(i)                                               \
    lo##i = V(add)(V(load)((REAL *)ROW_##i(c, out)), lo##i); \
    SECOND(hi##i = V(add)(V(load)((REAL *)ROW_##i(c, out) + W), hi##i);)
#define LAST(p) ((REAL *)(p) + (VECTORS == 2) * W)
#if VECTORS == 2
#define LAST_SUM(i) hi##i
#define FIRST_ONLY(x) x
#else
#define LAST_SUM(i) lo##i
#define FIRST_ONLY(x)
#endif
#define ADD_EDGE(i)                                                              \
    FIRST_ONLY(lo##i = V(add)(V(load)((REAL *)ROW_##i(c, out)), lo##i);)         \
    LAST_SUM(i) = V(add)(V(load_n)(LAST(ROW_##i(c, out)), t->edge), LAST_SUM(i));
#define STORE_EDGE(i)                                          \
    FIRST_ONLY(V(store)((REAL *)ROW_##i(c, out), lo##i);)      \
    V(store_n)(LAST(ROW_##i(c, out)), LAST_SUM(i), t->edge);
#define BIAS(i) lo##i = V(add)(lo##i, b0); SECOND(hi##i = V(add)(hi##i, b1);)
#define NORM_LO(i) lo##i = V(fma)(V(sub)(lo##i, centre), scale, shift);
#define NORM_HI(i) hi##i = V(fma)(V(sub)(hi##i, centre), scale, shift);
#define PLUS_RESIDUAL(i)                                                  \
    lo##i = V(add)(lo##i, V(load)((const REAL *)ROW_##i(d, out)));        \
    SECOND(hi##i = V(add)(hi##i, V(load)((const REAL *)ROW_##i(d, out) + W));)
#define PLUS_EDGE(i)                                                                \
    FIRST_ONLY(lo##i = V(add)(lo##i, V(load)((const REAL *)ROW_##i(d, out)));)      \
    LAST_SUM(i) = V(add)(LAST_SUM(i), V(load_n)(LAST(ROW_##i(d, out)), t->edge));
#define CAP(i) lo##i = V(min)(six, lo##i); SECOND(hi##i = V(min)(six, hi##i);)
#define CLIP(i) lo##i = V(max)(zero, lo##i); SECOND(hi##i = V(max)(zero, hi##i);)
#define STORE(i) V(store)((REAL *)ROW_##i(c, out), lo##i); SECOND(V(store)((REAL *)ROW_##i(c, out) + W, hi##i);)

#define KERNEL(rows)                                                         \
    static void TILE(rows)(const NAME(Tile) *t) {                            \
        const ptrdiff_t row = t->row_stride, step = t->row_k, width = t->lane_k, out = t->out_stride; \
        const REAL *b = t->lane;                                             \
        const TileRun *run = t->runs ? t->run : &single_run, *end = run + (t->runs ? t->runs : 1); \
        REPEAT_##rows(DECLARE)                                               \
        do {                                                                 \
            b += run->lane;                                                  \
            ROW_BASES(Source, a, t->row + run->row, row)                     \
            for (ptrdiff_t k = t->depth; k > 0; k--) {                       \
                SUM x, b0 = S(load)(b);                                      \
                SECOND(VEC b1 = V(load)(b + W);)                             \
                REPEAT_##rows(STEP)                                          \
                ADVANCE_ROWS(a, step);                                       \
                b += width;                                                  \
            }                                                                \
        } while (++run < end);                                               \
        REPEAT_##rows(WHOLE)                                                 \
        ROW_BASES(Target, c, t->out, out)                                    \
        if (t->add && !t->edge) {                                            \
            REPEAT_##rows(ADD)                                               \
        } else if (t->add) {                                                 \
            REPEAT_##rows(ADD_EDGE)                                          \
        }                                                                    \
        if (t->bias) {                                                       \
            VEC b0 = NAME(load_some)(t->bias, VECTORS < 2 && t->edge ? t->edge : W);              \
            SECOND(VEC b1 = NAME(load_some)(t->bias + W, t->edge ? t->edge : W);)                  \
            REPEAT_##rows(BIAS)                                              \
        }                                                                    \
        if (t->affine) {                                                     \
            VEC f[3], centre, scale, shift;                                  \
            NAME(load_affine)(f, t->affine, t->affine_step, VECTORS < 2 && t->edge ? t->edge : W); \
            centre = f[0], scale = f[1], shift = f[2];                       \
            REPEAT_##rows(NORM_LO)                                           \
            SECOND(                                                          \
                NAME(load_affine)(f, t->affine + W, t->affine_step, t->edge ? t->edge : W); \
                centre = f[0], scale = f[1], shift = f[2];                   \
                REPEAT_##rows(NORM_HI))                                      \
        }                                                                    \
        if (t->residual) {                                                   \
            ROW_BASES(Source, d, t->residual, out)                           \
            if (t->edge) {                                                   \
                REPEAT_##rows(PLUS_EDGE)                                     \
            } else {                                                         \
                REPEAT_##rows(PLUS_RESIDUAL)                                 \
            }                                                                \
        }                                                                    \
        if (t->clip) {                                                       \
            VEC zero = V(zero)();                                            \
            REPEAT_##rows(CLIP)                                              \
            if (t->clip == RELU6) {                                          \
                VEC six = V(set)(6);                                         \
                REPEAT_##rows(CAP)                                           \
            }                                                                \
        }                                                                    \
        if (t->edge) {                                                       \
            REPEAT_##rows(STORE_EDGE)                                        \
        } else {                                                             \
            REPEAT_##rows(STORE)                                             \
        }                                                                    \
    }

#define ENTRY(rows) TILE(rows),

APPLY(CAT(COUNT, TILE_ROWS), KERNEL)

static void (*const TILES[])(const NAME(Tile) *) = {0, APPLY(CAT(COUNT, TILE_ROWS), ENTRY)};

#undef SECOND
#undef TILE
#undef TILES
#undef SUM
#undef S
#undef WHOLE
#undef DECLARE
#undef STEP
#undef ADD
#undef LAST
#undef LAST_SUM
#undef FIRST_ONLY
#undef ADD_EDGE
#undef STORE_EDGE
#undef BIAS
#undef NORM_LO
#undef NORM_HI
#undef PLUS_RESIDUAL
#undef PLUS_EDGE
#undef CAP
#undef CLIP
#undef STORE
#undef KERNEL
#undef ENTRY
