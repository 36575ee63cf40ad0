/* Bodies of index.c, included once for each T. */

#define BITS CAT(bits, T)

/* 1 if an element is not finite: 0 * x is then NaN, and so is every sum of it */
static int NAME(check_finite)(BODY_ARGS) {
    const REAL *x = launch->p[X];
    ptrdiff_t i = begin * BLOCK, stop = min_size(end * BLOCK, launch->n[COUNT]);
    VEC a = V(zero)(), b = a, zero = a;
    for (; i + 2 * W <= stop; i += 2 * W) {
        a = V(add)(a, V(mul)(V(load)(x + i), zero));
        b = V(add)(b, V(mul)(V(load)(x + i + W), zero));
    }
    for (; i < stop; i += W) a = V(add)(a, V(mul)(V(load_n)(x + i, min_size(stop - i, W)), zero));
    REAL sum = V(sum)(V(add)(a, b));
    return sum != sum;
}

static int NAME(zeros)(BODY_ARGS) {
    REAL *x = launch->p[OUT];
    ptrdiff_t first = begin * BLOCK, stop = min_size(end * BLOCK, launch->n[COUNT]);
    memset(x + first, 0, (size_t)(stop - first) * sizeof *x);
    return 0;
}

/* to = from, while the next row is prefetched */
static inline void NAME(copy_row)(REAL *to, const REAL *from, const REAL *next, ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + W <= n; j += W) {
        PREFETCH(next + j);
        V(store)(to + j, V(load)(from + j));
    }
    if (j < n) V(store_n)(to + j, V(load_n)(from + j, n - j), n - j);
}

static inline void NAME(add_row)(REAL *to, const REAL *from, ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + W <= n; j += W) V(store)(to + j, V(add)(V(load)(to + j), V(load)(from + j)));
    if (j < n) V(store_n)(to + j, V(add)(V(load_n)(to + j, n - j), V(load_n)(from + j, n - j)), n - j);
}

/* out[i] = weight[index[i]]; a block is BLOCK_ROWS rows */
static int NAME(embedding)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *weight = launch->p[WEIGHT];
    const int64_t *index = launch->p[INDEX];
    const ptrdiff_t d = launch->n[WIDTH], size = launch->n[LIMIT], rows = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * rows, launch->n[COUNT]);
    for (ptrdiff_t i = begin * rows; i < stop; i++) {
        const int64_t next = index[i + 2 < stop ? i + 2 : i];
        if (outside(index[i], size))
            memset(out + i * d, 0, (size_t)d * sizeof *out);
        else
            NAME(copy_row)(out + i * d, weight + index[i] * d, weight + (outside(next, size) ? 0 : next) * d, d);
    }
    return 0;
}

/* dweight[index[i]] += dy[i] in the order of i; a block is INDEX_COLUMNS columns */
static int NAME(embedding_add)(BODY_ARGS) {
    REAL *dweight = launch->p[OUT];
    const int64_t *index = launch->p[INDEX];
    const REAL *dy = launch->p[DY];
    const ptrdiff_t n = launch->n[COUNT], d = launch->n[WIDTH], size = launch->n[LIMIT], padding = launch->n[PADDING];
    const ptrdiff_t first = begin * INDEX_COLUMNS, width = min_size(end * INDEX_COLUMNS, d) - first;
    for (ptrdiff_t i = 0; i < n; i++)
        if (!outside(index[i], size) && index[i] != padding)
            NAME(add_row)(dweight + index[i] * d + first, dy + i * d + first, width);
    return 0;
}

/* dweight[index[k]] += factors[k] * dy[b] for the k of each bag b; a block is INDEX_COLUMNS columns */
static int NAME(bag_add)(BODY_ARGS) {
    const int64_t *index = launch->p[INDEX];
    const REAL *factors = launch->p[FACTORS];
    const ptrdiff_t d = launch->n[WIDTH], size = launch->n[LIMIT], bags = launch->n[BAGS];
    const ptrdiff_t first = begin * INDEX_COLUMNS, width = min_size(end * INDEX_COLUMNS, d) - first;
    for (ptrdiff_t b = 0; b < bags; b++) {
        const List list = list_at(launch->p[STARTS], b, launch->n[COUNT]);
        const REAL *dy = (const REAL *)launch->p[DY] + b * d + first;
        for (ptrdiff_t k = list.first; k < list.last; k++) {
            if (outside(index[k], size)) continue;
            REAL *to = (REAL *)launch->p[OUT] + index[k] * d + first;
            const VEC factor = V(set)(factors[k]);
            for (ptrdiff_t j = 0; j < width; j += W) {
                const ptrdiff_t some = min_size(W, width - j);
                const VEC term = V(mul)(factor, NAME(load_some)(dy + j, some));
                NAME(store_some)(to + j, V(add)(NAME(load_some)(to + j, some), term), some);
            }
        }
    }
    return 0;
}

/* The largest elements of columns [first, first + count) of a bag, and their rows: 0 and -1 if it is empty. */
static void NAME(largest_of_bag)(REAL *out, int64_t *found, const Launch *launch, List list, ptrdiff_t first,
                                 ptrdiff_t count) {
    const int64_t *index = launch->p[INDEX];
    const REAL *x = (const REAL *)launch->p[X] + first;
    const ptrdiff_t d = launch->n[WIDTH], size = launch->n[LIMIT];
    REAL best[INDEX_COLUMNS] = {0};
    BITS row[INDEX_COLUMNS], none = (BITS)-1;           /* as wide as an element, so that the loop vectorises */
    ptrdiff_t k = list.first;
    while (k < list.last && outside(index[k], size)) k++;
    const BITS start = k < list.last ? 0 : none;
    for (ptrdiff_t j = 0; j < INDEX_COLUMNS; j++) row[j] = start;
    const ptrdiff_t base = k;
    if (k < list.last) memcpy(best, x + index[k] * d, (size_t)count * sizeof *x);
    for (k++; k < list.last; k++) {
        if (outside(index[k], size)) continue;
        const REAL *from = x + index[k] * d;
        const BITS here = (BITS)(k - base);
        for (ptrdiff_t j = 0; j < count; j++) {
            const REAL a = from[j], b = best[j];
            const int better = (a > b) | ((a != a) & (b == b));
            best[j] = better ? a : b;
            row[j] = better ? here : row[j];
        }
    }
    for (ptrdiff_t j = 0; j < count; j++) {
        out[j] = best[j];
        found[j] = row[j] == none ? -1 : index[base + (ptrdiff_t)row[j]];
    }
}

/* OUT = the largest elements of the rows of each bag, FOUND their rows; a block is BLOCK_ROWS bags */
static int NAME(bag_max)(BODY_ARGS) {
    const ptrdiff_t d = launch->n[WIDTH], rows = launch->n[BLOCK_ROWS], stop = min_size(end * rows, launch->n[BAGS]);
    for (ptrdiff_t b = begin * rows; b < stop; b++) {
        const List list = list_at(launch->p[STARTS], b, launch->n[COUNT]);
        for (ptrdiff_t j = 0; j < d; j += INDEX_COLUMNS)
            NAME(largest_of_bag)((REAL *)launch->p[OUT] + b * d + j, (int64_t *)launch->p[FOUND] + b * d + j, launch,
                                 list, j, min_size(INDEX_COLUMNS, d - j));
    }
    return 0;
}

/* OUT[k] = 1 / the number of rows in range of its bag; 0 outside of all bags. A single block. */
static int NAME(bag_shares)(BODY_ARGS) {
    (void)begin, (void)end;
    const int64_t *index = launch->p[INDEX];
    const ptrdiff_t size = launch->n[LIMIT];
    REAL *out = launch->p[OUT];
    memset(out, 0, (size_t)launch->n[COUNT] * sizeof *out);
    for (ptrdiff_t b = 0; b < launch->n[BAGS]; b++) {
        const List list = list_at(launch->p[STARTS], b, launch->n[COUNT]);
        ptrdiff_t count = 0;
        for (ptrdiff_t k = list.first; k < list.last; k++) count += !outside(index[k], size);
        const REAL share = count ? 1 / (REAL)count : 0;
        for (ptrdiff_t k = list.first; k < list.last; k++) out[k] = share;
    }
    return 0;
}

/* out[o, j, i] = x[o, index[o, j, i], i]; a block is BLOCK_ROWS of the outer * m rows of `inner` elements */
static int NAME(gather)(BODY_ARGS) {
    REAL *out = launch->p[OUT];
    const REAL *x = launch->p[X];
    const int64_t *index = launch->p[INDEX];
    const ptrdiff_t n = launch->n[LIMIT], m = launch->n[INDICES], inner = launch->n[INNER];
    const ptrdiff_t rows = launch->n[BLOCK_ROWS];
    const ptrdiff_t stop = min_size(end * rows, launch->n[OUTER] * m);
    const REAL *from = x + begin * rows / m * n * inner;
    ptrdiff_t j = begin * rows % m;
    if (inner == 1) {
        for (ptrdiff_t row = begin * rows; row < stop; j = 0, from += n)
            for (const ptrdiff_t last = min_size(stop, row + m - j); row < last; row++)
                out[row] = outside(index[row], n) ? 0 : from[index[row]];
        return 0;
    }
    for (ptrdiff_t row = begin * rows; row < stop; row++) {
        for (ptrdiff_t i = 0; i < inner; i++) {
            int64_t k = index[row * inner + i];
            out[row * inner + i] = outside(k, n) ? 0 : from[k * inner + i];
        }
        if (++j == m) {
            j = 0;
            from += n * inner;
        }
    }
    return 0;
}

/* dx[o, index[o, j, i], i] += dy[o, j, i] into zeros; a block is INDEX_COLUMNS of the inner columns of BLOCK_ROWS of
 * the outer */
static int NAME(gather_backward)(BODY_ARGS) {
    REAL *dx = launch->p[OUT];
    const int64_t *index = launch->p[INDEX];
    const REAL *dy = launch->p[DY];
    const ptrdiff_t outer = launch->n[OUTER], n = launch->n[LIMIT], m = launch->n[INDICES], inner = launch->n[INNER];
    const ptrdiff_t group = launch->n[BLOCK_ROWS], column_blocks = ceil_div(inner, INDEX_COLUMNS);
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t first = block % column_blocks * INDEX_COLUMNS, last = min_size(first + INDEX_COLUMNS, inner);
        const ptrdiff_t stop = min_size((block / column_blocks + 1) * group, outer);
        for (ptrdiff_t o = block / column_blocks * group; o < stop; o++) {
            REAL *to = dx + o * n * inner;
            if (column_blocks == 1)
                memset(to, 0, (size_t)(n * inner) * sizeof *to);
            else
                for (ptrdiff_t k = 0; k < n; k++)
                    memset(to + k * inner + first, 0, (size_t)(last - first) * sizeof *to);
            for (ptrdiff_t j = 0; j < m; j++) {
                for (ptrdiff_t i = first; i < last; i++) {
                    int64_t k = index[(o * m + j) * inner + i];
                    if (!outside(k, n)) to[k * inner + i] += dy[(o * m + j) * inner + i];
                }
            }
        }
    }
    return 0;
}

#undef BITS
