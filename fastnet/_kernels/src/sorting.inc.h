/* Bodies of sorting.c, included once for each T. A block is BLOCK_ROWS rows. */

#define BITS CAT(bits, T)

#define FOR_ROWS                                                                                              \
    const ptrdiff_t n = launch->n[COLUMNS], rows = launch->n[BLOCK_ROWS];                                     \
    const uint32_t flip = launch->n[DESCENDING] ? 0xFFFFFFFFu : 0;                                            \
    const int integers = (int)launch->n[INTEGERS];                                                            \
    for (ptrdiff_t b = begin; b < end; b++) {                                                                 \
        uint64_t *scratch = (uint64_t *)launch->p[SCRATCH] + b * launch->n[SCRATCH_WORDS];                    \
        const ptrdiff_t stop = min_size((b + 1) * rows, launch->n[ROWS]);                                     \
        for (ptrdiff_t r = b * rows; r < stop; r++) {                                                         \
            const BITS *x = (const BITS *)launch->p[X] + r * n;
#define END_ROWS } } return 0;

/* out[r] = the positions that sort x[r]; the words are sorted in the memory of `out` */
static int NAME(argsort)(BODY_ARGS) {
    FOR_ROWS
        uint64_t *out = (uint64_t *)launch->p[OUT] + r * n;
        NAME(sort_row)(out, scratch, x, n, flip, integers);
        for (ptrdiff_t i = 0; i < n; i++) out[i] &= 0xFFFFFFFFu;
    END_ROWS
}

/* Collect in `words` the k smallest words of a row of float32, with room for 2 k + W: an element that is not before the
 * k-th so far is passed over, W at a time. */
static inline void NAME(collect)(uint64_t *words, const BITS *x, ptrdiff_t n, ptrdiff_t k, uint32_t flip) {
    const REAL *numbers = (const REAL *)x;
    uint64_t limit = ~(uint64_t)0;
    VEC bound = V(zero)();
    ptrdiff_t held = 0;
    for (ptrdiff_t i = 0; i < n; i += W) {
        const ptrdiff_t count = min_size(W, n - i);
        if (limit != ~(uint64_t)0 && count == W) {
            const VEC v = V(load)(numbers + i);
            if (!M(any)(M(not)(flip ? V(lt)(v, bound) : V(lt)(bound, v)))) continue;
        }
        for (ptrdiff_t j = i; j < i + count; j++) {
            const uint64_t word = (uint64_t)(order_f32((uint32_t)x[j], 0) ^ flip) << 32 | (uint64_t)j;
            words[held] = word;
            held += word < limit;
        }
        if (held >= 2 * k) {
            limit = select_smallest(words, held, k);
            bound = V(set)(numbers[limit & 0xFFFFFFFFu]);
            held = k;
        }
    }
    select_smallest(words, held, k);
}

/* out[r] = the positions of the first CHOSEN elements of x[r] in its order */
static int NAME(topk)(BODY_ARGS) {
    const ptrdiff_t k = launch->n[CHOSEN];
    FOR_ROWS
        uint64_t *out = (uint64_t *)launch->p[OUT] + r * k, *words = scratch;
        if (k == 0) continue;
        if (sizeof(REAL) == 4 && !integers && 4 * k <= n) {
            NAME(collect)(words, x, n, k, flip);
            sort_few(words, words + k, k);          /* they are not in the order of positions */
        } else {
            NAME(sort_row)(words, scratch + n, x, n, flip, integers);
        }
        for (ptrdiff_t i = 0; i < k; i++) out[i] = words[i] & 0xFFFFFFFFu;
    END_ROWS
}

/* out[r] = the position of the element of x[r] with CHOSEN smaller ones */
static int NAME(kth)(BODY_ARGS) {
    const ptrdiff_t k = launch->n[CHOSEN];
    FOR_ROWS
        uint64_t word;
        if (sizeof(REAL) == 4) {
            for (ptrdiff_t i = 0; i < n; i++)
                scratch[i] = (uint64_t)(order_f32((uint32_t)x[i], integers) ^ flip) << 32 | (uint64_t)i;
            word = select_smallest(scratch, n, k + 1);
        } else {
            NAME(sort_row)(scratch, scratch + n, x, n, flip, integers);
            word = scratch[k];
        }
        ((uint64_t *)launch->p[OUT])[r] = word & 0xFFFFFFFFu;
    END_ROWS
}
#undef FOR_ROWS
#undef END_ROWS

/* Advance `from` past all elements of a sorted row that are before a value: BEFORE asks it of from[at]. Half of what is
 * left is passed over or not, without a branch; the number of steps depends only on n. */
#define SEARCH(BEFORE)                                                                                        \
    for (ptrdiff_t left = n, at; left > 0; left = left > 1 ? left - left / 2 : 0) {                           \
        const ptrdiff_t half = left > 1 ? left / 2 : 1;                                                       \
        at = half - 1;                                                                                        \
        from += half & -(ptrdiff_t)(BEFORE);                                                                  \
    }

/* out[r, j] = the first place in x[r] whose element is not before values[r, j]; a block is BLOCK_ROWS values */
static int NAME(searchsorted)(BODY_ARGS) {
    const ptrdiff_t n = launch->n[COLUMNS], m = launch->n[SEARCHED], some = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * some, launch->n[ROWS] * m);
    const int integers = (int)launch->n[INTEGERS];
    const BITS past = (BITS)launch->n[RIGHT];
    const BITS *values = launch->p[VALUES];
    int64_t *out = launch->p[OUT];
    for (ptrdiff_t i = begin * some; i < stop; i++) {
        const BITS *x = (const BITS *)launch->p[X] + (launch->n[SHARED] ? 0 : i / m * n), *from = x;
        const BITS value = CAT(order, T)(values[i], integers) + past;
        const REAL number = ((const REAL *)values)[i];
        if (integers || number != number) {
            const int all = value < past;                                   /* past the largest integer, or NaN */
            SEARCH(all || CAT(order, T)(from[at], integers) < value)
        } else if (past) {
            SEARCH(((const REAL *)from)[at] <= number)
        } else {
            SEARCH(((const REAL *)from)[at] < number)
        }
        out[i] = from - x;
    }
    return 0;
}
#undef SEARCH
#undef BITS
