/* Philox4x32-10: ten rounds of two 32 x 32 bit products, the key stepped by Weyl constants. */
#include <math.h>
#include "core/rng.h"

kin_philox_block kin_philox(const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)a * 0xD2511F53u, q = (uint64_t)c * 0xCD9E8D57u;
        a = (uint32_t)(q >> 32) ^ b ^ k0;
        b = (uint32_t)q;
        c = (uint32_t)(p >> 32) ^ d ^ k1;
        d = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (kin_philox_block){ { a, b, c, d } };
}

/* The counter is (index, stream, substream), the key the seed: no two uses share a block. */
static kin_philox_block block_at(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index)
{
    const uint32_t counter[4] = { (uint32_t)index, (uint32_t)(index >> 32), stream, substream };
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    return kin_philox(counter, key);
}

static uint64_t low_half(kin_philox_block block)
{
    return block.word[0] | (uint64_t)block.word[1] << 32;
}

static uint64_t high_half(kin_philox_block block)
{
    return block.word[2] | (uint64_t)block.word[3] << 32;
}

static double unit(uint64_t bits)                       /* 53 bits: [0, 1) */
{
    return (double)(bits >> 11) * 0x1p-53;
}

uint64_t kin_random(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index)
{
    return low_half(block_at(seed, stream, substream, index));
}

double kin_random_uniform(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index)
{
    return unit(kin_random(seed, stream, substream, index));
}

/* Box and Muller 1958; 1 - u is never 0. */
double kin_random_normal(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index)
{
    const kin_philox_block block = block_at(seed, stream, substream, index);
    const double radius = sqrt(-2 * log(1 - unit(low_half(block))));
    return radius * cos(6.283185307179586 * unit(high_half(block)));
}

/* The high 64 bits of a 128-bit product; the bias is below n / 2^64. */
uint64_t kin_random_below(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index,
                          uint64_t n)
{
    const uint64_t bits = kin_random(seed, stream, substream, index);
    return (uint64_t)((unsigned __int128)bits * n >> 64);
}

enum { LANES = 32 };                     /* blocks side by side */

/* The blocks of kin_philox that begin with this index; word w of block i is word[w][i]. */
static void blocks_at(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index,
                      uint32_t word[4][LANES])
{
    uint32_t a[LANES], b[LANES], c[LANES], d[LANES];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < LANES; i++) {
        a[i] = (uint32_t)(index + (uint64_t)i);
        b[i] = (uint32_t)((index + (uint64_t)i) >> 32);
        c[i] = stream;
        d[i] = substream;
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < LANES; i++) {
            const uint64_t p = (uint64_t)a[i] * 0xD2511F53u, q = (uint64_t)c[i] * 0xCD9E8D57u;
            a[i] = (uint32_t)(q >> 32) ^ b[i] ^ k0;
            b[i] = (uint32_t)q;
            c[i] = (uint32_t)(p >> 32) ^ d[i] ^ k1;
            d[i] = (uint32_t)p;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < LANES; i++) {
        word[0][i] = a[i], word[1][i] = b[i];
        word[2][i] = c[i], word[3][i] = d[i];
    }
}

void kin_random_list(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t first, int64_t n,
                     uint32_t below, int32_t *list)
{
    uint32_t word[4][LANES];
    for (int64_t i = 0; i < n;) {
        const uint64_t at = first + (uint64_t)i, skip = at % 4;
        blocks_at(seed, stream, substream, at / 4, word);
        for (uint64_t w = skip; w < 4 * LANES && i < n; w++, i++)
            list[i] = (int32_t)((uint64_t)word[w % 4][w / 4] * below >> 32);
    }
}

/* Fisher and Yates, from the end. */
void kin_shuffle(uint64_t seed, uint32_t stream, uint32_t substream, int32_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        const uint64_t j = kin_random_below(seed, stream, substream, (uint64_t)i, (uint64_t)i + 1);
        const int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
