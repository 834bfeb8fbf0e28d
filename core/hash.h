/* Hash: a bijection of 64-bit numbers whose output bits all depend on all input bits (the
 * finaliser of splitmix64: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
 * generators"). Splits data by key, spreads hash tables; not for secrets. */
#ifndef KIN_CORE_HASH_H
#define KIN_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t kin_mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* 64 bits of any bytes: each eight are mixed into the state, the length last. */
uint64_t kin_hash_bytes(const void *bytes, size_t size, uint64_t seed);

/* XXH64 (Collet, https://github.com/Cyan4973/xxHash): a checksum that other programs know. */
uint64_t kin_xxh64(const void *bytes, size_t size, uint64_t seed);

#endif
