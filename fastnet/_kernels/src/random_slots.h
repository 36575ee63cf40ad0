/* Launch slots of the random draws. */
#ifndef FASTNET_RANDOM_SLOTS_H
#define FASTNET_RANDOM_SLOTS_H

#include "map_slots.h"

enum { OUT = MAP_OUT, X, KEPT, STATE, PROBABILITIES };      /* p; KEPT: the mask; X: dy in dropout_backward */
enum { SIZE = MAP_SIZE, OFFSET, LOWEST, RANGE, THRESHOLD };     /* n; OFFSET in counters */
enum { LOW, HIGH, BELOW_HIGH, MEAN, STD, SCALE };               /* s */

#endif
