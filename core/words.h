/* Words: what a loss or an element op may say about one number, so that one source serves all
 * devices. In float they are polynomials without branches or calls, which compilers turn into
 * AVX-512, AVX2 or NEON code; in double they are libm's; under nvcc the device's own.
 *
 * Largest error of the float words in units of the last place, over their whole range (asserted
 * by tests/core/test_words.c):
 *     exp 1.1  0 below -87.7, inf above 88.4      log 1    -inf at 0 and denormals, NaN below
 *     log1p_unit 2  for 0 <= x <= 1               tanh 1.5   erf 1.5
 * NaN goes in and comes out, unless the file is compiled with -ffinite-math-only.
 *
 * Include it last: it replaces exp, log, tanh, erf, sqrt and log1p_unit by their float forms. */
#ifndef KIN_CORE_WORDS_H
#define KIN_CORE_WORDS_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "core/real.h"

#ifdef __CUDACC__
#define INLINE static __device__ inline
#else
#define INLINE static inline __attribute__((always_inline, unused))
#endif

#define BIG ((real)1e30)                    /* stands for infinity where files use finite maths */
#define TINY ((real)1e-30)

/* Loops are compiled with -fassociative-math so that their sums become vector code; what is inside
 * EXACT must not be reordered with what is around it. */
#if defined(__clang__) && !defined(__CUDACC__)
#define EXACT(x) (x)
#define REASSOCIATE_OFF _Pragma("clang fp reassociate(off)")
#elif defined(__GNUC__) && __GNUC__ >= 12 && !defined(__CUDACC__)
#define EXACT(x) __builtin_assoc_barrier(x)
#define REASSOCIATE_OFF
#else
#define EXACT(x) (x)
#define REASSOCIATE_OFF
#endif

INLINE real max(real a, real b) { return a > b ? a : b; }
INLINE real min(real a, real b) { return a < b ? a : b; }
INLINE real relu(real a) { return a < 0 ? 0 : a; }            /* NaN stays NaN */
INLINE real size(real a) { return a < 0 ? -a : a; }

#if defined(KIN_DOUBLE) || defined(__CUDACC__)

/* pick(c, a, b) is a where c is 1 and b where c is 0. */
INLINE real pick(int c, real a, real b) { return c ? a : b; }
INLINE real log1p_unit(real x) { return log1p(x); }

#else

INLINE uint32_t float_bits(float x)
{
    union { float f; uint32_t u; } both = { .f = x };
    return both.u;
}

INLINE float bits_float(uint32_t u)
{
    union { uint32_t u; float f; } both = { .u = u };
    return both.f;
}

/* Spelt in bits: from "sum += c ? a : 0" gcc makes a branch around the sum, and then does not
 * vectorise the loop. */
INLINE float pick(int c, float a, float b)
{
    uint32_t mask = (uint32_t)-c;
    return bits_float((float_bits(a) & mask) | (float_bits(b) & ~mask));
}

INLINE float copy_sign(float x, float sign)
{
    return bits_float((float_bits(x) & 0x7fffffffu) | (float_bits(sign) & 0x80000000u));
}

/* e^x = 2^n e^f, n the whole number nearest to x / log 2; ln 2 in two parts keeps f exact. */
INLINE float exp_float(float x)
{
    REASSOCIATE_OFF
    x = pick(x < -88, -88, x);
    x = pick(x > 89, 89, x);
    float t = x * 1.44269504f;
    int n = (int)pick(x == x, t + copy_sign(0.5f, t), 0);
    float f = EXACT(EXACT(x - (float)n * 0.693359375f) + (float)n * 2.12194440e-4f);
    float p = 1.3951717410e-3f;
    p = p * f + 8.3695985377e-3f;
    p = p * f + 4.1666187346e-2f;
    p = p * f + 1.6666512191e-1f;
    p = p * f + 0.5f;
    p = EXACT(p * (f * f) + f) + 1;
    return p * bits_float(((uint32_t)n + 127u) << 23);
}

/* x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), log(1 + f) = 2 atanh(f / (2 + f)). */
INLINE float log_float(float x)
{
    REASSOCIATE_OFF
    int32_t n = (int32_t)(float_bits(x) - 0x3f3504f3u) >> 23;
    float f = bits_float(float_bits(x) - ((uint32_t)n << 23)) - 1;
    float s = f / (2 + f), z = s * s;
    float p = 2.f / 9;
    p = p * z + 2.f / 7;
    p = p * z + 2.f / 5;
    p = p * z + 2.f / 3;
    float half = 0.5f * f * f, k = (float)n;
    float small = EXACT(half - EXACT(s * (half + p * z) - k * 2.12194440e-4f));
    float y = k * 0.693359375f + EXACT(f - small);
    y = pick(x < 1.17549435e-38f, pick(x < 0, NAN, -INFINITY), y);
    return pick((x < INFINITY) ^ 1, x, y);                         /* infinity and NaN */
}

INLINE float log1p_unit(float x)
{
    REASSOCIATE_OFF
    float s = x / (2 + x), z = s * s;
    float p = 2.f / 15;
    p = p * z + 2.f / 13;
    p = p * z + 2.f / 11;
    p = p * z + 2.f / 9;
    p = p * z + 2.f / 7;
    p = p * z + 2.f / 5;
    p = p * z + 2.f / 3;
    return EXACT(s * z * p) + 2 * s;
}

INLINE float tanh_float(float x)
{
    REASSOCIATE_OFF
    float a = size(x), z = x * x;
    float p = -5.7170409709e-3f;
    p = p * z + 2.0650584251e-2f;
    p = p * z - 5.3743496537e-2f;
    p = p * z + 1.3331490755e-1f;
    p = p * z - 3.3333283663e-1f;
    float near = EXACT(p * z * x) + x;
    float far = copy_sign(1 - 2 / (exp_float(2 * a) + 1), x);
    return pick(a < 0.625f, near, far);
}

/* Below 1 an odd polynomial, above 1 - exp(polynomial), the polynomial fitted to log erfc. */
INLINE float erf_float(float x)
{
    REASSOCIATE_OFF
    float a = size(x), z = x * x;
    float p = 7.8891251178e-5f;
    p = p * z - 8.0208427971e-4f;
    p = p * z + 5.1895356737e-3f;
    p = p * z - 2.6854444295e-2f;
    p = p * z + 1.1283600330e-1f;
    p = p * z - 3.7612625957e-1f;
    p = p * z + 1.2837916613e-1f;
    float near = EXACT(p * x) + x;
    float t = pick(a > 4, 4, a);
    float q = 1.8639097107e-4f;
    q = q * t - 2.9477661010e-3f;
    q = q * t + 2.1838465706e-2f;
    q = q * t - 1.0310753435e-1f;
    q = q * t - 6.3814401627e-1f;
    q = q * t - 1.1270896196f;
    q = q * t - 3.4141750075e-4f;
    float far = copy_sign(1 - exp_float(q), x);
    return pick(a < 1, near, far);
}

#define exp(x) exp_float(x)
#define log(x) log_float(x)
#define tanh(x) tanh_float(x)
#define erf(x) erf_float(x)
#define sqrt(x) __builtin_sqrtf(x)

#endif

/* log(1 + x) for x >= 0 */
INLINE real log1p_any(real x) { return x <= 1 ? log1p_unit(x) : log(1 + x); }

#endif
