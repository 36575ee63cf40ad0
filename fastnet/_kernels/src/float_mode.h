/* On x86, results too small for a normal number become 0 while a kernel runs, and only then.
 *
 * Arithmetic on subnormal numbers can take a hundred times as long there, and training makes them: moments and
 * gradients that decay. Inputs that are subnormal are read unchanged. Kernels that select among numbers (an extreme, a
 * limit) or convert them run in the ordinary mode and keep subnormal ones. The calling thread's mode is back when the
 * kernel returns.
 *
 * Elsewhere the mode stays as it is. ARM's flush-to-zero (FPCR.FZ) would take denormal inputs for 0 as well: relu
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
