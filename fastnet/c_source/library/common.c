/* Sum of a[i] * b[i]. Adding up sums of 16 products keeps the rounding error small. */
static float dot(const float *a, const float *b, int32_t n)
{
    float total = 0.0f;
    while (n > 0) {
        const int32_t count = n < 16 ? n : 16;
        float sum = 0.0f;
        for (int32_t i = 0; i < count; i++)
            sum += a[i] * b[i];
        total += sum;
        a += count;
        b += count;
        n -= count;
    }
    return total;
}

/* Sum of x[i * step], in sums of 16 as in dot. */
static float sum_of(const float *x, int32_t n, int32_t step)
{
    float total = 0.0f, sum = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i * step];
        if (i % 16 == 15) {
            total += sum;
            sum = 0.0f;
        }
    }
    return total + sum;
}

static void copy(float *y, const float *x, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        y[i] = x[i];
}
