/* Pretend: runs on the pretend device, and what it counts and is told to do. */
#ifndef KIN_TESTS_CUDA_PRETEND_H
#define KIN_TESTS_CUDA_PRETEND_H

#include "tests/train/fixture.h"

#include <dlfcn.h>
#include "core/plugin.h"
#include "losses/loss.h"
#include "tests/devices/pretend/counters.h"

enum { NO_DEVICE = 77 };                /* what ctest takes for a test that cannot run here */

static struct {
    __typeof__(kin_pretend_counters) *counters;
    __typeof__(kin_pretend_reset) *reset;
    __typeof__(kin_pretend_launches) *launches;
    __typeof__(kin_pretend_seed) *seed;
    __typeof__(kin_pretend_fail) *fail_call;
    __typeof__(kin_pretend_fail_memory) *fail_memory;
} pretend;

static inline void find_function(void *library, const char *name, void *to)
{
    void *found = dlsym(library, name);
    if (!found) exit(1);
    memcpy(to, &found, sizeof found);
}

/* Leaves with NO_DEVICE where the plug-in was not built. */
static inline void find_pretend(void)
{
    void *library = dlopen(KIN_BINARY "/libkin_pretend.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(NO_DEVICE);
    }
    find_function(library, "kin_pretend_counters", &pretend.counters);
    find_function(library, "kin_pretend_reset", &pretend.reset);
    find_function(library, "kin_pretend_launches", &pretend.launches);
    find_function(library, "kin_pretend_seed", &pretend.seed);
    find_function(library, "kin_pretend_fail", &pretend.fail_call);
    find_function(library, "kin_pretend_fail_memory", &pretend.fail_memory);
}

static inline kin_status open_device(const char *name, kin_pool *pool, kin_backend **backend)
{
    if (!strcmp(name, "cpu")) return kin_cpu_new(backend, pool);
    return kin_plugin_open(backend, name, pool, kin_losses.items, KIN_TO_FP32);
}

/* What a command does: opens the device, trains, closes it. */
static inline kin_status train_on(const char *device, const char *run, const char *settings,
                                  const char *resume, kin_train_outcome *outcome)
{
    const kin_train_flags flags = { .resume = resume };
    kin_config *config = make_config(run, settings);
    kin_backend *backend = NULL;
    kin_pool *pool;
    expect_ok(kin_config_resolve(config));
    expect_ok(kin_pool_new(&pool, 1));
    kin_status status = open_device(device, pool, &backend);
    if (!status) status = kin_train(config, backend, NULL, &flags, outcome);
    if (backend) backend->free(backend);
    kin_pool_free(pool);
    kin_config_free(config);
    return status;
}

#endif
