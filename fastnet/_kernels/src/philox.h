/* Philox4x32-10: the words of random draws, a chunk of counters at a time. The twin is reference/philox.py.
 *
 * J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 * The key is the seed; the four words of a counter are its low half, its high half, 0 and 0.
 *
 * A word travels in the low half of a 64-bit lane, where the multiplication 32 x 32 -> 64 reads it; what stands in the
 * high half is never looked at. Lane 2i computes block i and lane 2i + 1 block i + LANES/2, so that interleaving the
 * lanes of two vectors, which the processor does within 128 bits, stores the blocks in order. */
#ifndef FASTNET_PHILOX_H
#define FASTNET_PHILOX_H

#include "simd.h"

enum { ROUNDS = 10, CHUNK = 128 };   /* words that next_words() gives at a time: 32 blocks */

typedef struct {
    uint64_t counter;
    uint64_t key[ROUNDS][2];
} Stream;

/* The draw of `state` = [seed, counter], from `skip` counters on. */
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

#ifdef FASTNET_X86
#if defined(__AVX512F__) && defined(__AVX512DQ__)
typedef __m512i Words;
#define PX(op) _mm512_##op
#define PX_BITS(op) _mm512_##op##_si512
enum { LANES = 8, GROUPS = 4 };      /* GROUPS vectors of counters at once: one alone waits for its multiplications */
static const uint64_t lane_block[LANES] = {0, 4, 1, 5, 2, 6, 3, 7};
static inline Words all_lanes(uint64_t x) { return _mm512_set1_epi64((long long)x); }
static inline Words xor3(Words a, Words b, Words c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
#elif defined(__AVX2__)
typedef __m256i Words;
#define PX(op) _mm256_##op
#define PX_BITS(op) _mm256_##op##_si256
enum { LANES = 4, GROUPS = 2 };
static const uint64_t lane_block[LANES] = {0, 2, 1, 3};
static inline Words all_lanes(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
static inline Words xor3(Words a, Words b, Words c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
#else
typedef __m128i Words;
#define PX(op) _mm_##op
#define PX_BITS(op) _mm_##op##_si128
enum { LANES = 2, GROUPS = 2 };
static const uint64_t lane_block[LANES] = {0, 1};
static inline Words all_lanes(uint64_t x) { return _mm_set1_epi64x((long long)x); }
static inline Words xor3(Words a, Words b, Words c) { return _mm_xor_si128(_mm_xor_si128(a, b), c); }
#endif

typedef struct {
    Words x0, x1, x2, x3;
} Group;

static inline Group philox_round(Group g, Words k0, Words k1) {
    Words a = PX(mul_epu32)(g.x0, all_lanes(0xD2511F53u)), b = PX(mul_epu32)(g.x2, all_lanes(0xCD9E8D57u));
    return (Group){xor3(PX(srli_epi64)(b, 32), g.x1, k0), b, xor3(PX(srli_epi64)(a, 32), g.x3, k1), a};
}

static inline void store_group(uint32_t *out, Group g) {
    Words low = all_lanes(0xFFFFFFFFu);
    Words x01 = PX_BITS(or)(PX_BITS(and)(g.x0, low), PX(slli_epi64)(g.x1, 32));
    Words x23 = PX_BITS(or)(PX_BITS(and)(g.x2, low), PX(slli_epi64)(g.x3, 32));
    PX_BITS(storeu)((void *)out, PX(unpacklo_epi64)(x01, x23));
    PX_BITS(storeu)((void *)(out + 2 * LANES), PX(unpackhi_epi64)(x01, x23));
}

static inline void next_words(Stream *stream, uint32_t words[CHUNK]) {
    Words lanes = PX_BITS(loadu)((const void *)lane_block);
    for (int done = 0; done < CHUNK; done += 4 * LANES * GROUPS) {
        Group g[GROUPS];
        for (int i = 0; i < GROUPS; i++) {
            Words c = PX(add_epi64)(all_lanes(stream->counter + (uint64_t)(i * LANES)), lanes);
            g[i] = (Group){c, PX(srli_epi64)(c, 32), PX_BITS(setzero)(), PX_BITS(setzero)()};
        }
        for (int round = 0; round < ROUNDS; round++) {
            Words k0 = all_lanes(stream->key[round][0]), k1 = all_lanes(stream->key[round][1]);
            for (int i = 0; i < GROUPS; i++) g[i] = philox_round(g[i], k0, k1);
        }
        for (int i = 0; i < GROUPS; i++) store_group(words + done + 4 * LANES * i, g[i]);
        stream->counter += LANES * GROUPS;
    }
}
#undef PX
#undef PX_BITS

#else

static inline void next_words(Stream *stream, uint32_t words[CHUNK]) {
    for (int done = 0; done < CHUNK; done += 4, stream->counter++) {
        uint32_t x0 = (uint32_t)stream->counter, x1 = (uint32_t)(stream->counter >> 32), x2 = 0, x3 = 0;
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t a = (uint64_t)x0 * 0xD2511F53u, b = (uint64_t)x2 * 0xCD9E8D57u;
            x0 = (uint32_t)(b >> 32) ^ x1 ^ (uint32_t)stream->key[round][0];
            x1 = (uint32_t)b;
            x2 = (uint32_t)(a >> 32) ^ x3 ^ (uint32_t)stream->key[round][1];
            x3 = (uint32_t)a;
        }
        words[done] = x0;
        words[done + 1] = x1;
        words[done + 2] = x2;
        words[done + 3] = x3;
    }
}
#endif

#endif
