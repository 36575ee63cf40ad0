/* Updates of parameters: one pass over the parameter, its gradient and its state. */
#include "optim_slots.h"
#include "map.h"
#include "sums.h"

static int increment_(BODY_ARGS) {
    (void)begin;
    (void)end;
    *(int64_t *)launch->p[STEP] += launch->n[INCREMENT];
    return 0;
}

#define T f32
#include "optim.inc.h"
#undef T
#define T f64
#include "optim.inc.h"
#undef T

const Entry TABLE(optim)[] = {{"increment_", increment_, increment_}, ROW(sgd_), ROW(adam_), ROW(rmsprop_),
                              ROW(adagrad_), ROW(clip_scale_), END};
