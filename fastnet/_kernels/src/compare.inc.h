/* Comparisons, which write bytes; included once for each T. The compiler vectorises them, because lane masks differ too
 * much between instruction sets for one vocabulary. */
#define COMPARE(kernel, op)                                                                              \
    static void NAME(kernel##_tile)(const Tile *t) {                                                     \
        const ptrdiff_t n = t->cols;                                                                     \
        const int runs = 2 * (COL_STEP(t, 1) != 0) + (COL_STEP(t, 2) != 0);                              \
        for (ptrdiff_t r = 0; r < t->rows; r++) {                                                        \
            uint8_t *restrict o = (uint8_t *)(t->at[0] + r * ROW_STEP(t, 0));                            \
            const REAL *a = (REAL *)(t->at[1] + r * ROW_STEP(t, 1));                                     \
            const REAL *b = (REAL *)(t->at[2] + r * ROW_STEP(t, 2)), a0 = *a, b0 = *b;                   \
            if (runs == 3) for (ptrdiff_t i = 0; i < n; i++) o[i] = a[i] op b[i];                        \
            else if (runs == 2) for (ptrdiff_t i = 0; i < n; i++) o[i] = a[i] op b0;                     \
            else if (runs == 1) for (ptrdiff_t i = 0; i < n; i++) o[i] = a0 op b[i];                     \
            else memset(o, a0 op b0, n);                                                                 \
        }                                                                                                \
    }                                                                                                    \
    static int NAME(kernel)(BODY_ARGS) { return walk(launch, begin, end, 3, NAME(kernel##_tile)); }

COMPARE(eq, ==)
COMPARE(ne, !=)
COMPARE(lt, <)
COMPARE(le, <=)
COMPARE(gt, >)
COMPARE(ge, >=)

#undef COMPARE
