#include "cli/device.h"

#include <string.h>

#include "cpu/cpu.h"

kin_status device_open(device *d, const char *name, int threads)
{
    *d = (device){ NULL, NULL };
    KIN_REQUIRE(strcmp(name, "cuda"), KIN_USAGE, "run.device is 'cuda', but this build has no CUDA "
                "backend; use cpu");
    KIN_REQUIRE(!strcmp(name, "cpu"), KIN_USAGE, "run.device is '%s', expected cpu", name);
    kin_status status = kin_pool_new(&d->pool, threads);
    if (status == KIN_OK) status = kin_cpu_new(&d->backend, d->pool);
    if (status != KIN_OK) device_close(d);
    return status;
}

kin_status device_open_for(device *d, const args *a)
{
    long threads;
    KIN_TRY(args_integer(a, "threads", 1, THREADS_MOST, 0, &threads));
    return device_open(d, "cpu", (int)threads);
}

void device_close(device *d)
{
    if (d->backend) d->backend->free(d->backend);
    kin_pool_free(d->pool);
    *d = (device){ NULL, NULL };
}
