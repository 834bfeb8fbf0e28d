/* Finish: what is measured before, during and after the loop. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "train/finish.h"
#include "train/machine.h"
#include "train/trainer.h"

static uint64_t seed_of(const kin_config *config)
{
    return (uint64_t)kin_config_number(config, "run.seed");
}

static kin_status results_path(const char *run, kin_split split, char path[KIN_PATH_MAX])
{
    char name[64];
    snprintf(name, sizeof name, "eval/%s", kin_split_name(split));
    KIN_TRY(kin_path_join(path, KIN_PATH_MAX, run, name));
    KIN_TRY(kin_folder_make(path));
    snprintf(name, sizeof name, "eval/%s/results.json", kin_split_name(split));
    return kin_path_join(path, KIN_PATH_MAX, run, name);
}

static kin_look look_at(const kin_config *config, kin_split split, bool quick)
{
    const int64_t depth = (int64_t)kin_config_number(config, "eval.depth");
    return (kin_look){ split, quick ? KIN_QUICK_DEPTH : depth,
                       kin_config_is(config, "eval.seen", "remove") };
}

/* ---- before ---------------------------------------------------------------------------------- */

static kin_status begin_split(kin_trainer *t, kin_split split, const kin_judged *untrained,
                              const kin_judged *bm25)
{
    char path[KIN_PATH_MAX];
    const uint64_t seed = seed_of(t->config);
    kin_results r = { .queries = untrained->scores->queries, .documents = t->store->documents,
                      .depth = (int64_t)kin_config_number(t->config, "eval.depth") };
    snprintf(r.split, sizeof r.split, "%s", kin_split_name(split));
    KIN_TRY(kin_marks_of(&r.untrained, untrained, t->backend->pool, seed, true));
    if (bm25->scores) KIN_TRY(kin_marks_of(&r.bm25, bm25, t->backend->pool, seed, true));
    kin_tell_scores(t->watch, 0, split, "untrained", &r.untrained);
    if (bm25->scores) kin_tell_scores(t->watch, 0, split, "bm25", &r.bm25);
    KIN_TRY(results_path(t->folder.path, split, path));
    return kin_results_save(&r, path);
}

kin_status kin_trainer_begin(kin_trainer *t)
{
    kin_judged untrained[2] = { 0 }, bm25[2] = { 0 };
    if (!t->split_count) return KIN_OK;
    const bool words = t->model->tokenizer != NULL;      /* numbers have none for BM25 to match */
    kin_tell_stage(t->watch, "evaluating %sthe untrained model", words ? "BM25 and " : "");
    kin_look looks[2];
    for (int i = 0; i < t->split_count; i++)
        looks[i] = look_at(t->config, t->splits[i], t->splits[i] != kin_trainer_last_split(t));
    if (words) KIN_TRY(kin_evaluate_bm25(t->store, t->backend->pool, looks, t->split_count, bm25));
    kin_status status = kin_evaluate_model(t->store, t->model, &t->tokens, looks, t->split_count,
                                           untrained);
    for (int i = 0; i < t->split_count; i++) {
        if (!status) status = begin_split(t, t->splits[i], &untrained[i], &bm25[i]);
        kin_judged_free(&untrained[i]);
        kin_judged_free(&bm25[i]);
    }
    return status;
}

/* ---- during ---------------------------------------------------------------------------------- */

static kin_status log_marks(kin_trainer *t, const kin_marks *m, const kin_shape *s)
{
    kin_log_begin(t->log, t->state.step);
    for (int i = 0; i < KIN_MEASURES; i++) {
        char name[48];
        snprintf(name, sizeof name, "val/%s%s", kin_measure_names[i], i == KIN_MAP ? "@100" : "");
        kin_log_put(t->log, name, m->mean[i]);
    }
    kin_log_put(t->log, "geom/alignment", s->alignment);
    kin_log_put(t->log, "geom/uniformity", s->uniformity);
    kin_log_put(t->log, "geom/mean_cos_pos", s->positive_cosine);
    kin_log_put(t->log, "geom/mean_cos_neg", s->cosine);
    kin_log_put(t->log, "geom/eff_rank", s->rank);
    return kin_log_end(t->log);
}

/* The best model so far becomes model/. */
static kin_status keep_if_best(kin_trainer *t, const kin_marks *m, bool *best)
{
    char results[200];
    const int by = (int)kin_config_number(t->config, "eval.best_by");
    *best = t->state.best_step < 0 || m->mean[by] > t->state.best;
    if (!*best) return KIN_OK;
    t->state.best = m->mean[by];
    t->state.best_step = t->state.step;
    snprintf(results, sizeof results, "| validation, step %ld | %s %.4f |\n|---|---|\n",
             (long)t->state.step, kin_measure_names[by], m->mean[by]);
    return kin_trainer_export(t, results);
}

kin_status kin_trainer_validate(kin_trainer *t, bool *best)
{
    const kin_look look = look_at(t->config, KIN_VALIDATION, true);
    char warning[300];
    kin_judged judged;
    kin_marks marks;
    kin_shape shape;
    KIN_TRY(kin_evaluate_model(t->store, t->model, &t->tokens, &look, 1, &judged));
    kin_status status = kin_marks_of(&marks, &judged, t->backend->pool, 0, false);
    if (!status)
        status = kin_evaluate_shape(t->store, t->model, &t->tokens, &judged, seed_of(t->config),
                                    &shape, warning, sizeof warning);
    kin_judged_free(&judged);
    if (status) return status;
    if (*warning) kin_tell_warning(t->watch, "step %ld: %s", (long)t->state.step, warning);
    kin_tell_scores(t->watch, t->state.step, look.split, "model", &marks);
    KIN_TRY(log_marks(t, &marks, &shape));
    return keep_if_best(t, &marks, best);
}

/* ---- after ----------------------------------------------------------------------------------- */

static kin_status compare(const kin_finished *f, const kin_judged *model, const kin_judged *bm25,
                          kin_results *r)
{
    const uint64_t seed = seed_of(f->config);
    kin_pool *pool = f->backend->pool;
    KIN_TRY(kin_marks_of(&r->model, model, pool, seed, true));
    if (!bm25->scores) return KIN_OK;
    KIN_TRY(kin_marks_of(&r->bm25, bm25, pool, seed, true));
    return kin_paired_test(&r->against_bm25, pool, seed, KIN_FLIPS, model->scores->queries,
                           model->scores->value[KIN_MRR10], bm25->scores->value[KIN_MRR10]);
}

static kin_status judge(const kin_finished *f, kin_split split, kin_judged *model,
                        kin_judged *bm25, kin_results *r)
{
    char warning[300];
    const kin_look look = look_at(f->config, split, false);
    KIN_TRY(kin_evaluate_model(f->store, f->model, f->tokens, &look, 1, model));
    if (f->model->tokenizer)
        KIN_TRY(kin_evaluate_bm25(f->store, f->backend->pool, &look, 1, bm25));
    KIN_TRY(compare(f, model, bm25, r));
    KIN_TRY(kin_evaluate_shape(f->store, f->model, f->tokens, model, seed_of(f->config), &r->shape,
                               warning, sizeof warning));
    if (*warning) kin_tell_warning(f->watch, "%s", warning);
    return KIN_OK;
}

kin_status kin_finished_judge(const kin_finished *f, kin_split split, kin_results *r)
{
    char path[KIN_PATH_MAX], folder[KIN_PATH_MAX];
    kin_judged model = { 0 }, bm25 = { 0 };
    kin_results before = { 0 };
    KIN_TRY(results_path(f->run, split, path));
    if (kin_file_exists(path)) KIN_TRY(kin_results_load(&before, path));
    *r = (kin_results){ .untrained = before.untrained, .documents = f->store->documents,
                        .pairs = f->facts->pairs, .step = f->facts->best_step,
                        .train_seconds = f->facts->train_seconds, .peak_mb = f->facts->peak_mb,
                        .depth = (int64_t)kin_config_number(f->config, "eval.depth") };
    snprintf(r->split, sizeof r->split, "%s", kin_split_name(split));
    kin_tell_stage(f->watch, "evaluating the model on the %s queries", r->split);
    kin_status status = judge(f, split, &model, &bm25, r);
    if (!status) {
        r->queries = model.scores->queries;
        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
        status = kin_judged_save(&model, folder);
    }
    if (!status) status = kin_results_save(r, path);
    kin_judged_free(&model);
    kin_judged_free(&bm25);
    return status;
}
