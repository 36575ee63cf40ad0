/* The integer vocabulary for every processor of an architecture. */
#ifdef FASTNET_X86
#include "integer_sse2.h"
#else
#include "integer_scalar.h"
#endif
