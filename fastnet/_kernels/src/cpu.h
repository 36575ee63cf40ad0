/* What this processor can run. */
#ifndef FASTNET_CPU_H
#define FASTNET_CPU_H

#include "isa.h"

static const char *const isa_names[] = {"baseline", "avx2", "avx512"};

#ifdef FASTNET_X86
#ifdef _MSC_VER
#include <immintrin.h>
#include <intrin.h>

/* CPUID says what the processor has, XCR0 what the operating system saves at a context switch: both must agree. */
static int isa_best(void) {
    int r[4];
    __cpuid(r, 0);
    if (r[0] < 7) return 0;
    __cpuidex(r, 1, 0);
    int fma = r[2] >> 12 & 1, osxsave = r[2] >> 27 & 1, avx = r[2] >> 28 & 1;
    if (!(fma && osxsave && avx)) return 0;
    unsigned long long state = _xgetbv(0);
    __cpuidex(r, 7, 0);
    int avx2 = r[1] >> 5 & 1, avx512 = (r[1] >> 16 & 1) && (r[1] >> 17 & 1) && (r[1] >> 30 & 1) && (r[1] >> 31 & 1);
    if (avx512 && (state & 0xe6) == 0xe6) return 2;
    return avx2 && (state & 6) == 6;
}
#else
static int isa_best(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        return 2;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
#else
static int isa_best(void) { return 0; }
#endif

#ifdef __linux__
#include <unistd.h>
#endif

/* Bytes of a core's second cache, where the system tells; else what most have at least. */
static long second_cache_bytes(void) {
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return bytes;
#endif
    return 512 << 10;
}

#endif
