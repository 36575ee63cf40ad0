/* How many numbers differ from the expected ones by more than 1e-5 of the largest finite one of these. Infinite
   numbers must be equal, and NaN must be NaN. */
static int32_t wrong_numbers(const float *y, const float *expected, int32_t n)
{
    float largest = 0.0f;
    int32_t wrong = 0;
    for (int32_t i = 0; i < n; i++) {
        const float size = expected[i] < 0.0f ? -expected[i] : expected[i];
        largest = size > largest && size <= 3.4028235e38f ? size : largest;
    }
    for (int32_t i = 0; i < n; i++) {
        const float error = y[i] > expected[i] ? y[i] - expected[i] : expected[i] - y[i];
        const int32_t same = y[i] == expected[i] || (y[i] != y[i] && expected[i] != expected[i]);
        wrong += !(same || error <= 1e-5f * largest);
    }
    return wrong;
}
