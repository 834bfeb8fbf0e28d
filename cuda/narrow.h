/* Narrow: bf16, which is the upper half of a float. */
#ifndef KIN_CUDA_NARROW_H
#define KIN_CUDA_NARROW_H

#include "cuda/internal.h"

/* A float's upper half in place, rounded to the nearest, ties to even. NaN stays NaN. */
static __device__ inline uint32_t kin_upper_half(float x)
{
    const uint32_t bits = __float_as_uint(x);
    if (x != x) return 0x7fff0000u;
    return (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
}

#endif
