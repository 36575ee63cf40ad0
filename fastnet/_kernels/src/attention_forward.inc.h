/* The bodies of attention, included once for each T. */

/* The softmax so far of a block of queries: the largest scores, the sums of exp(score - largest) over the keys seen,
 * and the sums of the values weighted by these, in padded rows. */
typedef struct {
    _Alignas(CACHE_LINE) REAL top[QUERY_ROWS + W], total[QUERY_ROWS + W], factor[QUERY_ROWS + W];
    REAL *sums;
} NAME(Softmax);

/* The scores become exp(score - largest), or 0 for dropped weights, in whole vectors. */
static void NAME(weigh)(NAME(Softmax) *so_far, REAL *scores, const NAME(Scores) *b) {
    _Alignas(CACHE_LINE) REAL highest[QUERY_ROWS + W], kept[KEY_BLOCK];
    for (ptrdiff_t r = 0; r < b->rows; r++) {
        REAL *row = scores + r * SCORE_STEP;
        const REAL *mask = NAME(mask_row)(b, r);
        const ptrdiff_t n = NAME(attended)(b, r);
        VEC top = V(set)(-INFINITY);
        for (ptrdiff_t i = 0; i < n; i += W) {
            VEC x = NAME(masked)(row, mask, i, n);
            if (mask || n - i < W) V(store)(row + i, x);
            top = V(max)(top, x);
        }
        highest[r] = V(hmax)(top);
    }
    for (ptrdiff_t r = 0; r < b->rows; r += W) {
        VEC before = V(load)(so_far->top + r), top = V(max)(before, V(load)(highest + r));
        VEC shift = V(select)(V(eq)(top, V(set)(-INFINITY)), V(zero)(), top);
        VEC factor = V(exp_below)(V(sub)(before, shift));
        V(store)(highest + r, shift);
        V(store)(so_far->top + r, top);
        V(store)(so_far->factor + r, factor);
        V(store)(so_far->total + r, V(mul)(factor, V(load)(so_far->total + r)));
    }
    for (ptrdiff_t r = 0; r < b->rows; r++) {
        REAL *row = scores + r * SCORE_STEP;
        const ptrdiff_t n = NAME(attended)(b, r);
        const VEC shift = V(set)(highest[r]);
        VEC sum = V(zero)();
        ptrdiff_t i = 0;
        if (b->launch->n[A_DROPS]) NAME(draw)(kept, b, r);
        for (; i < n; i += W) {
            VEC e = V(exp_below)(V(sub)(V(load)(row + i), shift));
            sum = V(add)(sum, e);
            V(store)(row + i, b->launch->n[A_DROPS] ? V(mul)(e, V(load)(kept + i)) : e);
        }
        for (; i < b->keys; i += W) V(store)(row + i, V(zero)());
        so_far->total[r] += V(sum)(sum);
    }
}

static void NAME(rescale)(NAME(Softmax) *so_far, ptrdiff_t rows, ptrdiff_t width) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        const VEC factor = V(set)(so_far->factor[r]);
        REAL *sums = so_far->sums + r * width;
        for (ptrdiff_t i = 0; i < width; i += W) V(store)(sums + i, V(mul)(factor, V(load)(sums + i)));
    }
}

/* out = sums / total, or 0; lse = top + log(total), or inf. */
static void NAME(conclude)(NAME(Softmax) *so_far, const NAME(Scores) *b) {
    const ptrdiff_t *n = b->launch->n, width = n[A_VALUE_WIDTH], step = n[A_OUT_STEPS + A_ROW_STEP];
    REAL *out = NAME(at)(b->launch, A_OUT, A_OUT_STEPS, b->batch, b->head, b->query);
    REAL *lse = (REAL *)b->launch->p[A_LSE] + NAME(query_index)(b, 0);
    for (ptrdiff_t r = 0; r < b->rows; r += W) {
        VEC total = V(load)(so_far->total + r);
        MASK none = V(eq)(total, V(zero)());
        VEC value = V(add)(V(load)(so_far->top + r), V(log)(total));
        NAME(store_some)(lse + r, V(select)(none, V(set)(INFINITY), value), b->rows - r);
        V(store)(so_far->factor + r, V(select)(none, V(zero)(), V(div)(V(set)(1), total)));
    }
    for (ptrdiff_t r = 0; r < b->rows; r++) {
        const VEC factor = V(set)(so_far->factor[r]);
        const REAL *sums = so_far->sums + r * NAME(padded)(width);
        for (ptrdiff_t i = 0; i < width; i += W)
            NAME(store_some)(out + r * step + i, V(mul)(factor, V(load)(sums + i)), width - i);
    }
}

/* Copies of one head's keys and values in a slot of the scratch memory: the first `ready` keys. */
typedef struct {
    ptrdiff_t head, ready;              /* `head` counts those of all batches */
    REAL *keys, *values;
} NAME(Held);

/* Attention of the block of queries `b` (its keys are set here). `scratch` has the copied queries, the scores and the
 * sums. */
static void NAME(attend)(NAME(Held) *held, NAME(Scores) b, REAL *scratch) {
    const Launch *launch = b.launch;
    const ptrdiff_t *n = launch->n, width = n[A_WIDTH], value_width = n[A_VALUE_WIDTH];
    const ptrdiff_t long_row = NAME(padded)(value_width), head = b.head / n[A_SHARED];
    REAL *queries = scratch, *scores = queries + QUERY_ROWS * NAME(padded)(width);
    NAME(Softmax) so_far = {.sums = scores + QUERY_ROWS * SCORE_STEP};
    const ptrdiff_t end = n[A_TRIMMED] ? min_size(n[A_KEYS], b.query + b.rows + n[A_DIAGONAL]) : n[A_KEYS];
    NAME(copy_rows)(queries, NAME(at)(launch, A_Q, A_Q_STEPS, b.batch, b.head, b.query),
                    n[A_Q_STEPS + A_ROW_STEP], b.rows, width, (REAL)launch->s[A_SCALE]);
    for (ptrdiff_t r = 0; r < b.rows; r += W) {
        V(store)(so_far.top + r, V(set)(-INFINITY));
        V(store)(so_far.total + r, V(zero)());
    }
    if (end <= 0) NAME(clear_rows)(so_far.sums, long_row, b.rows, long_row);
    for (ptrdiff_t key = 0; key < end; key += KEY_BLOCK) {
        b = NAME(block)(launch, b.batch, b.head, b.query, b.rows, key);
        REAL *keys = held->keys + key * width, *values = held->values + key * long_row;
        if (key == held->ready) {
            NAME(pack_keys)(keys, NAME(at)(launch, A_K, A_K_STEPS, b.batch, head, key),
                            n[A_K_STEPS + A_ROW_STEP], b.keys, width);
            NAME(copy_rows)(values, NAME(at)(launch, A_V, A_V_STEPS, b.batch, head, key),
                            n[A_V_STEPS + A_ROW_STEP], b.keys, value_width, 1);
            held->ready += KEY_BLOCK;
        }
        NAME(scores)(scores, queries, keys, b.rows, b.keys, width, NAME(trim)(&b, QUERIES_BY_KEYS), b.diagonal);
        NAME(weigh)(&so_far, scores, &b);
        if (key) NAME(rescale)(&so_far, b.rows, long_row);
        NAME(multiply)(&(NAME(Factors)){b.rows, value_width, b.keys, scores, SCORE_STEP, 1, values, long_row, PANEL,
                                        so_far.sums, long_row, key > 0}, NAME(trim)(&b, OVER_KEYS), b.diagonal);
    }
    NAME(conclude)(&so_far, &b);
}

/* Where blocks end at the diagonal, their work grows from the first to the last: a long one follows a short one, so
 * that threads with equally many blocks have equal work. */
static inline ptrdiff_t NAME(evened)(const ptrdiff_t *n, ptrdiff_t i) {
    return !n[A_TRIMMED] ? i : i % 2 ? n[A_QUERY_BLOCKS] - 1 - i / 2 : i / 2;
}

/* A block of the launch is a block of queries of one head. */
static int NAME(attention)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, blocks = n[A_QUERY_BLOCKS];
    REAL *scratch = (REAL *)launch->p[A_SCRATCH] + begin * n[A_SLOTS] / launch->blocks * n[A_SLOT];
    NAME(Held) held = {-1, 0, scratch, scratch + n[A_HELD_KEYS] * n[A_WIDTH]};
    REAL *rest = held.values + n[A_HELD_KEYS] * NAME(padded)(n[A_VALUE_WIDTH]);
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t head = block / blocks, i = NAME(evened)(n, block % blocks);
        const ptrdiff_t query = part_start(n[A_QUERIES], i, blocks);
        if (held.head != head / n[A_SHARED]) held.head = head / n[A_SHARED], held.ready = 0;
        NAME(attend)(&held, NAME(block)(launch, head / n[A_HEADS], head % n[A_HEADS], query,
                                        part_start(n[A_QUERIES], i + 1, blocks) - query, 0), rest);
    }
    return 0;
}
