/* Launch slots of boxes.c and boxes.pyx. */
#ifndef FASTNET_BOXES_SLOTS_H
#define FASTNET_BOXES_SLOTS_H

#include "launch.h"

enum { KEEP, BOXES };                   /* p */
enum { COUNT };                         /* n: the number of boxes */
enum { IOU_THRESHOLD };                 /* s */

#endif
