#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "tests/cuda/parity.h"

enum { GUARD = 64, PATTERN = 0xA5 };

void *parity_host(size_t bytes)
{
    void *block = calloc(bytes + 1, 1);
    if (!block) fprintf(stderr, "parity: out of memory\n"), exit(1);
    return block;
}

/* A block with a guard behind it; what was there before is of no use to anybody. */
static char *take(parity *p, size_t bytes)
{
    char guard[GUARD];
    char *block = p->blocks < PARITY_BLOCKS ? p->device->alloc(p->device, bytes + GUARD) : NULL;
    if (!block) fprintf(stderr, "parity: no memory on the device\n"), exit(1);
    memset(guard, PATTERN, sizeof guard);
    p->device->upload(p->device, block + bytes, guard, sizeof guard);
    p->block[p->blocks] = block;
    p->bytes[p->blocks++] = bytes;
    return block;
}

void *parity_put(parity *p, const void *host, size_t bytes)
{
    char *block = take(p, bytes);
    if (bytes) p->device->upload(p->device, block, host, bytes);
    return block;
}

/* Numbers as real, shifted. */
static real *put_shifted(parity *p, const real *host, int64_t n)
{
    real *block = (real *)(void *)take(p, sizeof *host * (size_t)(n + p->shift));
    if (n) p->device->upload(p->device, block + p->shift, host, sizeof *host * (size_t)n);
    return block + p->shift;
}

real *parity_room(parity *p, int64_t n)
{
    real *host = parity_host(sizeof *host * (size_t)n);
    for (int64_t i = 0; i < n; i++) host[i] = (real)NAN;
    real *x = put_shifted(p, host, n);
    free(host);
    return x;
}

real *parity_host_normal(const parity *p, uint32_t which, int64_t n)
{
    real *x = parity_host(sizeof *x * (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(float)kin_random_normal(p->seed, KIN_STREAM_TEST, which, (uint64_t)i);
    return x;
}

int32_t *parity_host_below(const parity *p, uint32_t which, int64_t n, int64_t below)
{
    int32_t *x = parity_host(sizeof *x * (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (int32_t)kin_random_below(p->seed, KIN_STREAM_TEST, which, (uint64_t)i,
                                         (uint64_t)below);
    return x;
}

real *parity_normal(parity *p, uint32_t which, int64_t n)
{
    real *host = parity_host_normal(p, which, n), *x = put_shifted(p, host, n);
    free(host);
    return x;
}

real *parity_whole(parity *p, uint32_t which, int64_t n, int64_t most)
{
    int32_t *numbers = parity_host_below(p, which, n, 2 * most + 1);
    real *host = parity_host(sizeof *host * (size_t)n);
    for (int64_t i = 0; i < n; i++) host[i] = (real)(numbers[i] - most);
    real *x = put_shifted(p, host, n);
    free(host), free(numbers);
    return x;
}

void parity_end(parity *p)
{
    bool whole = true;
    for (int i = 0; i < p->blocks; i++) {
        unsigned char guard[GUARD];
        const char *block = p->block[i];
        p->device->download(p->device, guard, block + p->bytes[i], sizeof guard);
        for (int k = 0; k < GUARD; k++) whole = whole && guard[k] == PATTERN;
        p->device->release(p->device, p->block[i]);
    }
    p->blocks = 0;
    if (!whole) parity_error(p, "wrote behind a block", 1, 1e-12);
}
