/* The vocabulary for NEON with dot products, whose instructions only integer.h uses. */
#include "simd_neon.h"
