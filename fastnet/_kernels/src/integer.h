/* The vector vocabulary of quantised kernels, which each instruction set defines in integer_<isa>.h.
 *
 * A v_i32 has W_f32 lanes of int32, which wrap:
 *   v_load_i32(p)  v_store_i32(p, v)  v_set_i32(x)  v_total_i32(a)      the total of all lanes
 *   v_add_i32 v_sub_i32 v_mul_i32 v_min_i32 v_max_i32                   a op b
 *   v_left_i32(a, s)                        a * 2^s, 0 <= s <= 31, lane by lane
 *   v_high_i32(a, b)                        (a*b + 2^30) >> 31, for b >= 0
 *   v_divide_i32(a, s)                      a / 2^s to nearest, halves away from zero, 0 <= s <= 31
 *   v_low4_i32(a)  v_high4_i32(a)           the low and the high four bits of 0 to 255
 *   v_four_f32(a, v_fours_f32(zero))        the number in the low four bits, less zero, as v_f32
 *   v_float_i32(a)  v_nearest_i32(x)        to v_f32, rounded; from v_f32, to nearest even, |x| < 2^31
 *   v_load_s8(p) v_load_u8(p) v_load_s16(p)    W_f32 elements as int32
 *   v_store_8(p, a) v_store_16(p, a)        the low bits of each lane; |a| < 2^15
 *
 * Dot products add DOT_DEPTH products to each lane. Rows are stored as dot_t: 8-bit numbers with DOT_FLIP exclusive-ored
 * to those of int8 and 0x80 - DOT_FLIP to those of uint8, or int16 (DOT_WIDE).
 *   v_load_w(p)                             DOT_DEPTH int8 for each lane
 *   v_load_x(p)  v_set_x(p)                 DOT_DEPTH dot_t for each lane; the same for all lanes
 *   v_dot(sum, x, w)                        sum + the products, exact in 32 bits */
#ifndef FASTNET_INTEGER_H
#define FASTNET_INTEGER_H

#include "simd.h"

#define INTEGERS_(isa) QUOTED(integer_##isa.h)
#define INTEGERS(isa) INTEGERS_(isa)
#include INTEGERS(FASTNET_ISA)

#define W_i32 W_f32

#ifndef HAS_FOURS
static inline v_f32 v_fours_f32(float zero) { return v_set_f32(zero); }
static inline v_f32 v_four_f32(v_i32 a, v_f32 fours) { return v_sub_f32(v_float_i32(v_low4_i32(a)), fours); }
#endif

#endif
