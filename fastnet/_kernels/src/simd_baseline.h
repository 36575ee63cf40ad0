/* The vocabulary that every processor of its architecture can run. */
#ifdef FASTNET_X86
#include "simd_sse2.h"
#else
#include "simd_scalar.h"
#endif
