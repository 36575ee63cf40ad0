/* Updates of parameters: one pass over the parameter, its gradient and its state. */
#include "map.h"

/* Pointers: parameter, gradient, up to three arrays of state, hyperparameters, step. */
enum { P, G, STATE, HYPER = 5, STEP };
enum { SIZE, VARIANT, MAXIMIZE };    /* n[]; VARIANT: nesterov, or decoupled */

static int increment_(MAP_ARGS) {
    (void)begin;
    (void)end;
    *(int64_t *)launch->p[0] += launch->n[0];
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
