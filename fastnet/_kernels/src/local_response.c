/* Local response norm over neighbouring channels, and its gradient. */
#include "local_response_slots.h"
#include "simd_math.h"
#include "sums.h"

#define T f32
#include "local_response.inc.h"
#undef T
#define T f64
#include "local_response.inc.h"
#undef T

const Entry TABLE(local_response)[] = {ROW(local_response_norm), ROW(local_response_norm_backward), END};
