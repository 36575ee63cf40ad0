/* Elementwise bodies of loss.c, included once for each T. x is the input, t the target, s the loss's own scalars. */

/* dx = f(x, t, w, s) * (dy * SCALE); w is 1 if POS_WEIGHT is absent */
#define LOSS_BACKWARD(kernel)                                                                                   \
    static int NAME(kernel)(BODY_ARGS) {                                                                        \
        REAL *o = launch->p[DX];                                                                                \
        const REAL *x = launch->p[X], *t = launch->p[TARGET], *dy = launch->p[DY], *w = launch->p[POS_WEIGHT];  \
        const double *s = launch->s + PARAMETERS;                                                               \
        const int each = launch->n[DY_STEP] != 0;                                                               \
        const VEC one = V(set)(1), scale = V(set)((REAL)launch->s[SCALE]);                                      \
        const VEC single = each ? scale : V(mul)(V(set)(*dy), scale);                                           \
        MAP_LOOP(V(store)(o + i, V(mul)(NAME(kernel##_v)(V(load)(x + i), V(load)(t + i),                        \
                                                         w ? V(load)(w + i) : one, s),                          \
                                        each ? V(mul)(V(load)(dy + i), scale) : single)),                       \
                 V(store_n)(o + i, V(mul)(NAME(kernel##_v)(V(load_n)(x + i, stop - i), V(load_n)(t + i, stop - i), \
                                                           w ? V(load_n)(w + i, stop - i) : one, s),            \
                                          each ? V(mul)(V(load_n)(dy + i, stop - i), scale) : single), stop - i)) \
    }
#define ARGS1 VEC x, VEC t, const double *s
#define ARGS2 VEC x, VEC t, VEC w, const double *s

static inline VEC NAME(mse_loss_v)(ARGS1) {
    (void)s;
    VEC d = V(sub)(x, t);
    return V(mul)(d, d);
}
MAP2(mse_loss, NAME(mse_loss_v))

static inline VEC NAME(mse_loss_backward_v)(ARGS2) {
    (void)w, (void)s;
    VEC d = V(sub)(x, t);
    return V(add)(d, d);
}
LOSS_BACKWARD(mse_loss_backward)

static inline VEC NAME(l1_loss_v)(ARGS1) {
    (void)s;
    return V(abs)(V(sub)(x, t));
}
MAP2(l1_loss, NAME(l1_loss_v))

/* sign(x - t), 0 for NaN */
static inline VEC NAME(l1_loss_backward_v)(ARGS2) {
    (void)w, (void)s;
    VEC one = V(set)(1), below = V(select)(V(lt)(x, t), V(neg)(one), V(zero)());
    return V(select)(V(lt)(t, x), one, below);
}
LOSS_BACKWARD(l1_loss_backward)

/* near * (|d| - near/2) with near = min(|d|, limit) is both the parabola and the line. */
static inline VEC NAME(huber_loss_v)(ARGS1) {
    VEC d = V(abs)(V(sub)(x, t)), near = V(min)(V(set)((REAL)s[DELTA]), d);
    return V(mul)(near, V(sub)(d, V(mul)(V(set)((REAL)0.5), near)));
}
MAP2(huber_loss, NAME(huber_loss_v))

/* d limited to [-limit, limit]. The limits are the first operands, so that a NaN passes. */
static inline VEC NAME(limited)(VEC d, VEC limit) { return V(max)(V(neg)(limit), V(min)(limit, d)); }

static inline VEC NAME(huber_loss_backward_v)(ARGS2) {
    (void)w;
    return NAME(limited)(V(sub)(x, t), V(set)((REAL)s[DELTA]));
}
LOSS_BACKWARD(huber_loss_backward)

static inline VEC NAME(smooth_l1_loss_v)(ARGS1) {
    VEC d = V(abs)(V(sub)(x, t)), beta = V(set)((REAL)s[BETA]), near = V(min)(beta, d);
    return V(mul)(V(div)(near, beta), V(sub)(d, V(mul)(V(set)((REAL)0.5), near)));
}
MAP2(smooth_l1_loss, NAME(smooth_l1_loss_v))

static inline VEC NAME(smooth_l1_loss_backward_v)(ARGS2) {
    (void)w;
    return NAME(limited)(V(div)(V(sub)(x, t), V(set)((REAL)s[BETA])), V(set)(1));
}
LOSS_BACKWARD(smooth_l1_loss_backward)

/* The weight of -log sigmoid(x): (1 - t) + w t. */
static inline VEC NAME(positive_weight)(VEC t, VEC w) {
    VEC one = V(set)(1);
    return V(add)(one, V(mul)(V(sub)(w, one), t));
}

/* (1 - t) x - w' log sigmoid(x), where -log sigmoid(x) = log1p(exp(-|x|)) + max(-x, 0). Added in this order, terms that
 * cancel do so exactly. */
static inline VEC NAME(bce_with_logits_weighted_v)(VEC x, VEC t, VEC w, const double *s) {
    (void)s;
    VEC weight = NAME(positive_weight)(t, w);
    VEC linear = V(mul)(weight, V(max)(V(zero)(), V(neg)(x)));
    VEC tail = V(mul)(weight, V(log1p_unit)(V(exp)(V(neg)(V(abs)(x)))));
    return V(add)(V(add)(linear, V(mul)(V(sub)(V(set)(1), t), x)), tail);
}
MAP3(bce_with_logits_weighted, NAME(bce_with_logits_weighted_v))

static inline VEC NAME(bce_with_logits_v)(ARGS1) { return NAME(bce_with_logits_weighted_v)(x, t, V(set)(1), s); }
MAP2(bce_with_logits, NAME(bce_with_logits_v))

static inline VEC NAME(bce_with_logits_backward_v)(ARGS2) {
    (void)s;
    return V(sub)(V(mul)(NAME(positive_weight)(t, w), V(sigmoid)(x)), V(mul)(w, t));
}
LOSS_BACKWARD(bce_with_logits_backward)

/* t log t - t x, with 0 log 0 = 0 */
static inline VEC NAME(kl_div_v)(ARGS1) {
    (void)s;
    VEC entropy = V(select)(V(eq)(t, V(zero)()), V(zero)(), V(mul)(t, V(log)(t)));
    return V(sub)(entropy, V(mul)(t, x));
}
MAP2(kl_div, NAME(kl_div_v))

static inline VEC NAME(kl_div_log_v)(ARGS1) {
    (void)s;
    return V(mul)(V(exp)(t), V(sub)(t, x));
}
MAP2(kl_div_log, NAME(kl_div_log_v))

static inline VEC NAME(kl_div_backward_v)(ARGS2) {
    (void)x, (void)w, (void)s;
    return V(neg)(t);
}
LOSS_BACKWARD(kl_div_backward)

static inline VEC NAME(kl_div_log_backward_v)(ARGS2) {
    (void)x, (void)w, (void)s;
    return V(neg)(V(exp)(t));
}
LOSS_BACKWARD(kl_div_log_backward)

#undef LOSS_BACKWARD
#undef ARGS1
#undef ARGS2
