/* kin train: a run file and its overrides, start to end. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/configure.h"
#include "cli/device.h"
#include "cli/print.h"
#include "cli/profile.h"
#include "cli/watch.h"
#include "cpu/cpu.h"
#include "train/run.h"

static void on_signal(int signal_number)
{
    (void)signal_number;
    kin_train_stop();
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void join_command(const args *a, char *text, size_t size)
{
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < a->argc && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? " " : "", a->argv[i]);
}

static kin_status report(const args *a, const char *run, const kin_train_outcome *outcome)
{
    if (outcome->finished_before)
        fprintf(stderr, "the run in %s is finished already; nothing to do\n", run);
    if (!outcome->evaluated) return KIN_OK;
    if (args_has(a, "json")) return print_run_file(run, "eval/test/results.json");
    watch_print_table(stdout, &outcome->results);
    return KIN_OK;
}

/* What computes, for the run's record. */
static void describe(const device *d, char *cpu, size_t cpu_size, char *blas, size_t blas_size)
{
    if (strcmp(d->backend->name, "cpu")) {
        snprintf(cpu, cpu_size, "device %s", d->backend->name);
        snprintf(blas, blas_size, "cuBLAS");
        return;
    }
    const kin_cpu_facts facts = kin_cpu_describe(d->backend);
    snprintf(blas, blas_size, "%s %s", facts.blas ? facts.blas_core : "own product",
             facts.blas_config);
    snprintf(cpu, cpu_size, "%s, %s loops", facts.model, facts.isa);
}

static kin_status train(const args *a, const kin_config *config)
{
    device d;
    char command[4096], blas[512], cpu[256];
    KIN_TRY(device_open_run(&d, config));
    describe(&d, cpu, sizeof cpu, blas, sizeof blas);
    join_command(a, command, sizeof command);
    watcher w;
    profiling profile;
    kin_status status = profile_open(&profile, a, d.backend);
    if (status) {
        device_close(&d);
        return status;
    }
    const kin_watch watch = watch_start(&w, a);
    const char *resume = args_get(a, "resume");
    const kin_train_flags flags = {
        .resume = resume && !*resume ? "latest" : resume,
        .overwrite = args_has(a, "overwrite"),
        .command = command, .build = "kin " KIN_VERSION " (" KIN_COMMIT "), compiler " __VERSION__,
        .cpu = cpu, .blas = blas, .profile = profile.profile,
    };
    kin_train_outcome outcome = { 0 };
    catch_signals();
    status = kin_train(config, profile.backend, &watch, &flags, &outcome);
    watch_end(&w);
    if (status == KIN_OK || status == KIN_STOPPED) profile_print(&profile, a);
    profile_close(&profile);
    if (status == KIN_OK) status = report(a, kin_config_text(config, "run.dir"), &outcome);
    device_close(&d);
    return status;
}

static kin_status run(const args *a)
{
    KIN_REQUIRE(!(args_has(a, "resume") && args_has(a, "overwrite")), KIN_USAGE,
                "--resume and --overwrite exclude each other");
    kin_config *config = NULL;
    kin_status status = configure(a, a->positional[0], &config);
    if (status == KIN_OK) status = train(a, config);
    kin_config_free(config);
    return status;
}

static const verb_option options[] = {
    { "resume", "[WHICH]", "go on from the latest checkpoint, from 'best', or from a folder" },
    { "overwrite", NULL, "empty an existing run folder first" },
    PROFILE_OPTION,
    { NULL, NULL, NULL }
};

const verb verb_train = {
    .name = "train", .summary = "train an encoder as a run file says",
    .usage = "RUN.ini [--section.key VALUE ...] [--resume]", .options = options,
    .least = 1, .most = 1, .run_keys = true, .run = run,
    .details = "Writes a run folder (run.dir): the resolved run.ini, metrics.jsonl, checkpoints/,\n"
               "model/ and eval/test. A signal (Ctrl-C) saves a checkpoint and leaves with 75;\n"
               "--resume continues bit for bit. Short names: --lr, --batch-size, --epochs,\n"
               "--loss, --temperature, --out, --seed, --device, --precision, --threads.",
};
