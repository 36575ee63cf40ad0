/* Attention, computed by blocks of queries and blocks of keys with the tiles of matmul.
 *
 * attention.inc.h            copies of blocks, products of blocks, and the softmax of a block of scores
 * attention_forward.inc.h    out and the logarithms of the sums
 * attention_backward.inc.h   gradients of the queries, keys, values and the mask
 * attention_few.inc.h        out for few queries, without blocks
 *
 * Dao 2023, https://arxiv.org/abs/2307.08691. */
#include "attention_slots.h"
#include "philox.h"
#include "tile.h"

static inline ptrdiff_t max_size(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* Numbers of a product that no attended pair of a query and a key contributes to. Query i of the block attends to the
 * keys of the block up to i + diagonal. */
typedef enum {
    WHOLE,
    QUERIES_BY_KEYS,                    /* rows are queries, lanes are keys: none are needed beyond the diagonal */
    OVER_KEYS,                          /* rows are queries, the sum is over keys: it ends at the diagonal */
    OVER_QUERIES                        /* rows are keys, the sum is over queries: it begins at the diagonal */
} Trim;

#define T f32
#include "tile.inc.h"
#include "attention.inc.h"
#include "attention_forward.inc.h"
#include "attention_backward.inc.h"
#include "attention_few.inc.h"
#include "tile_end.inc.h"
#undef T
#define T f64
#include "tile.inc.h"
#include "attention.inc.h"
#include "attention_forward.inc.h"
#include "attention_backward.inc.h"
#include "attention_few.inc.h"
#include "tile_end.inc.h"
#undef T

const Entry TABLE(attention)[] = {ROW(attention), ROW(attention_delta), ROW(attention_backward), ROW(attention_few), END};
