#include "cli/device.h"

#include <string.h>

#include "core/plugin.h"
#include "cpu/cpu.h"
#include "losses/loss.h"

static kin_status open_backend(device *d, const char *name, int precision)
{
    if (strcmp(name, "cpu"))
        return kin_plugin_open(&d->backend, name, d->pool, kin_losses.items, precision);
    KIN_REQUIRE(precision == KIN_TO_FP32, KIN_USAGE, "run.precision is for device cuda; the cpu "
                "computes in fp32");
    return kin_cpu_new(&d->backend, d->pool);
}

kin_status device_open(device *d, const char *name, int precision, int threads)
{
    *d = (device){ NULL, NULL };
    kin_status status = kin_pool_new(&d->pool, threads);
    if (status == KIN_OK) status = open_backend(d, name, precision);
    if (status != KIN_OK) device_close(d);
    return status;
}

kin_status device_open_run(device *d, const kin_config *config)
{
    return device_open(d, kin_config_text(config, "run.device"),
                       (int)kin_config_number(config, "run.precision"),
                       (int)kin_config_number(config, "run.threads"));
}

kin_status device_open_for(device *d, const args *a)
{
    long threads;
    KIN_TRY(args_integer(a, "threads", 1, THREADS_MOST, 0, &threads));
    return device_open(d, "cpu", KIN_TO_FP32, (int)threads);
}

void device_close(device *d)
{
    if (d->backend) d->backend->free(d->backend);
    kin_pool_free(d->pool);
    *d = (device){ NULL, NULL };
}
