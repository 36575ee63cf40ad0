/* Results too small for a normal number become 0 while a kernel runs, and only then.
 *
 * Arithmetic on denormal numbers can take a hundred times as long, and training makes them: moments and gradients that
 * decay. Inputs that are denormal are read as they are. The calling thread's mode is back when the kernel returns. */
#ifndef FASTNET_FLOAT_MODE_H
#define FASTNET_FLOAT_MODE_H

#include <stdint.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>

static inline uint64_t flush_tiny_results(void) {
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | _MM_FLUSH_ZERO_ON);
    return before;
}

static inline void restore_float_mode(uint64_t before) { _mm_setcsr((unsigned)before); }

#elif defined(__aarch64__) && defined(__GNUC__)

static inline uint64_t flush_tiny_results(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t)1 << 24));
    return before;
}

static inline void restore_float_mode(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }

#else

static inline uint64_t flush_tiny_results(void) { return 0; }
static inline void restore_float_mode(uint64_t before) { (void)before; }

#endif
#endif
