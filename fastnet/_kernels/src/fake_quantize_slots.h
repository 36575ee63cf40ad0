/* Launch slots of fake_quantize.c and fake_quantize.pyx. */
#ifndef FASTNET_FAKE_QUANTIZE_SLOTS_H
#define FASTNET_FAKE_QUANTIZE_SLOTS_H

#include "launch.h"

enum { OUT, X, DY, SCALE, ZERO };               /* p */

enum { CHANNELS, INNER, CHUNKS, LOW, HIGH };    /* n; CHUNKS: of a row of INNER elements */

enum { CHUNK_SIZE = 4096 };                     /* elements */

#endif
