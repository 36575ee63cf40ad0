/* Lists of indices of different lengths, stored one after the other. Nothing outside of them is read. */
#ifndef FASTNET_LISTS_H
#define FASTNET_LISTS_H

#include <stddef.h>
#include <stdint.h>

/* One comparison tests both ends: a negative index becomes a huge unsigned number. */
static inline int outside(int64_t k, ptrdiff_t size) { return (uint64_t)k >= (uint64_t)size; }

/* The positions [first, last) of a list among the stored elements. */
typedef struct { ptrdiff_t first, last; } List;

/* The list i of those that start at `starts`, among `count` elements; it is empty if it does not lie within them. */
static inline List list_at(const int64_t *starts, ptrdiff_t i, ptrdiff_t count) {
    const int64_t first = starts[i], last = starts[i + 1];
    const int valid = first >= 0 && first <= last && last <= count;
    return (List){valid ? (ptrdiff_t)first : 0, valid ? (ptrdiff_t)last : 0};
}

#endif
