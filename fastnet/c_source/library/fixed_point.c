/* x / 2^bits, rounded to nearest, halves away from zero. */
static int32_t divided(int64_t x, int32_t bits)
{
    const int64_t half = ((int64_t)1 << bits) >> 1;
    return (int32_t)(x < 0 ? -((-x + half) >> bits) : (x + half) >> bits);
}

/* x * multiplier * 2^(shift - 31), with the rounding and saturation of TensorFlow Lite. */
static int32_t multiplied(int32_t x, int32_t multiplier, int32_t shift)
{
    if (shift > 0) {
        const int32_t most = INT32_MAX >> shift;
        x = (x < -most - 1 ? -most - 1 : x > most ? most : x) * ((int32_t)1 << shift);
    }
    return divided(((int64_t)x * multiplier + ((int64_t)1 << 30)) >> 31, shift < 0 ? -shift : 0);
}

/* x + zero, limited to low .. high. */
static int32_t limited(int32_t x, int32_t zero, int32_t low, int32_t high)
{
    return x < low - zero ? low : x > high - zero ? high : x + zero;
}

static int32_t limited16(int32_t x)
{
    return limited(x, 0, INT16_MIN, INT16_MAX);
}

/* A function of int16 by its table of 513 int16, with linear interpolation. */
static int32_t interpolated(const int16_t *table, int32_t x)
{
    const int32_t at = (x + 32768) >> 7, rest = (x + 32768) & 127;
    return table[at] + (((table[at + 1] - table[at]) * rest + 64) >> 7);
}
