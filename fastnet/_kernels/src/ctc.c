/* The CTC loss and its gradient, in log space, W states at a time; a block is one sample. */
#include "ctc_slots.h"
#include "simd_math.h"

#define T f32
#include "ctc.inc.h"
#undef T
#define T f64
#include "ctc.inc.h"
#undef T

const Entry TABLE(ctc)[] = {ROW(ctc_loss), ROW(ctc_loss_backward), END};
