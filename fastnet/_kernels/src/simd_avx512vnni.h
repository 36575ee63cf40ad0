/* The vocabulary for AVX-512 with VNNI, whose instructions only integer.h uses. */
#include "simd_avx512.h"
