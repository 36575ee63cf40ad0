/* Suppression of boxes that overlap others. */
#include "boxes_slots.h"
#include "sums.h"

#define T f32
#include "boxes.inc.h"
#undef T
#define T f64
#include "boxes.inc.h"
#undef T

const Entry TABLE(boxes)[] = {CHOICE(nms), END};
