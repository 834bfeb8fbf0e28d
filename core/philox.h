/* Philox in lanes: blocks of kin_philox (core/rng.h) that follow each other, side by side, in loops
 * that compilers turn into vector code. Tests compare the two. */
#ifndef KIN_CORE_PHILOX_H
#define KIN_CORE_PHILOX_H

#include <stdint.h>

/* Words a, b, c, d of block i are those of index + i. */
static inline void kin_philox_lanes(uint64_t seed, uint32_t stream, uint32_t substream,
                                    uint64_t index, int lanes, uint32_t *restrict a,
                                    uint32_t *restrict b, uint32_t *restrict c,
                                    uint32_t *restrict d)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < lanes; i++) {
        a[i] = (uint32_t)(index + (uint64_t)i);
        b[i] = (uint32_t)((index + (uint64_t)i) >> 32);
        c[i] = stream;
        d[i] = substream;
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < lanes; i++) {
            const uint64_t p = (uint64_t)a[i] * 0xD2511F53u, q = (uint64_t)c[i] * 0xCD9E8D57u;
            a[i] = (uint32_t)(q >> 32) ^ b[i] ^ k0;
            b[i] = (uint32_t)q;
            c[i] = (uint32_t)(p >> 32) ^ d[i] ^ k1;
            d[i] = (uint32_t)p;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

#endif
