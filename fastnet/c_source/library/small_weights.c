/* Linear map with 8-bit weights, which stand for (weight - zero) * scale in groups of neighbours; zero and bias may be
   NULL. */
static void weight_only_linear(float *y, const float *x, const int8_t *weight, const float *scale, const int8_t *zero,
                               const float *bias, int32_t rows, int32_t inputs, int32_t outputs, int32_t groups)
{
    const int32_t size = inputs / groups;
    for (int32_t r = 0; r < rows; r++, x += inputs)
        for (int32_t o = 0; o < outputs; o++) {
            float total = 0.0f;
            for (int32_t g = 0; g < groups; g++) {
                const int32_t first = o * inputs + g * size, own = zero ? zero[o * groups + g] : 0;
                float sum = 0.0f;
                for (int32_t i = 0; i < size; i++)
                    sum += x[g * size + i] * (float)(weight[first + i] - own);
                total += sum * scale[o * groups + g];
            }
            *y++ = total + (bias ? bias[o] : 0.0f);
        }
}

/* The same with 4-bit weights, two in a byte, the first in its low half; zero is 8 if it is NULL. */
static void weight_only_linear4(float *y, const float *x, const uint8_t *weight, const float *scale, const uint8_t *zero,
                                const float *bias, int32_t rows, int32_t inputs, int32_t outputs, int32_t groups)
{
    const int32_t size = inputs / groups;
    for (int32_t r = 0; r < rows; r++, x += inputs)
        for (int32_t o = 0; o < outputs; o++) {
            float total = 0.0f;
            for (int32_t g = 0; g < groups; g++) {
                const int32_t first = o * inputs + g * size, own = zero ? zero[o * groups + g] : 8;
                float sum = 0.0f;
                for (int32_t i = 0; i < size; i += 2) {
                    const int32_t pair = weight[(first + i) / 2];
                    sum += x[g * size + i] * (float)((pair & 15) - own) + x[g * size + i + 1] * (float)((pair >> 4) - own);
                }
                total += sum * scale[o * groups + g];
            }
            *y++ = total + (bias ? bias[o] : 0.0f);
        }
}

/* Linear map with 8-bit weights of rows that are quantised by their own range into q; bias may be NULL. */
static void dynamic_linear(float *y, const float *x, int8_t *q, const int8_t *weight, const float *scale,
                           const float *bias, int32_t rows, int32_t inputs, int32_t outputs, int32_t with_relu)
{
    for (int32_t r = 0; r < rows; r++, x += inputs) {
        float low = 0.0f, high = 0.0f;
        for (int32_t i = 0; i < inputs; i++) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
        }
        const float step = high > low ? (high - low) / 255.0f : 1.0f;
        const int32_t least = nearest(-128.0f - low / step), zero = least > 127 ? 127 : least;
        for (int32_t i = 0; i < inputs; i++)
            q[i] = quantized(x[i], step, zero);
        for (int32_t o = 0; o < outputs; o++) {
            const float sum = (float)integer_dot(q, zero, weight + o * inputs, inputs) * (step * scale[o])
                              + (bias ? bias[o] : 0.0f);
            *y++ = with_relu && sum < 0.0f ? 0.0f : sum;
        }
    }
}
