/* Layer norm over rows, batch norm over channels, and their gradients. */
#include "norm_slots.h"
#include "sums.h"

#define T f32
#include "norm.inc.h"
#undef T
#define T f64
#include "norm.inc.h"
#undef T

const Entry TABLE(norm)[] = {
    ROW(layer_norm), ROW(layer_norm_backward), ROW(join_gradients),
    ROW(narrow_moments), ROW(wide_moments), ROW(join_channels), ROW(narrow_scales), ROW(narrow_batch_norm),
    ROW(wide_batch_norm), ROW(narrow_sums), ROW(wide_sums), ROW(channel_gradients), ROW(narrow_backward),
    ROW(wide_backward), ROW(batch_norm_update_), END};
