/* Bodies of boxes.c, included once for each T. */

/* Corners of boxes: W of them, or one in all lanes. */
typedef struct {
    VEC x1, y1, x2, y2;
} NAME(Corners);

INLINE VEC NAME(area_of)(const NAME(Corners) *a) {
    return V(mul)(V(sub)(a->x2, a->x1), V(sub)(a->y2, a->y1));
}

/* At least 0; NaN stays NaN. Corners that are NaN need no care: they make the area NaN. */
INLINE VEC NAME(overlap)(VEC low, VEC high, VEC other_low, VEC other_high) {
    return V(max)(V(zero)(), V(sub)(V(min)(other_high, high), V(max)(other_low, low)));
}

INLINE VEC NAME(iou)(const NAME(Corners) *a, const NAME(Corners) *b) {
    const VEC shared = V(mul)(NAME(overlap)(a->x1, a->x2, b->x1, b->x2), NAME(overlap)(a->y1, a->y2, b->y1, b->y2));
    return V(div)(shared, V(sub)(V(add)(NAME(area_of)(b), NAME(area_of)(a)), shared));
}

/* One block: a box can be judged only after all those before it. */
static int NAME(nms)(BODY_ARGS) {
    REAL *keep = launch->p[KEEP];
    const ptrdiff_t n = launch->n[COUNT];
    const REAL *x1 = launch->p[BOXES], *y1 = x1 + n, *x2 = y1 + n, *y2 = x2 + n;
    const VEC threshold = V(set)((REAL)launch->s[IOU_THRESHOLD]), zero = V(zero)();
    (void)begin, (void)end;
    for (ptrdiff_t i = 0; i < n; i++) keep[i] = 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (keep[i] == 0) continue;
        const NAME(Corners) chosen = {V(set)(x1[i]), V(set)(y1[i]), V(set)(x2[i]), V(set)(y2[i])};
        for (ptrdiff_t j = i + 1; j < n; j += W) {
            const ptrdiff_t count = min_size(W, n - j);
            const NAME(Corners) other = {NAME(load_some)(x1 + j, count), NAME(load_some)(y1 + j, count),
                                         NAME(load_some)(x2 + j, count), NAME(load_some)(y2 + j, count)};
            const MASK lost = V(lt)(threshold, NAME(iou)(&chosen, &other));
            if (M(any)(lost))
                NAME(store_some)(keep + j, V(select)(lost, zero, NAME(load_some)(keep + j, count)), count);
        }
    }
    return 0;
}
