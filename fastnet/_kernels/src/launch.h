/* A kernel launch as data: recordings keep launches and replay them.
 *
 * The shape of the arrays alone divides a launch into `blocks` independent blocks. `body` computes the blocks
 * [begin, end); several threads may call it at once, each with its own range. It allocates nothing and touches only
 * memory that the pointers lead to, so a launch can run again at any time without Python. It returns 0, or 1 if its
 * input cannot be served (an index out of range).
 *
 * Each family names its slots of p, n and s in a header that its .pyx and its bodies include. */
#ifndef FASTNET_LAUNCH_H
#define FASTNET_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct Launch Launch;
typedef int (*Body)(const Launch *, ptrdiff_t begin, ptrdiff_t end);

enum { LAUNCH_POINTERS = 12, LAUNCH_SIZES = 48, LAUNCH_SCALARS = 6 };

struct Launch {
    Body body;
    ptrdiff_t blocks;
    double work;                     /* estimated nanoseconds on one core; decides the number of threads */
    void *p[LAUNCH_POINTERS];        /* arrays; NULL: an optional array that is absent */
    ptrdiff_t n[LAUNCH_SIZES];       /* sizes, strides in elements, flags */
    double s[LAUNCH_SCALARS];        /* numbers that a recording keeps */
    int keeps_tiny;                  /* subnormal results are kept (float_mode.h) */
};

#define BODY_ARGS const Launch *launch, ptrdiff_t begin, ptrdiff_t end

typedef struct {
    const char *name;
    Body f32, f64;
    int keeps_tiny;
} Entry;

enum { BLOCK = 4096 };               /* elements of a block of most kernels */
enum { CACHE_LINE = 64 };            /* bytes; allocations begin at a multiple of it */

static inline ptrdiff_t min_size(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

/* The number of rows of `width` elements that make one block. */
static inline ptrdiff_t rows_in_block(ptrdiff_t width) {
    return width >= BLOCK ? 1 : width > 1 ? BLOCK / width : BLOCK;
}

#endif
