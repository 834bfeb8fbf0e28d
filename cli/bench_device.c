#include "cli/bench_device.h"

#include <stdio.h>

#include "bench/device.h"
#include "cli/device.h"

bool bench_device_asked(const args *a)
{
    if (args_has(a, "roofline")) return true;
    for (int i = 0; a->count && device_cases[i]; i++)
        if (device_named(a->positional[0], device_cases[i]->name)) return true;
    return false;
}

/* A number above 0. */
static kin_status read_number(const args *a, const char *name, double most, double *number)
{
    const char *text = args_get(a, name);
    const kin_hyper range = { .name = name, .min = 1e-4, .max = most };
    char where[32];
    snprintf(where, sizeof where, "--%s", name);
    return text ? kin_hyper_parse(&range, where, text, number) : KIN_OK;
}

static kin_status read_options(const args *a, device_options *o)
{
    static const char *const others[] = { "serve", "repeats", "dump", "peer", "check", "record",
                                          "profile" };
    const bool json = args_has(a, "json");
    long threads;
    int place;
    *o = (device_options){ .device = "cuda", .precision = -1, .scale = 1, .seconds = 2,
                           .errors = true, .text = json ? stderr : stdout,
                           .json = json ? stdout : NULL };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        KIN_REQUIRE(!args_has(a, others[i]), KIN_USAGE, "--%s is for the cases that are timed on "
                    "the CPU alone", others[i]);
    KIN_TRY(device_choose(a, "device", &place));
    KIN_TRY(device_choose(a, "precision", &place));
    if (args_has(a, "device")) o->device = args_get(a, "device");
    if (args_has(a, "precision")) o->precision = place;
    KIN_TRY(read_number(a, "seconds", 3600, &o->seconds));
    KIN_TRY(read_number(a, "scale", 1, &o->scale));
    KIN_TRY(args_integer(a, "threads", 1, THREADS_MOST, 0, &threads));
    o->threads = (int)threads;
    return KIN_OK;
}

kin_status bench_device(const args *a)
{
    device_options o;
    KIN_TRY(read_options(a, &o));
    const char *cases = a->count ? a->positional[0] : NULL;
    if (!args_has(a, "roofline")) return device_report(&o, cases, 0, 0);
    KIN_REQUIRE(!o.json, KIN_USAGE, "--roofline prints a table and knows no --json");
    device_roofline(&o, cases, 0, 0);
    return KIN_OK;
}
