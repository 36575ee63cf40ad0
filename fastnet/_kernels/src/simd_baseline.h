/* The vocabulary for every processor of an architecture. */
#ifdef FASTNET_X86
#include "simd_sse2.h"
#else
#include "simd_scalar.h"
#endif
