/* The floating-point mode of kernels: on x86, results below the smallest normal number become 0.
 *
 * Arithmetic on subnormal numbers can take a hundred times as long there, and training produces them: moments and
 * gradients that decay. Subnormal inputs are read unchanged. Kernels that select among numbers (an extreme, a limit) or
 * convert them run in the ordinary mode and keep subnormal results. The mode of the calling thread is restored when the
 * kernel returns.
 *
 * Other processors keep their mode. ARM's flush-to-zero (FPCR.FZ) would also read subnormal inputs as 0, so that relu
 * would lose the gradient of a small x > 0. */
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

static inline uint64_t keep_tiny_results(void) {
    unsigned before = _mm_getcsr();
    _mm_setcsr(before & ~_MM_FLUSH_ZERO_MASK);
    return before;
}

static inline void restore_float_mode(uint64_t before) { _mm_setcsr((unsigned)before); }

#else

static inline uint64_t flush_tiny_results(void) { return 0; }
static inline uint64_t keep_tiny_results(void) { return 0; }
static inline void restore_float_mode(uint64_t before) { (void)before; }

#endif
#endif
