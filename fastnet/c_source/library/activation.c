static float relu(float x)
{
    return x < 0.0f ? 0.0f : x;
}

static float clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float silu(float x)
{
    return x * sigmoid(x);
}

static float hardsigmoid(float x)
{
    return clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f;
}

static float hardswish(float x)
{
    return x * hardsigmoid(x);
}

static float leaky_relu(float x, float slope)
{
    return x > 0.0f ? x : slope * x;
}

static float elu(float x, float alpha)
{
    return x > 0.0f ? x : alpha * expm1f(x);
}

static float selu(float x)
{
    return x > 0.0f ? 1.0507009873554805f * x : 1.7580993408473766f * expm1f(x);
}

static float gelu(float x)
{
    return 0.5f * x * (1.0f + erff(0.7071067811865476f * x));
}

static float gelu_tanh(float x)
{
    return x * sigmoid(1.5957691216057308f * (x + 0.044715f * x * x * x));
}

static float softplus(float x, float beta, float threshold)
{
    const float b = beta * x;
    return b > threshold ? x : ((b > 0.0f ? b : 0.0f) + log1pf(expf(-fabsf(b)))) / beta;
}

static float sign(float x)
{
    return (float)((x > 0.0f) - (x < 0.0f));
}

/* exp(x) / sum(exp(x)) over n elements that lie `inner` apart; y may be x. */
static void softmax(float *y, const float *x, int32_t outer, int32_t n, int32_t inner)
{
    for (int32_t o = 0; o < outer; o++, x += (n - 1) * inner, y += (n - 1) * inner)
        for (int32_t i = 0; i < inner; i++, x++, y++) {
            float largest = x[0];
            for (int32_t k = 1; k < n; k++)
                largest = x[k * inner] > largest ? x[k * inner] : largest;
            for (int32_t k = 0; k < n; k++)
                y[k * inner] = expf(x[k * inner] - largest);
            const float total = sum_of(y, n, inner);
            for (int32_t k = 0; k < n; k++)
                y[k * inner] /= total;
        }
}

/* x - log(sum(exp(x))) over n elements that lie `inner` apart; y may be x. */
static void log_softmax(float *y, const float *x, int32_t outer, int32_t n, int32_t inner)
{
    for (int32_t o = 0; o < outer; o++, x += (n - 1) * inner, y += (n - 1) * inner)
        for (int32_t i = 0; i < inner; i++, x++, y++) {
            float largest = x[0], total = 0.0f;
            for (int32_t k = 1; k < n; k++)
                largest = x[k * inner] > largest ? x[k * inner] : largest;
            for (int32_t k = 0; k < n; k++)
                total += expf(x[k * inner] - largest);
            const float log_total = logf(total);    /* not added to the largest, which may be much larger */
            for (int32_t k = 0; k < n; k++)
                y[k * inner] = x[k * inner] - largest - log_total;
        }
}
