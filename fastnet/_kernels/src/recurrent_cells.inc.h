/* The cells of recurrent.c and their gradients, included once for each T. Formulas: reference/recurrent.py. */

/* Compute the units [unit, end) of `rows` sequences of a step, from the `first`, given the sums of their gates and the
 * states before the step, in rows of `width`. */
typedef void (*NAME(Cell))(const Launch *launch, const NAME(Step) *step, ptrdiff_t first, ptrdiff_t rows,
                           ptrdiff_t unit, ptrdiff_t end, const REAL *sums, const REAL *states, ptrdiff_t width);

/* Sequences `i`, and W units `u` of them at a time, of which `some` exist; `s` are the sums of their gates. */
#define FOR_ROWS for (ptrdiff_t i = first; i < first + rows; i++) {
#define FOR_UNITS(gates)                                                                                        \
    for (ptrdiff_t u = unit; u < end; u += W) {                                                                 \
        const ptrdiff_t some = min_size(W, H - u);                                                              \
        const REAL *s = sums + (i - first) * SUMS_STRIDE + (u - unit) * (gates);                                \
        (void)s;
#define END_UNITS }
#define END_ROWS }
#define LOAD(p) NAME(load_some)((p) + u, some)
#define STORE(p, v) NAME(store_some)((p) + u, v, some)
/* The sum of gate g from the state, with its bias; the part of the input lies in `gates`, or is in the sum already. */
#define FROM_STATE(g) \
    (bias ? V(add)(V(load)(s + (g) * W), LOAD(bias + (g) * H)) : V(load)(s + (g) * W))
#define BEFORE_ACTIVATION(g) (n[FEATURES] ? FROM_STATE(g) : V(add)(FROM_STATE(g), LOAD(gates + (g) * H)))
#define ONE_MINUS(v) V(sub)(V(set)(1), v)

static void NAME(lstm_cell)(const Launch *launch, const NAME(Step) *step, ptrdiff_t first, ptrdiff_t rows,
                            ptrdiff_t unit, ptrdiff_t end, const REAL *sums, const REAL *states, ptrdiff_t width) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN];
    (void)states, (void)width;
    const REAL *bias = launch->p[BIASES];
    const int saved = launch->p[CELLS] != 0;
    FOR_ROWS
        REAL *gates = AT_TIME(GATES, 4 * H), *c = AT_STATE(LAST_C, H), *cells = saved ? AT_TIME(CELLS, H) : 0;
        REAL *h = n[PROJECTED] ? IN_MEMORY(UNITS_AT, n[UNIT_WIDTH]) : AT_TIME(OUTPUT, n[OUTPUT_STRIDE]);
        FOR_UNITS(4)
            const VEC in = V(sigmoid)(BEFORE_ACTIVATION(0)), forget = V(sigmoid)(BEFORE_ACTIVATION(1));
            const VEC new = V(tanh)(BEFORE_ACTIVATION(2)), out = V(sigmoid)(BEFORE_ACTIVATION(3));
            const VEC before = LOAD(c), after = V(fma)(forget, before, V(mul)(in, new));
            if (saved) {
                STORE(cells, before);
                STORE(gates, in), STORE(gates + H, forget), STORE(gates + 2 * H, new), STORE(gates + 3 * H, out);
            }
            STORE(c, after);
            STORE(h, V(mul)(out, V(tanh)(after)));
        END_UNITS
    END_ROWS
}

static void NAME(gru_cell)(const Launch *launch, const NAME(Step) *step, ptrdiff_t first, ptrdiff_t rows,
                           ptrdiff_t unit, ptrdiff_t end, const REAL *sums, const REAL *states, ptrdiff_t width) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN];
    const REAL *bias = launch->p[BIASES];
    const int saved = launch->p[CELLS] != 0;
    FOR_ROWS
        REAL *gates = AT_TIME(GATES, 3 * H), *h = AT_TIME(OUTPUT, n[OUTPUT_STRIDE]);
        REAL *hidden = saved ? AT_TIME(CELLS, H) : 0;
        const REAL *before = states + i * width;
        FOR_UNITS(3)
            const VEC reset = V(sigmoid)(BEFORE_ACTIVATION(0)), update = V(sigmoid)(BEFORE_ACTIVATION(1));
            const VEC state = FROM_STATE(2), new = V(tanh)(V(fma)(reset, state, LOAD(gates + 2 * H)));
            if (saved) {
                STORE(hidden, state);
                STORE(gates, reset), STORE(gates + H, update), STORE(gates + 2 * H, new);
            }
            STORE(h, V(fma)(update, V(sub)(LOAD(before), new), new));
        END_UNITS
    END_ROWS
}

static void NAME(rnn_cell)(const Launch *launch, const NAME(Step) *step, ptrdiff_t first, ptrdiff_t rows,
                           ptrdiff_t unit, ptrdiff_t end, const REAL *sums, const REAL *states, ptrdiff_t width) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN];
    (void)states, (void)width;
    const REAL *bias = launch->p[BIASES];
    FOR_ROWS
        const REAL *gates = AT_TIME(GATES, H);
        REAL *h = AT_TIME(OUTPUT, n[OUTPUT_STRIDE]);
        FOR_UNITS(1)
            const VEC sum = BEFORE_ACTIVATION(0);
            STORE(h, n[RECTIFIED] ? V(relu)(sum) : V(tanh)(sum));
        END_UNITS
    END_ROWS
}

/* The sums of the units [unit, end) from PRODUCT. */
static void NAME(load_sums)(const Launch *launch, const NAME(Step) *step, ptrdiff_t first, ptrdiff_t rows,
                            ptrdiff_t gates, ptrdiff_t unit, ptrdiff_t end, REAL *sums) {
    const ptrdiff_t H = launch->n[HIDDEN];
    FOR_ROWS
        const REAL *product = AT_TIME(PRODUCT, gates * H);
        FOR_UNITS(gates)
            for (ptrdiff_t g = 0; g < gates; g++)
                V(store)((REAL *)s + g * W, LOAD(product + g * H));
        END_UNITS
    END_ROWS
}

/* The units of a step, from the states before it. The number of gates divides the vectors of GROUP_PANELS. */
INLINE void NAME(forward_units)(const Launch *launch, const NAME(Step) *step, ptrdiff_t gates, NAME(Cell) cell,
                                const REAL *states, ptrdiff_t width) {
    const ptrdiff_t *n = launch->n, depth = n[STATE] + n[FEATURES];
    const ptrdiff_t group = NAME(group_panels)(step, gates), units = group * 2 / gates * W;
    const ptrdiff_t first_panel = step->unit / W * gates / 2, panels = ceil_div(ceil_div(step->end, W) * gates, 2);
    const REAL *packed = (const REAL *)launch->p[MEMORY] + n[PANELS_AT];
    REAL sums[TILE_ROWS * SUMS_STRIDE];
    for (ptrdiff_t p = first_panel, unit = step->unit; p < panels; p += group, unit += units)
        FOR_SLIVERS(step)
            const ptrdiff_t end = min_size(unit + units, step->end);
            if (n[WEIGHTED])
                NAME(sum_panels)(sums, states + first * width, width, rows, packed + p * depth * PANEL,
                                 min_size(group, panels - p), depth);
            else
                NAME(load_sums)(launch, step, first, rows, gates, unit, end, sums);
            cell(launch, step, first, rows, unit, end, sums, states, width);
        END_SLIVERS
}

/* A step of a layer whose cell has `gates` gates. */
INLINE void NAME(forward_step)(const Launch *launch, const NAME(Step) *step, ptrdiff_t gates, NAME(Cell) cell) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN], width = n[ROW_WIDTH], i = 0;
    REAL *states = IN_MEMORY(ROWS_AT, width), *out = AT_TIME(OUTPUT, n[OUTPUT_STRIDE]);
    if (launch->p[BEFORE]) NAME(copy_rows)(AT_TIME(BEFORE, n[STATE]), n[STATE], states, width, step->count, n[STATE]);
    if (n[FEATURES])
        NAME(copy_rows)(states + n[STATE], width, AT_TIME(INPUT, n[FEATURES]), n[FEATURES], step->count, n[FEATURES]);
    NAME(forward_units)(launch, step, gates, cell, states, width);
    if (n[PROJECTED]) {
        REAL *from = IN_MEMORY(UNITS_AT, n[UNIT_WIDTH]);
        if (launch->p[MIXED]) NAME(copy_rows)(AT_TIME(MIXED, H), H, from, n[UNIT_WIDTH], step->count, H);
        NAME(multiply)(step, out, n[OUTPUT_STRIDE], from, n[UNIT_WIDTH],
                       (const REAL *)launch->p[MEMORY] + n[PROJECTION_AT], H, 0, n[STATE], 0);
    }
    NAME(copy_rows)(states, width, out, n[OUTPUT_STRIDE], step->count, n[STATE]);
}

static void NAME(forward)(BODY_ARGS, NAME(AtStep) at_step) {
    const ptrdiff_t *n = launch->n;
    REAL *states = (REAL *)launch->p[MEMORY] + n[ROWS_AT], *last = launch->p[LAST_H];
    NAME(start)(states, n[ROW_WIDTH], launch->p[FIRST_H], begin, end, n[STATE]);
    if (launch->p[LAST_C]) NAME(start)(launch->p[LAST_C], n[HIDDEN], launch->p[FIRST_C], begin, end, n[HIDDEN]);
    NAME(for_steps)(launch, begin, end, n[REVERSE] != 0, at_step);
    NAME(copy_rows)(last + begin * n[STATE], n[STATE], states + begin * n[ROW_WIDTH], n[ROW_WIDTH], end - begin,
                    n[STATE]);
}

/* ---- gradients ------------------------------------------------------------------------------------------------ */

/* `dh` is the gradient of the units or, in its place, of the states. Writes the gates' gradients over time, and into
 * MEMORY for the product by the weight. */
static void NAME(lstm_slopes)(const Launch *launch, const NAME(Step) *step) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN];
    for (ptrdiff_t i = 0; i < step->count; i++) {
        const REAL *gates = AT_TIME(GATES, 4 * H), *cells = AT_TIME(CELLS, H);
        const REAL *dh = n[PROJECTED] ? IN_MEMORY(UNITS_AT, n[UNIT_WIDTH]) : AT_STATE(DFIRST_H, H);
        const REAL *dout = n[PROJECTED] ? 0 : AT_TIME(DOUTPUT, n[OUTPUT_STRIDE]);
        REAL *dc = AT_STATE(DFIRST_C, H), *dgates = AT_TIME(DGATES, n[SLOPE_STRIDE]);
        REAL *copy = IN_MEMORY(ROWS_AT, n[ROW_WIDTH]);
        for (ptrdiff_t u = step->unit; u < step->end; u += W) {
            const ptrdiff_t some = min_size(W, H - u);
            const VEC in = LOAD(gates), forget = LOAD(gates + H), new = LOAD(gates + 2 * H), out = LOAD(gates + 3 * H);
            const VEC before = LOAD(cells), bent = V(tanh)(V(fma)(forget, before, V(mul)(in, new)));
            const VEC g = dout ? V(add)(LOAD(dh), LOAD(dout)) : LOAD(dh);
            const VEC slope = V(fma)(V(mul)(g, out), ONE_MINUS(V(mul)(bent, bent)), LOAD(dc));
            VEC d[4];
            d[0] = V(mul)(V(mul)(slope, new), V(mul)(in, ONE_MINUS(in)));
            d[1] = V(mul)(V(mul)(slope, before), V(mul)(forget, ONE_MINUS(forget)));
            d[2] = V(mul)(V(mul)(slope, in), ONE_MINUS(V(mul)(new, new)));
            d[3] = V(mul)(V(mul)(g, bent), V(mul)(out, ONE_MINUS(out)));
            STORE(dc, V(mul)(slope, forget));
            for (int k = 0; k < 4; k++) STORE(dgates + k * H, d[k]), STORE(copy + k * H, d[k]);
        }
    }
}

static void NAME(gru_slopes)(const Launch *launch, const NAME(Step) *step) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN];
    for (ptrdiff_t i = 0; i < step->count; i++) {
        const REAL *gates = AT_TIME(GATES, 3 * H), *hidden = AT_TIME(CELLS, H), *before = AT_TIME(BEFORE, H);
        const REAL *dout = AT_TIME(DOUTPUT, n[OUTPUT_STRIDE]);
        REAL *dh = AT_STATE(DFIRST_H, H), *dgates = AT_TIME(DGATES, n[SLOPE_STRIDE]);
        REAL *dhidden = AT_TIME(DHIDDEN, n[SLOPE_STRIDE]);
        REAL *copy = IN_MEMORY(ROWS_AT, n[ROW_WIDTH]);
        for (ptrdiff_t u = step->unit; u < step->end; u += W) {
            const ptrdiff_t some = min_size(W, H - u);
            const VEC reset = LOAD(gates), update = LOAD(gates + H), new = LOAD(gates + 2 * H);
            const VEC g = V(add)(LOAD(dh), LOAD(dout));
            VEC d[3], last;
            d[1] = V(mul)(V(mul)(g, V(sub)(LOAD(before), new)), V(mul)(update, ONE_MINUS(update)));
            d[2] = V(mul)(V(mul)(g, ONE_MINUS(update)), ONE_MINUS(V(mul)(new, new)));
            d[0] = V(mul)(V(mul)(d[2], LOAD(hidden)), V(mul)(reset, ONE_MINUS(reset)));
            last = V(mul)(d[2], reset);
            STORE(dh, V(mul)(g, update));
            for (int k = 0; k < 3; k++) {
                STORE(dgates + k * H, d[k]);
                STORE(dhidden + k * H, k == 2 ? last : d[k]), STORE(copy + k * H, k == 2 ? last : d[k]);
            }
        }
    }
}

static void NAME(rnn_slopes)(const Launch *launch, const NAME(Step) *step) {
    const ptrdiff_t *n = launch->n, H = n[HIDDEN];
    for (ptrdiff_t i = 0; i < step->count; i++) {
        const REAL *h = AT_TIME(GATES, n[OUTPUT_STRIDE]), *dout = AT_TIME(DOUTPUT, n[OUTPUT_STRIDE]);
        const REAL *dh = AT_STATE(DFIRST_H, H);
        REAL *dgates = AT_TIME(DGATES, n[SLOPE_STRIDE]), *copy = IN_MEMORY(ROWS_AT, n[ROW_WIDTH]);
        for (ptrdiff_t u = step->unit; u < step->end; u += W) {
            const ptrdiff_t some = min_size(W, H - u);
            const VEC y = LOAD(h), g = V(add)(LOAD(dh), LOAD(dout));
            const VEC d = n[RECTIFIED] ? V(select)(V(lt)(V(zero)(), y), g, V(zero)())
                                       : V(mul)(g, ONE_MINUS(V(mul)(y, y)));
            STORE(dgates, d), STORE(copy, d);
        }
    }
}

/* The gradient of the units of a layer with a projection: that of the states times the projection. */
static void NAME(project_back)(const Launch *launch, const NAME(Step) *step) {
    const ptrdiff_t *n = launch->n, P = n[STATE];
    for (ptrdiff_t i = 0; i < step->count; i++) {
        const REAL *dh = AT_STATE(DFIRST_H, P), *dout = AT_TIME(DOUTPUT, n[OUTPUT_STRIDE]);
        REAL *d = AT_TIME(DPROJECTED, P);
        for (ptrdiff_t u = 0; u < P; u += W) {
            const ptrdiff_t some = min_size(W, P - u);
            STORE(d, V(add)(LOAD(dh), LOAD(dout)));
        }
    }
    const ptrdiff_t i = 0;
    NAME(multiply)(step, IN_MEMORY(UNITS_AT, n[UNIT_WIDTH]), n[UNIT_WIDTH], AT_TIME(DPROJECTED, P), P,
                   (const REAL *)launch->p[MEMORY] + n[PROJECTION_AT], P, 0, n[HIDDEN], 0);
}

/* A step of the gradient: of the gates by `slopes`, then of the states of the step before. */
INLINE void NAME(backward_step)(const Launch *launch, const NAME(Step) *step, ptrdiff_t gates, NAME(AtStep) slopes,
                                int add) {
    const ptrdiff_t *n = launch->n, i = 0;
    if (n[PROJECTED]) NAME(project_back)(launch, step);
    slopes(launch, step);
    if (!n[WEIGHTED]) {
        if (!add) memset(AT_STATE(DFIRST_H, n[STATE]), 0, (size_t)(step->count * n[STATE]) * sizeof(REAL));
        return;
    }
    NAME(multiply)(step, AT_STATE(DFIRST_H, n[STATE]), n[STATE], IN_MEMORY(ROWS_AT, n[ROW_WIDTH]), n[ROW_WIDTH],
                   (const REAL *)launch->p[MEMORY] + n[PANELS_AT], gates * n[HIDDEN], 0, n[STATE], add);
}

static void NAME(backward)(BODY_ARGS, NAME(AtStep) at_step) {
    const ptrdiff_t *n = launch->n;
    NAME(start)(launch->p[DFIRST_H], n[STATE], launch->p[DLAST_H], begin, end, n[STATE]);
    if (launch->p[DFIRST_C]) NAME(start)(launch->p[DFIRST_C], n[HIDDEN], launch->p[DLAST_C], begin, end, n[HIDDEN]);
    NAME(for_steps)(launch, begin, end, n[REVERSE] == 0, at_step);
}

/* ---- launches of one step ------------------------------------------------------------------------------------- */

/* Step AT_STEP for the units of `step`: other blocks compute the other units. The states before it, of all units, are the
 * output of the step before, or the first states in MEMORY. `rows` is memory of this block for them and the input. */
INLINE void NAME(forward_at_step)(const Launch *launch, const NAME(Step) *step, ptrdiff_t gates, NAME(Cell) cell,
                                  REAL *rows) {
    const ptrdiff_t *n = launch->n, P = n[STATE], F = n[FEATURES], at = n[AT_STEP], width = n[ROW_WIDTH], i = 0;
    const ptrdiff_t units = step->end - step->unit;
    const REAL *before = IN_MEMORY(ROWS_AT, width), *out = AT_TIME(OUTPUT, n[OUTPUT_STRIDE]) + step->unit;
    if (at > 0)
        NAME(copy_rows)(rows, width, (REAL *)launch->p[OUTPUT] + NAME(row_at)(n, at - 1, n[REVERSE] != 0) *
                        n[OUTPUT_STRIDE], n[OUTPUT_STRIDE], step->count, P);
    else if (rows != before)
        NAME(copy_rows)(rows, width, before, width, step->count, P);
    if (F) NAME(copy_rows)(rows + P, width, AT_TIME(INPUT, F), F, step->count, F);
    if (launch->p[BEFORE])
        NAME(copy_rows)(AT_TIME(BEFORE, P) + step->unit, P, rows + step->unit, width, step->count, units);
    NAME(forward_units)(launch, step, gates, cell, rows, width);
    if (at == n[STEPS] - 1)
        NAME(copy_rows)(AT_STATE(LAST_H, P) + step->unit, P, out, n[OUTPUT_STRIDE], step->count, units);
}

/* The gradient of the states after step AT_STEP, from the gates' gradients of the step that was computed before; then the
 * gates' gradients. Step STEPS is that of the first states alone. */
INLINE void NAME(backward_at_step)(const Launch *launch, const NAME(Step) *step, ptrdiff_t gates, NAME(AtStep) slopes,
                                   int add, ptrdiff_t from) {
    const ptrdiff_t *n = launch->n, at = n[AT_STEP], stride = n[SLOPE_STRIDE], i = 0;
    if (at > 0)
        NAME(multiply)(step, AT_STATE(DFIRST_H, n[STATE]), n[STATE],
                       (REAL *)launch->p[from] + NAME(row_at)(n, at - 1, n[REVERSE] == 0) * stride, stride,
                       (const REAL *)launch->p[MEMORY] + n[PANELS_AT], gates * n[HIDDEN], step->unit, step->end, add);
    if (at < n[STEPS]) slopes(launch, step);
}

/* The units of some blocks, of all sequences, at step AT_STEP. */
static NAME(Step) NAME(units_of)(BODY_ARGS, int backward) {
    const ptrdiff_t *n = launch->n, units = BLOCK_VECTORS * W;
    NAME(Step) step = {n, 0, n[BATCH], NAME(row_at)(n, n[AT_STEP], backward), begin * units,
                       min_size(end * units, n[HIDDEN])};
    return step;
}

/* The rows in MEMORY of the block that begins a part of a launch. */
static REAL *NAME(rows_of)(const Launch *launch, ptrdiff_t begin) {
    const ptrdiff_t *n = launch->n;
    return (REAL *)launch->p[MEMORY] + n[ROWS_AT] + begin * n[BATCH] * n[ROW_WIDTH];
}

/* ---- bodies --------------------------------------------------------------------------------------------------- */

/* A block is BLOCK_SEQUENCES sequences or, of one step, BLOCK_VECTORS vectors of units. `from` is the slot with the gates'
 * gradients that the weight multiplies. */
#define LAYER(name, gates, add, from)                                                                           \
    static void NAME(name##_step)(const Launch *launch, const NAME(Step) *step) {                               \
        NAME(forward_step)(launch, step, gates, NAME(name##_cell));                                             \
    }                                                                                                           \
    static void NAME(name##_backward_step)(const Launch *launch, const NAME(Step) *step) {                      \
        NAME(backward_step)(launch, step, gates, NAME(name##_slopes), add);                                     \
    }                                                                                                           \
    static int NAME(name)(BODY_ARGS) {                                                                          \
        NAME(forward)(launch, begin * BLOCK_SEQUENCES, min_size(end * BLOCK_SEQUENCES, launch->n[BATCH]),       \
                      NAME(name##_step));                                                                       \
        return 0;                                                                                               \
    }                                                                                                           \
    static int NAME(name##_backward)(BODY_ARGS) {                                                               \
        NAME(backward)(launch, begin * BLOCK_SEQUENCES, min_size(end * BLOCK_SEQUENCES, launch->n[BATCH]),      \
                       NAME(name##_backward_step));                                                             \
        return 0;                                                                                               \
    }                                                                                                           \
    static int NAME(name##_at_step)(BODY_ARGS) {                                                                \
        const NAME(Step) step = NAME(units_of)(launch, begin, end, launch->n[REVERSE] != 0);                    \
        NAME(forward_at_step)(launch, &step, gates, NAME(name##_cell), NAME(rows_of)(launch, begin));           \
        return 0;                                                                                               \
    }                                                                                                           \
    static int NAME(name##_backward_at_step)(BODY_ARGS) {                                                       \
        const NAME(Step) step = NAME(units_of)(launch, begin, end, launch->n[REVERSE] == 0);                    \
        NAME(backward_at_step)(launch, &step, gates, NAME(name##_slopes), add, from);                           \
        return 0;                                                                                               \
    }
LAYER(lstm, 4, 0, DGATES)
LAYER(gru, 3, 1, DHIDDEN)
LAYER(rnn, 1, 0, DGATES)

#undef LAYER
#undef FOR_ROWS
#undef END_ROWS
#undef FOR_UNITS
#undef END_UNITS
#undef LOAD
#undef STORE
#undef FROM_STATE
#undef BEFORE_ACTIVATION
#undef ONE_MINUS
#undef FOR_SLIVERS
#undef END_SLIVERS
#undef AT_TIME
#undef AT_STATE
#undef IN_MEMORY
#undef GROUP_PANELS
#undef STRIP_PANELS
#undef SUMS_STRIDE
