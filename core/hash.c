#include <string.h>
#include "core/hash.h"

uint64_t kin_hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t state = kin_mix64(seed + 0x9E3779B97F4A7C15u);
    for (size_t left = size; left > 0;) {
        const size_t now = left < 8 ? left : 8;
        uint64_t word = 0;
        for (size_t i = 0; i < now; i++) word |= (uint64_t)at[i] << (8 * i);
        state = kin_mix64(state ^ word) + 0x9E3779B97F4A7C15u;
        at += now;
        left -= now;
    }
    return kin_mix64(state ^ size);
}

/* ---- XXH64 ----------------------------------------------------------------------------------- */

#define PRIME_1 0x9E3779B185EBCA87u
#define PRIME_2 0xC2B2AE3D27D4EB4Fu
#define PRIME_3 0x165667B19E3779F9u
#define PRIME_4 0x85EBCA77C2B2AE63u
#define PRIME_5 0x27D4EB2F165667C5u

static uint64_t turn(uint64_t x, int by) { return x << by | x >> (64 - by); }

/* bytes: 4 or 8, little-endian */
static uint64_t word_at(const unsigned char *p, size_t bytes)
{
    uint64_t word = 0;
    memcpy(&word, p, bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static uint64_t mix_lane(uint64_t lane, uint64_t word)
{
    return turn(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t join_lanes(const uint64_t lane[4])
{
    uint64_t h = turn(lane[0], 1) + turn(lane[1], 7) + turn(lane[2], 12) + turn(lane[3], 18);
    for (int i = 0; i < 4; i++) h = (h ^ mix_lane(0, lane[i])) * PRIME_1 + PRIME_4;
    return h;
}

static uint64_t mix_rest(uint64_t h, const unsigned char *p, size_t left)
{
    for (; left >= 8; p += 8, left -= 8)
        h = turn(h ^ mix_lane(0, word_at(p, 8)), 27) * PRIME_1 + PRIME_4;
    if (left >= 4) {
        h = turn(h ^ word_at(p, 4) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        p += 4;
        left -= 4;
    }
    for (; left > 0; p++, left--) h = turn(h ^ *p * PRIME_5, 11) * PRIME_1;
    return h;
}

uint64_t kin_xxh64(const void *bytes, size_t size, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t lane[4] = { seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed - PRIME_1 };
    size_t left = size;
    for (; left >= 32; p += 32, left -= 32)
        for (int i = 0; i < 4; i++) lane[i] = mix_lane(lane[i], word_at(p + 8 * i, 8));
    uint64_t h = (size >= 32 ? join_lanes(lane) : seed + PRIME_5) + size;
    h = mix_rest(h, p, left);
    h = (h ^ h >> 33) * PRIME_2;
    h = (h ^ h >> 29) * PRIME_3;
    return h ^ h >> 32;
}
