/* Bodies of ctc.c, included once for each T.
 *
 * A sample with L labels has the states 0 to 2 L: a blank, the first label, a blank, the second label, ..., a blank. A
 * row of states is scaled at each step so that its largest element is 0; `offset` has the rest. */

typedef struct {
    ptrdiff_t n, steps, length, states;
    const int64_t *labels;
    const REAL *log_probs;              /* of the sample; a step is `stride` elements */
    ptrdiff_t stride;
    int64_t blank;
    REAL *held, *emitted, *skip, *shares;       /* scratch rows */
} NAME(Sample);

/* A sample with its scratch rows: impossible everywhere, but `skip` is 0 where a state follows the one two before it. */
static inline NAME(Sample) NAME(open_sample)(const Launch *launch, ptrdiff_t n) {
    const ptrdiff_t width = launch->n[STATES] + 2 * MARGIN, classes = launch->n[CLASSES];
    REAL *scratch = (REAL *)launch->p[SCRATCH] + n * ROWS_OF_SCRATCH * width;
    NAME(Sample) s;
    s.n = n;
    s.steps = ((const int64_t *)launch->p[INPUT_LENGTHS])[n];
    s.length = ((const int64_t *)launch->p[TARGET_LENGTHS])[n];
    s.labels = (const int64_t *)launch->p[TARGETS] + ((const int64_t *)launch->p[STARTS])[n];
    s.states = 2 * s.length + 1;
    s.stride = launch->n[BATCH] * classes;
    s.log_probs = (const REAL *)launch->p[LOG_PROBS] + n * classes;
    s.blank = launch->n[BLANK];
    for (ptrdiff_t i = 0; i < ROWS_OF_SCRATCH * width; i++) scratch[i] = -INFINITY;
    s.held = scratch + MARGIN;
    s.emitted = s.held + width;
    s.skip = s.emitted + width;
    s.shares = s.skip + width;
    for (ptrdiff_t i = 1; i < s.length; i++)
        if (s.labels[i] != s.labels[i - 1]) s.skip[2 * i + 1] = 0;
    return s;
}

/* 1 unless the lengths and labels of a sample lie within the arrays; callers check them before, with a better error */
static inline int NAME(is_bad)(const Launch *launch, ptrdiff_t n) {
    const int64_t steps = ((const int64_t *)launch->p[INPUT_LENGTHS])[n];
    const int64_t length = ((const int64_t *)launch->p[TARGET_LENGTHS])[n];
    const int64_t start = ((const int64_t *)launch->p[STARTS])[n];
    if (steps < 0 || steps > launch->n[STEPS] || length < 0 || 2 * length + 1 > launch->n[STATES]) return 1;
    if (start < 0 || start + length > launch->n[LABELS]) return 1;
    const int64_t *labels = (const int64_t *)launch->p[TARGETS] + start;
    for (ptrdiff_t i = 0; i < length; i++)
        if ((uint64_t)labels[i] >= (uint64_t)launch->n[CLASSES]) return 1;
    return 0;
}

/* to[i] = the log-probability of the state i at a step */
static inline void NAME(emit)(REAL *to, const NAME(Sample) *s, ptrdiff_t t) {
    const REAL *row = s->log_probs + t * s->stride, blank = row[s->blank];
    for (ptrdiff_t i = 0; i < s->length; i++) {
        to[2 * i] = blank;
        to[2 * i + 1] = row[s->labels[i]];
    }
    to[2 * s->length] = blank;
}

/* log(exp(a) + exp(b) + exp(c)) */
static inline VEC NAME(log_sum_3)(VEC a, VEC b, VEC c) {
    const VEC none = V(set)(-INFINITY), top = V(max)(V(max)(a, b), c);
    const VEC shift = V(select)(V(eq)(top, none), V(zero)(), top);
    const VEC sum = V(add)(V(add)(V(exp)(V(sub)(a, shift)), V(exp)(V(sub)(b, shift))), V(exp)(V(sub)(c, shift)));
    return V(select)(V(eq)(top, none), none, V(add)(shift, V(log)(sum)));
}

/* The largest of n elements, subtracted from all unless it is infinite: a row of states after a step. */
static inline REAL NAME(rescale)(REAL *x, ptrdiff_t n) {
    VEC most = V(set)(-INFINITY);
    for (ptrdiff_t i = 0; i < n; i += W) most = V(max)(V(load)(x + i), most);       /* the margin is impossible */
    const REAL top = V(hmax)(most);
    if (isinf(top)) return 0;
    const VEC shift = V(set)(top);
    for (ptrdiff_t i = 0; i < n; i += W) V(store)(x + i, V(sub)(V(load)(x + i), shift));
    return top;
}

/* losses[n] and alpha[n], the scaled log-probabilities of the paths to each state at each step */
static int NAME(ctc_loss)(BODY_ARGS) {
    const ptrdiff_t width = launch->n[STATES], all = launch->n[STEPS];
    for (ptrdiff_t n = begin; n < end; n++) {
        REAL *alpha = (REAL *)launch->p[ALPHA] + n * all * width, *losses = launch->p[LOSSES];
        for (ptrdiff_t i = 0; i < all * width; i++) alpha[i] = -INFINITY;
        if (NAME(is_bad)(launch, n)) return 1;
        const NAME(Sample) s = NAME(open_sample)(launch, n);
        double offset = 0;
        if (s.steps == 0) {
            losses[n] = s.length ? INFINITY : 0;
            continue;
        }
        s.shares[0] = 0;                /* before the first step: a path starts at one of the first two states */
        for (ptrdiff_t t = 0; t < s.steps; t++) {
            const REAL *from = t ? s.held : s.shares;
            NAME(emit)(s.emitted, &s, t);
            REAL *to = t ? s.shares : s.held;
            for (ptrdiff_t i = 0; i < s.states; i += W) {
                const VEC two = V(add)(V(load)(from + i - 2), V(load)(s.skip + i));
                const VEC sum = NAME(log_sum_3)(V(load)(from + i), V(load)(from + i - 1), two);
                V(store)(to + i, V(add)(sum, V(load)(s.emitted + i)));
            }
            if (t == 0) {
                for (ptrdiff_t i = 0; i < s.states + W; i++) s.shares[i] = -INFINITY;
            } else {
                memcpy(s.held, s.shares, (size_t)s.states * sizeof *s.held);
            }
            offset += NAME(rescale)(s.held, s.states);
            memcpy(alpha + t * width, s.held, (size_t)s.states * sizeof *alpha);
        }
        const double a = s.held[s.states - 1], b = s.length ? s.held[s.states - 2] : -INFINITY;
        const double top = a > b ? a : b;
        losses[n] = (REAL)-(offset + (isinf(top) ? top : top + log(exp(a - top) + exp(b - top))));
    }
    return 0;
}

/* dx = dy * (exp(log_probs) - the probability that a path is at a state of the class), for each step and class */
static int NAME(ctc_loss_backward)(BODY_ARGS) {
    const ptrdiff_t width = launch->n[STATES], classes = launch->n[CLASSES];
    const REAL *losses = launch->p[LOSSES];
    for (ptrdiff_t n = begin; n < end; n++) {
        if (NAME(is_bad)(launch, n)) return 1;
        const NAME(Sample) s = NAME(open_sample)(launch, n);
        const REAL *alpha = (const REAL *)launch->p[ALPHA] + n * launch->n[STEPS] * width;
        const REAL g = ((const REAL *)launch->p[DY])[n];
        REAL *dx = (REAL *)launch->p[DX] + n * classes;
        const int lost = losses[n] == INFINITY;
        const REAL filler = lost && !launch->n[ZERO_INFINITY] ? NAN : 0;
        for (ptrdiff_t t = lost ? 0 : s.steps; t < launch->n[STEPS]; t++)
            for (ptrdiff_t c = 0; c < classes; c++) dx[t * s.stride + c] = t < s.steps ? filler : 0;
        if (lost) continue;
        s.held[s.states - 1] = 0;
        if (s.length) s.held[s.states - 2] = 0;
        for (ptrdiff_t t = s.steps - 1; t >= 0; t--) {
            const REAL *paths = alpha + t * width, *row = s.log_probs + t * s.stride;
            REAL *slope = dx + t * s.stride;
            for (ptrdiff_t i = 0; i < s.states; i++) s.shares[i] = paths[i] + s.held[i];
            NAME(rescale)(s.shares, s.states);
            VEC sum = V(zero)();
            for (ptrdiff_t i = 0; i < s.states; i += W) {
                const VEC share = V(exp)(V(load)(s.shares + i));
                V(store)(s.shares + i, share);
                sum = V(add)(sum, share);
            }
            const REAL scale = g / V(sum)(sum);
            for (ptrdiff_t c = 0; c < classes; c += W) {
                const ptrdiff_t count = min_size(W, classes - c);
                V(store_n)(slope + c, V(mul)(V(set)(g), V(exp)(V(load_n)(row + c, count))), count);
            }
            double blanks = s.shares[2 * s.length];
            for (ptrdiff_t i = 0; i < s.length; i++) {
                blanks += s.shares[2 * i];
                slope[s.labels[i]] -= scale * s.shares[2 * i + 1];
            }
            slope[s.blank] -= (REAL)(scale * blanks);
            for (ptrdiff_t i = s.states; i < s.states + W; i++) s.shares[i] = -INFINITY;
            NAME(emit)(s.emitted, &s, t);
            for (ptrdiff_t i = 0; i < s.states; i++) s.emitted[i] += s.held[i];
            for (ptrdiff_t i = 0; i < s.states; i += W) {
                const VEC two = V(add)(V(load)(s.emitted + i + 2), V(load)(s.skip + i + 2));
                V(store)(s.held + i, NAME(log_sum_3)(V(load)(s.emitted + i), V(load)(s.emitted + i + 1), two));
            }
            NAME(rescale)(s.held, s.states);
        }
    }
    return 0;
}
