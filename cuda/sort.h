/* Sorting and numbering on the device: what bags need to bring a token's places together. */
#ifndef KIN_CUDA_SORT_H
#define KIN_CUDA_SORT_H

#include "cuda/internal.h"

typedef struct {
    int32_t id, bag;
} kin_pair;

/* Sums of what lies before: list by list (each has n numbers), each number becomes the sum of those
 * before it, and total[list] (unless NULL) the sum of all. */
void kin_cuda_scan(kin_cuda *c, int64_t lists, int64_t n, int64_t *values, int64_t *total);

/* Sorts pairs by id, 0 <= id < ids; equal ids keep their order. Returns where they are then: pairs
 * or other, which has as much room. work: kin_cuda_sort_work(n) numbers. */
kin_pair *kin_cuda_sort(kin_cuda *c, int64_t n, int64_t ids, kin_pair *pairs, kin_pair *other,
                        int64_t *work);
int64_t kin_cuda_sort_work(int64_t n);

/* The sum of `value` over the threads before this one in a block of whole warps, and over all.
 * part: shared, 32 numbers, which may be used again at once. */
static __device__ inline int64_t kin_block_before(int64_t value, int64_t *part, int64_t *total)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    int64_t sum = value, before = 0;
    for (int step = 1; step < 32; step *= 2) {
        const int64_t left = __shfl_up_sync(0xffffffffu, sum, step);
        sum += lane >= step ? left : 0;
    }
    if (lane == 31) part[warp] = sum;
    __syncthreads();
    *total = 0;
    for (int w = 0; w < warps; w++) {
        if (w == warp) before = *total;
        *total += part[w];
    }
    __syncthreads();
    return before + sum - value;
}

#endif
