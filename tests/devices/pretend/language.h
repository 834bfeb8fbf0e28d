/* The words of CUDA C++ that a kernel uses without calling the runtime: qualifiers, vectors,
 * indices, arithmetic. */
#ifndef KIN_PRETEND_LANGUAGE_H
#define KIN_PRETEND_LANGUAGE_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <math.h>          /* not cmath: isfinite must be visible without std::, as under nvcc */
#include <stdlib.h>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

/* thread_local is the one word that is legal in "__shared__ float a[32];" and in "extern __shared__
 * float dynamic_shared[];" (static clashes with extern). It also gathers all shared memory in one
 * segment, which can be filled before each block. The dynamic array must be called dynamic_shared.
 * Alignment leaves gaps behind most arrays, where an index too large leaves its trace. */
#define __shared__ __attribute__((aligned(256))) thread_local

#define PRETEND_VECTORS(T, name)                                                              \
    struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                        \
    struct name##3 { T x, y, z; };                                                            \
    struct alignas(sizeof(T) < 8 ? 4 * sizeof(T) : 16) name##4 { T x, y, z, w; };             \
    inline name##2 make_##name##2(T x, T y) { return { x, y }; }                              \
    inline name##3 make_##name##3(T x, T y, T z) { return { x, y, z }; }                      \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return { x, y, z, w }; }

PRETEND_VECTORS(signed char, char)
PRETEND_VECTORS(unsigned char, uchar)
PRETEND_VECTORS(short, short)
PRETEND_VECTORS(unsigned short, ushort)
PRETEND_VECTORS(int, int)
PRETEND_VECTORS(unsigned, uint)
PRETEND_VECTORS(long long, longlong)
PRETEND_VECTORS(unsigned long long, ulonglong)
PRETEND_VECTORS(float, float)
PRETEND_VECTORS(double, double)
#undef PRETEND_VECTORS

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    constexpr operator uint3() const { return { x, y, z }; }
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

/* The overloads of nvcc and no more, so that a call that is ambiguous there is so here. */
#define PRETEND_MIN_MAX(A, B, result)                                                         \
    constexpr result min(A a, B b) { return (result)a < (result)b ? (result)a : (result)b; }  \
    constexpr result max(A a, B b) { return (result)a > (result)b ? (result)a : (result)b; }
#define PRETEND_MIN_MAX_SIGNS(T)                                                              \
    PRETEND_MIN_MAX(T, T, T)                                                                  \
    PRETEND_MIN_MAX(unsigned T, unsigned T, unsigned T)                                       \
    PRETEND_MIN_MAX(T, unsigned T, unsigned T)                                                \
    PRETEND_MIN_MAX(unsigned T, T, unsigned T)
PRETEND_MIN_MAX_SIGNS(int)
PRETEND_MIN_MAX_SIGNS(long)
PRETEND_MIN_MAX_SIGNS(long long)
#undef PRETEND_MIN_MAX_SIGNS
#undef PRETEND_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero((unsigned)x); }
inline int __clzll(long long x) { return std::countl_zero((unsigned long long)x); }
inline int __ffs(int x) { return x ? std::countr_zero((unsigned)x) + 1 : 0; }
inline int __ffsll(long long x) { return x ? std::countr_zero((unsigned long long)x) + 1 : 0; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
inline int __mulhi(int a, int b) { return (int)((int64_t)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return x > 0 ? fminf(x, 1) : 0; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

template <class T> T __ldg(const T *address) { return *address; }
template <class T> T __ldcs(const T *address) { return *address; }
template <class T> T __ldcg(const T *address) { return *address; }
template <class T> void __stcs(T *address, T value) { *address = value; }

#endif
