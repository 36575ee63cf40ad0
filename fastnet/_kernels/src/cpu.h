/* The instruction sets and caches of this processor. */
#ifndef FASTNET_CPU_H
#define FASTNET_CPU_H

#include "isa.h"

#define ISA_NAME(x, isa, base, has, unix_flags, msvc_flags) #isa,
static const char *const isa_names[ISA_COUNT] = {ISAS(ISA_NAME, 0)};
#define ISA_BASE(x, isa, base, has, unix_flags, msvc_flags) #base,
static const char *const isa_bases[ISA_COUNT] = {ISAS(ISA_BASE, 0)};

/* HAS(feature), for the table of isa.h: whether the processor has it and the operating system saves its registers. */
#ifdef _M_X64
#include <immintrin.h>
#include <intrin.h>

typedef struct {
    int leaf, answer, bit;              /* of CPUID: features of the processor */
    unsigned state;                     /* of XCR0: registers that the operating system saves */
} Feature;

enum { EBX = 1, ECX = 2, YMM = 0x06, ZMM = 0xe6 };
static const Feature feature_fma = {1, ECX, 12, YMM}, feature_avx2 = {7, EBX, 5, YMM},
                     feature_avx512f = {7, EBX, 16, ZMM}, feature_avx512dq = {7, EBX, 17, ZMM},
                     feature_avx512bw = {7, EBX, 30, ZMM}, feature_avx512vl = {7, EBX, 31, ZMM},
                     feature_avx512vnni = {7, ECX, 11, ZMM};

static int has_feature(Feature feature) {
    int r[4];
    __cpuid(r, 0);
    if (r[0] < feature.leaf) return 0;
    __cpuidex(r, 1, 0);
    if (!(r[ECX] >> 27 & 1) || (_xgetbv(0) & feature.state) != feature.state) return 0;
    __cpuidex(r, feature.leaf, 0);
    return r[feature.answer] >> feature.bit & 1;
}
#define HAS(feature) has_feature(feature_##feature)
#elif defined(__aarch64__) || defined(_M_ARM64)
#define HAS(feature) has_##feature()

/* The instructions sdot and udot: part of every processor of Apple; elsewhere the system tells. */
#if defined(__linux__)
#include <sys/auxv.h>
static int has_dotprod(void) { return (int)(getauxval(AT_HWCAP) >> 20 & 1); }
#elif defined(_WIN32)
#include <windows.h>
static int has_dotprod(void) { return IsProcessorFeaturePresent(43) != 0; }
#elif defined(__APPLE__)
static int has_dotprod(void) { return 1; }
#else
static int has_dotprod(void) { return 0; }
#endif
#else
#define HAS(feature) (__builtin_cpu_supports(#feature) != 0)
#endif

/* Whether instruction set number `isa` can run here. */
static int isa_runs(int isa) {
#define ISA_RUNS(x, isa, base, has, unix_flags, msvc_flags) has,
    const int runs[ISA_COUNT] = {ISAS(ISA_RUNS, 0)};
    return runs[isa];
}

#ifdef __linux__
#include <unistd.h>
#endif

/* Bytes of a core's second-level cache, or a common minimum if the system does not tell. */
static long second_cache_bytes(void) {
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return bytes;
#endif
    return 512 << 10;
}

#endif
