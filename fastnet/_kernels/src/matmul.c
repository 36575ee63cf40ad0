/* Matrix products: register tiles over packed panels, written once for every instruction set and both types.
 *
 * tile.h, tile.inc.h   the micro-kernels, with
 *   matmul_tile.inc.h    their loops
 *   matmul_pack.inc.h    panels, and the transposition in registers
 *   matmul_finish.inc.h  the epilogue: bias, residual, activation, partial and transposed tiles
 * product.inc.h        the division of a product into groups of slivers and panels
 * matmul.inc.h         the bodies matmul and pack_lanes
 * matvec.inc.h         the body for one row or one column
 * outer.inc.h          the body for one column times one row */
#include "tile.h"

#define T f32
#include "tile.inc.h"
#include "product.inc.h"
#include "matmul.inc.h"
#include "matvec.inc.h"
#include "outer.inc.h"
#include "tile_end.inc.h"
#undef T
#define T f64
#include "tile.inc.h"
#include "product.inc.h"
#include "matmul.inc.h"
#include "matvec.inc.h"
#include "outer.inc.h"
#include "tile_end.inc.h"
#undef T

const TileSize TABLE(matmul_tile) = {TILE_ROWS, {W_f32, W_f64}, TILE_K_BYTES, HAS_HALF_f32};

const Entry TABLE(matmul)[] = {ROW(matmul), ROW(matvec), ROW(outer), ROW(pack_lanes), END};
