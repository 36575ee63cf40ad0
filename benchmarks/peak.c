/* What a processor can do at most: multiply-adds in registers, and copies and triads between arrays. Compiled by
 * roofline.py once for each instruction set, with BYTES the width of its vectors. */
#include <stddef.h>

enum { LANES = BYTES / sizeof(float), CHAINS = BYTES == 64 ? 24 : 12 };
typedef float vec __attribute__((vector_size(BYTES)));

/* multiplications and additions in one turn of multiply_add's loop */
long flops_a_turn(void) { return 2L * LANES * CHAINS; }

/* as many independent chains as the registers hold: more than the latency of an instruction needs */
float multiply_add(long turns) {
    vec a[CHAINS], factor, term, total = {0};
    for (int j = 0; j < LANES; j++) factor[j] = 0.999f, term[j] = 0.001f;
    for (int i = 0; i < CHAINS; i++) a[i] = term * (float)i;
    for (long turn = 0; turn < turns; turn++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++) a[i] = a[i] * factor + term;
    for (int i = 0; i < CHAINS; i++) total += a[i];
    float sum = 0;
    for (int j = 0; j < LANES; j++) sum += total[j];
    return sum;
}

/* n is a number of vectors; arrays are aligned to 64 bytes */
void copy(vec *a, const vec *b, const vec *c, long n, long turns) {
    (void)c;
    for (long turn = 0; turn < turns; turn++) {
        for (long i = 0; i < n; i++) a[i] = b[i];
        __asm__ volatile("" ::: "memory");          /* or one turn would do for all */
    }
}

void triad(vec *a, const vec *b, const vec *c, long n, long turns) {
    vec factor;
    for (int j = 0; j < LANES; j++) factor[j] = 3;
    for (long turn = 0; turn < turns; turn++) {
        for (long i = 0; i < n; i++) a[i] = b[i] + factor * c[i];
        __asm__ volatile("" ::: "memory");
    }
}
