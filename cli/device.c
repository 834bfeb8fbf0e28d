#include "cli/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin.h"
#include "cpu/cpu.h"
#include "losses/loss.h"

static kin_status open_backend(device *d, const char *name, int precision)
{
    if (strcmp(name, "cpu"))
        return kin_plugin_open(&d->backend, name, d->pool, kin_losses.items, precision);
    KIN_REQUIRE(precision == KIN_TO_FP32, KIN_USAGE, "a precision is for device cuda: the cpu "
                "rounds nothing beforehand");
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

/* What the key run.NAME of a run file allows, as the only place that says so. */
static kin_status find_choices(const char *name, char *choices, size_t size)
{
    kin_config_key *keys;
    int count;
    KIN_TRY(kin_config_keys(&keys, &count));
    for (int i = 0; i < count; i++)
        if (!strcmp(keys[i].section, "run") && !strcmp(keys[i].name, name))
            snprintf(choices, size, "%s", keys[i].range);
    free(keys);
    return KIN_OK;
}

kin_status device_choose(const args *a, const char *name, int *place)
{
    const char *text = args_get(a, name);
    char choices[96] = "", where[32];
    double number = 0;
    *place = 0;
    if (!text) return KIN_OK;
    KIN_TRY(find_choices(name, choices, sizeof choices));
    snprintf(where, sizeof where, "--%s", name);
    const kin_hyper choice = { .name = name, .choices = choices };       /* cpu|cuda|pretend */
    KIN_TRY(kin_hyper_parse(&choice, where, text, &number));
    *place = (int)number;
    return KIN_OK;
}

kin_status device_open_for(device *d, const args *a)
{
    long threads;
    int which, precision;
    KIN_TRY(args_integer(a, "threads", 1, THREADS_MOST, 0, &threads));
    KIN_TRY(device_choose(a, "device", &which));
    KIN_TRY(device_choose(a, "precision", &precision));
    return device_open(d, which ? args_get(a, "device") : "cpu", precision, (int)threads);
}

void device_close(device *d)
{
    if (d->backend) d->backend->free(d->backend);
    kin_pool_free(d->pool);
    *d = (device){ NULL, NULL };
}
