/* How fast products are here, against the fastest that multiply-adds on registers can be. */
#include <stdlib.h>
#include <time.h>
#include "cpu/internal.h"

enum { SIDE = 1024, REPEATS = 5, STREAM_BYTES = 64 << 20 };

/* One thread is timed by the time that it ran, so that other programs do not count. */
static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double measure_peak(const kin_loops *loops)
{
    const int64_t rounds = 1 << 19;
    double best = 0;
    real result = 0;
    for (int i = 0; i < REPEATS; i++) {
        const double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
        const double flops = 2 * loops->multiply_add(rounds, &result);
        const double rate = flops / (seconds(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e-9;
        if (rate > best) best = rate;
    }
    return result > 1e30 ? 0 : best;               /* the result is used, so it is computed */
}

static double measure_product(kin_backend *backend, const kin_product *p)
{
    const clockid_t clock = backend->pool ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        const double begin = seconds(clock);
        backend->product(backend, p);
        const double rate = 2.0 * SIDE * SIDE * SIDE / (seconds(clock) - begin) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
}

static kin_status measure_memory(kin_backend *backend, double *rate)
{
    const size_t bytes = STREAM_BYTES;
    real *memory = backend->alloc(backend, bytes);
    KIN_REQUIRE(memory, KIN_MEMORY, "measure: no memory");
    backend->zero(backend, memory, bytes);
    *rate = 0;
    for (int i = 0; i < REPEATS; i++) {
        const double begin = seconds(CLOCK_MONOTONIC);
        backend->scale(backend, (int64_t)(bytes / sizeof(real)), (real)0.5, memory);
        const double now = 2.0 * STREAM_BYTES / (seconds(CLOCK_MONOTONIC) - begin) * 1e-9;
        if (now > *rate) *rate = now;
    }
    backend->release(backend, memory);
    return KIN_OK;
}

kin_status kin_cpu_measure(kin_backend *backend, kin_cpu_rates *rates)
{
    const size_t n = (size_t)SIDE * SIDE;
    real *memory = backend->alloc(backend, 3 * n * sizeof(real));
    KIN_REQUIRE(memory, KIN_MEMORY, "measure: no memory");
    for (size_t i = 0; i < 3 * n; i++) memory[i] = (real)((double)(i % 17) * 0.1 - 0.8);
    const kin_product p = {
        .transpose_b = 1, .m = SIDE, .n = SIDE, .k = SIDE, .alpha = 1, .a = memory, .lda = SIDE,
        .b = memory + n, .ldb = SIDE, .beta = 0, .c = memory + 2 * n, .ldc = SIDE,
    };
    kin_pool *pool = backend->pool;
    rates->threads = kin_pool_threads(pool);
    rates->peak = measure_peak(cpu_of(backend)->loops);
    rates->product_all = measure_product(backend, &p);
    backend->pool = NULL;
    rates->product_one = measure_product(backend, &p);
    backend->pool = pool;
    backend->release(backend, memory);
    return measure_memory(backend, &rates->memory);
}
