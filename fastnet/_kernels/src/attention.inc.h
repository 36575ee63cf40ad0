/* Blocks of attention: copies, products and weights. Included once for each T. */

/* Elements of a copied row: whole vectors. */
static inline ptrdiff_t NAME(padded)(ptrdiff_t width) { return ceil_div(width, W) * W; }

/* The first n lanes. */
static inline MASK NAME(within)(ptrdiff_t n) {
    static const REAL positions[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return V(lt)(V(load)(positions), V(set)((REAL)n));
}

/* A row of an array; `steps` names its steps. */
static inline REAL *NAME(at)(const Launch *launch, int slot, int steps, ptrdiff_t batch, ptrdiff_t head,
                             ptrdiff_t row) {
    const ptrdiff_t *step = launch->n + steps;
    return (REAL *)launch->p[slot] + batch * step[A_BATCH_STEP] + head * step[A_HEAD_STEP] + row * step[A_ROW_STEP];
}

/* to = factor * x, rows of `width` elements copied to padded rows. */
static void NAME(copy_rows)(REAL *to, const REAL *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t width, REAL factor) {
    const ptrdiff_t length = NAME(padded)(width);
    const VEC f = V(set)(factor);
    for (ptrdiff_t r = 0; r < rows; r++, x += step, to += length)
        for (ptrdiff_t i = 0; i < width; i += W)
            V(store)(to + i, V(mul)(f, NAME(load_some)(x + i, width - i)));
}

static void NAME(clear_rows)(REAL *to, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t width) {
    for (ptrdiff_t r = 0; r < rows; r++, to += step)
        for (ptrdiff_t i = 0; i < width; i += W) NAME(store_some)(to + i, V(zero)(), width - i);
}

/* Pack up to KEY_BLOCK rows as lanes, panel[k][lane]. */
static void NAME(pack_keys)(REAL *panels, const REAL *x, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t width) {
    for (ptrdiff_t i = 0; i < rows; i += PANEL, panels += PANEL * width)
        NAME(pack)(panels, PANEL, x + i * step, 1, step, width, min_size(PANEL, rows - i));
}

/* ---- products of blocks ------------------------------------------------------------------------------------------ */

typedef struct {
    ptrdiff_t rows, lanes, depth;
    const REAL *row;
    ptrdiff_t row_step, row_k;          /* in elements, between rows and along k */
    const REAL *lane;
    ptrdiff_t lane_k, panel;            /* along k, between panels */
    REAL *out;
    ptrdiff_t out_step;
    int add;
} NAME(Factors);

/* out = or += rows @ lanes */
static void NAME(multiply)(const NAME(Factors) *f, Trim trim, ptrdiff_t diagonal) {
    const ptrdiff_t slivers = ceil_div(f->rows, TILE_ROWS), size = sizeof(REAL);
    NAME(Tile) t = {.row_stride = f->row_step * size, .row_k = f->row_k * size, .lane_k = f->lane_k,
                    .out_stride = f->out_step * size, .add = f->add};
    for (ptrdiff_t p = 0, lane = 0; lane < f->lanes; p++, lane += PANEL) {
        const ptrdiff_t lanes = min_size(PANEL, f->lanes - lane);
        t.edge = lanes % W;
        for (ptrdiff_t s = 0; s < slivers; s++) {
            const ptrdiff_t row = part_start(f->rows, s, slivers), end = part_start(f->rows, s + 1, slivers);
            ptrdiff_t first = 0, last = f->depth;
            if (trim == QUERIES_BY_KEYS && lane >= end + diagonal) continue;
            if (trim == OVER_KEYS) last = min_size(last, max_size(0, end + diagonal));
            if (trim == OVER_QUERIES) first = min_size(last, max_size(0, row - diagonal));
            t.depth = last - first;
            t.row = (const char *)(f->row + row * f->row_step + first * f->row_k);
            t.lane = f->lane + p * f->panel + first * f->lane_k;
            t.out = (char *)(f->out + row * f->out_step + lane);
            NAME(run_tile)(&t, end - row, lanes);
        }
    }
}

/* out = queries @ keys, both over the width; the keys are packed. */
static void NAME(scores)(REAL *out, const REAL *queries, const REAL *keys, ptrdiff_t rows, ptrdiff_t lanes,
                         ptrdiff_t width, Trim trim, ptrdiff_t diagonal) {
    NAME(multiply)(&(NAME(Factors)){rows, lanes, width, queries, NAME(padded)(width), 1, keys, PANEL, PANEL * width,
                                    out, SCORE_STEP, 0}, trim, diagonal);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* A block of scores: those of `rows` queries from `query` and `keys` keys from `key`. */
typedef struct {
    const Launch *launch;
    ptrdiff_t batch, head, query, rows, key, keys;
    ptrdiff_t diagonal;                 /* row r attends to the keys of the block up to r + diagonal */
} NAME(Scores);

static NAME(Scores) NAME(block)(const Launch *launch, ptrdiff_t batch, ptrdiff_t head, ptrdiff_t query, ptrdiff_t rows,
                                ptrdiff_t key) {
    const ptrdiff_t *n = launch->n, keys = min_size(KEY_BLOCK, n[A_KEYS] - key);
    const ptrdiff_t diagonal = n[A_TRIMMED] ? query + n[A_DIAGONAL] - key : keys;
    return (NAME(Scores)){launch, batch, head, query, rows, key, keys, diagonal};
}

/* The trim of a product of this block: WHOLE if no number is beyond the diagonal. */
static inline Trim NAME(trim)(const NAME(Scores) *b, Trim trim) { return b->diagonal >= b->keys - 1 ? WHOLE : trim; }

/* The keys that a row of the block attends to. */
static inline ptrdiff_t NAME(attended)(const NAME(Scores) *b, ptrdiff_t row) {
    return max_size(0, min_size(b->keys, row + b->diagonal + 1));
}

/* The number of the query among those of all heads. */
static inline ptrdiff_t NAME(query_index)(const NAME(Scores) *b, ptrdiff_t row) {
    const ptrdiff_t *n = b->launch->n;
    return (b->batch * n[A_HEADS] + b->head) * n[A_QUERIES] + b->query + row;
}

/* Scores i to i + W of a row, with the mask; -inf from key n on. */
static inline VEC NAME(masked)(const REAL *scores, const REAL *mask, ptrdiff_t i, ptrdiff_t n) {
    VEC x = V(load)(scores + i);
    if (mask) x = V(add)(x, NAME(load_some)(mask + i, n - i));
    return n - i >= W ? x : V(select)(NAME(within)(n - i), x, V(set)(-INFINITY));
}

static inline const REAL *NAME(mask_row)(const NAME(Scores) *b, ptrdiff_t row) {
    if (!b->launch->p[A_MASK]) return 0;
    return NAME(at)(b->launch, A_MASK, A_MASK_STEPS, b->batch, b->head, b->query + row) + b->key;
}

/* kept[i] = 1 / (1 - dropout) where weight i of a row is kept, else 0. */
static void NAME(draw)(REAL *kept, const NAME(Scores) *b, ptrdiff_t row) {
    const Launch *launch = b->launch;
    const ptrdiff_t *n = launch->n;
    const REAL scale = (REAL)launch->s[A_KEEP_SCALE];
    const uint64_t threshold = (uint64_t)n[A_THRESHOLD];
    _Alignas(CACHE_LINE) uint32_t words[WORDS];
    Stream stream = open_stream(launch->p[A_STATE], n[A_DRAW_OFFSET] + b->key / 4
                                + NAME(query_index)(b, row) * ceil_div(n[A_KEYS], 4));
    next_words(&stream, words);
    for (ptrdiff_t i = 0; i < KEY_BLOCK; i++) kept[i] = words[i] >= threshold ? scale : (REAL)0;
}
