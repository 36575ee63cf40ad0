/* Bodies of grid.c, included once for each T. */

/* The elements of an axis that a point reads: COUNT indices, -1 outside of the axis, their weights and the derivatives
 * of the weights by the coordinate. */
typedef struct {
    int count;
    ptrdiff_t index[AXIS_TAPS];
    REAL weight[AXIS_TAPS], slope[AXIS_TAPS];
} NAME(AxisTaps);

/* The elements of an image that a point reads: offsets in pixels, and the taps of the depth, the height, the width. */
typedef struct {
    int count;
    ptrdiff_t pixel[MOST_TAPS];
    REAL weight[MOST_TAPS];
    unsigned char along[MOST_TAPS][3];
} NAME(Taps);

INLINE REAL NAME(clipped)(REAL at, REAL high, REAL *slope) {
    if (!(at > 0 && at < high)) *slope = 0;
    return at > 0 ? (at < high ? at : at == at ? high : at) : at == at ? 0 : at;
}

/* A position moved into an axis of `size` elements; its derivative multiplies *slope. */
INLINE REAL NAME(into_axis)(REAL at, const Launch *launch, REAL size, REAL *slope) {
    if (launch->n[PADDING] == ZEROS) return at;
    if (launch->n[PADDING] == REFLECTION) {
        const REAL low = launch->n[ALIGN_CORNERS] ? 0 : (REAL)-0.5, span = launch->n[ALIGN_CORNERS] ? size - 1 : size;
        if (span == 0) {
            *slope = 0;
            return 0;
        }
        const double offset = fabs((double)(at - low)), flips = floor((double)(REAL)(offset / span));
        const double rest = fmod(offset, span);
        const int odd = fmod(flips, 2) == 1;
        if (odd != (at < low)) *slope = -*slope;
        at = (REAL)((odd ? span - rest : rest) + low);
    }
    return NAME(clipped)(at, size - 1, slope);
}

/* Keys's kernel with the parameter -0.75 at d, and its derivative. */
INLINE REAL NAME(cubic)(REAL d, REAL *slope) {
    const REAL a = (REAL)-0.75, u = d < 0 ? -d : d, sign = d < 0 ? -1 : 1;
    if (u <= 1) {
        *slope = sign * (3 * (a + 2) * u - 2 * (a + 3)) * u;
        return ((a + 2) * u - (a + 3)) * u * u + 1;
    }
    *slope = sign * ((3 * a * u - 10 * a) * u + 8 * a);
    return ((a * u - 5 * a) * u + 8 * a) * u - 4 * a;
}

INLINE void NAME(axis_taps)(NAME(AxisTaps) *taps, REAL coordinate, ptrdiff_t size, const Launch *launch) {
    const int mode = (int)launch->n[MODE], align = (int)launch->n[ALIGN_CORNERS];
    const REAL scale = (REAL)(align ? size - 1 : size) * (REAL)0.5;
    REAL at = (coordinate + 1) * scale - (align ? 0 : (REAL)0.5), slope = scale;
    if (mode != BICUBIC) at = NAME(into_axis)(at, launch, (REAL)size, &slope);
    taps->count = mode == BICUBIC ? 4 : mode == BILINEAR ? 2 : 1;
    if (!(at > (REAL)-1e9 && at < (REAL)1e9)) {                 /* NaN, too */
        taps->count = 1;
        taps->index[0] = -1;
        return;
    }
    const REAL first = mode == NEAREST ? (REAL)nearbyint(at) : (REAL)floor(at), t = at - first;
    for (int k = 0; k < taps->count; k++) {
        REAL place = first + (REAL)(mode == BICUBIC ? k - 1 : k), ignored = 1;
        if (mode == BICUBIC) {
            taps->weight[k] = NAME(cubic)(t - (REAL)(k - 1), &taps->slope[k]);
            taps->slope[k] *= slope;
            place = NAME(into_axis)(place, launch, (REAL)size, &ignored);
        } else {
            taps->weight[k] = mode == NEAREST ? 1 : k ? t : 1 - t;
            taps->slope[k] = mode == NEAREST ? 0 : k ? slope : -slope;
        }
        taps->index[k] = place >= 0 && place < (REAL)size ? (ptrdiff_t)place : -1;
    }
}

/* The taps of a point; axes holds those of the depth, the height and the width. */
INLINE void NAME(point_taps)(NAME(Taps) *taps, NAME(AxisTaps) *axes, const REAL *point, const Launch *launch) {
    const ptrdiff_t H = launch->n[HEIGHT], width = launch->n[WIDTH];
    axes[0].count = 1;
    axes[0].index[0] = 0;
    axes[0].weight[0] = 1;
    axes[0].slope[0] = 0;
    if (launch->n[DIMS] == 3) NAME(axis_taps)(&axes[0], point[2], launch->n[DEPTH], launch);
    NAME(axis_taps)(&axes[1], point[1], H, launch);
    NAME(axis_taps)(&axes[2], point[0], width, launch);
    taps->count = 0;
    for (int i = 0; i < axes[0].count; i++)
        for (int j = 0; j < axes[1].count; j++)
            for (int k = 0; k < axes[2].count; k++) {
                if (axes[0].index[i] < 0 || axes[1].index[j] < 0 || axes[2].index[k] < 0) continue;
                const int n = taps->count++;
                taps->pixel[n] = (axes[0].index[i] * H + axes[1].index[j]) * width + axes[2].index[k];
                taps->weight[n] = axes[0].weight[i] * axes[1].weight[j] * axes[2].weight[k];
                taps->along[n][0] = (unsigned char)i;
                taps->along[n][1] = (unsigned char)j;
                taps->along[n][2] = (unsigned char)k;
            }
}

/* Points of all images; a block is BLOCK_POINTS of them. `image` is that of point p. */
#define FOR_POINTS                                                                       \
    const ptrdiff_t C = launch->n[CHANNELS], points = launch->n[POINTS], size = launch->n[BLOCK_POINTS]; \
    const ptrdiff_t pixels = launch->n[DEPTH] * launch->n[HEIGHT] * launch->n[WIDTH];    \
    const ptrdiff_t stop = min_size(end * size, launch->n[IMAGES] * points);             \
    NAME(AxisTaps) axes[3];                                                              \
    NAME(Taps) taps;                                                                     \
    for (ptrdiff_t p = begin * size; p < stop; p++) {                                    \
        const REAL *image = (const REAL *)launch->p[X] + p / points * pixels * C;        \
        NAME(point_taps)(&taps, axes, (const REAL *)launch->p[GRID] + p * launch->n[DIMS], launch);
#define END_POINTS } return 0;

static int NAME(grid_sample)(BODY_ARGS) {
    FOR_POINTS
        REAL *out = (REAL *)launch->p[OUT] + p * C;
        for (ptrdiff_t c = 0; c < C; c += W) {
            const ptrdiff_t count = min_size(W, C - c);
            VEC sum = V(zero)();
            for (int k = 0; k < taps.count; k++)
                sum = V(fma)(V(set)(taps.weight[k]), NAME(load_some)(image + taps.pixel[k] * C + c, count), sum);
            NAME(store_some)(out + c, sum, count);
        }
    END_POINTS
}

/* OUT = the gradient by the points: over the taps, the product of dy and the image, times the slope along one axis and
 * the weights along the others. */
static int NAME(grid_sample_dgrid)(BODY_ARGS) {
    const ptrdiff_t dims = launch->n[DIMS];
    FOR_POINTS
        const REAL *dy = (const REAL *)launch->p[DY] + p * C;
        REAL *out = (REAL *)launch->p[OUT] + p * dims, sums[3] = {0, 0, 0};
        for (int k = 0; k < taps.count; k++) {
            const REAL *x = image + taps.pixel[k] * C;
            VEC dot = V(zero)();
            for (ptrdiff_t c = 0; c < C; c += W) {
                const ptrdiff_t count = min_size(W, C - c);
                dot = V(fma)(NAME(load_some)(dy + c, count), NAME(load_some)(x + c, count), dot);
            }
            const REAL total = V(sum)(dot);
            const unsigned char *along = taps.along[k];
            for (int axis = 0; axis < 3; axis++) {
                REAL factor = total;
                for (int other = 0; other < 3; other++)
                    factor *= other == axis ? axes[other].slope[along[other]] : axes[other].weight[along[other]];
                sums[axis] += factor;
            }
        }
        for (ptrdiff_t k = 0; k < dims; k++) out[k] = sums[2 - k];
    END_POINTS
}

/* OUT = the gradient by the images: each point adds to its taps, in the order of the points. A block is GRID_CHANNELS
 * channels of one image. */
static int NAME(grid_sample_dx)(BODY_ARGS) {
    const ptrdiff_t C = launch->n[CHANNELS], points = launch->n[POINTS], parts = ceil_div(C, GRID_CHANNELS);
    const ptrdiff_t pixels = launch->n[DEPTH] * launch->n[HEIGHT] * launch->n[WIDTH];
    NAME(AxisTaps) axes[3];
    NAME(Taps) taps;
    for (ptrdiff_t block = begin; block < end; block++) {
        const ptrdiff_t n = block / parts, first = block % parts * GRID_CHANNELS;
        const ptrdiff_t last = min_size(first + GRID_CHANNELS, C);
        REAL *image = (REAL *)launch->p[OUT] + n * pixels * C;
        for (ptrdiff_t i = 0; i < pixels; i++)
            memset(image + i * C + first, 0, (size_t)(last - first) * sizeof *image);
        for (ptrdiff_t p = n * points; p < (n + 1) * points; p++) {
            const REAL *dy = (const REAL *)launch->p[DY] + p * C;
            NAME(point_taps)(&taps, axes, (const REAL *)launch->p[GRID] + p * launch->n[DIMS], launch);
            for (int k = 0; k < taps.count; k++) {
                REAL *to = image + taps.pixel[k] * C;
                const VEC weight = V(set)(taps.weight[k]);
                for (ptrdiff_t c = first; c < last; c += W) {
                    const ptrdiff_t count = min_size(W, last - c);
                    VEC sum = V(fma)(weight, NAME(load_some)(dy + c, count), NAME(load_some)(to + c, count));
                    NAME(store_some)(to + c, sum, count);
                }
            }
        }
    }
    return 0;
}

#undef FOR_POINTS
#undef END_POINTS
