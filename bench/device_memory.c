/* Device bench: memory, counted and filled. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include "bench/bench.h"
#include "bench/device.h"

typedef struct { void *block; size_t bytes; } piece;

/* The table's functions take nothing but the backend, so what they count is here. */
static struct {
    kin_backend *backend;
    void *(*alloc)(kin_backend *, size_t);
    void (*release)(kin_backend *, void *);
    piece *pieces;
    size_t count, room;
    double now, peak;
} meter;

static void note(void *block, size_t bytes)
{
    if (meter.count == meter.room) {
        const size_t room = meter.room ? 2 * meter.room : 256;
        piece *more = realloc(meter.pieces, room * sizeof *more);
        if (!more) return;
        meter.pieces = more, meter.room = room;
    }
    meter.pieces[meter.count++] = (piece){ block, bytes };
    meter.now += (double)bytes;
    if (meter.now > meter.peak) meter.peak = meter.now;
}

static void *counting_alloc(kin_backend *backend, size_t bytes)
{
    void *block = meter.alloc(backend, bytes);
    if (block) note(block, bytes);
    return block;
}

static void counting_release(kin_backend *backend, void *block)
{
    for (size_t i = 0; block && i < meter.count; i++) {
        if (meter.pieces[i].block != block) continue;
        meter.now -= (double)meter.pieces[i].bytes;
        meter.pieces[i] = meter.pieces[--meter.count];
        break;
    }
    meter.release(backend, block);
}

void device_meter(kin_backend *backend)
{
    meter.backend = backend;
    meter.alloc = backend->alloc, meter.release = backend->release;
    meter.count = 0;
    meter.now = meter.peak = 0;
    backend->alloc = counting_alloc, backend->release = counting_release;
}

void device_meter_end(void)
{
    if (meter.backend) {
        meter.backend->alloc = meter.alloc;
        meter.backend->release = meter.release;
    }
    free(meter.pieces);
    meter.pieces = NULL;
    meter.count = meter.room = 0;
    meter.backend = NULL;
}

void device_meter_mark(void) { meter.peak = meter.now; }
double device_meter_now(void) { return meter.now; }
double device_meter_peak(void) { return meter.peak; }

double device_free_bytes(void)
{
    static int (*read_memory)(size_t *, size_t *);
    static bool looked;
    if (!looked) {
        looked = true;
        void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
        if (driver) *(void **)&read_memory = dlsym(driver, "cuMemGetInfo_v2");
    }
    size_t unused = 0, all = 0;
    return read_memory && read_memory(&unused, &all) == 0 ? (double)unused : -1;
}

/* ---- numbers ------------------------------------------------------------------------------- */

enum { PART = 1 << 16 };
static const int64_t AT_A_TIME = 16 << 20;

typedef struct {
    device_maker *make;
    const void *context;
    int64_t first, n;
    real *x;
} making;

static void make_part(void *context, int64_t task, int thread)
{
    const making *m = context;
    const int64_t from = task * PART, n = m->n - from < PART ? m->n - from : PART;
    (void)thread;
    m->make(m->context, m->first + from, n, m->x + from);
}

kin_status device_make(const device_bench *b, real **to, int64_t n, device_maker *make,
                       const void *context)
{
    kin_backend *backend = b->backend;
    const int64_t room = n < AT_A_TIME ? n : AT_A_TIME;
    *to = backend->alloc(backend, sizeof(real) * (size_t)n);
    KIN_REQUIRE(*to, KIN_MEMORY, "no device memory for %lld numbers", (long long)n);
    real *host = malloc(sizeof *host * (size_t)room);
    KIN_REQUIRE(host, KIN_MEMORY, "no memory for %lld numbers", (long long)room);
    for (int64_t first = 0; first < n; first += room) {
        making m = { make, context, first, n - first < room ? n - first : room, host };
        kin_pool_run(b->pool, (m.n + PART - 1) / PART, make_part, &m);
        backend->upload(backend, *to + first, host, sizeof(real) * (size_t)m.n);
    }
    free(host);
    return KIN_OK;
}

void device_make_queries(const void *unused, int64_t first, int64_t n, real *x)
{
    (void)unused;
    for (int64_t i = 0; i < n; i++) x[i] = (real)bench_uniform(1, (uint64_t)(first + i));
}

void device_make_documents(const void *unused, int64_t first, int64_t n, real *x)
{
    (void)unused;
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(0.7f * bench_uniform(1, (uint64_t)(first + i)) +
                      0.7f * bench_uniform(2, (uint64_t)(first + i)));
}

/* ---- time ---------------------------------------------------------------------------------- */

void device_wait(const device_bench *b)
{
    char byte;
    b->backend->download(b->backend, &byte, b->written, 1);
}

double device_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
