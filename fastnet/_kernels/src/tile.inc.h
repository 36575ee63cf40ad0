/* The register tiles of products, with packed panels, included once for each T by tile.h's users. */
#define PANEL (2 * W)                                               /* lanes of a full panel */
#define SLIVER ((TILE_ROWS + W - 1) / W * W)                        /* rows of a packed sliver, with padding */
#define K_MOST ((ptrdiff_t)(TILE_K_BYTES / sizeof(REAL)))

typedef struct {
    ptrdiff_t depth;                    /* k of a run */
    ptrdiff_t runs;                     /* 0: a single run, at `row` and `lane` */
    const TileRun *run;
    const char *row;                    /* broadcast: row i at row + i * row_stride, all strides of rows in bytes */
    ptrdiff_t row_stride, row_k;
    const REAL *lane;
    ptrdiff_t lane_k;
    char *out;
    ptrdiff_t out_stride;
    const REAL *bias, *affine;          /* NULL: absent, as the residual */
    ptrdiff_t affine_step;              /* from centres to scales and to shifts */
    const char *residual;               /* its rows are as far apart as out's */
    int add;
    ptrdiff_t clip;                     /* NONE_, RELU or RELU6 */
    ptrdiff_t edge;                     /* lanes of a partial last vector; 0 if it is full */
} NAME(Tile);

/* The first n lanes. The baseline has no masks, so whole vectors are worth a branch. */
static inline VEC NAME(load_some)(const REAL *p, ptrdiff_t n) { return n >= W ? V(load)(p) : V(load_n)(p, n); }
static inline void NAME(store_some)(REAL *p, VEC v, ptrdiff_t n) {
    if (n >= W)
        V(store)(p, v);
    else
        V(store_n)(p, v, n);
}

/* The first n lanes of centres, scales and shifts, each `step` elements after the one before. */
static inline void NAME(load_affine)(VEC *affine, const REAL *p, ptrdiff_t step, ptrdiff_t n) {
    UNROLL for (int i = 0; i < 3; i++) affine[i] = NAME(load_some)(p + i * step, n);
}

#if CAT(HAS_HALF, T)
#define VECTORS 0
#include "matmul_tile.inc.h"
#undef VECTORS
#endif
#define VECTORS 1
#include "matmul_tile.inc.h"
#undef VECTORS
#define VECTORS 2
#include "matmul_tile.inc.h"
#undef VECTORS

/* Compute a tile of `rows` rows and at least `lanes` lanes with the narrowest micro-kernel. */
static inline void NAME(run_tile)(const NAME(Tile) *t, ptrdiff_t rows, ptrdiff_t lanes) {
#if CAT(HAS_HALF, T)
    if (lanes <= W / 2) {
        CAT(tiles0, T)[rows](t);
        return;
    }
#endif
    (lanes > W ? CAT(tiles2, T) : CAT(tiles1, T))[rows](t);
}

#include "matmul_pack.inc.h"

