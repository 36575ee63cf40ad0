/* Weighted sums of rows along an axis, by lists of int64 indices. */
#include "lists.h"
#include "resampling_slots.h"
#include "sums.h"

#define T f32
#include "resampling.inc.h"
#undef T
#define T f64
#include "resampling.inc.h"
#undef T

const Entry TABLE(resampling)[] = {ROW(resample), END};
