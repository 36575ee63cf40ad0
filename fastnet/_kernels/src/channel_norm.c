/* Batch norm, group norm and instance norm over channels, and their gradients. */
#include "channel_norm_slots.h"
#include "simd_math.h"
#include "sums.h"

#define T f32
#include "channel_norm.inc.h"
#undef T
#define T f64
#include "channel_norm.inc.h"
#undef T

const Entry TABLE(channel_norm)[] = {
    ROW(channel_moments), ROW(join_moments), ROW(channel_norm), ROW(channel_sums), ROW(join_sums),
    ROW(channel_norm_backward), ROW(group_norm), ROW(group_norm_backward), ROW(join_samples), ROW(channel_affine),
    ROW(batch_norm_update_), END};
