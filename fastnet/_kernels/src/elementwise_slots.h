/* Launch slots of the elementwise kernels that have more than those of map_slots.h and walk_slots.h. */
#ifndef FASTNET_ELEMENTWISE_SLOTS_H
#define FASTNET_ELEMENTWISE_SLOTS_H

#include "map_slots.h"

enum { LOW = MAP_SCALAR_0, HIGH = MAP_SCALAR_1 };           /* s of clamp */
enum { VALUE = MAP_SIZE + 1 };                              /* n of fill: the bits of the value */
enum { FIRST = MAP_SIZE + 1, INCREMENT };                   /* n of arange for int64 */
enum { FIRST_REAL, INCREMENT_REAL };                        /* s of arange for real dtypes */

#endif
