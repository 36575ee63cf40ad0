/* Windows along one dimension. Output o reads the positions from first(o) on, dilation apart, below end(o). A kernel of
   0 stands for adaptive pooling: windows of about equal size that divide the dimension. */
typedef struct {
    int32_t size, outputs, kernel, stride, pad, dilation;
} pool_axis;

typedef struct {
    int32_t first, end, step, padded;   /* padded: positions, those in the padding included */
} pool_window;

static pool_window window_of(const pool_axis *a, int32_t o)
{
    pool_window w = {o * a->size / a->outputs, ((o + 1) * a->size + a->outputs - 1) / a->outputs, 1, 0};
    w.padded = w.end - w.first;
    if (a->kernel > 0) {
        const int32_t start = o * a->stride - a->pad, end = start + (a->kernel - 1) * a->dilation + 1;
        const int32_t inside = (a->size + a->pad - start + a->dilation - 1) / a->dilation;
        w.step = a->dilation;
        w.first = start < 0 ? start + (a->dilation - 1 - start) / a->dilation * a->dilation : start;
        w.end = end < a->size ? end : a->size;
        w.padded = a->kernel < inside ? a->kernel : inside;
    }
    return w;
}

/* The largest element of each window of `planes` images; NaN if one is NaN. */
static void max_pool(float *y, const float *x, int32_t planes, const pool_axis *rows, const pool_axis *columns)
{
    for (int32_t n = 0; n < planes; n++, x += rows->size * columns->size)
        for (int32_t i = 0; i < rows->outputs; i++)
            for (int32_t j = 0; j < columns->outputs; j++) {
                const pool_window v = window_of(rows, i), h = window_of(columns, j);
                float largest = -INFINITY;
                for (int32_t r = v.first; r < v.end; r += v.step)
                    for (int32_t c = h.first; c < h.end; c += h.step) {
                        const float e = x[r * columns->size + c];
                        largest = e > largest || e != e ? e : largest;
                    }
                *y++ = largest;
            }
}

/* The average of each window of `planes` images: its sum / divisor; a divisor of 0 stands for the number of its
   elements, -1 for their number with those in the padding. */
static void avg_pool(float *y, const float *x, int32_t planes, const pool_axis *rows, const pool_axis *columns,
                     float divisor)
{
    for (int32_t n = 0; n < planes; n++, x += rows->size * columns->size)
        for (int32_t i = 0; i < rows->outputs; i++)
            for (int32_t j = 0; j < columns->outputs; j++) {
                const pool_window v = window_of(rows, i), h = window_of(columns, j);
                float total = 0.0f, count = 0.0f;
                for (int32_t r = v.first; r < v.end; r += v.step) {
                    float sum = 0.0f;
                    for (int32_t c = h.first; c < h.end; c += h.step, count += 1.0f)
                        sum += x[r * columns->size + c];
                    total += sum;
                }
                *y++ = total / (divisor > 0.0f ? divisor : divisor < 0.0f ? (float)(v.padded * h.padded) : count);
            }
}
