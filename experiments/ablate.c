/* The loop over a plan's cells. */
#include "experiments/ablate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "experiments/child.h"
#include "train/machine.h"

enum { DEATHS_MAX = 3 };

static volatile sig_atomic_t stop_asked;

void kin_ablate_stop(void)
{
    stop_asked = 1;
}

bool kin_ablate_stopping(void)
{
    return stop_asked != 0;
}

typedef struct {
    pid_t pid;                         /* 0: free */
    kin_cell *cell;
    kin_work work;
    bool baselines;
    double started;
} job;

typedef struct {
    kin_cells *cells;
    const char *program;
    const kin_ablate_watch *watch;
    kin_ablate_times *times;
    job *jobs;
    int running;
    bool told;                         /* the children were asked to stop */
    double began, expected;            /* seconds of the whole, by the timing; 0: not known */
    const char *at;
} runner;

static void note(const runner *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(const runner *r, const char *format, ...)
{
    char text[700];
    va_list arguments;
    if (!r->watch || !r->watch->note) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    r->watch->note(r->watch->state, text);
}

/* A cell as a reader knows it: "infonce/lr-0.1/seed-1". */
static const char *name_of(const runner *r, const kin_cell *cell)
{
    return cell->folder + strlen(r->cells->plan->folder) + strlen("/runs/");
}

/* ---- starting -------------------------------------------------------------------------------- */

/* The run file of a cell, beside its folder. */
static kin_status write_ini(const runner *r, const kin_cell *cell, const char *ini, char device[16],
                            char precision[16])
{
    char parent[KIN_PATH_MAX];
    kin_config *c;
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(ini, '/') - ini), ini);
    KIN_TRY(kin_folder_make(parent));
    KIN_TRY(kin_cell_config(r->cells, cell, &c));
    snprintf(device, 16, "%s", kin_config_text(c, "run.device"));
    snprintf(precision, 16, "%s", kin_config_text(c, "run.precision"));
    const kin_status status = kin_config_save(c, ini);
    kin_config_free(c);
    return status;
}

static kin_status start(runner *r, job *j)
{
    char ini[KIN_PATH_MAX], log[KIN_PATH_MAX], there[KIN_PATH_MAX], threads[16];
    char device[16], precision[16];
    const kin_cell *cell = j->cell;
    KIN_TRY(kin_cell_path(cell, ".ini", ini));
    KIN_TRY(kin_cell_path(cell, ".log", log));
    KIN_TRY(kin_cell_path(cell, "/run.ini", there));
    KIN_TRY(write_ini(r, cell, ini, device, precision));
    snprintf(threads, sizeof threads, "%d", r->cells->plan->threads);
    const bool validation = j->work == KIN_JUDGE_VALIDATION;
    const char *const judge[] = {
        "kin", "eval", cell->folder, "--split", validation ? "validation" : "test", "--threads",
        threads, "--device", device, "--precision", precision, "--quiet",
        j->baselines && !validation ? "--baselines" : NULL, NULL
    };
    const char *const train[] = { "kin", "train", ini, "--quiet",
                                  kin_file_exists(there) ? "--resume" : NULL, NULL };
    KIN_TRY(kin_child_start(r->program, j->work == KIN_TRAIN_CELL ? train : judge, log, &j->pid));
    j->started = kin_seconds();
    j->cell->running = true;
    r->at = name_of(r, cell);
    r->running++;
    r->times->started++;
    return KIN_OK;
}

static kin_status start_more(runner *r)
{
    for (int i = 0; i < r->cells->plan->jobs && !stop_asked; i++) {
        job *j = &r->jobs[i];
        if (j->pid) continue;
        j->cell = kin_cells_next(r->cells, &j->work, &j->baselines);
        if (!j->cell) return KIN_OK;
        KIN_TRY(start(r, j));
    }
    return KIN_OK;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static kin_status record_failure(runner *r, kin_cell *cell, int code, const char *reason)
{
    note(r, "%s failed (exit code %d): %s", name_of(r, cell), code, reason);
    KIN_TRY(kin_cell_fail(cell, code, reason));
    return kin_cells_update(r->cells, cell);
}

/* Removes of a finished run what the plan does not read again, and what is most of its bytes. */
static kin_status lighten(const runner *r, const kin_cell *cell)
{
    static const char *const lists[][2] = {
        { "/eval/validation/run.trec", "/eval/test/run.trec" },
        { "/eval/validation/rrf.trec", "/eval/test/rrf.trec" },
        { "/eval/validation/weighted.trec", "/eval/test/weighted.trec" },
    };
    char path[KIN_PATH_MAX];
    if (r->cells->plan->keep_all || !cell->trained) return KIN_OK;
    KIN_TRY(kin_cell_path(cell, "/checkpoints", path));
    KIN_TRY(kin_folder_remove(path));
    for (int split = 0; split < 2; split++)
        for (int i = 0; i < 3 && cell->judged[split]; i++) {
            KIN_TRY(kin_cell_path(cell, lists[i][split], path));
            unlink(path);
        }
    return KIN_OK;
}

/* What a child was started for is there. */
static bool complete(const job *j)
{
    const kin_cell *cell = j->cell;
    if (j->work == KIN_TRAIN_CELL) return cell->trained;
    if (j->work == KIN_JUDGE_VALIDATION) return cell->judged[KIN_ON_VALIDATION];
    return cell->judged[KIN_ON_TEST] && (cell->baselines || !j->baselines);
}

/* A child that was killed or asked to stop by another is started again, but not for ever. */
static kin_status take_end(runner *r, const job *j, int ended)
{
    char log[KIN_PATH_MAX], words[400];
    kin_cell *cell = j->cell;
    const bool killed = WIFSIGNALED(ended);
    const int code = killed ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
    if (code == 0) {
        KIN_TRY(kin_cells_update(r->cells, cell));
        if (!complete(j)) return record_failure(r, cell, KIN_RUNTIME, "it left no results");
        note(r, "%s %s in %.1f s", name_of(r, cell),
             j->work == KIN_TRAIN_CELL ? "trained" : "judged", kin_seconds() - j->started);
        return lighten(r, cell);
    }
    if (stop_asked && (killed || code == KIN_STOPPED)) return KIN_OK;
    if ((killed || code == KIN_STOPPED) && ++cell->deaths < DEATHS_MAX) return KIN_OK;
    KIN_TRY(kin_cell_path(cell, ".log", log));
    kin_child_last_words(log, r->cells->plan->folder, words, sizeof words);
    if (killed) snprintf(words, sizeof words, "killed by signal %d", WTERMSIG(ended));
    return record_failure(r, cell, code, words);
}

static kin_status reap(runner *r)
{
    for (int i = 0; i < r->cells->plan->jobs; i++) {
        job *j = &r->jobs[i];
        int ended;
        if (!j->pid || waitpid(j->pid, &ended, WNOHANG) != j->pid) continue;
        r->times->children += kin_seconds() - j->started;
        j->pid = 0;
        j->cell->running = false;
        r->running--;
        KIN_TRY(take_end(r, j, ended));
    }
    return KIN_OK;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(const runner *r, const kin_timing *timing)
{
    kin_ablate_progress p = { .running = r->running, .total = r->cells->count, .at = r->at,
                              .passed = kin_seconds() - r->began, .left = -1 };
    if (!r->watch || !r->watch->progress) return;
    p.done = kin_cells_done(r->cells, &p.failed);
    if (timing && timing->known && r->expected > 0) {
        const double left = kin_timing_left(timing, r->cells), over = r->expected - left;
        const double pace = over > 0.02 * r->expected ? p.passed / over : 1;
        p.left = left * pace;
    }
    r->watch->progress(r->watch->state, &p);
}

static void ask_children(runner *r)
{
    if (r->told) return;
    for (int i = 0; i < r->cells->plan->jobs; i++)
        if (r->jobs[i].pid) kill(r->jobs[i].pid, SIGTERM);
    r->told = true;
}

static kin_status loop(runner *r, const kin_timing *timing)
{
    kin_status status = KIN_OK;
    double last = 0;
    for (;;) {
        if (!status && !stop_asked) status = start_more(r);
        if (!r->running) break;
        if (status || stop_asked) ask_children(r);
        if (kin_seconds() - last > 0.5) {
            tell(r, timing);
            last = kin_seconds();
        }
        kin_child_wait(0.25);
        const kin_status reaped = reap(r);
        if (!status) status = reaped;
    }
    return status;
}

kin_status kin_ablate(kin_cells *cells, const char *program, const kin_timing *timing,
                      const kin_ablate_watch *watch, kin_ablate_times *times)
{
    *times = (kin_ablate_times){ 0 };
    runner r = { .cells = cells, .program = program, .watch = watch, .times = times,
                 .began = kin_seconds() };
    r.jobs = calloc((size_t)cells->plan->jobs, sizeof *r.jobs);
    KIN_REQUIRE(r.jobs, KIN_MEMORY, "no memory for %d jobs", cells->plan->jobs);
    if (timing && timing->known) r.expected = kin_timing_left(timing, cells);
    const kin_status status = loop(&r, timing);
    tell(&r, timing);
    times->wall = kin_seconds() - r.began;
    free(r.jobs);
    KIN_TRY(status);
    int failed;
    const int done = kin_cells_done(cells, &failed);
    KIN_REQUIRE(!stop_asked, KIN_STOPPED, "stopped with %d of %d runs trained, the rest saved; go "
                "on with: kin ablate %s", done, cells->count, cells->plan->path);
    return KIN_OK;
}

/* ---- the lock -------------------------------------------------------------------------------- */

kin_status kin_ablate_lock(const kin_ablation *p, const kin_ablate_watch *watch, int *lock)
{
    char path[KIN_PATH_MAX];
    const double before = kin_seconds(), patience = 20;
    bool told = false;
    KIN_TRY(kin_folder_make(p->folder));
    KIN_TRY(kin_path_join(path, sizeof path, p->folder, ".lock"));
    *lock = open(path, O_RDWR | O_CREAT, 0666);          /* children inherit it */
    KIN_REQUIRE(*lock >= 0, KIN_RUNTIME, "%s: %s", path, strerror(errno));
    while (flock(*lock, LOCK_EX | LOCK_NB)) {
        KIN_REQUIRE(errno == EWOULDBLOCK && kin_seconds() - before < patience && !stop_asked,
                    KIN_RUNTIME, "%s: another kin ablate works here", p->folder);
        if (!told && watch && watch->note)
            watch->note(watch->state, "waiting for runs that an earlier call left behind");
        told = true;
        usleep(50000);
    }
    return KIN_OK;
}
