/* One Adam step of one number: written once, because a row moves by the same bits whether its
 * gradient was written out before or is formed on the way. */
#ifndef KIN_CUDA_ADAM_H
#define KIN_CUDA_ADAM_H

#include "cuda/internal.h"

/* kin_adam in float, formed in double: rate and eps are multiplied by root, which saves a division
 * (cpu/loops/vector.c). */
typedef struct {
    float beta1, beta2, fresh1, fresh2, keep, rate, eps, scale;
} kin_factors;

static inline kin_factors kin_factors_of(const kin_adam *a)
{
    return kin_factors{ (float)a->beta1, (float)a->beta2, (float)(1 - a->beta1),
                        (float)(1 - a->beta2), (float)a->keep, (float)(a->rate * a->root),
                        (float)(a->eps * a->root), (float)a->scale };
}

/* fmaf is spelt out so that the compiler has no choice in where to round. Where no mean of past
 * gradients is kept, beta1 is 0 and m begins as 0. */
static __device__ inline void kin_adam_move(const kin_factors &f, float gradient, float *p,
                                            float *m, float *v)
{
    const float x = gradient * f.scale;
    *m = fmaf(f.beta1, *m, f.fresh1 * x);
    *v = fmaf(f.beta2, *v, f.fresh2 * x * x);
    *p = fmaf(f.keep, *p, -f.rate * *m / (sqrtf(*v) + f.eps));
}

#endif
