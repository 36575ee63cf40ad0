/* Scalar slots of the activations, in the order in which activation.pyx passes them to launch_map. */
#ifndef FASTNET_ACTIVATION_SLOTS_H
#define FASTNET_ACTIVATION_SLOTS_H

#include "map_slots.h"

enum { SLOPE = MAP_SCALAR_0 };                                                      /* leaky_relu */
enum { ALPHA = MAP_SCALAR_0 };                                                      /* elu */
enum { LOW = MAP_SCALAR_0, HIGH = MAP_SCALAR_1 };                                   /* hardtanh */
enum { BETA = MAP_SCALAR_0, THRESHOLD = MAP_SCALAR_1, INVERSE_BETA = MAP_SCALAR_2 };    /* softplus */

#endif
