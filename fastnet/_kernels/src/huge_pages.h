/* Huge pages for large blocks of memory: fewer misses of the address translation, and fewer page faults at first use.
 *
 * Linux gives them, where the system allows it on request ("madvise"), to whole units of HUGE_PAGE within a block. */
#ifndef FASTNET_HUGE_PAGES_H
#define FASTNET_HUGE_PAGES_H

#include <stdint.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

enum { HUGE_PAGE = 2 << 20 };           /* bytes, on x86-64 and on aarch64 with pages of 4 KiB */

static inline void request_huge_pages(char *memory, size_t nbytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t unit = HUGE_PAGE, start = ((uintptr_t)memory + unit - 1) & ~(unit - 1);
    const uintptr_t stop = ((uintptr_t)memory + nbytes) & ~(unit - 1);
    if (start < stop) (void)madvise((void *)start, stop - start, MADV_HUGEPAGE);
#else
    (void)memory, (void)nbytes;
#endif
}

#endif
