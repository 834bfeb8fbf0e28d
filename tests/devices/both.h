/* Both: a test that runs twice, on the plain backend and on the real one of this machine. */
#ifndef KIN_TESTS_DEVICES_BOTH_H
#define KIN_TESTS_DEVICES_BOTH_H

#include <stdio.h>
#include "cpu/cpu.h"
#include "tests/devices/plain.h"

static kin_backend backend;                     /* a copy: tests may change its functions */
static kin_backend *backend_made;
static kin_pool *backend_pool;

static int open_plain(void **state)
{
    (void)state;
    printf("on the plain backend:\n");
    backend = plain_backend();
    return 0;
}

static int open_cpu(void **state)
{
    (void)state;
    printf("on the cpu backend:\n");
    if (kin_pool_new(&backend_pool, 2) != KIN_OK) return 1;
    if (kin_cpu_new(&backend_made, backend_pool) != KIN_OK) return 1;
    backend = *backend_made;
    return 0;
}

static int close_cpu(void **state)
{
    (void)state;
    backend_made->free(backend_made);
    kin_pool_free(backend_pool);
    return 0;
}

#define RUN_ON_BOTH(tests)                                  \
    (cmocka_run_group_tests(tests, open_plain, NULL) +      \
     cmocka_run_group_tests(tests, open_cpu, close_cpu))

#endif
