/* The instruction sets that a C source of this folder is compiled for, and the table that each object exports.
 *
 * setup.py compiles every source of a kernel family once per name in ISA_LIST, with that set's flags and with
 * -DFASTNET_ISA=<name>. Each object exports one table of its kernels, `<family>_<isa>`; everything else in it is
 * static, so that no code for one instruction set can be linked into another. A new set is a row here, a row in
 * setup.py and a vocabulary in simd_<isa>.h. */
#ifndef FASTNET_ISA_H
#define FASTNET_ISA_H

#include "launch.h"

#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)

#if defined(__x86_64__) || defined(_M_X64)
#define FASTNET_X86 1
#define ISA_COUNT 3
/* lowest first: the order of enum values in cpu.h and of the pointers in a FAMILY */
#define FAMILY(f) \
    extern const Entry f##_baseline[], f##_avx2[], f##_avx512[]; \
    static const Entry *const f##_tables[ISA_COUNT] = {f##_baseline, f##_avx2, f##_avx512};
#else
#define ISA_COUNT 1
#define FAMILY(f) \
    extern const Entry f##_baseline[]; \
    static const Entry *const f##_tables[ISA_COUNT] = {f##_baseline};
#endif

/* At the end of a family's source:  const Entry TABLE(activation)[] = {ROW(relu), ROW(tanh), END}; */
#define TABLE(family) CAT(family, FASTNET_ISA)
#define ROW(kernel) {#kernel, kernel##_f32, kernel##_f64}
#define END {0, 0, 0}

#endif
