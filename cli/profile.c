#include "cli/profile.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 40 };

kin_status profile_open(profiling *p, const args *a, kin_backend *device)
{
    *p = (profiling){ .backend = device };
    if (!args_has(a, "profile")) return KIN_OK;
    KIN_TRY(kin_cpu_measure(device, &p->rates));
    KIN_TRY(kin_profile_new(&p->profile, device));
    p->backend = kin_profile_backend(p->profile);
    return KIN_OK;
}

void profile_close(profiling *p)
{
    kin_profile_free(p->profile);
    p->profile = NULL;
}

/* One row, or the sum of all, per step; shares of what the machine can do stand where something
 * counts. */
static void print_row(FILE *out, const kin_profile_row *r, const kin_cpu_rates *rates, double total,
                      double steps)
{
    const double peak = rates->peak * rates->threads;
    fprintf(out, "%-20s %5.1f %% %9.3f", r->name, total > 0 ? 100 * r->seconds / total : 0,
            1e3 * r->seconds / steps);
    if (r->flops > 0)
        fprintf(out, " %10.4f %6.0f %%", 1e-9 * r->flops / steps,
                1e-7 * r->flops / r->seconds / peak);
    else
        fprintf(out, " %19s", "");
    if (r->bytes > 0)
        fprintf(out, " %9.4f %6.0f %%", 1e-9 * r->bytes / steps,
                1e-7 * r->bytes / r->seconds / rates->memory);
    fprintf(out, "\n");
}

void profile_print(const profiling *p, const args *a)
{
    if (!p->profile) return;
    FILE *out = args_has(a, "json") ? stderr : stdout;
    kin_profile_row rows[ROWS], all = { .name = "all" };
    double total;
    const int n = kin_profile_rows(p->profile, rows, ROWS, &total);
    const double steps = fmax(1, (double)kin_profile_steps(p->profile));
    fprintf(out, "where the time of a step goes, mean of %.0f; peak: %.0f GFLOP/s of multiply-adds "
                 "on %d threads;\nmemory: %.0f GB/s, above 100 %% where the cache serves\n"
                 "%-20s %7s %9s %10s %8s %9s %8s\n", steps,
            p->rates.peak * p->rates.threads, p->rates.threads, p->rates.memory, "", "time", "ms",
            "GFLOP", "peak", "GB", "memory");
    for (int i = 0; i < n; i++) {
        print_row(out, &rows[i], &p->rates, total, steps);
        all.flops += rows[i].flops;
        all.bytes += rows[i].bytes;
    }
    all.seconds = total;
    print_row(out, &all, &p->rates, total, steps);
}
