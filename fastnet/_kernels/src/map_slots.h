/* Launch slots of elementwise kernels (map.h, map.pyx). */
#ifndef FASTNET_MAP_SLOTS_H
#define FASTNET_MAP_SLOTS_H

enum { MAP_OUT, MAP_X, MAP_Y, MAP_Z };              /* p; inputs that a kernel lacks stay NULL */
enum { MAP_SIZE };                                  /* n: elements of each array */
enum { MAP_SCALAR_0, MAP_SCALAR_1, MAP_SCALAR_2 };  /* s; each kernel's header names its own */

#endif
