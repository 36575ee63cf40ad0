/* Launch slots and hyperparameters of the update rules. */
#ifndef FASTNET_OPTIM_SLOTS_H
#define FASTNET_OPTIM_SLOTS_H

#include "map_slots.h"

enum { PARAMETER, GRADIENT, STATE_0, STATE_1, STATE_2, HYPER, STEP };          /* p of an update */
enum { NORM = PARAMETER };                                                     /* p of clip_scale_, with GRADIENT */
enum { SIZE = MAP_SIZE, VARIANT, MAXIMIZE, INCREMENT, NORM_IS_F64 };           /* n; VARIANT: nesterov or decoupled */
enum { MAX_NORM };                                                             /* s */

/* Hyperparameters, read at run time, in the order of their float64 array. */
typedef struct { double lr, momentum, dampening, weight_decay, l1; } SgdHyper;
typedef struct { double lr, beta1, beta2, eps, weight_decay, l1; } AdamHyper;
typedef struct { double lr, alpha, eps, weight_decay, momentum, l1; } RmspropHyper;
typedef struct { double lr, lr_decay, eps, weight_decay, l1; } AdagradHyper;

#endif
