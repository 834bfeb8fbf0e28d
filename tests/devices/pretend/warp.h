/* Where threads meet: barriers, shuffles, votes, atomics. */
#ifndef KIN_PRETEND_WARP_H
#define KIN_PRETEND_WARP_H

#include <source_location>
#include "language.h"

namespace pretend {

using Place = std::source_location;

struct Meeting;
/* What a lane receives: computed when all lanes of the group have come. */
using Combine = uint64_t(const Meeting *lanes, unsigned group, int lane);

struct Meeting {
    const char *what;
    unsigned mask;
    uint64_t given;
    int source;                 /* the lane whose value is wanted, where one is */
    Combine *combine;
    Place at;
};

uint64_t meet(const Meeting &);               /* the calling lane takes part */
int barrier(const char *what, int predicate, Place at);      /* how many predicates hold */
int lane();
void check_width(int width);

Combine take, ballot, nothing, sum, least_signed, most_signed, least_unsigned, most_unsigned;

template <class T> uint64_t pack(T value)
{
    static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                  "a shuffle moves a number of 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    return bits;
}

template <class T> T unpack(uint64_t bits)
{
    T value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* inside: the source lane lies in this lane's segment; if not, the lane keeps its own value. */
template <class T>
T shuffle(const char *what, unsigned mask, T value, int source, bool inside, Place at)
{
    return unpack<T>(meet({ what, mask, pack(value), inside ? source : lane(), take, at }));
}

template <class T, class Change> T update(T *address, Change change)
{
    T old, next;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    do next = change(old);
    while (!__atomic_compare_exchange(address, &old, &next, false, __ATOMIC_RELAXED,
                                      __ATOMIC_RELAXED));
    return old;
}

} // namespace pretend

#define PRETEND_AT pretend::Place at = pretend::Place::current()

inline void __syncthreads(PRETEND_AT) { pretend::barrier("__syncthreads", 0, at); }
inline int __syncthreads_count(int predicate, PRETEND_AT)
{
    return pretend::barrier("__syncthreads_count", predicate != 0, at);
}
inline int __syncthreads_or(int predicate, PRETEND_AT)
{
    return pretend::barrier("__syncthreads_or", predicate != 0, at) > 0;
}
inline int __syncthreads_and(int predicate, PRETEND_AT)
{
    return pretend::barrier("__syncthreads_and", predicate == 0, at) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffff, PRETEND_AT)
{
    pretend::meet({ "__syncwarp", mask, 0, 0, pretend::nothing, at });
}
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, PRETEND_AT)
{
    pretend::check_width(width);
    const int first = pretend::lane() & ~(width - 1);
    return pretend::shuffle("__shfl_sync", mask, value, first + (source & (width - 1)), true, at);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, PRETEND_AT)
{
    pretend::check_width(width);
    const int source = pretend::lane() - (int)delta, first = pretend::lane() & ~(width - 1);
    return pretend::shuffle("__shfl_up_sync", mask, value, source, source >= first, at);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, PRETEND_AT)
{
    pretend::check_width(width);
    const int source = pretend::lane() + (int)delta, last = pretend::lane() | (width - 1);
    return pretend::shuffle("__shfl_down_sync", mask, value, source, source <= last, at);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, PRETEND_AT)
{
    pretend::check_width(width);
    const int source = pretend::lane() ^ lanes, last = pretend::lane() | (width - 1);
    return pretend::shuffle("__shfl_xor_sync", mask, value, source, source <= last, at);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, PRETEND_AT)
{
    return (unsigned)pretend::meet({ "__ballot_sync", mask, predicate != 0, 0, pretend::ballot,
                                     at });
}
inline int __any_sync(unsigned mask, int predicate, PRETEND_AT)
{
    return pretend::meet({ "__any_sync", mask, predicate != 0, 0, pretend::ballot, at }) != 0;
}
inline int __all_sync(unsigned mask, int predicate, PRETEND_AT)
{
    return pretend::meet({ "__all_sync", mask, predicate == 0, 0, pretend::ballot, at }) == 0;
}

#define PRETEND_REDUCE(name, T, combine)                                                      \
    inline T name(unsigned mask, T value, PRETEND_AT)                                         \
    {                                                                                         \
        return (T)pretend::meet({ #name, mask, (uint64_t)value, 0, pretend::combine, at });   \
    }
PRETEND_REDUCE(__reduce_add_sync, unsigned, sum)
PRETEND_REDUCE(__reduce_add_sync, int, sum)
PRETEND_REDUCE(__reduce_min_sync, unsigned, least_unsigned)
PRETEND_REDUCE(__reduce_min_sync, int, least_signed)
PRETEND_REDUCE(__reduce_max_sync, unsigned, most_unsigned)
PRETEND_REDUCE(__reduce_max_sync, int, most_signed)
#undef PRETEND_REDUCE
#undef PRETEND_AT

/* Threads change place only where they meet, so a plain += would do as well. The thread sanitizer
 * must be able to tell the two apart: these are real atomics. The overloads are those of nvcc. */
#define PRETEND_ATOMIC(name, T, next)                                                         \
    inline T name(T *address, T value)                                                        \
    {                                                                                         \
        return pretend::update(address, [=]([[maybe_unused]] T old) { return (T)(next); });   \
    }
#define PRETEND_ATOMICS(T)                                                                    \
    PRETEND_ATOMIC(atomicExch, T, value)                                                      \
    PRETEND_ATOMIC(atomicMin, T, old < value ? old : value)                                   \
    PRETEND_ATOMIC(atomicMax, T, old > value ? old : value)                                   \
    PRETEND_ATOMIC(atomicAnd, T, old & value)                                                 \
    PRETEND_ATOMIC(atomicOr, T, old | value)                                                  \
    PRETEND_ATOMIC(atomicXor, T, old ^ value)                                                 \
    inline T atomicCAS(T *address, T expected, T value)                                       \
    {                                                                                         \
        return pretend::update(address, [=](T old) { return old == expected ? value : old; });\
    }
PRETEND_ATOMICS(int)
PRETEND_ATOMICS(unsigned)
PRETEND_ATOMICS(unsigned long long)
PRETEND_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)value))
PRETEND_ATOMIC(atomicAdd, unsigned, old + value)
PRETEND_ATOMIC(atomicAdd, unsigned long long, old + value)
PRETEND_ATOMIC(atomicAdd, float, old + value)
PRETEND_ATOMIC(atomicAdd, double, old + value)
PRETEND_ATOMIC(atomicSub, int, (int)((unsigned)old - (unsigned)value))
PRETEND_ATOMIC(atomicSub, unsigned, old - value)
PRETEND_ATOMIC(atomicExch, float, value)
#undef PRETEND_ATOMICS
#undef PRETEND_ATOMIC

#endif
