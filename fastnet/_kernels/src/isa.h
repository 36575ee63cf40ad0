/* The table of instruction sets. C uses the rows of the target's architecture; setup.py reads the same rows as text
 * for the compiler's flags.
 *
 * setup.py compiles every source of a kernel family once for each row, with the row's flags and -DFASTNET_ISA=<name>,
 * in the vocabulary of simd_<name>.h. Each object exports tables named `<table>_<name>`; everything else in it is
 * static, so that no code for one instruction set can be linked into another. */
#ifndef FASTNET_ISA_H
#define FASTNET_ISA_H

#include "launch.h"

/* ROW(x, name, base, whether this processor has it (cpu.h), flags of gcc and clang, flags of MSVC), lowest first.
 *
 * The base is the set itself, or an earlier set to which this one adds instructions for integers. Families of
 * floating-point kernels are compiled for bases only, those of INTEGER_FAMILY for all sets. */
#define ISAS_x86_64(ROW, x) \
    ROW(x, baseline, baseline, 1, "", "") \
    ROW(x, avx2, avx2, HAS(avx2) && HAS(fma), "-mavx2 -mfma", "/arch:AVX2") \
    ROW(x, avx512, avx512, HAS(avx512f) && HAS(avx512dq) && HAS(avx512bw) && HAS(avx512vl) && HAS(fma), \
        "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma", "/arch:AVX512") \
    ROW(x, avx512vnni, avx512, HAS(avx512f) && HAS(avx512dq) && HAS(avx512bw) && HAS(avx512vl) && HAS(fma) \
        && HAS(avx512vnni), "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512vnni -mavx2 -mfma", "/arch:AVX512")

#define ISAS_aarch64(ROW, x) \
    ROW(x, baseline, baseline, 1, "", "") \
    ROW(x, neon, neon, 1, "", "") \
    ROW(x, neondot, neon, HAS(dotprod), "-march=armv8.2-a+dotprod", "")

#define ISAS_other(ROW, x) \
    ROW(x, baseline, baseline, 1, "", "")

#if defined(__x86_64__) || defined(_M_X64)
#define FASTNET_X86 1
#define ISAS ISAS_x86_64
#elif defined(__aarch64__) || defined(_M_ARM64)
#define ISAS ISAS_aarch64
#else
#define ISAS ISAS_other
#endif

#define ISA_INDEX(x, isa, base, has, unix_flags, msvc_flags) ISA_##isa,
enum { ISAS(ISA_INDEX, 0) ISA_COUNT };

#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)

/* At the end of a family's source:  const Entry TABLE(activation)[] = {ROW(relu), ROW(tanh), END}; */
#define TABLE(name) CAT(name, FASTNET_ISA)
#define ROW(kernel) {#kernel, kernel##_f32, kernel##_f64}
#define CHOICE(kernel) {#kernel, kernel##_f32, kernel##_f64, 1}     /* keeps subnormal numbers (float_mode.h) */
#define END {0, 0, 0}

/* In the .pyx of a family, FAMILY(activation) declares activation_tables[ISA_COUNT], by instruction set. INTEGER_FAMILY
 * does the same for a family that has its own objects for every set. */
#define ISA_ENTRIES(name, isa, base, has, unix_flags, msvc_flags) extern const Entry name##_##base[];
#define ISA_TABLE(name, isa, base, has, unix_flags, msvc_flags) name##_##base,
#define FAMILY(name) \
    ISAS(ISA_ENTRIES, name) \
    static const Entry *const name##_tables[ISA_COUNT] = {ISAS(ISA_TABLE, name)};

#define INTEGER_ENTRIES(name, isa, base, has, unix_flags, msvc_flags) extern const Entry name##_##isa[];
#define INTEGER_TABLE(name, isa, base, has, unix_flags, msvc_flags) name##_##isa,
#define INTEGER_FAMILY(name) \
    ISAS(INTEGER_ENTRIES, name) \
    static const Entry *const name##_tables[ISA_COUNT] = {ISAS(INTEGER_TABLE, name)};

#endif
