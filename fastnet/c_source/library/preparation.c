/* A number: missing ones filled in, limited, shifted and scaled. */
static void prepare_number(float *y, double x, double fill, double low, double high, double mean, double scale)
{
    if (x != x)
        x = fill;
    x = x < low ? low : x > high ? high : x;
    y[0] = (float)((x - mean) / scale);
}

/* The number of a category as 0 and 1. With other, one more number stands for all that are not listed. */
static void prepare_category(float *y, double x, int32_t fill, int32_t count, int32_t other)
{
    const int32_t place = x != x ? fill : x >= 0 && x < (double)count ? (int32_t)x : count;
    for (int32_t i = 0; i < count + other; i++)
        y[i] = i == place ? 1.0f : 0.0f;
}

static void prepare_angle(float *y, double turn)
{
    y[0] = (float)sin(6.283185307179586 * turn);
    y[1] = (float)cos(6.283185307179586 * turn);
}

/* The month of a day, counted from 1970-01-01: 0 for January to 11 for December. */
static int32_t month_of(int32_t day)
{
    const int32_t since = day + 719468;                     /* 0000-03-01; eras of 400 years have 146097 days */
    const int32_t era = (since >= 0 ? since : since - 146096) / 146097, in_era = since - era * 146097;
    const int32_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int32_t in_year = in_era - (365 * year + year / 4 - year / 100);
    return ((5 * in_year + 2) / 153 + 2) % 12;
}

/* A date in seconds: the time, and the month, weekday and time of day as angles; these are 0 for a missing date. */
static void prepare_date(float *y, double x, double fill, double mean, double scale, int32_t days, int32_t hours)
{
    const int32_t missing = x != x, angles = 2 * days + hours;
    const double time = missing ? fill : x;
    const int32_t day = (int32_t)floor(time / 86400.0);
    *y++ = (float)((time - mean) / scale);
    if (days) {
        prepare_angle(y, month_of(day) / 12.0);
        prepare_angle(y + 2, ((day + 3) % 7 + 7) % 7 / 7.0);
    }
    if (hours)
        prepare_angle(y + 4 * days, (time - 86400.0 * day) / 86400.0);
    for (int32_t i = 0; missing && i < 2 * angles; i++)
        y[i] = 0.0f;
}
