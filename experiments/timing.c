/* Timing: a few steps of a plan's first run, in a child, and what follows for all runs. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "core/file.h"
#include "data/json.h"
#include "data/store.h"
#include "experiments/ablate.h"
#include "experiments/child.h"
#include "train/machine.h"
#include "train/run_folder.h"

enum { STEPS = 8 };

/* ---- what is kept ---------------------------------------------------------------------------- */

static kin_status save(const kin_timing *t, const char *path)
{
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '{');
    kin_json_put_whole(&out, "steps", t->steps);
    kin_json_put_number(&out, "step_seconds", t->step_seconds);
    kin_json_put_number(&out, "pair_seconds", t->pair_seconds);
    kin_json_put_number(&out, "around", t->around);
    kin_json_put_number(&out, "store_pairs", t->pairs);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

static kin_status read_members(kin_timing *t, const kin_json_tree *tree)
{
    const kin_json *root = kin_json_root(tree);
    int64_t steps;
    KIN_TRY(kin_json_need_whole(tree, root, "steps", 1, 1000, &steps));
    KIN_TRY(kin_json_need_number(tree, root, "step_seconds", &t->step_seconds));
    KIN_TRY(kin_json_need_number(tree, root, "pair_seconds", &t->pair_seconds));
    KIN_TRY(kin_json_need_number(tree, root, "around", &t->around));
    KIN_TRY(kin_json_need_number(tree, root, "store_pairs", &t->pairs));
    t->steps = (int)steps;
    t->known = true;
    return KIN_OK;
}

static kin_status load(kin_timing *t, const char *path)
{
    kin_json_tree *tree;
    KIN_TRY(kin_json_read(&tree, path));
    const kin_status status = read_members(t, tree);
    kin_json_free(tree);
    return status;
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* Pairs or items that are trained on. */
static double epoch_of(const kin_store *s)
{
    int64_t items = 0;
    for (int64_t q = 0; q < s->queries; q++) items += s->query_split[q] == KIN_TRAIN;
    return (double)(kin_store_goal(s) == KIN_GOAL_RANKING ? s->pairs : items);
}

/* The first run's settings with few steps, in a folder of its own. */
static kin_status write_run(const kin_ablation *p, const char *dir, const char *ini, kin_timing *t)
{
    kin_config *c;
    kin_store *store;
    char steps[16];
    snprintf(steps, sizeof steps, "%d", STEPS);
    KIN_TRY(kin_ablation_config(p, 0, 0, 0, dir, &c));
    kin_status status = kin_config_set(c, "schedule.steps", steps);
    if (!status) status = kin_config_set(c, "schedule.seconds", "0");
    if (!status) status = kin_config_set(c, "checkpoint.every", "0");
    if (!status) status = kin_config_resolve(c);
    if (!status) status = kin_config_save(c, ini);
    if (!status) status = kin_store_open(&store, kin_config_text(c, "data.store"));
    if (!status) {
        t->pairs = epoch_of(store);
        kin_store_close(store);
    }
    kin_config_free(c);
    return status;
}

static kin_status run_child(const char *program, const char *ini, const char *log, int *code)
{
    const char *const argv[] = { "kin", "train", ini, "--overwrite", "--quiet", NULL };
    pid_t pid;
    int ended = 0;
    KIN_TRY(kin_child_start(program, argv, log, &pid));
    while (waitpid(pid, &ended, WNOHANG) == 0) {
        if (kin_ablate_stopping()) kill(pid, SIGTERM);
        kin_child_wait(0.1);
    }
    *code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    return KIN_OK;
}

static kin_status measure(kin_timing *t, const kin_ablation *p, const char *program,
                          const char *dir)
{
    char ini[KIN_PATH_MAX], log[KIN_PATH_MAX], facts_path[KIN_PATH_MAX];
    kin_run_facts facts = { .step = 0 };
    int code;
    KIN_REQUIRE(snprintf(ini, sizeof ini, "%s.ini", dir) < KIN_PATH_MAX - 16, KIN_USAGE,
                "%s: the path is too long", dir);
    snprintf(log, sizeof log, "%s.log", dir);
    snprintf(facts_path, sizeof facts_path, "%s/run.json", dir);
    KIN_TRY(write_run(p, dir, ini, t));
    const double before = kin_seconds();
    KIN_TRY(run_child(program, ini, log, &code));
    const double whole = kin_seconds() - before;
    if (code)
        kin_child_last_words(log, p->folder, t->reason, sizeof t->reason);
    else
        KIN_TRY(kin_run_facts_load(&facts, facts_path));
    unlink(ini);
    unlink(log);
    t->known = !code && facts.step > 0;
    if (!t->known) return KIN_OK;
    t->steps = (int)facts.step;
    t->step_seconds = facts.train_seconds / (double)facts.step;
    t->pair_seconds = facts.train_seconds / (double)facts.pairs;
    t->around = whole - facts.train_seconds;
    return KIN_OK;
}

/* Seconds of the steps of a row's run. */
static double training(const kin_timing *t, const kin_ablation *p, int row)
{
    kin_config *c;
    if (p->budget == KIN_BUDGET_SECONDS) return p->amount;
    if (kin_ablation_config(p, row, 0, 0, "time", &c)) return 0;
    const double steps = kin_config_number(c, "schedule.steps");
    double seconds = kin_config_number(c, "schedule.seconds");
    const double pairs = steps > 0 ? steps * kin_config_number(c, "batch.size")
                                   : t->pairs * kin_config_number(c, "schedule.epochs");
    if (seconds <= 0) seconds = pairs * t->pair_seconds;
    kin_config_free(c);
    return seconds;
}

static kin_status find_times(kin_timing *t, const kin_ablation *p, const char *program)
{
    char path[KIN_PATH_MAX], dir[KIN_PATH_MAX];
    KIN_TRY(kin_path_join(path, sizeof path, p->folder, "timing.json"));
    if (kin_file_exists(path)) return load(t, path);
    KIN_TRY(kin_path_join(dir, sizeof dir, p->folder, "timing"));
    KIN_TRY(kin_folder_make(p->folder));
    KIN_TRY(measure(t, p, program, dir));
    if (kin_file_exists(dir)) KIN_TRY(kin_folder_remove(dir));
    return t->known ? save(t, path) : KIN_OK;
}

kin_status kin_timing_measure(kin_timing *t, const kin_cells *cells, const char *program)
{
    *t = (kin_timing){ 0 };
    KIN_TRY(find_times(t, cells->plan, program));
    for (int r = 0; r < cells->plan->rows && t->known; r++)
        t->row[r] = training(t, cells->plan, r);
    return KIN_OK;
}

/* ---- what follows ---------------------------------------------------------------------------- */

double kin_timing_left(const kin_timing *t, const kin_cells *cells)
{
    const kin_ablation *p = cells->plan;
    double left = 0;
    for (int r = 0; r < p->rows; r++) {
        for (int i = cells->first[r]; i < cells->first[r + 1]; i++) {
            const kin_cell *cell = &cells->cell[i];
            if (cell->failed) continue;
            if (!cell->trained) left += t->row[r] + t->around;
            const bool known = cells->chosen[r] >= 0;
            const bool last = known ? kin_cell_chosen(cells, cell)
                                    : i >= cells->first[r] + p->row[r].settings - 1;
            if (kin_ablation_tunes(p) && last && !cell->judged[KIN_ON_TEST]) left += t->around;
        }
    }
    return left / p->jobs;
}
