/* Bodies of volume.c, included once for each T. A block is BLOCK_ROWS rows of OUT. */

#define FOR_ROWS                                                                         \
    const ptrdiff_t inner = launch->n[INNER], block_rows = launch->n[BLOCK_ROWS];        \
    const ptrdiff_t D = launch->n[OUT_DEPTH], H = launch->n[OUT_HEIGHT], width = launch->n[OUT_WIDTH]; \
    const ptrdiff_t d = launch->n[DEPTH], h = launch->n[HEIGHT], w = launch->n[WIDTH];   \
    const ptrdiff_t stop = min_size(end * block_rows, launch->n[OUTER] * D * H);         \
    for (ptrdiff_t r = begin * block_rows; r < stop; r++) {                              \
        const ptrdiff_t j = r % H, i = r / H % D;                                        \
        REAL *row = (REAL *)launch->p[OUT] + r * width * inner;                          \
        const REAL *x = (const REAL *)launch->p[X] + r / H / D * d * h * w * inner;
#define END_ROWS } return 0;

INLINE void NAME(fill_row)(REAL *to, REAL value, ptrdiff_t n) {
    const VEC v = V(set)(value);
    for (ptrdiff_t i = 0; i < n; i += W) NAME(store_some)(to + i, v, min_size(W, n - i));
}

INLINE void NAME(copy_row)(REAL *to, const REAL *from, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += W) {
        const ptrdiff_t count = min_size(W, n - i);
        NAME(store_some)(to + i, NAME(load_some)(from + i, count), count);
    }
}

INLINE void NAME(add_row)(REAL *to, const REAL *from, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += W) {
        const ptrdiff_t count = min_size(W, n - i);
        NAME(store_some)(to + i, V(add)(NAME(load_some)(to + i, count), NAME(load_some)(from + i, count)), count);
    }
}

static int NAME(take_volume)(BODY_ARGS) {
    const int64_t *planes = launch->p[PLANES], *rows = launch->p[ROWS], *columns = launch->p[COLUMNS];
    const REAL value = (REAL)launch->s[VALUE];
    FOR_ROWS
        if (outside(planes[i], d) || outside(rows[j], h)) {
            NAME(fill_row)(row, value, width * inner);
            continue;
        }
        x += (planes[i] * h + rows[j]) * w * inner;
        for (ptrdiff_t k = 0; k < width;) {
            if (outside(columns[k], w)) {
                NAME(fill_row)(row + k * inner, value, inner);
                k++;
                continue;
            }
            const ptrdiff_t run = run_length(columns, k, width, w);
            NAME(copy_row)(row + k * inner, x + columns[k] * inner, run * inner);
            k += run;
        }
    END_ROWS
}

/* row[k] += the columns of x that column k lists; runs of columns that list one each, side by side, are added at
 * once */
INLINE void NAME(add_columns)(REAL *row, const REAL *x, const Launch *launch, ptrdiff_t inner) {
    const int64_t *columns = launch->p[COLUMNS], *starts = launch->p[COLUMN_STARTS];
    const ptrdiff_t width = launch->n[OUT_WIDTH], w = launch->n[WIDTH], count = launch->n[COLUMN_COUNT];
    for (ptrdiff_t k = 0; k < width;) {
        List list = list_at(starts, k, count);
        const int64_t first = list.first < list.last ? columns[list.first] : -1;
        ptrdiff_t run = 0;
        while (list.last - list.first == 1 && columns[list.first] == first + run && !outside(first + run, w))
            if (k + ++run < width) list = list_at(starts, k + run, count);
            else break;
        if (run) {
            NAME(add_row)(row + k * inner, x + first * inner, run * inner);
            k += run;
            continue;
        }
        for (ptrdiff_t l = list.first; l < list.last; l++)
            if (!outside(columns[l], w)) NAME(add_row)(row + k * inner, x + columns[l] * inner, inner);
        k++;
    }
}

static int NAME(take_volume_backward)(BODY_ARGS) {
    const int64_t *planes = launch->p[PLANES], *rows = launch->p[ROWS];
    FOR_ROWS
        const List along_depth = list_at(launch->p[PLANE_STARTS], i, launch->n[PLANE_COUNT]);
        const List along_height = list_at(launch->p[ROW_STARTS], j, launch->n[ROW_COUNT]);
        NAME(fill_row)(row, 0, width * inner);
        for (ptrdiff_t a = along_depth.first; a < along_depth.last; a++)
            for (ptrdiff_t b = along_height.first; b < along_height.last; b++)
                if (!outside(planes[a], d) && !outside(rows[b], h))
                    NAME(add_columns)(row, x + (planes[a] * h + rows[b]) * w * inner, launch, inner);
    END_ROWS
}

#undef FOR_ROWS
#undef END_ROWS
