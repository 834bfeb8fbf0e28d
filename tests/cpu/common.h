/* Backends for every instruction set and number of threads, and numbers to feed them. */
#ifndef KIN_TESTS_CPU_COMMON_H
#define KIN_TESTS_CPU_COMMON_H

#include "tests/core/common.h"
#include <math.h>
#include "core/hash.h"
#include "core/rng.h"
#include "cpu/cpu.h"

static const int thread_counts[] = { 1, 2, 3, 8 };
enum { COUNTS = 4 };

#ifdef KIN_DOUBLE
static const double tiny = 1e-14;              /* a rounding error, generously */
#else
static const double tiny = 3e-7;
#endif

/* The thread sanitizer makes the loops in double very slow, and they are looked at without it. */
#ifdef __SANITIZE_THREAD__
enum { LOOK = 0 };
#else
enum { LOOK = 1 };
#endif

static kin_backend *open_cpu(int threads)
{
    kin_pool *pool;
    kin_backend *backend;
    assert_int_equal(kin_pool_new(&pool, threads), KIN_OK);
    assert_int_equal(kin_cpu_new(&backend, pool), KIN_OK);
    return backend;
}

static void close_cpu(kin_backend *backend)
{
    kin_pool *pool = backend->pool;
    backend->free(backend);
    kin_pool_free(pool);
}

static bool cpu_has(const char *isa)
{
#if defined(__x86_64__) && !defined(KIN_DOUBLE)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(isa, "avx2") == 0) return avx2;
    if (strcmp(isa, "avx512") == 0) {
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    }
#endif
    return strcmp(isa, "plain") == 0;
}

/* Calls check with a backend for each instruction set that this CPU has, forced, and each number
 * of threads; `out` numbers that check wrote must have the same bits for all of them. check looks
 * at its results itself, for one thread. */
typedef void (*kernel_check)(kin_backend *backend, bool look, real *out);

static inline void for_each_cpu(kernel_check check, size_t out)
{
    static const char *const isas[] = { "plain", "avx2", "avx512" };
    real *first = calloc(out + 1, sizeof *first), *again = calloc(out + 1, sizeof *again);
    int ran = 0, expected = 0;
    for (int i = 0; i < 3; i++) {
        if (!cpu_has(isas[i])) continue;
        expected++;
        setenv("KIN_ISA", isas[i], 1);
        for (int t = 0; t < COUNTS; t++) {
            kin_backend *backend = open_cpu(thread_counts[t]);
            if (t == 0) ran += strcmp(kin_cpu_describe(backend).isa, isas[i]) == 0;
            check(backend, LOOK && t == 0, t == 0 ? first : again);
            if (t > 0) assert_memory_equal(first, again, out * sizeof *first);
            close_cpu(backend);
        }
    }
    unsetenv("KIN_ISA");
    assert_int_equal(ran, expected);
    free(first);
    free(again);
}

/* n numbers, even between -2 and 2. */
static inline real *numbers(int64_t n, uint32_t which)
{
    real *x = malloc((size_t)(n + 1) * sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        const uint64_t place = ((uint64_t)which << 40) + (uint64_t)i * 0x9E3779B97F4A7C15u;
        const uint64_t bits = kin_mix64(place);
        x[i] = (real)((double)(bits >> 11) * 0x1p-51 - 2);
    }
    return x;
}

static inline void assert_near(double got, double want, double allowed)
{
    if (!(fabs(got - want) <= allowed)) {
        fail_msg("got %.9g, expected %.9g within %.3g", got, want, allowed);
    }
}

#endif
