/* Measures the limits of a processor: multiply-adds in registers, copies and triads between arrays. roofline.py compiles
 * it once for each instruction set; BYTES is the width of a vector. */
#include <stddef.h>

enum { LANES = BYTES / sizeof(float), CHAINS = BYTES == 64 ? 24 : 12 };
typedef float vec __attribute__((vector_size(BYTES)));

/* multiplications and additions in one turn of the loop of multiply_add */
long flops_a_turn(void) { return 2L * LANES * CHAINS; }

/* as many independent chains as registers, which hides the latency of an instruction */
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

/* n is the number of vectors; arrays are aligned to 64 bytes */
void copy(vec *a, const vec *b, const vec *c, long n, long turns) {
    (void)c;
    for (long turn = 0; turn < turns; turn++) {
        for (long i = 0; i < n; i++) a[i] = b[i];
        __asm__ volatile("" ::: "memory");          /* otherwise the compiler would keep only one turn */
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
