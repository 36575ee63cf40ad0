/* y = x * scale[c] + shift[c] for each channel: a batch norm with running statistics; y may be x. */
static void scale_channels(float *y, const float *x, const float *scale, const float *shift, int32_t images,
                           int32_t channels, int32_t size)
{
    for (int32_t n = 0; n < images; n++)
        for (int32_t c = 0; c < channels; c++)
            for (int32_t i = 0; i < size; i++)
                *y++ = *x++ * scale[c] + shift[c];
}

/* (x - mean) / sqrt(variance + eps) over each of `rows` rows; y may be x. */
static void normalize(float *y, const float *x, int32_t rows, int32_t n, float eps)
{
    for (int32_t r = 0; r < rows; r++, x += n, y += n) {
        const float mean = sum_of(x, n, 1) / (float)n;
        for (int32_t i = 0; i < n; i++)
            y[i] = x[i] - mean;
        const float factor = 1.0f / sqrtf(dot(y, y, n) / (float)n + eps);
        for (int32_t i = 0; i < n; i++)
            y[i] *= factor;
    }
}

/* x / sqrt(mean of x^2 + eps) over each of `rows` rows; y may be x. */
static void normalize_rms(float *y, const float *x, int32_t rows, int32_t n, float eps)
{
    for (int32_t r = 0; r < rows; r++, x += n, y += n) {
        const float factor = 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
        for (int32_t i = 0; i < n; i++)
            y[i] = x[i] * factor;
    }
}
