/* Train: a run from its folder to its results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/finish.h"
#include "train/machine.h"
#include "train/trainer.h"

static const char finished_text[] = "finished";

/* ---- run.ini and run.json -------------------------------------------------------------------- */

static kin_status save_facts(kin_trainer *t, const char *reason)
{
    char path[KIN_PATH_MAX];
    kin_run_facts *f = &t->facts;
    snprintf(f->exit, sizeof f->exit, "%s", reason);
    f->step = t->state.step;
    f->best_step = t->state.best_step;
    f->pairs = t->state.pairs;
    f->train_seconds = t->state.train_seconds;
    f->mining_seconds = t->state.mining_seconds;
    KIN_TRY(kin_run_folder_at(&t->folder, "run.json", path));
    return kin_run_facts_save(f, path);
}

static void begin_facts(kin_trainer *t)
{
    kin_run_facts *f = &t->facts;
    f->command = t->flags->command;
    f->build = t->flags->build;
    f->cpu = t->flags->cpu;
    f->blas = t->flags->blas;
    f->device = t->backend->name;
    f->store = kin_config_text(t->config, "data.store");
    f->checksum = t->store->checksum;
    f->threads = kin_pool_threads(t->backend->pool);
    f->seed = (int64_t)kin_config_number(t->config, "run.seed");
    f->resumed_from = t->state.step;
    kin_time_text(f->started);
}

/* The settings that the run was begun with must be those it is continued with. folder: the run's,
 * or a checkpoint's, whose copy its checksums cover. */
static kin_status compare_config(kin_trainer *t, const char *folder)
{
    char path[KIN_PATH_MAX];
    kin_config *saved;
    KIN_TRY(kin_path_join(path, sizeof path, folder, "run.ini"));
    KIN_TRY(kin_config_new(&saved));
    kin_status status = kin_config_load_own(saved, path, NULL);
    const char *key = status ? NULL : kin_config_differs(t->config, saved);
    if (key)
        status = kin_fail(KIN_USAGE, "%s: the run was begun with %s = %s and cannot go on with %s; "
                          "'kin train %s/run.ini --resume' goes on as it was begun",
                          t->folder.path, key, kin_config_text(saved, key),
                          kin_config_text(t->config, key), t->folder.path);
    kin_config_free(saved);
    return status;
}

/* ---- resuming -------------------------------------------------------------------------------- */

static kin_status find_latest(kin_trainer *t, const char *checkpoints, char out[KIN_PATH_MAX])
{
    int damaged;
    KIN_TRY(kin_checkpoint_find(checkpoints, -1, out, &damaged));
    if (damaged)
        kin_tell_warning(t->watch, "%d newer checkpoints are damaged and were passed over",
                         damaged);
    if (!*out) kin_tell_warning(t->watch, "no checkpoint yet: the run starts from the beginning");
    return KIN_OK;
}

/* The checkpoint that flags->resume means, its state read; out is "" when there is none yet. */
static kin_status find_checkpoint(kin_trainer *t, char out[KIN_PATH_MAX])
{
    const char *wish = t->flags->resume;
    char checkpoints[KIN_PATH_MAX];
    int damaged;
    KIN_TRY(kin_run_folder_at(&t->folder, "checkpoints", checkpoints));
    if (strcmp(wish, "latest") && strcmp(wish, "best")) {
        snprintf(out, KIN_PATH_MAX, "%s", wish);
        return kin_checkpoint_open(out, &t->state);
    }
    KIN_TRY(find_latest(t, checkpoints, out));
    if (!*out) return KIN_OK;
    KIN_TRY(kin_checkpoint_open(out, &t->state));
    if (!strcmp(wish, "latest")) return KIN_OK;
    KIN_REQUIRE(t->state.best_step >= 0, KIN_USAGE, "%s: no checkpoint was judged the best yet",
                t->folder.path);
    KIN_TRY(kin_checkpoint_find(checkpoints, t->state.best_step, out, &damaged));
    return kin_checkpoint_open(out, &t->state);
}

/* Whether nothing is left to do; then the outcome is what the folder says. */
static kin_status look_finished(kin_trainer *t, kin_train_outcome *o)
{
    char path[KIN_PATH_MAX];
    kin_run_facts facts = { .step = 0 };
    KIN_TRY(kin_run_folder_at(&t->folder, "run.json", path));
    if (!kin_file_exists(path)) return KIN_OK;
    KIN_TRY(kin_run_facts_load(&facts, path));
    if (strcmp(facts.exit, finished_text)) return KIN_OK;
    o->finished_before = true;
    o->best_step = facts.best_step;
    o->train_seconds = facts.train_seconds;
    static const kin_split order[] = { KIN_TEST, KIN_VALIDATION };
    for (int i = 0; i < 2 && !o->evaluated; i++) {
        char name[64];
        snprintf(name, sizeof name, "eval/%s/results.json", kin_split_name(order[i]));
        KIN_TRY(kin_run_folder_at(&t->folder, name, path));
        if (!kin_file_exists(path)) continue;
        KIN_TRY(kin_results_load(&o->results, path));
        o->evaluated = o->results.model.present;
    }
    return KIN_OK;
}

/* ---- the run --------------------------------------------------------------------------------- */

static kin_status prepare(kin_trainer *t, const char *checkpoint)
{
    KIN_TRY(kin_log_open(&t->log, t->folder.path, t->state.step,
                         kin_config_number(t->config, "log.tensorboard") != 0));
    if (!*checkpoint) KIN_TRY(kin_trainer_begin(t));
    KIN_TRY(kin_trainer_setup_step(t));
    if (*checkpoint) KIN_TRY(kin_trainer_load(t, checkpoint));
    return kin_trainer_measure(t);
}

/* Without queries to validate with, the last model is the best. */
static kin_status export_last(kin_trainer *t)
{
    if (kin_trainer_judges(t, KIN_VALIDATION)) return KIN_OK;
    t->state.best_step = t->state.step;
    return kin_trainer_export(t, NULL);
}

/* The table of the model card. */
static void print_table(const kin_results *r, char *text, size_t size)
{
    const kin_marks *rows[] = { &r->model, &r->untrained, &r->bm25 };
    const bool ranking = r->goal == KIN_GOAL_RANKING;
    const char *names[] = { "this model", "untrained", ranking ? "BM25" : r->baseline };
    int count;
    const char *const *measures = kin_goal_measures(r->goal, &count);
    size_t n = (size_t)snprintf(text, size, "%s %s: %ld, %s: %ld\n\n| |", r->split,
                                ranking ? "queries" : "items", (long)r->queries,
                                ranking ? "documents" : "classes",
                                (long)(ranking ? r->documents : r->classes));
    for (int m = 0; m < count; m++)
        n += (size_t)snprintf(text + n, size - n, " %s |", measures[m]);
    n += (size_t)snprintf(text + n, size - n, "\n|---|");
    for (int m = 0; m < count; m++) n += (size_t)snprintf(text + n, size - n, "---|");
    for (int i = 0; i < 3; i++) {
        if (!rows[i]->present) continue;
        n += (size_t)snprintf(text + n, size - n, "\n| %s |", names[i]);
        for (int m = 0; m < count; m++)
            n += (size_t)snprintf(text + n, size - n, " %.4f |", rows[i]->mean[m]);
    }
    snprintf(text + n, size - n, "\n");
}

/* Judges model/ as it is on disk: what users will load. */
static kin_status judge_saved(kin_trainer *t, kin_train_outcome *o)
{
    char folder[KIN_PATH_MAX], table[2000];
    kin_model *model;
    const kin_split split = kin_trainer_last_split(t);
    KIN_TRY(kin_run_folder_at(&t->folder, "model", folder));
    KIN_TRY(kin_model_load(&model, t->backend, folder));
    const kin_finished f = { .run = t->folder.path, .config = t->config, .backend = t->backend,
                             .watch = t->watch, .store = t->store, .model = model,
                             .tokens = &t->tokens, .facts = &t->facts,
                             .baselines = kin_config_number(t->config, "eval.baselines") != 0,
                             .hybrid = kin_config_number(t->config, "eval.hybrid") != 0,
                             .fresh = kin_config_number(t->config, "eval.fresh") != 0 };
    kin_status status = kin_finished_judge(&f, split, &o->results);
    if (!status) {
        o->evaluated = true;
        kin_tell_scores(t->watch, t->state.best_step, split, "model", &o->results.model);
        print_table(&o->results, table, sizeof table);
        status = kin_trainer_card(t, model, table);
    }
    kin_model_free(model);
    return status;
}

static kin_status run(kin_trainer *t, const char *checkpoint, kin_train_outcome *o)
{
    KIN_TRY(kin_trainer_advise(prepare(t, checkpoint)));
    KIN_TRY(save_facts(t, "running"));
    KIN_TRY(kin_trainer_run(t));
    KIN_TRY(export_last(t));
    t->facts.peak_mb = kin_memory_peak();
    if (t->state.peak_mb > t->facts.peak_mb) t->facts.peak_mb = t->state.peak_mb;
    o->best_step = t->state.best_step;
    o->train_seconds = t->state.train_seconds;
    KIN_TRY(save_facts(t, "evaluating"));
    kin_trainer_close_step(t);
    const bool judged = !kin_config_is(t->config, "eval.final", "none");
    return t->split_count && judged ? judge_saved(t, o) : KIN_OK;
}

/* Writes how it ended; what went wrong first stays the message. */
static kin_status conclude(kin_trainer *t, kin_status status)
{
    char reason[1024], text[480];
    snprintf(reason, sizeof reason, "%s", kin_message());
    kin_time_text(t->facts.ended);
    if (t->facts.peak_mb <= 0) t->facts.peak_mb = kin_memory_peak();
    snprintf(text, sizeof text, "%s%.440s", status ? "" : finished_text, status ? reason : "");
    const kin_status saved = save_facts(t, text);
    if (!status) return saved;
    return kin_fail(status, "%s", reason);
}

/* The checkpoint to go on from; o->finished_before when there is nothing to go on with. */
static kin_status resume(kin_trainer *t, char checkpoint[KIN_PATH_MAX], kin_train_outcome *o)
{
    KIN_TRY(compare_config(t, t->folder.path));
    KIN_TRY(look_finished(t, o));
    if (o->finished_before) return KIN_OK;
    KIN_TRY(find_checkpoint(t, checkpoint));
    return *checkpoint ? compare_config(t, checkpoint) : KIN_OK;
}

/* What a resumed run reads at its end: better refused before the training than after it. */
static kin_status check_older(const kin_trainer *t, const char *checkpoint)
{
    char path[KIN_PATH_MAX], name[64];
    kin_results results;
    kin_model *model;
    if (!*checkpoint || !t->split_count || t->state.best_step < 0) return KIN_OK;
    snprintf(name, sizeof name, "eval/%s/results.json", kin_split_name(kin_trainer_last_split(t)));
    KIN_TRY(kin_run_folder_at(&t->folder, name, path));
    if (kin_file_exists(path)) KIN_TRY(kin_results_load(&results, path));
    KIN_TRY(kin_run_folder_at(&t->folder, "model", path));
    KIN_TRY(kin_model_load(&model, t->backend, path));
    kin_model_free(model);
    return KIN_OK;
}

/* Whatever setup refuses costs neither time nor an older run its folder. */
static kin_status start(kin_trainer *t, kin_train_outcome *o)
{
    char path[KIN_PATH_MAX], checkpoint[KIN_PATH_MAX] = "";
    const bool again = t->flags->resume != NULL;
    KIN_TRY(kin_run_folder_take(&t->folder, kin_config_text(t->config, "run.dir"), again,
                                t->flags->overwrite));
    if (again) KIN_TRY(resume(t, checkpoint, o));
    if (o->finished_before) return KIN_OK;
    KIN_TRY(kin_trainer_setup(t, checkpoint));
    KIN_TRY(check_older(t, checkpoint));
    KIN_TRY(kin_run_folder_begin(&t->folder));
    KIN_TRY(kin_run_folder_at(&t->folder, "run.ini", path));
    KIN_TRY(kin_config_save(t->config, path));
    begin_facts(t);
    return conclude(t, run(t, checkpoint, o));
}

kin_status kin_train(const kin_config *config, kin_backend *backend, const kin_watch *watch,
                     const kin_train_flags *flags, kin_train_outcome *outcome)
{
    kin_trainer *t = calloc(1, sizeof *t);
    KIN_REQUIRE(t, KIN_MEMORY, "no memory for a trainer");
    *outcome = (kin_train_outcome){ .best_step = -1 };
    kin_trainer_begin_with(t, config, backend, watch, flags);
    const kin_status status = start(t, outcome);
    kin_trainer_close(t);
    free(t);
    return status;
}
