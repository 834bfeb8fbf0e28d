/* kin bench: time one case, or serve repetitions to a driver that takes turns with a peer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"
#include "bench/versus.h"
#include "cli/bench_device.h"
#include "cli/device.h"
#include "cli/print.h"
#include "cli/profile.h"
#include "core/entry.h"
#include "core/file.h"
#include "cpu/cpu.h"
#include "train/machine.h"

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
    for (int i = 0; device_cases[i]; i++) names[n++] = device_cases[i]->name;
    const char *near = kin_nearest(name, names, n);
    return kin_fail(KIN_USAGE, "unknown case '%s'%s%s; 'kin bench' lists the cases", name,
                    near ? "; did you mean " : "", near ? near : "");
}

/* Peak beyond inputs, their gradients, parameters and optimizer state. base is read when these are
 * there, but for own_bytes of them, which the first repetition makes. */
static double extra_mb(const bench *b, double base)
{
    return kin_memory_peak() - base - (double)b->own_bytes / 1048576;
}

/* Reads "go" and "end" from stdin, answers in lines of JSON. */
static kin_status serve(const bench_versus *v, bench *b, double base)
{
    double best = 0;
    char line[64];
    printf("{\"ready\": true, \"case\": \"%s\", \"peer\": \"kin\", \"threads\": %d, "
           "\"loss\": %.17g}\n", b->kind->name, v->threads, v->program[0].loss);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) && strcmp(line, "end\n")) {
        KIN_REQUIRE(!strcmp(line, "go\n"), KIN_DATA,
                    "standard input: found '%.*s', expected a line go or end",
                    (int)strcspn(line, "\n"), line);
        bench_sample t;
        KIN_TRY(bench_once(b, &t));
        if (best == 0 || t.ms < best) best = t.ms;
        printf("{\"ms\": %.4f, \"cpu_ms\": %.4f, \"loss\": %.17g}\n", t.ms, t.cpu_ms, t.loss);
        fflush(stdout);
    }
    KIN_REQUIRE(!ferror(stdin), KIN_DATA, "standard input: %s", strerror(errno));
    printf("{\"extra_mb\": %.3f, \"fraction\": %.4f}\n", extra_mb(b, base),
           best > 0 ? bench_fraction(v, best) : 0);
    return KIN_OK;
}

static void print_alone(const bench_versus *v, bool as_json)
{
    const bench_program *p = &v->program[0];
    const double share = bench_fraction(v, p->ms_min);
    if (as_json)
        printf("{\"case\": \"%s\", \"threads\": %d, \"ms_min\": %.4f, \"ms_median\": %.4f, "
               "\"ms_max\": %.4f, \"loss\": %.9g, \"extra_mb\": %.3f, \"fraction\": %.4f}\n",
               v->kind->name, v->threads, p->ms_min, p->ms_median, p->ms_max, p->loss, p->extra_mb,
               share);
    else
        printf("%s: %s\n%d threads, ms: min %.2f, median %.2f, max %.2f; %.0f %% of peak; "
               "extra memory %.1f MB\n", v->kind->name, v->kind->summary, v->threads, p->ms_min,
               p->ms_median, p->ms_max, 100 * share, p->extra_mb);
}

/* The commands of all --peer options. */
static int find_peers(const args *a, const char **commands)
{
    int n = 0;
    for (int i = 0; i < a->options && n < BENCH_PEERS_MAX; i++)
        if (!strcmp(a->name[i], "peer")) commands[n++] = a->text[i];
    return n;
}

static kin_status measure(bench_versus *v, bench *b, const args *a, double base,
                          const profiling *profile)
{
    const char *commands[BENCH_PEERS_MAX], *folder = args_get(a, "record");
    const int peers = find_peers(a, commands);
    long repeats;
    KIN_TRY(args_integer(a, "repeats", 1, BENCH_REPEATS_MAX, 7, &repeats));
    v->repeats = (int)repeats;
    v->profile = profile->profile;
    KIN_TRY(bench_versus_run(v, b, commands, peers));
    v->program[0].extra_mb = extra_mb(b, base);
    if (peers || folder) bench_versus_print(v, stdout);
    else print_alone(v, args_has(a, "json"));
    profile_print(profile, a);
    return folder ? bench_versus_record(v, folder) : KIN_OK;
}

/* Nothing is timed that is not right. */
static kin_status pass_gate(bench_versus *v, const args *a)
{
    const bool asked = args_has(a, "record") || args_has(a, "check");
    if (v->kind->sort == BENCH_JUDGED || !asked) return KIN_OK;
    v->gated = true;
    KIN_TRY(bench_gate_check(&v->gate, v->kind->name, v->threads));
    KIN_REQUIRE(v->gate.passed, KIN_CHECK, "%s: against double the loss is off by %.1e (1e-6 at "
                "most) and the gradients by %.1e (1e-5 at most)", v->kind->name, v->gate.loss,
                v->gate.gradient);
    return KIN_OK;
}

static kin_status run_case(bench *b, const args *a, bench_versus *v, const profiling *profile)
{
    bench_sample t;
    KIN_TRY(kin_cpu_measure(b->backend, &v->rates));
    v->threads = v->rates.threads;
    v->cpu = kin_cpu_describe(b->backend);
    KIN_TRY(pass_gate(v, a));
    b->backend = profile->backend;
    KIN_TRY(b->kind->open(b));
    reset_peak();
    const double base = kin_memory_now();
    KIN_TRY(bench_once(b, &t));
    v->flops = b->flops;
    v->program[0].name = "kin " KIN_VERSION;
    v->program[0].loss = t.loss;
    if (args_has(a, "serve")) return serve(v, b, base);
    return measure(v, b, a, base, profile);
}

static void print_case(kin_json_out *json, bool as_json, const char *name, const char *summary)
{
    if (!as_json) printf("%-5s %s\n", name, summary);
    kin_json_put_string(json, name, summary);
}

static kin_status print_cases(bool as_json)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    for (int i = 0; bench_cases[i]; i++)
        print_case(&json, as_json, bench_cases[i]->name, bench_cases[i]->summary);
    for (int i = 0; device_cases[i]; i++)
        print_case(&json, as_json, device_cases[i]->name, device_cases[i]->summary);
    kin_json_close(&json);
    if (as_json) return print_json(&json);
    kin_json_discard(&json);
    return KIN_OK;
}

static kin_status refuse_device_options(const args *a)
{
    static const verb_option options[] = { BENCH_DEVICE_OPTIONS };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        KIN_REQUIRE(!args_has(a, options[i].name), KIN_USAGE, "--%s is for cases of a device: G1a "
                    "and those behind it in the list of 'kin bench'", options[i].name);
    return KIN_OK;
}

/* --rows: the case with another B. */
static kin_status choose_rows(const args *a, bench_case *sized, const bench_case **kind)
{
    static char summary[128];
    long rows;
    if (!args_has(a, "rows")) return KIN_OK;
    KIN_TRY(args_integer(a, "rows", 2, 1 << 24, 0, &rows));
    KIN_REQUIRE((*kind)->sort == BENCH_GROWS, KIN_USAGE, "--rows is for cases of a loss, not for %s",
                (*kind)->name);
    KIN_REQUIRE(!args_has(a, "record") && !args_has(a, "check") && !args_has(a, "peer"), KIN_USAGE,
                "--rows goes with none of --check, --record and --peer, which take the case as it "
                "is");
    snprintf(summary, sizeof summary, "%s; here B %ld", (*kind)->summary, rows);
    *sized = **kind;
    sized->summary = summary;
    sized->size[0] = rows;
    *kind = sized;
    return KIN_OK;
}

static kin_status run(const args *a)
{
    long repeats;
    KIN_TRY(args_integer(a, "repeats", 1, BENCH_REPEATS_MAX, 7, &repeats));
    if (bench_device_asked(a)) return bench_device(a);
    if (!a->count) return print_cases(args_has(a, "json"));
    KIN_TRY(refuse_device_options(a));
    bench b = { .dump = args_get(a, "dump") };
    KIN_TRY(find_case(a->positional[0], &b.kind));
    bench_case sized;
    KIN_TRY(choose_rows(a, &sized, &b.kind));
    if (b.dump) KIN_TRY(kin_folder_make(b.dump));
    device d;
    profiling profile;
    bench_versus *v = calloc(1, sizeof *v);
    KIN_REQUIRE(v, KIN_MEMORY, "no memory for the samples");
    v->kind = b.kind;
    kin_status status = device_open_for(&d, a);
    if (!status) status = profile_open(&profile, a, b.backend = d.backend);
    if (!status) status = run_case(&b, a, v, &profile);
    if (b.backend) b.kind->close(&b);
    if (b.backend) profile_close(&profile);
    device_close(&d);
    free(v);
    return status;
}

static const verb_option options[] = {
    { "serve", NULL, "repeat on each line 'go' of stdin, leave on 'end'" },
    { "repeats", "N", "repetitions to time (default 7)" },
    { "rows", "B", "another batch size than the case's" },
    { "dump", "FOLDER", "write the gradients of the first repetition as dq.npy and dk.npy" },
    { "peer", "[LABEL: ]COMMAND", "take turns with a program that speaks as --serve; repeatable" },
    { "check", NULL, "first compare loss and gradients with those of kin64" },
    { "record", "FOLDER", "check, then write raw samples and machine facts to FOLDER" },
    PROFILE_OPTION,
    BENCH_DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_bench = {
    .name = "bench", .summary = "time one piece of work",
    .usage = "[CASE] [--repeats N] [--peer COMMAND]... | G1a,G2 [--device cuda]",
    .options = options, .least = 0, .most = 1, .run = run,
    .details =
        "Without a case, the cases. peak: the fused multiply-adds that all threads together\n"
        "could do in the same time; extra memory: beyond inputs, gradients, parameters and\n"
        "optimizer state. G cases are timed on a GPU, several of them as G8 or G1a,G2; the\n"
        "columns: bench/README.md. Where kin cannot be built, kin_device_bench does the same.",
};
