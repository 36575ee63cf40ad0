/* Philox4x32-10: the words of random draws, for several counters at a time. The twin is reference/tools/philox.py.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The key
 * is the seed; the four words of a counter are its low half, its high half, 0 and 0.
 *
 * A word is in the low half of a 64-bit lane, where the multiplication 32 x 32 -> 64 reads it; the high half is
 * ignored. Lane 2i computes block i and lane 2i + 1 block i + lanes/2: the processor pairs the lanes of two vectors
 * within 128 bits, which then stores the blocks in order. */
#ifndef FASTNET_PHILOX_H
#define FASTNET_PHILOX_H

#include "simd.h"

enum { ROUNDS = 10, WORDS = 128 };   /* words that next_words() gives at a time: 32 blocks */

typedef struct {
    uint64_t counter;
    uint64_t key[ROUNDS][2];
} Stream;

/* The draw of `state` = [seed, counter], starting `skip` counters later. */
static inline Stream open_stream(const uint64_t *state, ptrdiff_t skip) {
    Stream stream;
    stream.counter = state[1] + (uint64_t)skip;
    uint32_t k0 = (uint32_t)state[0], k1 = (uint32_t)(state[0] >> 32);
    for (int round = 0; round < ROUNDS; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        stream.key[round][0] = k0;
        stream.key[round][1] = k1;
    }
    return stream;
}

typedef struct {
    v_u64 x0, x1, x2, x3;
} Group;

static inline Group philox_round(Group g, v_u64 k0, v_u64 k1) {
    v_u64 a = v_mul_low_u64(g.x0, v_set_u64(0xD2511F53u)), b = v_mul_low_u64(g.x2, v_set_u64(0xCD9E8D57u));
    return (Group){v_xor3_u64(v_high_u64(b), g.x1, k0), b, v_xor3_u64(v_high_u64(a), g.x3, k1), a};
}

static inline void store_group(uint32_t *out, Group g) {
    v_u64 x01 = v_join_u64(g.x0, g.x1), x23 = v_join_u64(g.x2, g.x3);
    v_store_u64(out, v_pair_lo_u64(x01, x23));
    v_store_u64(out + 2 * W_u64, v_pair_hi_u64(x01, x23));
}

/* PHILOX_GROUPS vectors of counters at once: a single one would wait for its multiplications. */
static inline void next_words(Stream *stream, uint32_t words[WORDS]) {
    uint64_t block[W_u64];
    for (int i = 0; i < W_u64; i++) block[i] = (uint64_t)(i / 2 + i % 2 * (W_u64 / 2));
    v_u64 lanes = v_load_u64(block);
    for (int done = 0; done < WORDS; done += 4 * W_u64 * PHILOX_GROUPS) {
        Group g[PHILOX_GROUPS];
        for (int i = 0; i < PHILOX_GROUPS; i++) {
            v_u64 c = v_add_u64(v_set_u64(stream->counter + (uint64_t)(i * W_u64)), lanes);
            g[i] = (Group){c, v_high_u64(c), v_set_u64(0), v_set_u64(0)};
        }
        for (int round = 0; round < ROUNDS; round++) {
            v_u64 k0 = v_set_u64(stream->key[round][0]), k1 = v_set_u64(stream->key[round][1]);
            for (int i = 0; i < PHILOX_GROUPS; i++) g[i] = philox_round(g[i], k0, k1);
        }
        for (int i = 0; i < PHILOX_GROUPS; i++) store_group(words + done + 4 * W_u64 * i, g[i]);
        stream->counter += W_u64 * PHILOX_GROUPS;
    }
}

#endif
