/* Marks free memory of a pool, so that AddressSanitizer reports accesses to it. Without the sanitizer: no code. */
#ifndef FASTNET_POISON_H
#define FASTNET_POISON_H

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define poison(memory, nbytes) __asan_poison_memory_region(memory, nbytes)
#define unpoison(memory, nbytes) __asan_unpoison_memory_region(memory, nbytes)
#else
#define poison(memory, nbytes) ((void)(memory), (void)(nbytes))
#define unpoison(memory, nbytes) ((void)(memory), (void)(nbytes))
#endif

#endif
