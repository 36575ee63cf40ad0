/* The bodies of attention's gradient, included once for each T. */

/* delta = sum(dout * out) of each query; a block is a block of queries of one head. */
static int NAME(attention_delta)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, blocks = n[A_QUERY_BLOCKS], width = n[A_VALUE_WIDTH];
    REAL *delta = launch->p[A_DELTA_OUT];
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t head = block / blocks, i = block % blocks, stop = part_start(n[A_QUERIES], i + 1, blocks);
        const ptrdiff_t b = head / n[A_HEADS], h = head % n[A_HEADS];
        for (ptrdiff_t q = part_start(n[A_QUERIES], i, blocks); q < stop; q++) {
            const REAL *x = NAME(at)(launch, A_OUT, A_OUT_STEPS, b, h, q);
            const REAL *y = NAME(at)(launch, A_DOUT, A_SLOPE_STEPS, b, h, q);
            VEC sum = V(zero)();
            for (ptrdiff_t k = 0; k < width; k += W)
                sum = V(fma)(NAME(load_some)(x + k, width - k), NAME(load_some)(y + k, width - k), sum);
            delta[head * n[A_QUERIES] + q] = V(sum)(sum);
        }
    }
    return 0;
}

/* Copies in a slot of the scratch memory: blocks of queries with the gradients of their results, and blocks of keys
 * and values. Either the queries of a group of heads that share keys are held and one block of keys at a time, or the
 * keys of one head and one block of queries. */
typedef struct {
    ptrdiff_t head, ready;              /* the group or head whose first `ready` blocks or keys are held, or -1 */
    REAL *queries, *slopes;             /* padded rows; queries times the scale */
    REAL *key_panels, *value_panels;    /* packed */
    REAL *keys;                         /* padded rows times the scale */
    REAL *weights, *gradients;          /* of a block of scores */
} NAME(Copies);

static NAME(Copies) NAME(copies_at)(const Launch *launch, ptrdiff_t begin) {
    const ptrdiff_t *n = launch->n, width = n[A_WIDTH], value_width = n[A_VALUE_WIDTH];
    NAME(Copies) c = {-1, 0};
    c.queries = (REAL *)launch->p[A_SCRATCH] + n[A_DELTA] + begin * n[A_SLOTS] / launch->blocks * n[A_SLOT];
    c.slopes = c.queries + n[A_HELD_QUERIES] * NAME(padded)(width);
    c.key_panels = c.slopes + n[A_HELD_QUERIES] * NAME(padded)(value_width);
    c.value_panels = c.key_panels + n[A_HELD_KEYS] * width;
    c.keys = c.value_panels + n[A_HELD_KEYS] * value_width;
    c.weights = c.keys + n[A_HELD_KEYS] * NAME(padded)(width);
    c.gradients = c.weights + QUERY_ROWS * SCORE_STEP;
    return c;
}

/* The same copies from other rows on. */
static NAME(Copies) NAME(from)(const NAME(Copies) *copies, const ptrdiff_t *n, ptrdiff_t query, ptrdiff_t key) {
    NAME(Copies) c = *copies;
    c.queries += query * NAME(padded)(n[A_WIDTH]), c.slopes += query * NAME(padded)(n[A_VALUE_WIDTH]);
    c.key_panels += key * n[A_WIDTH], c.value_panels += key * n[A_VALUE_WIDTH];
    c.keys += key * NAME(padded)(n[A_WIDTH]);
    return c;
}

static void NAME(hold_queries)(const NAME(Copies) *c, const NAME(Scores) *b) {
    const Launch *launch = b->launch;
    const ptrdiff_t *n = launch->n;
    NAME(copy_rows)(c->queries, NAME(at)(launch, A_Q, A_Q_STEPS, b->batch, b->head, b->query),
                    n[A_Q_STEPS + A_ROW_STEP], b->rows, n[A_WIDTH], (REAL)launch->s[A_SCALE]);
    NAME(copy_rows)(c->slopes, NAME(at)(launch, A_SLOPE, A_SLOPE_STEPS, b->batch, b->head, b->query),
                    n[A_SLOPE_STEPS + A_ROW_STEP], b->rows, n[A_VALUE_WIDTH], 1);
}

static void NAME(hold_keys)(const NAME(Copies) *c, const NAME(Scores) *b) {
    const Launch *launch = b->launch;
    const ptrdiff_t *n = launch->n, head = b->head / n[A_SHARED], step = n[A_K_STEPS + A_ROW_STEP];
    const REAL *keys = NAME(at)(launch, A_K, A_K_STEPS, b->batch, head, b->key);
    NAME(pack_keys)(c->key_panels, keys, step, b->keys, n[A_WIDTH]);
    NAME(copy_rows)(c->keys, keys, step, b->keys, n[A_WIDTH], (REAL)launch->s[A_SCALE]);
    NAME(pack_keys)(c->value_panels, NAME(at)(launch, A_V, A_V_STEPS, b->batch, head, b->key),
                    n[A_V_STEPS + A_ROW_STEP], b->keys, n[A_VALUE_WIDTH]);
}

/* From scores and from dout v': the weights, with dropout, and the gradients of the scores. */
static void NAME(slopes)(const NAME(Copies) *c, const NAME(Scores) *b) {
    const REAL *lse = (const REAL *)b->launch->p[A_LSE] + NAME(query_index)(b, 0);
    const REAL *delta = (const REAL *)b->launch->p[A_SCRATCH] + NAME(query_index)(b, 0);
    const int drops = b->launch->n[A_DROPS] != 0;
    _Alignas(CACHE_LINE) REAL kept[KEY_BLOCK];
    for (ptrdiff_t r = 0; r < b->rows; r++) {
        REAL *row = c->weights + r * SCORE_STEP, *slope = c->gradients + r * SCORE_STEP;
        const REAL *mask = NAME(mask_row)(b, r);
        const ptrdiff_t n = NAME(attended)(b, r);
        const VEC shift = V(set)(lse[r]), mean = V(set)(delta[r]);
        ptrdiff_t i = 0;
        if (drops) NAME(draw)(kept, b, r);
        for (; i < n; i += W) {
            VEC weight = V(exp)(V(sub)(NAME(masked)(row, mask, i, n), shift)), s = V(load)(slope + i), dropped = weight;
            if (drops) {
                VEC factor = V(load)(kept + i);
                s = V(mul)(s, factor), dropped = V(mul)(weight, factor);
            }
            s = V(mul)(weight, V(sub)(s, mean));
            V(store)(row + i, dropped);
            V(store)(slope + i, n - i >= W ? s : V(select)(NAME(within)(n - i), s, V(zero)()));
        }
        for (; i < b->keys; i += W) {
            V(store)(row + i, V(zero)());
            V(store)(slope + i, V(zero)());
        }
    }
}

/* The block of the mask's gradient; zeros if `slopes` is NULL. */
static void NAME(store_dmask)(const REAL *slopes, const NAME(Scores) *b) {
    const ptrdiff_t keys = b->launch->n[A_KEYS];
    REAL *out = (REAL *)b->launch->p[A_DMASK] + NAME(query_index)(b, 0) * keys + b->key;
    for (ptrdiff_t r = 0; r < b->rows; r++)
        for (ptrdiff_t i = 0; i < b->keys; i += W) {
            VEC slope = slopes ? V(load)(slopes + r * SCORE_STEP + i) : V(zero)();
            NAME(store_some)(out + r * keys + i, slope, b->keys - i);
        }
}

/* out = or += the transposed `left` of this block, whose columns are keys, @ rows of queries or slopes. */
static void NAME(of_keys)(REAL *out, ptrdiff_t out_step, const REAL *left, const REAL *right, ptrdiff_t width,
                          const NAME(Scores) *b, int add) {
    NAME(multiply)(&(NAME(Factors)){b->keys, width, b->rows, left, 1, SCORE_STEP, right, NAME(padded)(width), PANEL,
                                    out, out_step, add}, NAME(trim)(b, OVER_QUERIES), b->diagonal);
}

/* The contribution of one block of scores to the wanted gradients, from copies of its queries and keys. A gradient is
 * written by its first block and added to by the others. */
static void NAME(contribute)(const NAME(Copies) *c, const NAME(Scores) *b, int first_of_query, int first_of_key) {
    const Launch *launch = b->launch;
    const ptrdiff_t *n = launch->n, width = n[A_WIDTH], value_width = n[A_VALUE_WIDTH], head = b->head / n[A_SHARED];
    const Trim trim = NAME(trim)(b, QUERIES_BY_KEYS);
    NAME(scores)(c->weights, c->queries, c->key_panels, b->rows, b->keys, width, trim, b->diagonal);
    NAME(scores)(c->gradients, c->slopes, c->value_panels, b->rows, b->keys, value_width, trim, b->diagonal);
    NAME(slopes)(c, b);
    if (launch->p[A_DV])
        NAME(of_keys)(NAME(at)(launch, A_DV, A_DV_STEPS, b->batch, head, b->key), n[A_DV_STEPS + A_ROW_STEP],
                      c->weights, c->slopes, value_width, b, !first_of_key);
    if (launch->p[A_DK])
        NAME(of_keys)(NAME(at)(launch, A_DK, A_DK_STEPS, b->batch, head, b->key), n[A_DK_STEPS + A_ROW_STEP],
                      c->gradients, c->queries, width, b, !first_of_key);
    if (launch->p[A_DMASK]) NAME(store_dmask)(c->gradients, b);
    if (launch->p[A_DQ])
        NAME(multiply)(&(NAME(Factors)){b->rows, width, b->keys, c->gradients, SCORE_STEP, 1, c->keys,
                                        NAME(padded)(width), PANEL,
                                        NAME(at)(launch, A_DQ, A_DQ_STEPS, b->batch, b->head, b->query),
                                        n[A_DQ_STEPS + A_ROW_STEP], !first_of_query}, NAME(trim)(b, OVER_KEYS), b->diagonal);
}

/* A block of scores beyond the diagonal: no weights. */
static void NAME(skip)(const NAME(Scores) *b) {
    const Launch *launch = b->launch;
    if (launch->p[A_DMASK]) NAME(store_dmask)(0, b);
    if (launch->p[A_DQ] && !b->key)
        NAME(clear_rows)(NAME(at)(launch, A_DQ, A_DQ_STEPS, b->batch, b->head, b->query),
                         launch->n[A_DQ_STEPS + A_ROW_STEP], b->rows, launch->n[A_WIDTH]);
}

static inline int NAME(beyond)(const NAME(Scores) *b) { return b->rows - 1 + b->diagonal < 0; }

/* The block of queries i of a head, with the keys from `key`. */
static NAME(Scores) NAME(queries_of)(const Launch *launch, ptrdiff_t head, ptrdiff_t i, ptrdiff_t key) {
    const ptrdiff_t *n = launch->n, query = part_start(n[A_QUERIES], i, n[A_QUERY_BLOCKS]);
    return NAME(block)(launch, head / n[A_HEADS], head % n[A_HEADS], query,
                       part_start(n[A_QUERIES], i + 1, n[A_QUERY_BLOCKS]) - query, key);
}

/* The gradients of the keys from `key` that a group of heads shares, and what they contribute to the others. */
static void NAME(by_keys)(NAME(Copies) *copies, const Launch *launch, ptrdiff_t group, ptrdiff_t key) {
    const ptrdiff_t *n = launch->n, blocks = n[A_QUERY_BLOCKS], first = group * n[A_SHARED];
    int any = 0;
    if (copies->head != group) copies->head = group, copies->ready = 0;
    NAME(Scores) b = NAME(queries_of)(launch, first, 0, key);
    NAME(hold_keys)(copies, &b);
    for (ptrdiff_t block = 0; block < n[A_SHARED] * blocks; block++) {
        const ptrdiff_t shared = block / blocks;
        b = NAME(queries_of)(launch, first + shared, block % blocks, key);
        NAME(Copies) c = NAME(from)(copies, n, shared * n[A_QUERIES] + b.query, 0);
        if (block == copies->ready) NAME(hold_queries)(&c, &b), copies->ready++;
        if (NAME(beyond)(&b)) {
            NAME(skip)(&b);
            continue;
        }
        NAME(contribute)(&c, &b, !key, !any);
        any = 1;
    }
    if (any) return;
    for (int k = 0; k < 2; k++) {
        const int slot = k ? A_DV : A_DK, steps = k ? A_DV_STEPS : A_DK_STEPS;
        if (launch->p[slot])
            NAME(clear_rows)(NAME(at)(launch, slot, steps, b.batch, b.head / n[A_SHARED], key), n[steps + A_ROW_STEP],
                             b.keys, n[k ? A_VALUE_WIDTH : A_WIDTH]);
    }
}

/* The gradients of a block of queries, and of the mask. */
static void NAME(by_queries)(NAME(Copies) *copies, const Launch *launch, ptrdiff_t head, ptrdiff_t i) {
    const ptrdiff_t *n = launch->n;
    if (copies->head != head / n[A_SHARED]) copies->head = head / n[A_SHARED], copies->ready = 0;
    NAME(Scores) b = NAME(queries_of)(launch, head, i, 0);
    NAME(hold_queries)(copies, &b);
    for (ptrdiff_t key = 0; !key || key < n[A_KEYS]; key += KEY_BLOCK) {
        b = NAME(queries_of)(launch, head, i, key);
        if (NAME(beyond)(&b)) {
            NAME(skip)(&b);
            continue;
        }
        NAME(Copies) c = NAME(from)(copies, n, 0, key);
        if (key == copies->ready) NAME(hold_keys)(&c, &b), copies->ready += KEY_BLOCK;
        NAME(contribute)(&c, &b, !key, 0);
    }
}

/* A block of the launch is a block of queries of one head (A_BY_QUERIES); or a block of keys of one group of heads; or,
 * if the gradients of the queries are wanted as well, all keys of a group, in order. */
static int NAME(attention_backward)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, blocks = max_size(1, ceil_div(n[A_KEYS], KEY_BLOCK));
    const ptrdiff_t groups = n[A_BATCH] * n[A_HEADS] / n[A_SHARED], all = launch->blocks == groups ? blocks : 1;
    NAME(Copies) copies = NAME(copies_at)(launch, begin);
    if (n[A_BY_QUERIES])
        for (ptrdiff_t block = begin; block < end; block++)
            NAME(by_queries)(&copies, launch, block / n[A_QUERY_BLOCKS],
                             NAME(evened)(n, block % n[A_QUERY_BLOCKS]));
    else
        for (ptrdiff_t block = begin * all; block < end * all; block++)
            NAME(by_keys)(&copies, launch, block / blocks, block % blocks * KEY_BLOCK);
    return 0;
}
