/* y[r][o] = sum of x[r][i] * weight[o][i], plus bias[o]; bias may be NULL. */
static void linear(float *y, const float *x, const float *weight, const float *bias, int32_t rows, int32_t inputs,
                   int32_t outputs)
{
    for (int32_t r = 0; r < rows; r++, x += inputs)
        for (int32_t o = 0; o < outputs; o++)
            *y++ = dot(x, weight + o * inputs, inputs) + (bias ? bias[o] : 0.0f);
}

/* Products of `batch` pairs of matrices, (rows, inner) by (inner, columns). The matrices of a batch lie a_step and
   b_step apart, 0 for one that is repeated. */
static void matmul(float *y, const float *a, const float *b, int32_t batch, int32_t a_step, int32_t b_step,
                   int32_t rows, int32_t inner, int32_t columns)
{
    for (int32_t n = 0; n < batch; n++, a += a_step, b += b_step)
        for (int32_t i = 0; i < rows; i++)
            for (int32_t j = 0; j < columns; j++) {
                float total = 0.0f, sum = 0.0f;
                for (int32_t k = 0; k < inner; k++) {
                    sum += a[i * inner + k] * b[k * columns + j];
                    if (k % 16 == 15) {
                        total += sum;
                        sum = 0.0f;
                    }
                }
                *y++ = total + sum;
            }
}

/* Rows of a table (rows, width); an index out of range selects the nearest row. */
static void embedding(float *y, const float *table, const int32_t *index, int32_t n, int32_t rows, int32_t width)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t row = index[i] < 0 ? 0 : index[i] < rows ? index[i] : rows - 1;
        for (int32_t j = 0; j < width; j++)
            *y++ = table[row * width + j];
    }
}
