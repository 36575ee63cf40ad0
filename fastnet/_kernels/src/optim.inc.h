/* Bodies of optim.c, included once for each T.
 *
 * Each rule is a function `at(rule, i, n)` that updates elements i to i + n; n is W except for the last vector of the
 * array. Each call of a body derives the factors of a step from the hyperparameters once, in double. */

#define UPDATE(at, rule) MAP_LOOP(at(&rule, i, W), at(&rule, i, stop - i))

/* ---- the gradient with its penalties ---- */

typedef struct {
    REAL *p;
    const REAL *g;
    REAL weight_decay, l1;
    int maximize;
} NAME(Gradient);

static inline NAME(Gradient) NAME(gradient)(const Launch *launch, double weight_decay, double l1) {
    return (NAME(Gradient)){launch->p[PARAMETER], launch->p[GRADIENT], (REAL)weight_decay, (REAL)l1,
                            launch->n[MAXIMIZE] != 0};
}

/* -1, 0 or 1; NaN for NaN */
static inline VEC NAME(sign)(VEC x) {
    VEC one = V(copysign)(V(set)(1), x);
    return V(select)(M(or)(V(eq)(x, V(zero)()), V(unord)(x, x)), x, one);
}

static inline VEC NAME(penalised)(const NAME(Gradient) *r, VEC p, ptrdiff_t i, ptrdiff_t n) {
    VEC g = NAME(load_some)(r->g + i, n);
    if (r->maximize) g = V(neg)(g);
    if (r->weight_decay != 0) g = V(fma)(V(set)(r->weight_decay), p, g);
    if (r->l1 != 0) g = V(fma)(V(set)(r->l1), NAME(sign)(p), g);
    return g;
}

/* decay * average + (1 - decay) * x */
static inline VEC NAME(averaged)(REAL decay, REAL rest, VEC average, VEC x) {
    return V(fma)(V(set)(decay), average, V(mul)(V(set)(rest), x));
}

/* ---- SGD ---- */

typedef struct {
    NAME(Gradient) gradient;
    REAL *buf;
    REAL lr, momentum, rest;
    int first, nesterov;
} NAME(Sgd);

static inline void NAME(sgd_at)(const NAME(Sgd) *r, ptrdiff_t i, ptrdiff_t n) {
    VEC p = NAME(load_some)(r->gradient.p + i, n);
    VEC d = NAME(penalised)(&r->gradient, p, i, n);
    if (r->buf) {
        VEC b = r->first ? d : NAME(averaged)(r->momentum, r->rest, NAME(load_some)(r->buf + i, n), d);
        NAME(store_some)(r->buf + i, b, n);
        d = r->nesterov ? V(fma)(V(set)(r->momentum), b, d) : b;
    }
    NAME(store_some)(r->gradient.p + i, V(fma)(V(set)(-r->lr), d, p), n);
}

static int NAME(sgd_)(BODY_ARGS) {
    const SgdHyper *h = launch->p[HYPER];
    NAME(Sgd) rule = {NAME(gradient)(launch, h->weight_decay, h->l1), h->momentum != 0 ? launch->p[STATE_0] : NULL,
                      (REAL)h->lr, (REAL)h->momentum, (REAL)(1 - h->dampening),
                      *(const int64_t *)launch->p[STEP] == 1, launch->n[VARIANT] != 0};
    UPDATE(NAME(sgd_at), rule)
}

/* ---- Adam ---- */

typedef struct {
    NAME(Gradient) gradient;
    REAL *m, *v, *vmax;
    REAL keep, beta1, rest1, beta2, rest2, root, eps, step_size;
} NAME(Adam);

static inline void NAME(adam_at)(const NAME(Adam) *r, ptrdiff_t i, ptrdiff_t n) {
    VEC p = V(mul)(V(set)(r->keep), NAME(load_some)(r->gradient.p + i, n));
    VEC d = NAME(penalised)(&r->gradient, p, i, n);
    VEC m = NAME(averaged)(r->beta1, r->rest1, NAME(load_some)(r->m + i, n), d);
    VEC v = NAME(averaged)(r->beta2, r->rest2, NAME(load_some)(r->v + i, n), V(mul)(d, d));
    NAME(store_some)(r->m + i, m, n);
    NAME(store_some)(r->v + i, v, n);
    if (r->vmax) {
        VEC largest = NAME(load_some)(r->vmax + i, n);
        v = V(select)(V(unord)(largest, largest), largest, V(max)(largest, v));
        NAME(store_some)(r->vmax + i, v, n);
    }
    VEC denominator = V(fma)(V(set)(r->root), V(sqrt)(v), V(set)(r->eps));
    VEC change = V(div)(V(mul)(V(set)(r->step_size), m), denominator);
    NAME(store_some)(r->gradient.p + i, V(sub)(p, change), n);
}

static int NAME(adam_)(BODY_ARGS) {
    const AdamHyper *h = launch->p[HYPER];
    double t = (double)*(const int64_t *)launch->p[STEP];
    int decoupled = launch->n[VARIANT] != 0;
    NAME(Adam) rule = {NAME(gradient)(launch, decoupled ? 0 : h->weight_decay, h->l1), launch->p[STATE_0],
                       launch->p[STATE_1], launch->p[STATE_2], (REAL)(decoupled ? 1 - h->lr * h->weight_decay : 1),
                       (REAL)h->beta1, (REAL)(1 - h->beta1), (REAL)h->beta2, (REAL)(1 - h->beta2),
                       (REAL)(1 / sqrt(1 - pow(h->beta2, t))), (REAL)h->eps,
                       (REAL)(h->lr / (1 - pow(h->beta1, t)))};
    UPDATE(NAME(adam_at), rule)
}

/* ---- RMSprop ---- */

typedef struct {
    NAME(Gradient) gradient;
    REAL *sq, *buf, *gavg;
    REAL lr, alpha, rest, eps, momentum;
} NAME(Rmsprop);

static inline void NAME(rmsprop_at)(const NAME(Rmsprop) *r, ptrdiff_t i, ptrdiff_t n) {
    VEC p = NAME(load_some)(r->gradient.p + i, n);
    VEC d = NAME(penalised)(&r->gradient, p, i, n);
    VEC average = NAME(averaged)(r->alpha, r->rest, NAME(load_some)(r->sq + i, n), V(mul)(d, d));
    NAME(store_some)(r->sq + i, average, n);
    if (r->gavg) {
        VEC mean = NAME(averaged)(r->alpha, r->rest, NAME(load_some)(r->gavg + i, n), d);
        NAME(store_some)(r->gavg + i, mean, n);
        average = V(max)(V(zero)(), V(sub)(average, V(mul)(mean, mean)));
    }
    d = V(div)(d, V(add)(V(sqrt)(average), V(set)(r->eps)));
    if (r->buf) {
        d = V(fma)(V(set)(r->momentum), NAME(load_some)(r->buf + i, n), d);
        NAME(store_some)(r->buf + i, d, n);
    }
    NAME(store_some)(r->gradient.p + i, V(fma)(V(set)(-r->lr), d, p), n);
}

static int NAME(rmsprop_)(BODY_ARGS) {
    const RmspropHyper *h = launch->p[HYPER];
    NAME(Rmsprop) rule = {NAME(gradient)(launch, h->weight_decay, h->l1), launch->p[STATE_0],
                          h->momentum != 0 ? launch->p[STATE_1] : NULL, launch->p[STATE_2], (REAL)h->lr,
                          (REAL)h->alpha, (REAL)(1 - h->alpha), (REAL)h->eps, (REAL)h->momentum};
    UPDATE(NAME(rmsprop_at), rule)
}

/* ---- Adagrad ---- */

typedef struct {
    NAME(Gradient) gradient;
    REAL *acc;
    REAL lr, eps;
} NAME(Adagrad);

static inline void NAME(adagrad_at)(const NAME(Adagrad) *r, ptrdiff_t i, ptrdiff_t n) {
    VEC p = NAME(load_some)(r->gradient.p + i, n);
    VEC d = NAME(penalised)(&r->gradient, p, i, n);
    VEC acc = V(fma)(d, d, NAME(load_some)(r->acc + i, n));
    NAME(store_some)(r->acc + i, acc, n);
    VEC change = V(div)(V(mul)(V(set)(r->lr), d), V(add)(V(sqrt)(acc), V(set)(r->eps)));
    NAME(store_some)(r->gradient.p + i, V(sub)(p, change), n);
}

static int NAME(adagrad_)(BODY_ARGS) {
    const AdagradHyper *h = launch->p[HYPER];
    double t = (double)*(const int64_t *)launch->p[STEP];
    NAME(Adagrad) rule = {NAME(gradient)(launch, h->weight_decay, h->l1), launch->p[STATE_0],
                          (REAL)(h->lr / (1 + (t - 1) * h->lr_decay)), (REAL)h->eps};
    UPDATE(NAME(adagrad_at), rule)
}

/* ---- clipping ---- */

static int NAME(clip_scale_)(BODY_ARGS) {
    REAL *g = launch->p[GRADIENT];
    double norm = launch->n[NORM_IS_F64] ? *(const double *)launch->p[NORM] : *(const float *)launch->p[NORM];
    double scale = launch->s[MAX_NORM] / (norm + 1e-6);
    if (scale >= 1) return 0;
    VEC factor = V(set)((REAL)scale);
    MAP_LOOP(V(store)(g + i, V(mul)(factor, V(load)(g + i))),
             V(store_n)(g + i, V(mul)(factor, V(load_n)(g + i, stop - i)), stop - i))
}

#undef UPDATE
