/* How fast products are here, against the fastest that multiply-adds on registers can be. */
#include <stdlib.h>
#include <time.h>
#include "cpu/internal.h"

enum { SIDE = 1024, REPEATS = 5 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The best variant is meant, whichever one KIN_ISA has forced. */
static double measure_peak(const kin_loops *loops)
{
    const int64_t rounds = 1 << 19;
    double best = 0;
    real result = 0;
    for (int i = 0; i < REPEATS; i++) {
        const double begin = seconds();
        const double flops = 2 * loops->multiply_add(rounds, &result);
        const double rate = flops / (seconds() - begin) * 1e-9;
        if (rate > best) best = rate;
    }
    return result > 1e30 ? 0 : best;               /* the result is used, so it is computed */
}

static double measure_product(kin_backend *backend, const kin_product *p)
{
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        const double begin = seconds();
        backend->product(backend, p);
        const double rate = 2.0 * SIDE * SIDE * SIDE / (seconds() - begin) * 1e-9;
        if (rate > best) best = rate;
    }
    return best;
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
    rates->product_one = rates->threads > 1 ? measure_product(backend, &p) : rates->product_all;
    backend->pool = pool;
    backend->release(backend, memory);
    return KIN_OK;
}
