/* Numbers of 8 bits in the form that dot products read (integer.h). */

/* Store n numbers; `flip` is exclusive-ored to them, `is_signed` extends their sign if they are stored wide. */
static inline void store_numbers(dot_t *to, const void *from, ptrdiff_t n, int flip, int is_signed) {
#if DOT_WIDE
    (void)flip;
    if (is_signed)
        for (ptrdiff_t i = 0; i < n; i++) to[i] = ((const int8_t *)from)[i];
    else
        for (ptrdiff_t i = 0; i < n; i++) to[i] = ((const uint8_t *)from)[i];
#else
    (void)is_signed;
    for (ptrdiff_t i = 0; i < n; i++) to[i] = (dot_t)(((const uint8_t *)from)[i] ^ flip);
#endif
}

static inline void store_zeros(dot_t *to, ptrdiff_t n, ptrdiff_t zero) {
    for (ptrdiff_t i = 0; i < n; i++) to[i] = (dot_t)zero;
}
