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
