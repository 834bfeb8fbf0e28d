/* Finish: what is measured before, during and after the loop. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "metrics/per_query.h"
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

/* Scores of each query, in the folder of results.json. */
static kin_status save_scores(const char *results, const kin_judged *judged, const char *system)
{
    char path[KIN_PATH_MAX];
    const int folder = (int)(strrchr(results, '/') - results);
    const int n = snprintf(path, sizeof path, "%.*s/%s.tsv", folder, results, system);
    KIN_REQUIRE(n < (int)sizeof path, KIN_RUNTIME, "%s: the path is too long", results);
    return kin_per_query_write(path, judged->scores, judged->judgements);
}

/* ---- before ---------------------------------------------------------------------------------- */

static kin_status begin_split(kin_trainer *t, kin_split split, const kin_judged *untrained,
                              const kin_judged *bm25)
{
    char path[KIN_PATH_MAX];
    const uint64_t seed = seed_of(t->config);
    kin_results r = { .queries = untrained->scores->queries, .documents = t->store->documents };
    snprintf(r.split, sizeof r.split, "%s", kin_split_name(split));
    KIN_TRY(kin_marks_of(&r.untrained, untrained, t->backend->pool, seed, true));
    KIN_TRY(kin_marks_of(&r.bm25, bm25, t->backend->pool, seed, true));
    kin_tell_scores(t->watch, 0, split, "untrained", &r.untrained);
    kin_tell_scores(t->watch, 0, split, "bm25", &r.bm25);
    KIN_TRY(results_path(t->folder.path, split, path));
    KIN_TRY(save_scores(path, untrained, "untrained"));
    KIN_TRY(save_scores(path, bm25, "bm25"));
    return kin_results_save(&r, path);
}

kin_status kin_trainer_begin(kin_trainer *t)
{
    kin_judged untrained[2] = { 0 }, bm25[2] = { 0 };
    if (!t->split_count || kin_config_number(t->config, "eval.baselines") == 0) return KIN_OK;
    kin_tell_stage(t->watch, "evaluating BM25 and the untrained model");
    kin_look looks[2];
    for (int i = 0; i < t->split_count; i++)
        looks[i] = (kin_look){ t->splits[i], t->splits[i] == kin_trainer_last_split(t)
                                                 ? KIN_RUN_DEPTH : KIN_QUICK_DEPTH };
    KIN_TRY(kin_evaluate_bm25(t->store, t->backend->pool, looks, t->split_count, bm25));
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
    *best = t->state.best_step < 0 || m->mean[KIN_MRR10] > t->state.best;
    if (!*best) return KIN_OK;
    t->state.best = m->mean[KIN_MRR10];
    t->state.best_step = t->state.step;
    snprintf(results, sizeof results, "| validation, step %ld | %s %.4f |\n|---|---|\n",
             (long)t->state.step, kin_measure_names[KIN_MRR10], m->mean[KIN_MRR10]);
    return kin_trainer_export(t, results);
}

kin_status kin_trainer_validate(kin_trainer *t, bool *best)
{
    static const kin_look look = { KIN_VALIDATION, KIN_QUICK_DEPTH };
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

/* ---- after ---------------------------------------------------------------------------------- */

/* What is judged of one split. path: of its results.json. */
typedef struct {
    const kin_finished *run;
    kin_look look;
    char path[KIN_PATH_MAX];
    kin_results *results;
} verdict;

static kin_status judge_untrained(verdict *v)
{
    const kin_finished *f = v->run;
    kin_model untrained = *f->model;
    kin_judged judged = { 0 };
    KIN_TRY(kin_untrained_network(&untrained.network, f->backend, f->config, f->model,
                                  f->tokens->of[KIN_DOCUMENT], f->store));
    kin_status status = kin_evaluate_model(f->store, &untrained, f->tokens, &v->look, 1, &judged);
    if (!status)
        status = kin_marks_of(&v->results->untrained, &judged, f->backend->pool, seed_of(f->config),
                              true);
    if (!status) status = save_scores(v->path, &judged, "untrained");
    kin_judged_free(&judged);
    kin_network_free(untrained.network);
    return status;
}

static kin_status compare(verdict *v, const kin_judged *model, const kin_judged *bm25)
{
    const uint64_t seed = seed_of(v->run->config);
    kin_pool *pool = v->run->backend->pool;
    KIN_TRY(kin_marks_of(&v->results->bm25, bm25, pool, seed, true));
    KIN_TRY(save_scores(v->path, bm25, "bm25"));
    return kin_paired_test(&v->results->against_bm25, pool, seed, KIN_FLIPS, model->scores->queries,
                           model->scores->value[KIN_MRR10], bm25->scores->value[KIN_MRR10]);
}

static kin_status judge_baselines(verdict *v, const kin_judged *model)
{
    kin_judged bm25 = { 0 };
    if (!v->results->untrained.present) KIN_TRY(judge_untrained(v));
    KIN_TRY(kin_evaluate_bm25(v->run->store, v->run->backend->pool, &v->look, 1, &bm25));
    const kin_status status = compare(v, model, &bm25);
    kin_judged_free(&bm25);
    return status;
}

static kin_status judge(verdict *v, kin_judged *model)
{
    char warning[300], folder[KIN_PATH_MAX];
    const kin_finished *f = v->run;
    const uint64_t seed = seed_of(f->config);
    KIN_TRY(kin_evaluate_model(f->store, f->model, f->tokens, &v->look, 1, model));
    v->results->queries = model->scores->queries;
    KIN_TRY(kin_marks_of(&v->results->model, model, f->backend->pool, seed, true));
    if (f->baselines) KIN_TRY(judge_baselines(v, model));
    KIN_TRY(kin_evaluate_shape(f->store, f->model, f->tokens, model, seed, &v->results->shape,
                               warning, sizeof warning));
    if (*warning) kin_tell_warning(f->watch, "%s", warning);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(v->path, '/') - v->path), v->path);
    KIN_TRY(kin_judged_save(model, folder));
    return save_scores(v->path, model, "model");
}

kin_status kin_finished_judge(const kin_finished *f, kin_split split, kin_results *r)
{
    kin_judged model = { 0 };
    kin_results before = { 0 };
    verdict v = { .run = f, .look = { split, KIN_RUN_DEPTH }, .results = r };
    KIN_TRY(results_path(f->run, split, v.path));
    if (kin_file_exists(v.path)) KIN_TRY(kin_results_load(&before, v.path));
    *r = (kin_results){ .untrained = before.untrained, .documents = f->store->documents,
                        .pairs = f->facts->pairs, .step = f->facts->best_step,
                        .train_seconds = f->facts->train_seconds, .peak_mb = f->facts->peak_mb };
    snprintf(r->split, sizeof r->split, "%s", kin_split_name(split));
    kin_tell_stage(f->watch, "evaluating the model on the %s queries", r->split);
    kin_status status = judge(&v, &model);
    kin_judged_free(&model);
    return status ? status : kin_results_save(r, v.path);
}
