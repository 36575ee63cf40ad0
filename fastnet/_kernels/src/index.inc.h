/* Bodies of index.c, included once for each T. */

/* 1 if an element is not finite: 0 * x is then NaN, and a NaN stays in a sum */
static int NAME(check_finite)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    const REAL *x = launch->p[0];
    ptrdiff_t i = begin * BLOCK, stop = min_size(end * BLOCK, launch->n[0]);
    VEC a = V(zero)(), b = a, zero = a;
    for (; i + 2 * W <= stop; i += 2 * W) {
        a = V(add)(a, V(mul)(V(load)(x + i), zero));
        b = V(add)(b, V(mul)(V(load)(x + i + W), zero));
    }
    for (; i < stop; i += W) a = V(add)(a, V(mul)(V(load_n)(x + i, min_size(stop - i, W)), zero));
    REAL sum = V(sum)(V(add)(a, b));
    return sum != sum;
}

static int NAME(zeros)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    REAL *x = launch->p[0];
    ptrdiff_t first = begin * BLOCK, stop = min_size(end * BLOCK, launch->n[0]);
    memset(x + first, 0, (size_t)(stop - first) * sizeof *x);
    return 0;
}

/* to = from, while the row that comes next is on its way from memory */
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

/* out[i] = weight[index[i]]; a block is n[3] rows */
static int NAME(embedding)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    REAL *out = launch->p[0];
    const REAL *weight = launch->p[1];
    const int64_t *index = launch->p[2];
    const ptrdiff_t d = launch->n[1], size = launch->n[2], rows = launch->n[3];
    const ptrdiff_t stop = min_size(end * rows, launch->n[0]);
    for (ptrdiff_t i = begin * rows; i < stop; i++) {
        const int64_t next = index[i + 2 < stop ? i + 2 : i];
        if (outside(index[i], size))
            memset(out + i * d, 0, (size_t)d * sizeof *out);
        else
            NAME(copy_row)(out + i * d, weight + index[i] * d, weight + (outside(next, size) ? 0 : next) * d, d);
    }
    return 0;
}

/* dweight[index[i]] += dy[i] in the order of i; a block is COLUMNS columns, so that no two threads share an element */
static int NAME(embedding_add)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    REAL *dweight = launch->p[0];
    const int64_t *index = launch->p[1];
    const REAL *dy = launch->p[2];
    const ptrdiff_t n = launch->n[0], d = launch->n[1], size = launch->n[2], padding = launch->n[3];
    const ptrdiff_t first = begin * COLUMNS, width = min_size(end * COLUMNS, d) - first;
    for (ptrdiff_t i = 0; i < n; i++)
        if (!outside(index[i], size) && index[i] != padding)
            NAME(add_row)(dweight + index[i] * d + first, dy + i * d + first, width);
    return 0;
}

/* out[o, j, i] = x[o, index[o, j, i], i]; a block is n[4] of the outer * m rows of `inner` elements */
static int NAME(gather)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    REAL *out = launch->p[0];
    const REAL *x = launch->p[1];
    const int64_t *index = launch->p[2];
    const ptrdiff_t n = launch->n[1], m = launch->n[2], inner = launch->n[3], rows = launch->n[4];
    const ptrdiff_t stop = min_size(end * rows, launch->n[0] * m);
    const REAL *from = x + begin * rows / m * n * inner;
    ptrdiff_t j = begin * rows % m;
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

/* dx[o, index[o, j, i], i] += dy[o, j, i] into zeros; a block is COLUMNS of the inner columns of n[4] of the outer */
static int NAME(gather_backward)(const Launch *launch, ptrdiff_t begin, ptrdiff_t end) {
    REAL *dx = launch->p[0];
    const int64_t *index = launch->p[1];
    const REAL *dy = launch->p[2];
    const ptrdiff_t outer = launch->n[0], n = launch->n[1], m = launch->n[2], inner = launch->n[3];
    const ptrdiff_t group = launch->n[4], cuts = (inner + COLUMNS - 1) / COLUMNS;
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t first = block % cuts * COLUMNS, last = min_size(first + COLUMNS, inner);
        const ptrdiff_t stop = min_size((block / cuts + 1) * group, outer);
        for (ptrdiff_t o = block / cuts * group; o < stop; o++) {
            REAL *to = dx + o * n * inner;
            if (cuts == 1)
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
