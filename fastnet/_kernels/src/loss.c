/* Losses and their gradients. */
#include "loss_slots.h"
#include "map.h"
#include "simd_math.h"
#include "sums.h"

enum { FEW = 16 };                   /* classes up to which the lanes of cross-entropy are rows */

#define T f32
#include "loss.inc.h"
#include "cross_entropy.inc.h"
#undef T
#define T f64
#include "loss.inc.h"
#include "cross_entropy.inc.h"
#undef T

const Entry TABLE(loss)[] = {
    ROW(mse_loss), ROW(mse_loss_backward), ROW(l1_loss), ROW(l1_loss_backward), ROW(huber_loss),
    ROW(huber_loss_backward), ROW(smooth_l1_loss), ROW(smooth_l1_loss_backward), ROW(bce_with_logits),
    ROW(bce_with_logits_weighted), ROW(bce_with_logits_backward), ROW(kl_div), ROW(kl_div_backward), ROW(kl_div_log),
    ROW(kl_div_log_backward), ROW(cross_entropy), ROW(cross_entropy_backward), ROW(cross_entropy_probs),
    ROW(cross_entropy_probs_backward), END,
};
