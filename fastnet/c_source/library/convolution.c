/* Sizes of a convolution over images (images, channels, height, width). Windows begin stride apart, from pad rows
   before the image on; the positions of a window are dilation apart. */
typedef struct {
    int32_t images, channels, height, width;
    int32_t filters, out_height, out_width;
    int32_t kernel_height, kernel_width, stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x;
    int32_t groups;
} conv_shape;

/* The product of one channel of a filter and the window of the image that begins at (top, left). */
static float window_product(const float *image, const float *weight, int32_t top, int32_t left, const conv_shape *s)
{
    float sum = 0.0f;
    for (int32_t i = 0; i < s->kernel_height; i++) {
        const int32_t row = top + i * s->dilation_y;
        if (row < 0 || row >= s->height)
            continue;
        for (int32_t j = 0; j < s->kernel_width; j++) {
            const int32_t column = left + j * s->dilation_x;
            if (column >= 0 && column < s->width)
                sum += image[row * s->width + column] * weight[i * s->kernel_width + j];
        }
    }
    return sum;
}

/* Convolution; weight is (filters, channels / groups, kernel_height, kernel_width), bias may be NULL. */
static void conv(float *y, const float *x, const float *weight, const float *bias, const conv_shape *s)
{
    const int32_t plane = s->height * s->width, taps = s->kernel_height * s->kernel_width;
    const int32_t inner = s->channels / s->groups, outer = s->filters / s->groups;
    for (int32_t n = 0; n < s->images; n++)
        for (int32_t f = 0; f < s->filters; f++)
            for (int32_t i = 0; i < s->out_height; i++)
                for (int32_t j = 0; j < s->out_width; j++) {
                    const float *image = x + (n * s->channels + f / outer * inner) * plane;
                    const float *w = weight + f * inner * taps;
                    float total = 0.0f, sum = 0.0f;
                    for (int32_t c = 0; c < inner; c++, image += plane, w += taps) {
                        sum += window_product(image, w, i * s->stride_y - s->pad_y, j * s->stride_x - s->pad_x, s);
                        if (c % 16 == 15) {
                            total += sum;
                            sum = 0.0f;
                        }
                    }
                    *y++ = total + sum + (bias ? bias[f] : 0.0f);
                }
}

/* The position whose window reads `position` at number k of the kernel, -1 if there is none. */
static int32_t origin(int32_t position, int32_t k, int32_t pad, int32_t dilation, int32_t stride, int32_t size)
{
    const int32_t start = position + pad - k * dilation;
    return start < 0 || start % stride || start / stride >= size ? -1 : start / stride;
}

/* Transposed convolution; weight is (channels, filters / groups, kernel_height, kernel_width), bias may be NULL. */
static void conv_transposed(float *y, const float *x, const float *weight, const float *bias, const conv_shape *s)
{
    const int32_t plane = s->height * s->width, taps = s->kernel_height * s->kernel_width;
    const int32_t inner = s->channels / s->groups, outer = s->filters / s->groups;
    for (int32_t n = 0; n < s->images; n++)
        for (int32_t f = 0; f < s->filters; f++)
            for (int32_t i = 0; i < s->out_height; i++)
                for (int32_t j = 0; j < s->out_width; j++) {
                    const int32_t first = f / outer * inner;
                    float total = 0.0f;
                    for (int32_t k = 0; k < taps; k++) {
                        const int32_t row = origin(i, k / s->kernel_width, s->pad_y, s->dilation_y, s->stride_y,
                                                   s->height);
                        const int32_t column = origin(j, k % s->kernel_width, s->pad_x, s->dilation_x, s->stride_x,
                                                      s->width);
                        float sum = 0.0f;
                        if (row < 0 || column < 0)
                            continue;
                        for (int32_t c = first; c < first + inner; c++)
                            sum += x[(n * s->channels + c) * plane + row * s->width + column]
                                   * weight[(c * outer + f % outer) * taps + k];
                        total += sum;
                    }
                    *y++ = total + (bias ? bias[f] : 0.0f);
                }
}
