/* Random numbers without state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
 * easy as 1, 2, 3"). A number is a function of (seed, stream, index), so threads, repeats and
 * resumed runs see the same ones and nothing has to be saved. */
#ifndef KIN_CORE_RNG_H
#define KIN_CORE_RNG_H

#include <stdint.h>

typedef struct { uint32_t word[4]; } kin_philox_block;

kin_philox_block kin_philox(const uint32_t counter[4], const uint32_t key[2]);

/* Streams keep the uses of one seed apart. */
typedef enum {
    KIN_STREAM_INIT = 1, KIN_STREAM_ORDER, KIN_STREAM_DROPOUT, KIN_STREAM_SPLIT,
    KIN_STREAM_BOOTSTRAP, KIN_STREAM_SAMPLE, KIN_STREAM_TEST,
    KIN_STREAM_FLIP, KIN_STREAM_NEGATIVES, KIN_STREAM_MINING
} kin_stream;

/* 64 random bits for (seed, stream, index); substream tells e.g. epochs or tensors apart. */
uint64_t kin_random(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index);

/* In [0, 1); normal with mean 0 and variance 1; 0 .. n-1. */
double kin_random_uniform(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index);
double kin_random_normal(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index);
uint64_t kin_random_below(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t index,
                          uint64_t n);

/* Many of 0 .. below-1 at once, a quarter of the work each: number i (first .. first + n - 1) is
 * word i % 4 of the block of index i / 4, times below, over 2^32. below <= 2^31. */
void kin_random_list(uint64_t seed, uint32_t stream, uint32_t substream, uint64_t first, int64_t n,
                     uint32_t below, int32_t *list);

/* order[0..n-1] becomes a permutation of 0..n-1, the same for the same four numbers. */
void kin_shuffle(uint64_t seed, uint32_t stream, uint32_t substream, int32_t *order, int64_t n);

#endif
