/* Rounding to the numbers that integers with a scale and a zero point represent. */
#include "fake_quantize_slots.h"
#include "simd.h"

#define T f32
#include "fake_quantize.inc.h"
#undef T
#define T f64
#include "fake_quantize.inc.h"
#undef T

const Entry TABLE(fake_quantize)[] = {ROW(fake_quantize), ROW(fake_quantize_backward), END};
