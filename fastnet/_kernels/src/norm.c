/* Layer norm over rows and its gradient. */
#include "norm_slots.h"
#include "sums.h"

#define T f32
#include "norm.inc.h"
#undef T
#define T f64
#include "norm.inc.h"
#undef T

const Entry TABLE(norm)[] = {
    ROW(layer_norm), ROW(layer_norm_backward), ROW(join_gradients), END};
