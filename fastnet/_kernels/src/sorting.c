/* Sorting, selection and binary search along rows.
 *
 * An element becomes a 64-bit word: its order as an unsigned number of 32 bits, then its position. All words differ, and
 * their order is stable. A number of 64 bits is sorted twice: by its low half, then, stably, by its high half. */
#include "sorting_slots.h"
#include "simd.h"

enum { FEW = 16, SOME = 400 };          /* words that are sorted by insertion, by merging; more by radix */

static inline void insert(uint64_t *a, ptrdiff_t n) {
    for (ptrdiff_t i = 1; i < n; i++) {
        const uint64_t word = a[i];
        ptrdiff_t j = i;
        for (; j > 0 && a[j - 1] > word; j--) a[j] = a[j - 1];
        a[j] = word;
    }
}

static inline void merge(uint64_t *out, const uint64_t *a, ptrdiff_t n, const uint64_t *b, ptrdiff_t m) {
    const uint64_t *a_end = a + n, *b_end = b + m;
    while (a < a_end && b < b_end) {
        const int second = *b < *a;
        *out++ = second ? *b : *a;
        a += !second;
        b += second;
    }
    memcpy(out, a, (size_t)(a_end - a) * sizeof *a);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
}

/* Sort words that all differ. */
static void sort_few(uint64_t *a, uint64_t *scratch, ptrdiff_t n) {
    uint64_t *from = a, *to = scratch;
    for (ptrdiff_t i = 0; i < n; i += FEW) insert(a + i, min_size(FEW, n - i));
    for (ptrdiff_t width = FEW; width < n; width *= 2) {
        for (ptrdiff_t i = 0; i < n; i += 2 * width) {
            const ptrdiff_t first = min_size(width, n - i), second = min_size(width, n - i - first);
            merge(to + i, from + i, first, from + i + first, second);
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != a) memcpy(a, from, (size_t)n * sizeof *a);
}

/* Sort by the upper 32 bits; words with the same ones keep their order. */
static void sort_radix(uint64_t *a, uint64_t *scratch, ptrdiff_t n) {
    ptrdiff_t starts[4][256];
    memset(starts, 0, sizeof starts);
    for (ptrdiff_t i = 0; i < n; i++)
        for (int digit = 0; digit < 4; digit++) starts[digit][a[i] >> (32 + 8 * digit) & 255]++;
    uint64_t *from = a, *to = scratch;
    for (int digit = 0; digit < 4; digit++) {
        ptrdiff_t *start = starts[digit], total = 0, most = 0;
        for (int v = 0; v < 256; v++) {
            const ptrdiff_t count = start[v];
            most = count > most ? count : most;
            start[v] = total;
            total += count;
        }
        if (most == n) continue;
        for (ptrdiff_t i = 0; i < n; i++) to[start[from[i] >> (32 + 8 * digit) & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != a) memcpy(a, from, (size_t)n * sizeof *a);
}

static inline void sort_words(uint64_t *a, uint64_t *scratch, ptrdiff_t n) {
    if (n <= SOME)
        sort_few(a, scratch, n);
    else
        sort_radix(a, scratch, n);
}

/* Move the k smallest of n different words to the front, in any order, and return the largest of them; 0 < k <= n. */
static uint64_t select_smallest(uint64_t *a, ptrdiff_t n, ptrdiff_t k) {
    ptrdiff_t low = 0, high = n - 1, rank = k - 1;
    while (low < high) {
        const ptrdiff_t middle = low + (high - low) / 2;
        uint64_t x = a[low], y = a[middle], z = a[high];
        const uint64_t pivot = x < y ? (y < z ? y : x < z ? z : x) : (x < z ? x : y < z ? z : y);
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) {
                const uint64_t swap = a[i];
                a[i++] = a[j];
                a[j--] = swap;
            }
        }
        if (rank <= j)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break;
    }
    return a[rank];
}

/* The order of an element as an unsigned number. All NaN are equal and the largest; -0 equals 0. */
static inline uint32_t order_f32(uint32_t bits, int integers) {
    if (integers) return bits ^ 0x80000000u;
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0xFFFFFFFFu;
    if (bits == 0x80000000u) bits = 0;
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static inline uint64_t order_f64(uint64_t bits, int integers) {
    const uint64_t sign = (uint64_t)1 << 63;
    if (integers) return bits ^ sign;
    if ((bits & ~sign) > 0x7FF0000000000000u) return ~(uint64_t)0;
    if (bits == sign) bits = 0;
    return bits >> 63 ? ~bits : bits | sign;
}

/* Sort the words of a row of 32-bit or 64-bit elements in `a`; the low half of each is then a position. */
static void sort_row_f32(uint64_t *a, uint64_t *scratch, const uint32_t *x, ptrdiff_t n, uint32_t flip, int integers) {
    for (ptrdiff_t i = 0; i < n; i++) a[i] = (uint64_t)(order_f32(x[i], integers) ^ flip) << 32 | (uint64_t)i;
    sort_words(a, scratch, n);
}

static void sort_row_f64(uint64_t *a, uint64_t *scratch, const uint64_t *x, ptrdiff_t n, uint32_t flip, int integers) {
    const uint64_t both = (uint64_t)flip << 32 | flip;
    uint64_t low = ~(uint64_t)0, high = 0;
    for (ptrdiff_t i = 0; integers && i < n; i++) {
        const uint64_t order = order_f64(x[i], 1) ^ both;
        low = order < low ? order : low;
        high = order > high ? order : high;
    }
    if (integers && n && high - low <= 0xFFFFFFFFu) {       /* integers of a small range need only one sort */
        for (ptrdiff_t i = 0; i < n; i++) a[i] = ((order_f64(x[i], 1) ^ both) - low) << 32 | (uint64_t)i;
        sort_words(a, scratch, n);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) a[i] = (order_f64(x[i], integers) ^ both) << 32 | (uint64_t)i;
    sort_words(a, scratch, n);
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t place = a[i] & 0xFFFFFFFFu;
        a[i] = ((order_f64(x[place], integers) ^ both) & 0xFFFFFFFF00000000u) | place;
    }
    sort_radix(a, scratch, n);
}

typedef uint32_t bits_f32;
typedef uint64_t bits_f64;

#define T f32
#include "sorting.inc.h"
#undef T
#define T f64
#include "sorting.inc.h"
#undef T

const Entry TABLE(sorting)[] = {
    CHOICE(argsort), CHOICE(topk), CHOICE(kth), CHOICE(searchsorted), END};
