/* Winograd's convolution F(4x4, 3x3) of conv.c: a tile of 4x4 outputs costs 36 multiply-adds for each channel and
 * filter in place of 144. Lavin and Gray 2015, https://arxiv.org/abs/1509.09308. For float32 alone.
 *
 * The three transforms follow from the points 0, A, -A, B, -B and infinity by the Cook-Toom construction:
 *   input   V = D^T d D, 6x6 to 6x6      rows of D^T: coefficients of prod(x - point), without the row's own point
 *   filter  U = G g G^T, 3x3 to 6x6      rows of G: (1, p, p^2) / prod(p - other points)
 *   output  y = S^T m S, 6x6 to 4x4      columns of S^T: powers of the point
 * The gradient of the filter uses the transposes of the last two. The points 1/sqrt(2) and sqrt(2) have a third of the
 * error of 1 and 2. */

#define A_POINT ((REAL)0.70710678118654752)
#define B_POINT ((REAL)1.41421356237309505)
#define A2 ((REAL)0.5)
#define B2 ((REAL)2)
#define A3 (A2 * A_POINT)
#define B3 (B2 * B_POINT)
#define FACTOR_A ((REAL)(1 / (2 * 0.5 * (0.5 - 2.0))))
#define FACTOR_B ((REAL)(1 / (2 * 2.0 * (2.0 - 0.5))))

#define SCALED(c, v) V(mul)(V(set)(c), v)
#define PLUS(c, v, w) V(fma)(V(set)(c), v, w)              /* c*v + w */

/* One dimension of the transforms, in place or from r to o; element i is i * step vectors away. a^2 b^2 is 1. */
static inline void NAME(input_line)(VEC *o, const VEC *r, int step) {
    VEC d0 = r[0], d1 = r[step], d2 = r[2 * step], d3 = r[3 * step], d4 = r[4 * step], d5 = r[5 * step];
    VEC even_a = PLUS(-B2, d2, d4), odd_a = SCALED(A_POINT, PLUS(-B2, d1, d3));
    VEC even_b = PLUS(-A2, d2, d4), odd_b = SCALED(B_POINT, PLUS(-A2, d1, d3));
    o[0] = V(add)(PLUS(-(A2 + B2), d2, d0), d4);
    o[step] = V(add)(even_a, odd_a), o[2 * step] = V(sub)(even_a, odd_a);
    o[3 * step] = V(add)(even_b, odd_b), o[4 * step] = V(sub)(even_b, odd_b);
    o[5 * step] = V(add)(PLUS(-(A2 + B2), d3, d1), d5);
}

static inline void NAME(output_line)(VEC *o, int o_step, const VEC *r, int step) {
    VEC sum_a = V(add)(r[step], r[2 * step]), less_a = V(sub)(r[step], r[2 * step]);
    VEC sum_b = V(add)(r[3 * step], r[4 * step]), less_b = V(sub)(r[3 * step], r[4 * step]);
    o[0] = V(add)(V(add)(r[0], sum_a), sum_b);
    o[o_step] = PLUS(A_POINT, less_a, SCALED(B_POINT, less_b));
    o[2 * o_step] = PLUS(A2, sum_a, SCALED(B2, sum_b));
    o[3 * o_step] = V(add)(PLUS(A3, less_a, SCALED(B3, less_b)), r[5 * step]);
}

/* The transpose of output_line: 4 elements to 6. */
static inline void NAME(slope_line)(VEC *o, int o_step, const VEC *r, int step) {
    VEC y0 = r[0], y1 = r[step], y2 = r[2 * step], y3 = r[3 * step];
    VEC even_a = PLUS(A2, y2, y0), odd_a = PLUS(A3, y3, SCALED(A_POINT, y1));
    VEC even_b = PLUS(B2, y2, y0), odd_b = PLUS(B3, y3, SCALED(B_POINT, y1));
    o[0] = y0;
    o[o_step] = V(add)(even_a, odd_a), o[2 * o_step] = V(sub)(even_a, odd_a);
    o[3 * o_step] = V(add)(even_b, odd_b), o[4 * o_step] = V(sub)(even_b, odd_b);
    o[5 * o_step] = y3;
}

static inline void NAME(filter_line)(VEC *o, int o_step, const VEC *r, int step) {
    VEC g0 = r[0], g1 = r[step], g2 = r[2 * step];
    VEC even_a = SCALED(FACTOR_A, PLUS(A2, g2, g0)), odd_a = SCALED(FACTOR_A * A_POINT, g1);
    VEC even_b = SCALED(FACTOR_B, PLUS(B2, g2, g0)), odd_b = SCALED(FACTOR_B * B_POINT, g1);
    o[0] = g0;
    o[o_step] = V(add)(even_a, odd_a), o[2 * o_step] = V(sub)(even_a, odd_a);
    o[3 * o_step] = V(add)(even_b, odd_b), o[4 * o_step] = V(sub)(even_b, odd_b);
    o[5 * o_step] = g2;
}

/* The transpose of filter_line: 6 elements to 3. */
static inline void NAME(filter_slope_line)(VEC *o, int o_step, const VEC *r, int step) {
    VEC sum_a = SCALED(FACTOR_A, V(add)(r[step], r[2 * step])), less_a = V(sub)(r[step], r[2 * step]);
    VEC sum_b = SCALED(FACTOR_B, V(add)(r[3 * step], r[4 * step])), less_b = V(sub)(r[3 * step], r[4 * step]);
    o[0] = V(add)(V(add)(r[0], sum_a), sum_b);
    o[o_step] = PLUS(FACTOR_A * A_POINT, less_a, SCALED(FACTOR_B * B_POINT, less_b));
    o[2 * o_step] = V(add)(PLUS(A2, sum_a, SCALED(B2, sum_b)), r[5 * step]);
}

/* ---- tiles ---------------------------------------------------------------------------------------------------- */

/* The first pixel of tile `tile`, which is at (h, w) of an image of height x width, and the rows and columns of a
 * side x side square from there that lie inside of the image. */
typedef struct {
    const REAL *first;
    ptrdiff_t h, w, h_begin, h_end, w_begin, w_end;
} NAME(Square);

static inline NAME(Square) NAME(square_at)(const REAL *x, const ptrdiff_t *n, ptrdiff_t tile, ptrdiff_t height,
                                          ptrdiff_t width, ptrdiff_t channels, ptrdiff_t up, ptrdiff_t left,
                                          ptrdiff_t side) {
    ptrdiff_t line = tile / n[W_TILES_W], image = line / n[W_TILES_H];
    NAME(Square) at;
    at.h = (line - image * n[W_TILES_H]) * TILE_SIDE - up, at.w = (tile - line * n[W_TILES_W]) * TILE_SIDE - left;
    at.first = x + (image * height * width + at.h * width + at.w) * channels;
    at.h_begin = max_size(-at.h, 0), at.h_end = max_size(min_size(side, height - at.h), at.h_begin);
    at.w_begin = max_size(-at.w, 0), at.w_end = max_size(min_size(side, width - at.w), at.w_begin);
    return at;
}

/* r[i * side + j] = `some` channels from c of the square's pixel (i, j), 0 outside of the image. */
static inline void NAME(load_square)(VEC *r, const NAME(Square) *at, ptrdiff_t side, ptrdiff_t width,
                                     ptrdiff_t channels, ptrdiff_t c, ptrdiff_t some) {
    const int whole = some == W && !at->h_begin && !at->w_begin && at->h_end == side && at->w_end == side;
    for (ptrdiff_t i = 0; i < side; i++) {
        const REAL *line = at->first + i * width * channels + c;
        for (ptrdiff_t j = 0; j < side; j++)
            if (whole)
                r[i * side + j] = V(load)(line + j * channels);
            else
                r[i * side + j] = i >= at->h_begin && i < at->h_end && j >= at->w_begin && j < at->w_end
                                      ? NAME(load_some)(line + j * channels, some) : V(zero)();
    }
}

/* The transformed tiles [tile, tile + count) of x: v[product][tile][channel], products `plane` elements apart. */
static void NAME(transform_input)(REAL *v, const Launch *launch, ptrdiff_t tile, ptrdiff_t count, ptrdiff_t plane) {
    const ptrdiff_t *n = launch->n, channels = n[W_CHANNELS];
    VEC r[PRODUCTS];
    for (ptrdiff_t t = 0; t < count; t++) {
        NAME(Square) at = NAME(square_at)(launch->p[W_X], n, tile + t, n[W_INPUT_H], n[W_INPUT_W], channels,
                                          n[W_PADDING_H], n[W_PADDING_W], POINTS);
        for (ptrdiff_t c = 0; c < channels; c += W) {
            ptrdiff_t some = min_size(W, channels - c);
            NAME(load_square)(r, &at, POINTS, n[W_INPUT_W], channels, c, some);
            UNROLL for (int i = 0; i < POINTS; i++) NAME(input_line)(r + i, r + i, POINTS);
            UNROLL for (int i = 0; i < POINTS; i++) NAME(input_line)(r + POINTS * i, r + POINTS * i, 1);
            for (int i = 0; i < PRODUCTS; i++) NAME(store_some)(v + i * plane + t * n[W_ROW] + c, r[i], some);
        }
    }
}

/* Write the outputs of the tiles [tile, tile + count) for `lanes` filters from `lane`: m[product][tile][PANEL]. */
static void NAME(transform_output)(const REAL *m, const Launch *launch, ptrdiff_t tile, ptrdiff_t count,
                                   ptrdiff_t plane, ptrdiff_t lane, ptrdiff_t lanes) {
    const ptrdiff_t *n = launch->n, filters = n[W_FILTERS], width = n[W_OUTPUT_W];
    const REAL *bias = launch->p[W_BIAS], *affine = launch->p[W_AFFINE], *residual = launch->p[W_RESIDUAL];
    REAL *out = launch->p[W_OUT];
    VEC r[PRODUCTS], half[POINTS * TILE_SIDE], y[TILE_SIDE * TILE_SIDE];
    for (ptrdiff_t t = 0; t < count; t++) {
        NAME(Square) at = NAME(square_at)(out, n, tile + t, n[W_OUTPUT_H], width, filters, 0, 0, TILE_SIDE);
        for (ptrdiff_t j = 0; j < lanes; j += W) {
            for (int i = 0; i < PRODUCTS; i++) r[i] = V(load)(m + i * plane + t * PANEL + j);
            UNROLL for (int i = 0; i < POINTS; i++) NAME(output_line)(half + i, POINTS, r + i, POINTS);
            UNROLL for (int i = 0; i < TILE_SIDE; i++) NAME(output_line)(y + TILE_SIDE * i, 1, half + POINTS * i, 1);
            for (ptrdiff_t h = 0; h < at.h_end; h++)
                for (ptrdiff_t w = 0; w < at.w_end; w++) {
                    ptrdiff_t offset = at.first - out + (h * width + w) * filters + lane + j;
                    NAME(emit)(out + offset, y[h * TILE_SIDE + w], min_size(W, lanes - j), 0,
                               bias ? bias + lane + j : 0, 1, affine ? affine + lane + j : 0, filters,
                               residual ? residual + offset : 0, n[W_ACTIVATION]);
                }
        }
    }
}

/* Elements from one product of a panel of filters to the next: an odd number of cache lines, so that the products'
 * rows do not share a set of the first cache. */
static inline ptrdiff_t NAME(filters_plane)(ptrdiff_t channels, ptrdiff_t width) { return channels * width + W; }

/* m[product][tile] = v[product][tile] @ panel[product] for `count` tiles, one panel and `depth` channels; added to m if
 * `add`. */
static void NAME(multiply_tiles)(REAL *m, ptrdiff_t m_plane, const REAL *v, ptrdiff_t v_plane, ptrdiff_t v_row,
                                 const REAL *panel, ptrdiff_t depth, ptrdiff_t count, ptrdiff_t width, int add) {
    const ptrdiff_t slivers = ceil_div(count, TILE_ROWS), size = sizeof(REAL);
    NAME(Tile) t = {0};
    t.depth = depth, t.row_stride = v_row * size, t.row_k = size, t.lane_k = width;
    t.out_stride = PANEL * size, t.add = add;
    for (int i = 0; i < PRODUCTS; i++, panel += NAME(filters_plane)(depth, width))
        for (ptrdiff_t s = 0; s < slivers; s++) {
            ptrdiff_t row = part_start(count, s, slivers), rows = part_start(count, s + 1, slivers) - row;
            t.row = (const char *)(v + i * v_plane + row * v_row), t.lane = panel;
            t.out = (char *)(m + i * m_plane + row * PANEL);
            NAME(run_tile)(&t, rows, width);
        }
}

/* A block is TILES_AT_ONCE tiles by one of LANE_CHUNKS parts of the panels; adjacent blocks share their tiles. */
static int NAME(winograd)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    const ptrdiff_t chunks = n[W_LANE_CHUNKS], panels = ceil_div(n[W_FILTERS], PANEL);
    const ptrdiff_t v_plane = TILES_AT_ONCE * n[W_ROW] + W, m_plane = TILES_AT_ONCE * PANEL + W;
    REAL *v = (REAL *)launch->p[W_SCRATCH] + begin * n[W_SLOTS] / launch->blocks * n[W_SLOT];
    REAL *m = v + PRODUCTS * v_plane;
    for (ptrdiff_t block = begin, next; block < end; block = next) {
        ptrdiff_t tile = block / chunks * TILES_AT_ONCE, count = min_size(TILES_AT_ONCE, n[W_TILES] - tile);
        next = min_size(end, (block / chunks + 1) * chunks);
        NAME(transform_input)(v, launch, tile, count, v_plane);
        for (ptrdiff_t p = part_start(panels, block % chunks, chunks);
             p < part_start(panels, block % chunks + next - block, chunks); p++) {
            const REAL *panel = launch->p[W_PANELS];
            panel += PRODUCTS * NAME(filters_plane)(n[W_CHANNELS], PANEL) * p;
            NAME(multiply_tiles)(m, m_plane, v, v_plane, n[W_ROW], panel, n[W_CHANNELS], count,
                                 NAME(width)(n[W_FILTERS], p), 0);
            NAME(transform_output)(m, launch, tile, count, m_plane, p * PANEL,
                                   min_size(PANEL, n[W_FILTERS] - p * PANEL));
        }
    }
    return 0;
}

/* ---- filters -------------------------------------------------------------------------------------------------- */

/* r[tap] = the taps of W lanes, the rows `row`, from element q. */
static inline void NAME(load_taps)(VEC *r, const REAL *const *row, ptrdiff_t q, int turned) {
    VEC t[W > 9 ? W : 9], square[W];
    for (ptrdiff_t k = 0; k < 9; k += W) {
        ptrdiff_t some = min_size(W, 9 - k);
        for (ptrdiff_t i = 0; i < W; i++) square[i] = V(load_n)(row[i] + q + k, some);
        NAME(transpose)(square);
        for (ptrdiff_t i = 0; i < some; i++) t[k + i] = square[i];
    }
    for (int i = 0; i < 9; i++) r[i] = t[turned ? 8 - i : i];
}

/* W lanes of the filters from lane `lane` of panel p on. Missing lanes repeat the last one; their results are not used. */
static inline void NAME(find_filters)(const REAL **row, const Launch *launch, ptrdiff_t p, ptrdiff_t lane) {
    const ptrdiff_t *n = launch->n;
    for (ptrdiff_t i = 0; i < W; i++)
        row[i] = (const REAL *)launch->p[W_WEIGHT] + min_size(p * PANEL + lane + i, n[W_FILTERS] - 1) * n[W_LANE_STRIDE];
}

/* The place of the first of 9 vectors of taps among those that winograd_order writes. */
static inline REAL *NAME(ordered_taps)(const Launch *launch, ptrdiff_t p, ptrdiff_t lane, ptrdiff_t k) {
    return (REAL *)launch->p[W_PANELS] + ((p * 2 + lane / W) * launch->n[W_CHANNELS] + k) * 9 * W;
}

/* The taps of all filters, read in the order in which winograd_few transforms them. A block is one panel. */
static int NAME(winograd_order)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, lanes = n[W_FILTERS];
    const REAL *row[W];
    VEC g[9];
    for (ptrdiff_t p = begin; p < end; p++)
        for (ptrdiff_t lane = 0; lane < PANEL && p * PANEL + lane < lanes; lane += W) {
            NAME(find_filters)(row, launch, p, lane);
            for (ptrdiff_t k = 0; k < n[W_CHANNELS]; k++) {
                NAME(load_taps)(g, row, k * n[W_K_STRIDE], n[W_TURNED] != 0);
                for (int i = 0; i < 9; i++) V(store)(NAME(ordered_taps)(launch, p, lane, k) + i * W, g[i]);
            }
        }
    return 0;
}

/* The transformed filters of panel p from channel `first` to `stop`: to[product][channel][lane], products `plane`
 * elements apart. */
static void NAME(transform_filters)(REAL *to, const Launch *launch, ptrdiff_t p, ptrdiff_t first, ptrdiff_t stop,
                                    ptrdiff_t plane) {
    const ptrdiff_t *n = launch->n, lanes = n[W_FILTERS], width = NAME(width)(lanes, p);
    const REAL *row[W];
    VEC g[9], half[3 * POINTS], u[PRODUCTS];
    for (ptrdiff_t lane = 0; lane < width && p * PANEL + lane < lanes; lane += W) {
        NAME(find_filters)(row, launch, p, lane);
        for (ptrdiff_t k = first; k < stop; k++) {
            if (n[W_ORDERED]) {
                const REAL *taps = NAME(ordered_taps)(launch, p, lane, k);
                for (int i = 0; i < 9; i++) prefetch_far(taps + (ORDERED_AHEAD * 9 + i) * W);
                for (int i = 0; i < 9; i++) g[i] = V(load)(taps + i * W);
            } else {
                for (ptrdiff_t i = 0; i < W; i++) prefetch_far(row[i] + (k + FILTERS_AHEAD) * n[W_K_STRIDE]);
                NAME(load_taps)(g, row, k * n[W_K_STRIDE], n[W_TURNED] != 0);
            }
            UNROLL for (int i = 0; i < 3; i++) NAME(filter_line)(half + i, 3, g + i, 3);
            UNROLL for (int i = 0; i < POINTS; i++) NAME(filter_line)(u + POINTS * i, 1, half + 3 * i, 1);
            for (int i = 0; i < PRODUCTS; i++) V(store)(to + i * plane + (k - first) * width + lane, u[i]);
        }
    }
}

/* All filters, as panels [panel][product][channel][lane]. A block is FILTER_BLOCK channels of one panel. */
static int NAME(winograd_filters)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, parts = ceil_div(n[W_CHANNELS], FILTER_BLOCK);
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t p = block / parts, width = NAME(width)(n[W_FILTERS], p), first = block % parts * FILTER_BLOCK;
        REAL *panel = (REAL *)launch->p[W_PANELS] + PRODUCTS * NAME(filters_plane)(n[W_CHANNELS], PANEL) * p;
        NAME(transform_filters)(panel + first * width, launch, p, first, min_size(first + FILTER_BLOCK, n[W_CHANNELS]),
                                NAME(filters_plane)(n[W_CHANNELS], width));
    }
    return 0;
}

/* Elements from one product of COUNT tiles to the next. */
static inline ptrdiff_t NAME(tiles_plane)(const ptrdiff_t *n) { return n[W_COUNT] * n[W_ROW] + W; }

/* The convolution of few tiles, whose transforms take less memory than those of the filters: all tiles of x are
 * given as winograd_input writes them, and the filters are transformed in parts that stay in the second cache. A
 * block is one panel. */
static int NAME(winograd_few)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, tiles = n[W_TILES], m_plane = tiles * PANEL + W;
    REAL *u = (REAL *)launch->p[W_SCRATCH] + begin * n[W_SLOTS] / launch->blocks * n[W_SLOT];
    REAL *m = u + PRODUCTS * NAME(filters_plane)(FILTER_PART, PANEL);
    for (ptrdiff_t p = begin; p < end; p++) {
        const ptrdiff_t width = NAME(width)(n[W_FILTERS], p);
        for (ptrdiff_t k = 0, stop; k < n[W_CHANNELS]; k = stop) {
            stop = min_size(k + FILTER_PART, n[W_CHANNELS]);
            NAME(transform_filters)(u, launch, p, k, stop, NAME(filters_plane)(stop - k, width));
            NAME(multiply_tiles)(m, m_plane, (const REAL *)launch->p[W_X] + k, NAME(tiles_plane)(n), n[W_ROW], u,
                                 stop - k, tiles, width, k > 0);
        }
        NAME(transform_output)(m, launch, 0, tiles, m_plane, p * PANEL, min_size(PANEL, n[W_FILTERS] - p * PANEL));
    }
    return 0;
}

/* ---- the gradient of the filters ------------------------------------------------------------------------------ */

/* The transforms of COUNT tiles of x from FIRST, a block being TILES_AT_ONCE tiles: out[product][tile][ROW]. */
static int NAME(winograd_input)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n;
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t tile = block * TILES_AT_ONCE;
        NAME(transform_input)((REAL *)launch->p[W_OUT] + tile * n[W_ROW], launch, n[W_FIRST] + tile,
                              min_size(TILES_AT_ONCE, n[W_COUNT] - tile), NAME(tiles_plane)(n));
    }
    return 0;
}

/* The transforms of the output's gradient x (N, OUTPUT_H, OUTPUT_W, FILTERS), likewise. */
static int NAME(winograd_slopes)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, filters = n[W_FILTERS], plane = NAME(tiles_plane)(n);
    VEC r[TILE_SIDE * TILE_SIDE], half[TILE_SIDE * POINTS], y[PRODUCTS];
    for (ptrdiff_t tile = begin * TILES_AT_ONCE; tile < min_size(end * TILES_AT_ONCE, n[W_COUNT]); tile++) {
        NAME(Square) at = NAME(square_at)(launch->p[W_X], n, n[W_FIRST] + tile, n[W_OUTPUT_H], n[W_OUTPUT_W], filters,
                                          0, 0, TILE_SIDE);
        for (ptrdiff_t c = 0; c < filters; c += W) {
            ptrdiff_t some = min_size(W, filters - c);
            NAME(load_square)(r, &at, TILE_SIDE, n[W_OUTPUT_W], filters, c, some);
            UNROLL for (int i = 0; i < TILE_SIDE; i++) NAME(slope_line)(half + i, TILE_SIDE, r + i, TILE_SIDE);
            UNROLL for (int i = 0; i < POINTS; i++) NAME(slope_line)(y + POINTS * i, 1, half + TILE_SIDE * i, 1);
            for (int i = 0; i < PRODUCTS; i++)
                NAME(store_some)((REAL *)launch->p[W_OUT] + i * plane + tile * n[W_ROW] + c, y[i], some);
        }
    }
    return 0;
}

/* The filters' gradient out (FILTERS, CHANNELS, 3, 3) from that of their products, x[product][channel][filter]. A block
 * is FILTER_BLOCK channels. */
static int NAME(winograd_filter_slopes)(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, lanes = n[W_FILTERS], channels = n[W_CHANNELS];
    VEC r[PRODUCTS], half[3 * POINTS], g[W > 9 ? W : 9], square[W];
    for (ptrdiff_t k = begin * FILTER_BLOCK; k < min_size(end * FILTER_BLOCK, channels); k++)
        for (ptrdiff_t lane = 0; lane < lanes; lane += W) {
            ptrdiff_t some = min_size(W, lanes - lane);
            for (int i = 0; i < PRODUCTS; i++)
                r[i] = NAME(load_some)((const REAL *)launch->p[W_X] + (i * channels + k) * lanes + lane, some);
            UNROLL for (int i = 0; i < POINTS; i++) NAME(filter_slope_line)(half + i, POINTS, r + i, POINTS);
            UNROLL for (int i = 0; i < 3; i++) NAME(filter_slope_line)(g + 3 * i, 1, half + POINTS * i, 1);
            for (int tap = 0; tap < 9; tap += W) {
                for (int i = 0; i < W; i++) square[i] = g[tap + i < 9 ? tap + i : 8];
                NAME(transpose)(square);
                for (ptrdiff_t i = 0; i < some; i++)
                    NAME(store_some)((REAL *)launch->p[W_OUT] + ((lane + i) * channels + k) * 9 + tap, square[i],
                                     min_size(W, 9 - tap));
            }
        }
    return 0;
}

#undef A_POINT
#undef B_POINT
#undef A2
#undef B2
#undef A3
#undef B3
#undef FACTOR_A
#undef FACTOR_B
#undef SCALED
#undef PLUS
