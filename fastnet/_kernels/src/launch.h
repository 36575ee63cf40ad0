/* One kernel launch, as data: what a recording keeps and replays.
 *
 * A kernel is cut, by its shape alone, into `blocks` independent pieces; `body` computes the pieces [begin, end) and
 * may run on several threads at once, each on its own range. It allocates nothing and touches nothing but what the
 * pointers lead to, so a launch can be run again at any time without Python. It returns 0, or 1 if its input can't be
 * served (an index out of range). */
#ifndef FASTNET_LAUNCH_H
#define FASTNET_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct Launch Launch;
typedef int (*Body)(const Launch *, ptrdiff_t begin, ptrdiff_t end);

enum { LAUNCH_POINTERS = 12, LAUNCH_SIZES = 28, LAUNCH_SCALARS = 6 };

struct Launch {
    Body body;
    ptrdiff_t blocks;
    double work;                     /* estimated nanoseconds on one core; decides how many threads it is worth */
    void *p[LAUNCH_POINTERS];        /* outputs first, then inputs; NULL where an optional one is absent */
    ptrdiff_t n[LAUNCH_SIZES];       /* sizes, strides (in elements), flags: the kernel's own affair */
    double s[LAUNCH_SCALARS];        /* scalars that a recording may bake in */
    int keeps_tiny;                  /* results below the smallest normal number stay what they are (float_mode.h) */
};

typedef struct {
    const char *name;
    Body f32, f64;
    int keeps_tiny;
} Entry;

#endif
