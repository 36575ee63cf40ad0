/* Images sampled at given points, and the gradients of the images and of the points. */
#include "grid_slots.h"
#include "sums.h"

enum { AXIS_TAPS = 4, MOST_TAPS = AXIS_TAPS * AXIS_TAPS };

#define T f32
#include "grid.inc.h"
#undef T
#define T f64
#include "grid.inc.h"
#undef T

const Entry TABLE(grid)[] = {ROW(grid_sample), ROW(grid_sample_dx), ROW(grid_sample_dgrid), END};
