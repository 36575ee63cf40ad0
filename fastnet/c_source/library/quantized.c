/* The end of a sum of products: the integers that stand for 0 in the input and the result, and the result's limits. */
typedef struct {
    int32_t zero_x, zero_y, low, high;
} quantized_end;

/* x rounded to the nearest integer, halves to the even one, for small x. */
static int32_t nearest(float x)
{
    const int32_t n = (int32_t)x;
    const float rest = x - (float)n;
    if (rest > 0.5f || (rest == 0.5f && n % 2))
        return n + 1;
    return rest < -0.5f || (rest == -0.5f && n % 2) ? n - 1 : n;
}

/* The 8-bit integer of a number: x / scale, rounded to nearest even, + zero; zero for NaN. */
static int8_t quantized(float x, float scale, int32_t zero)
{
    const float t = x / scale;
    if (t != t)
        return (int8_t)zero;
    if (t <= (float)(-128 - zero))
        return -128;
    if (t >= (float)(127 - zero))
        return 127;
    return (int8_t)(nearest(t) + zero);
}

static float dequantized(int32_t q, float scale, int32_t zero)
{
    return (float)(q - zero) * scale;
}

/* Sum of (x[i] - zero) * weight[i]. */
static int32_t integer_dot(const int8_t *x, int32_t zero, const int8_t *weight, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += (x[i] - zero) * weight[i];
    return sum;
}

/* y[r][o] = sum of (x[r][i] - zero_x) * weight[o][i] + bias[o], times the factor of o; bias may be NULL. */
static void quantized_linear(int8_t *y, const int8_t *x, const int8_t *weight, const int32_t *bias,
                             const int32_t *multiplier, const int8_t *shift, int32_t rows, int32_t inputs,
                             int32_t outputs, const quantized_end *end)
{
    for (int32_t r = 0; r < rows; r++, x += inputs)
        for (int32_t o = 0; o < outputs; o++) {
            const int32_t sum = integer_dot(x, end->zero_x, weight + o * inputs, inputs) + (bias ? bias[o] : 0);
            *y++ = (int8_t)limited(multiplied(sum, multiplier[o], shift[o]), end->zero_y, end->low, end->high);
        }
}

/* The product of one channel of a filter and the window of the image that begins at (top, left). */
static int32_t integer_window(const int8_t *image, int32_t zero, const int8_t *weight, int32_t top, int32_t left,
                              const conv_shape *s)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < s->kernel_height; i++) {
        const int32_t row = top + i * s->dilation_y;
        if (row < 0 || row >= s->height)
            continue;
        for (int32_t j = 0; j < s->kernel_width; j++) {
            const int32_t column = left + j * s->dilation_x;
            if (column >= 0 && column < s->width)
                sum += (image[row * s->width + column] - zero) * weight[i * s->kernel_width + j];
        }
    }
    return sum;
}

/* Convolution with the end of quantized_linear; the padding stands for 0. */
static void quantized_conv(int8_t *y, const int8_t *x, const int8_t *weight, const int32_t *bias,
                           const int32_t *multiplier, const int8_t *shift, const conv_shape *s,
                           const quantized_end *end)
{
    const int32_t plane = s->height * s->width, taps = s->kernel_height * s->kernel_width;
    const int32_t inner = s->channels / s->groups, outer = s->filters / s->groups;
    for (int32_t n = 0; n < s->images; n++)
        for (int32_t f = 0; f < s->filters; f++)
            for (int32_t i = 0; i < s->out_height; i++)
                for (int32_t j = 0; j < s->out_width; j++) {
                    const int8_t *image = x + (n * s->channels + f / outer * inner) * plane;
                    const int8_t *w = weight + f * inner * taps;
                    int32_t sum = bias ? bias[f] : 0;
                    for (int32_t c = 0; c < inner; c++, image += plane, w += taps)
                        sum += integer_window(image, end->zero_x, w, i * s->stride_y - s->pad_y,
                                              j * s->stride_x - s->pad_x, s);
                    *y++ = (int8_t)limited(multiplied(sum, multiplier[f], shift[f]), end->zero_y, end->low, end->high);
                }
}

/* The largest element of each window of `planes` images. */
static void quantized_max_pool(int8_t *y, const int8_t *x, int32_t planes, const pool_axis *rows,
                               const pool_axis *columns)
{
    for (int32_t n = 0; n < planes; n++, x += rows->size * columns->size)
        for (int32_t i = 0; i < rows->outputs; i++)
            for (int32_t j = 0; j < columns->outputs; j++) {
                const pool_window v = window_of(rows, i), h = window_of(columns, j);
                int8_t largest = INT8_MIN;
                for (int32_t r = v.first; r < v.end; r += v.step)
                    for (int32_t c = h.first; c < h.end; c += h.step)
                        largest = x[r * columns->size + c] > largest ? x[r * columns->size + c] : largest;
                *y++ = largest;
            }
}

/* The average of each window of `planes` images, halves away from zero; padded: the padding counts as elements. */
static void quantized_avg_pool(int8_t *y, const int8_t *x, int32_t planes, const pool_axis *rows,
                               const pool_axis *columns, int32_t zero, int32_t padded)
{
    for (int32_t n = 0; n < planes; n++, x += rows->size * columns->size)
        for (int32_t i = 0; i < rows->outputs; i++)
            for (int32_t j = 0; j < columns->outputs; j++) {
                const pool_window v = window_of(rows, i), h = window_of(columns, j);
                int32_t sum = 0, count = 0;
                for (int32_t r = v.first; r < v.end; r += v.step)
                    for (int32_t c = h.first; c < h.end; c += h.step, count++)
                        sum += x[r * columns->size + c] - zero;
                count = padded ? v.padded * h.padded : count > 0 ? count : 1;
                *y++ = (int8_t)(zero + (sum < 0 ? -((-sum + count / 2) / count) : (sum + count / 2) / count));
            }
}

/* Integers that stand for 0, and the factors of two operands and of the result. */
typedef struct {
    int32_t zero_a, multiplier_a, shift_a, zero_b, multiplier_b, shift_b, zero, multiplier, shift, low, high;
} sum_factors;

static int8_t quantized_sum(int32_t a, int32_t b, const sum_factors *s)
{
    const int32_t sum = multiplied((a - s->zero_a) * ((int32_t)1 << 20), s->multiplier_a, s->shift_a)
                        + multiplied((b - s->zero_b) * ((int32_t)1 << 20), s->multiplier_b, s->shift_b);
    return (int8_t)limited(multiplied(sum, s->multiplier, s->shift), s->zero, s->low, s->high);
}

/* The factor of a number or a product, and the result's limits. */
typedef struct {
    int32_t multiplier, shift, zero, low, high;
} quantized_factor;

static int8_t rescaled(int32_t x, const quantized_factor *f)
{
    return (int8_t)limited(multiplied(x, f->multiplier, f->shift), f->zero, f->low, f->high);
}

/* softmax over n elements that lie `inner` apart; table[d] is exp(-d * scale) * 2^20. y may be x. */
static void quantized_softmax(int8_t *y, const int8_t *x, const int32_t *table, int32_t outer, int32_t n, int32_t inner)
{
    for (int32_t o = 0; o < outer; o++, x += (n - 1) * inner, y += (n - 1) * inner)
        for (int32_t i = 0; i < inner; i++, x++, y++) {
            int32_t largest = x[0];
            int64_t total = 0;
            for (int32_t k = 1; k < n; k++)
                largest = x[k * inner] > largest ? x[k * inner] : largest;
            for (int32_t k = 0; k < n; k++)
                total += table[largest - x[k * inner]];
            for (int32_t k = 0; k < n; k++) {
                const int64_t share = (256 * (int64_t)table[largest - x[k * inner]] + total / 2) / total;
                y[k * inner] = (int8_t)((share < 255 ? share : 255) - 128);
            }
        }
}
