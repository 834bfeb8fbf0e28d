#include "bench/versus.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include "core/file.h"
#include "data/json.h"

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

kin_status bench_once(bench *b, bench_sample *s)
{
    const double wall = now_ms(CLOCK_MONOTONIC), cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    KIN_TRY(b->kind->repeat(b, &s->loss));
    s->ms = now_ms(CLOCK_MONOTONIC) - wall;
    s->cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return KIN_OK;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *sorted, int n)
{
    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

void bench_summarise(bench_program *p, int repeats)
{
    double ms[BENCH_REPEATS_MAX], cpu[BENCH_REPEATS_MAX];
    for (int i = 0; i < repeats; i++) ms[i] = p->sample[i].ms, cpu[i] = p->sample[i].cpu_ms;
    p->ms_median = median(ms, repeats);
    p->cpu_ms_median = median(cpu, repeats);
    p->ms_min = ms[0];
    p->ms_max = ms[repeats - 1];
}

double bench_fraction(const bench_versus *v, double ms)
{
    return v->flops / (ms * 1e6) / (v->rates.peak * v->threads);
}

/* ---- taking turns --------------------------------------------------------------------------- */

/* Threads of a program that was just at work may still be spinning. */
static void pause_between(void)
{
    const struct timespec quarter = { .tv_nsec = 250000000 };
    nanosleep(&quarter, NULL);
}

static kin_status take_turns(bench_versus *v, bench *b)
{
    for (int r = 0; r < v->repeats; r++) {
        for (int i = 1; i < v->programs; i++) {
            pause_between();
            KIN_TRY(bench_peer_go(&v->peer[i - 1], &v->program[i].sample[r]));
        }
        if (v->programs > 1) pause_between();
        kin_profile_run(v->profile, true);
        KIN_TRY(bench_once(b, &v->program[0].sample[r]));
        kin_profile_step(v->profile);
        kin_profile_run(v->profile, false);
    }
    for (int i = 0; i < v->programs; i++) bench_summarise(&v->program[i], v->repeats);
    return KIN_OK;
}

/* "LABEL: COMMAND" or "COMMAND". */
static kin_status start(bench_peer *peer, const char *words)
{
    char label[64];
    const char *colon = strstr(words, ": ");
    if (!colon || memchr(words, ' ', (size_t)(colon - words)))
        return bench_peer_start(peer, words, NULL);
    snprintf(label, sizeof label, "%.*s", (int)(colon - words), words);
    return bench_peer_start(peer, colon + 2, label);
}

static kin_status run(bench_versus *v, bench *b, const char *const *commands, int count)
{
    for (int i = 0; i < count; i++) {
        KIN_TRY(start(&v->peer[i], commands[i]));
        v->program[i + 1].name = v->peer[i].name;
        v->program[i + 1].loss = v->peer[i].loss;
    }
    KIN_TRY(take_turns(v, b));
    for (int i = 0; i < count; i++)
        KIN_TRY(bench_peer_end(&v->peer[i], &v->program[i + 1].extra_mb));
    return KIN_OK;
}

kin_status bench_versus_run(bench_versus *v, bench *b, const char *const *commands, int count)
{
    char reason[1024];
    v->programs = 1 + count;
    const kin_status status = run(v, b, commands, count);
    if (!status) return KIN_OK;
    snprintf(reason, sizeof reason, "%s", kin_message());
    for (int i = 0; i < count; i++) bench_peer_stop(&v->peer[i]);
    return kin_fail(status, "%s", reason);
}

/* ---- telling -------------------------------------------------------------------------------- */

void bench_versus_print(const bench_versus *v, FILE *out)
{
    const bench_program *kin = &v->program[0];
    fprintf(out, "%s: %s, %d thread%s, %d repetitions in turn\n", v->kind->name, v->kind->summary,
            v->threads, v->threads > 1 ? "s" : "", v->repeats);
    if (v->gated)
        fprintf(out, "against double: loss %.1e, gradients %.1e\n", v->gate.loss, v->gate.gradient);
    fprintf(out, "%-56s %9s %9s %9s %7s %9s %7s %14s\n", "", "ms min", "median", "max", "ratio",
            "extra MB", "ratio", "loss");
    for (int i = 0; i < v->programs; i++) {
        const bench_program *p = &v->program[i];
        fprintf(out, "%-56.56s %9.2f %9.2f %9.2f %7.2f %9.1f %7.1f %14.9g", p->name, p->ms_min,
                p->ms_median, p->ms_max, p->ms_median / kin->ms_median, p->extra_mb,
                p->extra_mb / kin->extra_mb, p->loss);
        if (i == 0 && v->flops > 0)
            fprintf(out, "  %.0f %% of peak", 100 * bench_fraction(v, p->ms_min));
        fprintf(out, "\n");
    }
}

static void put_machine(kin_json_out *out, const bench_versus *v)
{
    struct utsname name = { 0 };
    char load[64] = "";
    FILE *file = fopen("/proc/loadavg", "r");
    if (file && !fgets(load, sizeof load, file)) load[0] = 0;
    if (file) fclose(file);
    load[strcspn(load, "\n")] = 0;
    uname(&name);
    kin_json_open(out, "machine", '{');
    kin_json_put_string(out, "cpu", v->cpu.model);
    kin_json_put_string(out, "features", v->cpu.features);
    kin_json_put_string(out, "kernel", name.release);
    kin_json_put_string(out, "load", load);
    kin_json_put_string(out, "loops", v->cpu.isa);
    kin_json_put_string(out, "blas", v->cpu.blas ? v->cpu.blas_config : "none");
    kin_json_put_string(out, "blas_core", v->cpu.blas_core);
    kin_json_put_number(out, "peak_gflops_one", v->rates.peak);
    kin_json_put_number(out, "product_gflops_one", v->rates.product_one);
    kin_json_put_number(out, "product_gflops_all", v->rates.product_all);
    kin_json_put_number(out, "memory_gb_per_s", v->rates.memory);
    kin_json_close(out);
}

static void put_program(kin_json_out *out, const bench_versus *v, int i)
{
    const bench_program *p = &v->program[i];
    kin_json_open(out, NULL, '{');
    kin_json_put_string(out, "name", p->name);
    kin_json_put_number(out, "loss", p->loss);
    kin_json_put_number(out, "ms_min", p->ms_min);
    kin_json_put_number(out, "ms_median", p->ms_median);
    kin_json_put_number(out, "ms_max", p->ms_max);
    kin_json_put_number(out, "cpu_ms_median", p->cpu_ms_median);
    kin_json_put_number(out, "extra_mb", p->extra_mb);
    kin_json_put_number(out, "times_kin", p->ms_median / v->program[0].ms_median);
    kin_json_put_number(out, "memory_times_kin", p->extra_mb / v->program[0].extra_mb);
    for (int cpu = 0; cpu < 2; cpu++) {
        kin_json_open(out, cpu ? "cpu_ms" : "ms", '[');
        for (int r = 0; r < v->repeats; r++)
            kin_json_put_number(out, NULL, cpu ? p->sample[r].cpu_ms : p->sample[r].ms);
        kin_json_close(out);
    }
    kin_json_close(out);
}

kin_status bench_versus_record(const bench_versus *v, const char *folder)
{
    char path[PATH_MAX], name[64], date[32];
    const time_t now = time(NULL);
    struct tm utc;
    kin_json_out out = { .indent = 1 };
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    snprintf(name, sizeof name, "%s-t%d.json", v->kind->name, v->threads);
    KIN_TRY(kin_folder_make(folder));
    KIN_TRY(kin_path_join(path, sizeof path, folder, name));
    kin_json_open(&out, NULL, '{');
    kin_json_put_string(&out, "case", v->kind->name);
    kin_json_put_string(&out, "what", v->kind->summary);
    kin_json_put_string(&out, "date", date);
    kin_json_put_whole(&out, "threads", v->threads);
    kin_json_put_whole(&out, "repeats", v->repeats);
    put_machine(&out, v);
    if (v->gated) {
        kin_json_open(&out, "against_double", '{');
        kin_json_put_number(&out, "loss", v->gate.loss);
        kin_json_put_number(&out, "gradients", v->gate.gradient);
        kin_json_close(&out);
    }
    if (v->flops > 0)
        kin_json_put_number(&out, "fraction_of_peak", bench_fraction(v, v->program[0].ms_min));
    kin_json_open(&out, "programs", '[');
    for (int i = 0; i < v->programs; i++) put_program(&out, v, i);
    kin_json_close(&out);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}
