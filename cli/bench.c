/* kin bench: time one case, or serve repetitions to a driver that takes turns with a peer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "cli/device.h"
#include "cli/print.h"
#include "core/entry.h"
#include "core/file.h"
#include "cpu/cpu.h"
#include "train/machine.h"

enum { REPEATS_MOST = 1000 };

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

static kin_status find_case(const char *name, const bench_case **found)
{
    const char *names[64];
    int n = 0;
    for (; bench_cases[n]; n++) {
        names[n] = bench_cases[n]->name;
        if (!strcmp(name, names[n])) {
            *found = bench_cases[n];
            return KIN_OK;
        }
    }
    const char *near = kin_nearest(name, names, n);
    return kin_fail(KIN_USAGE, "unknown case '%s'%s%s; 'kin bench' lists the cases", name,
                    near ? "; did you mean " : "", near ? near : "");
}

typedef struct { double ms, cpu_ms, loss; } timing;

static kin_status once(bench *b, timing *t)
{
    const double wall = now_ms(CLOCK_MONOTONIC), cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    KIN_TRY(b->kind->repeat(b, &t->loss));
    t->ms = now_ms(CLOCK_MONOTONIC) - wall;
    t->cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return KIN_OK;
}

/* Peak beyond inputs, their gradients, parameters and optimizer state. base is read when these are
 * there, but for own_bytes of them, which the first repetition makes. */
static double extra_mb(const bench *b, double base)
{
    return kin_memory_peak() - base - (double)b->own_bytes / 1048576;
}

static double fraction(const bench *b, const kin_cpu_rates *rates, double ms)
{
    return b->flops / (ms * 1e6) / (rates->peak * rates->threads);
}

/* Reads "go" and "end" from stdin, answers in lines of JSON. */
static kin_status serve(bench *b, const kin_cpu_rates *rates, double base)
{
    timing t;
    KIN_TRY(once(b, &t));
    printf("{\"ready\": true, \"case\": \"%s\", \"peer\": \"kin\", \"threads\": %d, "
           "\"loss\": %.9g}\n", b->kind->name, rates->threads, t.loss);
    fflush(stdout);
    double best = 0;
    char line[64];
    while (fgets(line, sizeof line, stdin) && strcmp(line, "end\n")) {
        KIN_REQUIRE(!strcmp(line, "go\n"), KIN_DATA,
                    "standard input: found '%.*s', expected a line go or end",
                    (int)strcspn(line, "\n"), line);
        KIN_TRY(once(b, &t));
        if (best == 0 || t.ms < best) best = t.ms;
        printf("{\"ms\": %.4f, \"cpu_ms\": %.4f, \"loss\": %.9g}\n", t.ms, t.cpu_ms, t.loss);
        fflush(stdout);
    }
    KIN_REQUIRE(!ferror(stdin), KIN_DATA, "standard input: %s", strerror(errno));
    printf("{\"extra_mb\": %.3f, \"fraction\": %.4f}\n", extra_mb(b, base),
           best > 0 ? fraction(b, rates, best) : 0);
    return KIN_OK;
}

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static kin_status measure(bench *b, const args *a, const kin_cpu_rates *rates, double base)
{
    double ms[REPEATS_MOST];
    long repeats;
    timing t;
    KIN_TRY(args_integer(a, "repeats", 1, REPEATS_MOST, 7, &repeats));
    KIN_TRY(once(b, &t));
    for (long i = 0; i < repeats; i++) {
        KIN_TRY(once(b, &t));
        ms[i] = t.ms;
    }
    qsort(ms, (size_t)repeats, sizeof *ms, by_time);
    const double share = fraction(b, rates, ms[0]);
    if (args_has(a, "json"))
        printf("{\"case\": \"%s\", \"threads\": %d, \"ms_min\": %.4f, \"ms_median\": %.4f, "
               "\"ms_max\": %.4f, \"loss\": %.9g, \"extra_mb\": %.3f, \"fraction\": %.4f}\n",
               b->kind->name, rates->threads, ms[0], ms[repeats / 2], ms[repeats - 1], t.loss,
               extra_mb(b, base), share);
    else
        printf("%s: %s\n%d threads, ms: min %.2f, median %.2f, max %.2f; %.0f %% of peak; "
               "extra memory %.1f MB\n", b->kind->name, b->kind->summary, rates->threads, ms[0],
               ms[repeats / 2], ms[repeats - 1], 100 * share, extra_mb(b, base));
    return KIN_OK;
}

static kin_status run_case(bench *b, const args *a)
{
    kin_cpu_rates rates;
    KIN_TRY(kin_cpu_measure(b->backend, &rates));
    KIN_TRY(b->kind->open(b));
    reset_peak();
    const double base = kin_memory_now();
    if (args_has(a, "serve")) return serve(b, &rates, base);
    return measure(b, a, &rates, base);
}

static kin_status print_cases(bool as_json)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    for (int i = 0; bench_cases[i]; i++) {
        if (!as_json) printf("%-5s %s\n", bench_cases[i]->name, bench_cases[i]->summary);
        kin_json_put_string(&json, bench_cases[i]->name, bench_cases[i]->summary);
    }
    kin_json_close(&json);
    if (as_json) return print_json(&json);
    kin_json_discard(&json);
    return KIN_OK;
}

static kin_status run(const args *a)
{
    long repeats;
    KIN_TRY(args_integer(a, "repeats", 1, REPEATS_MOST, 7, &repeats));
    if (!a->count) return print_cases(args_has(a, "json"));
    bench b = { .dump = args_get(a, "dump") };
    KIN_TRY(find_case(a->positional[0], &b.kind));
    if (b.dump) KIN_TRY(kin_folder_make(b.dump));
    device d;
    KIN_TRY(device_open_for(&d, a));
    b.backend = d.backend;
    const kin_status status = run_case(&b, a);
    b.kind->close(&b);
    device_close(&d);
    return status;
}

static const verb_option options[] = {
    { "serve", NULL, "repeat on each line 'go' of stdin, leave on 'end'" },
    { "repeats", "N", "repetitions to time (default 7)" },
    { "dump", "FOLDER", "write the gradients of the first repetition as dq.npy and dk.npy" },
    { NULL, NULL, NULL }
};

const verb verb_bench = {
    .name = "bench", .summary = "time one piece of work",
    .usage = "[CASE] [--repeats N]", .options = options, .least = 0, .most = 1, .run = run,
    .details = "Without a case, the cases. peak: the fused multiply-adds that all threads together\n"
               "could do in the same time; extra memory: beyond inputs, gradients, parameters and\n"
               "optimizer state.",
};
