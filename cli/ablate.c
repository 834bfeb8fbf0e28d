/* kin ablate: a plan's runs, its statistics, its tables. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
#include "cli/verb.h"
#include "experiments/ablate.h"
#include "experiments/child.h"
#include "experiments/outcome.h"

static const char *const program = "/proc/self/exe";

/* ---- progress -------------------------------------------------------------------------------- */

typedef struct { bool quiet, terminal, open_line; double last; } teller;

static void end_line(teller *t)
{
    if (t->open_line) fputc('\n', stderr);
    t->open_line = false;
}

static void on_note(void *state, const char *what)
{
    teller *t = state;
    if (t->quiet) return;
    end_line(t);
    print_safe(stderr, what);
    fputc('\n', stderr);
}

static void print_time(FILE *out, double seconds)
{
    const long s = (long)(seconds + 0.5);
    fprintf(out, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* A line that is rewritten on a terminal, and now and then a line in a log. */
static void on_progress(void *state, const kin_ablate_progress *p)
{
    teller *t = state;
    const bool last = !p->running;
    if (t->quiet || (!t->terminal && !last && p->passed - t->last < 30)) return;
    t->last = p->passed;
    fprintf(stderr, "%s%d/%d runs | %d at work | %d failed | ", t->terminal ? "\r" : "",
            p->done + p->failed, p->total, p->running, p->failed);
    print_time(stderr, p->passed);
    if (p->left >= 0) {
        fprintf(stderr, " | ETA ");
        print_time(stderr, p->left);
    }
    if (p->running && p->at) fprintf(stderr, " | %s", p->at);
    fprintf(stderr, t->terminal ? "\033[K" : "\n");
    t->open_line = t->terminal;
}

static kin_ablate_watch watch_plan(teller *t, const args *a)
{
    const char *term = getenv("TERM");
    *t = (teller){ .quiet = args_has(a, "quiet"),
                   .terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") };
    return (kin_ablate_watch){ t, on_note, on_progress };
}

/* ---- what is going to be done ---------------------------------------------------------------- */

static void print_tuned(FILE *out, const kin_ablation *p, const kin_row *row)
{
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != KIN_AXIS_TUNE || !row->applies[i]) continue;
        for (int t = 0; t < a->ties; t++) fprintf(out, "%s%s", t ? " + " : "  ", a->key[t]);
        fprintf(out, " =");
        for (int v = 0; v < a->count; v++)
            for (int t = 0; t < a->ties; t++)
                fprintf(out, "%s%s", t ? " " : v ? ", " : " ", a->value[v * a->ties + t]);
    }
}

static void print_plan(FILE *out, const kin_cells *c)
{
    const kin_ablation *p = c->plan;
    fprintf(out, "plan %s: %d rows, %d seeds, %d runs, %d at a time with %d thread%s each\n",
            p->name, p->rows, p->seeds, c->count, p->jobs, p->threads, p->threads > 1 ? "s" : "");
    for (int r = 0; r < p->rows; r++) {
        fprintf(out, "  %-28s %3d setting%s %3d runs", p->row[r].label, p->row[r].settings,
                p->row[r].settings > 1 ? "s," : ", ", p->row[r].settings + p->seeds - 1);
        print_tuned(out, p, &p->row[r]);
        fputc('\n', out);
    }
    for (int i = 0; i < p->left_out_count; i++) fprintf(out, "  left out: %s\n", p->left_out[i]);
}

static void print_estimate(FILE *out, const kin_timing *t, const kin_cells *c)
{
    if (!t->known) {
        fprintf(out, "no estimate: the first run ended with: %s\n", t->reason);
        return;
    }
    int failed;
    const int done = kin_cells_done(c, &failed);
    fprintf(out, "estimate: ");
    print_time(out, kin_timing_left(t, c));
    fprintf(out, " for %d runs (%d steps of the first run took %.4f s each, all around them %.1f "
            "s)\n", c->count - done - failed, t->steps, t->step_seconds, t->around);
}

/* ---- running --------------------------------------------------------------------------------- */

static void on_signal(int signal_number)
{
    (void)signal_number;
    kin_ablate_stop();
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    kin_child_block();
}

static kin_status run_cells(const args *a, kin_cells *cells, const kin_ablate_watch *watch)
{
    kin_timing timing = { 0 };
    kin_ablate_times times;
    kin_work work;
    bool baselines;
    const bool dry = args_has(a, "dry-run");
    const bool begins = kin_cells_next(cells, &work, &baselines) != NULL;
    if (begins || dry) KIN_TRY(kin_timing_measure(&timing, cells, program));
    if (dry || (begins && !kin_ablate_stopping() && !args_has(a, "quiet"))) {
        print_plan(dry ? stdout : stderr, cells);
        print_estimate(dry ? stdout : stderr, &timing, cells);
    }
    if (dry) return KIN_OK;
    KIN_TRY(kin_ablate(cells, program, &timing, watch, &times));
    if (times.started && !args_has(a, "quiet"))
        fprintf(stderr, "%d processes ran %.1f s in all, in %.1f s\n", times.started,
                times.children, times.wall);
    return KIN_OK;
}

/* Statistics and tables from what the runs left on disk; the Markdown table is the result. */
static kin_status conclude(const args *a, const kin_cells *cells)
{
    kin_pool *pool;
    kin_outcome outcome;
    int failed;
    KIN_TRY(kin_pool_new(&pool, 0));
    kin_status status = kin_outcome_make(&outcome, cells, pool);
    if (!status) status = kin_outcome_save(&outcome);
    if (!status) {
        const int systems = outcome.systems;
        kin_outcome_free(&outcome);
        kin_cells_done(cells, &failed);
        if (!systems)
            status = kin_fail(KIN_RUNTIME, "%s: every row failed (%d run%s); the .log beside a run "
                              "tells why", cells->plan->folder, failed, failed > 1 ? "s" : "");
    }
    kin_pool_free(pool);
    KIN_TRY(status);
    return print_run_file(cells->plan->folder, args_has(a, "json") ? "results.json" : "table.md");
}

static kin_status run_plan(const args *a, kin_ablation *plan, teller *t,
                           const kin_ablate_watch *watch)
{
    kin_cells cells = { 0 };
    int lock;
    KIN_TRY(kin_ablate_lock(plan, watch, &lock));
    kin_status status = kin_cells_open(&cells, plan, args_has(a, "retry"));
    if (!status) status = run_cells(a, &cells, watch);
    end_line(t);
    if (!status && !args_has(a, "dry-run")) status = conclude(a, &cells);
    kin_cells_close(&cells);
    close(lock);
    return status;
}

static kin_status run(const args *a)
{
    kin_ablation *plan;
    teller t;
    long jobs;
    KIN_TRY(args_integer(a, "jobs", 1, 1024, 0, &jobs));
    KIN_TRY(kin_ablation_read(&plan, a->positional[0]));
    if (jobs) plan->jobs = (int)jobs;
    const kin_ablate_watch watch = watch_plan(&t, a);
    catch_signals();
    const kin_status status = run_plan(a, plan, &t, &watch);
    kin_ablation_free(plan);
    return status;
}

static const verb_option options[] = {
    { "dry-run", NULL, "only say which runs the plan has and how long they will take" },
    { "jobs", "N", "runs at a time (default: plan.jobs, else processors / plan.threads)" },
    { "retry", NULL, "run again what failed in an earlier call" },
    { NULL, NULL, NULL }
};

const verb verb_ablate = {
    .name = "ablate", .summary = "run a plan of many runs and tell how sure their differences are",
    .usage = "PLAN.ini [--dry-run]", .options = options, .least = 1, .most = 1, .run = run,
    .details = "docs/ablations.md shows a plan line by line.",
};
