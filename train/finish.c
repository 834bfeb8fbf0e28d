/* Finish: what is measured before, during and after the loop. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "train/further.h"
#include "train/items.h"
#include "train/machine.h"
#include "train/trainer.h"

static uint64_t seed_of(const kin_config *config)
{
    return (uint64_t)kin_config_number(config, "run.seed");
}

/* Where a split's results are; made where it is not there. */
static kin_status split_folder(const char *run, kin_split split, char folder[KIN_PATH_MAX])
{
    char name[64];
    snprintf(name, sizeof name, "eval/%s", kin_split_name(split));
    KIN_TRY(kin_path_join(folder, KIN_PATH_MAX, run, name));
    return kin_folder_make(folder);
}

static kin_status save_results(const char *folder, const kin_results *r)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(kin_path_join(path, sizeof path, folder, "results.json"));
    return kin_results_save(r, path);
}

static kin_status save_spreading(const char *folder, const kin_spreading *s)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(kin_path_join(path, sizeof path, folder, "geometry.json"));
    return kin_spreading_save(s, path);
}

static kin_look look_of(const kin_config *config, kin_split split, bool quick)
{
    const int64_t depth = (int64_t)kin_config_number(config, "eval.depth");
    return (kin_look){ split, quick ? KIN_QUICK_DEPTH : depth,
                       kin_config_is(config, "eval.seen", "remove") };
}

static const kin_encoder *encoder_of(const kin_config *config)
{
    return kin_encoder_at(kin_config_entry(config, "encoder"));
}

/* ---- before ---------------------------------------------------------------------------------- */

/* Results of a split of this store, nothing judged yet. */
static kin_results empty_results(const kin_config *config, const kin_store *store, kin_split split)
{
    kin_results r = { .goal = kin_store_goal(store), .documents = store->documents,
                      .depth = look_of(config, split, false).depth, .classes = store->labels };
    snprintf(r.split, sizeof r.split, "%s", kin_split_name(split));
    snprintf(r.baseline, sizeof r.baseline, "%s",
             kin_goal_baseline(r.goal, encoder_of(config)));
    return r;
}

static kin_status tell_first(kin_trainer *t, kin_split split, const char *folder,
                             const kin_results *r)
{
    kin_tell_scores(t->watch, 0, split, "untrained", &r->untrained);
    if (r->bm25.present) kin_tell_scores(t->watch, 0, split, r->baseline, &r->bm25);
    return save_results(folder, r);
}

static kin_status begin_split(kin_trainer *t, kin_split split, const kin_judged *untrained,
                              const kin_judged *bm25)
{
    char folder[KIN_PATH_MAX];
    const uint64_t seed = seed_of(t->config);
    kin_results r = empty_results(t->config, t->store, split);
    r.queries = untrained->scores->queries;
    KIN_TRY(kin_marks_of(&r.untrained, untrained, t->backend->pool, seed, true));
    if (bm25->scores) KIN_TRY(kin_marks_of(&r.bm25, bm25, t->backend->pool, seed, true));
    KIN_TRY(split_folder(t->folder.path, split, folder));
    KIN_TRY(kin_judged_save_scores(untrained, folder, "untrained"));
    if (bm25->scores) KIN_TRY(kin_judged_save_scores(bm25, folder, "bm25"));
    return tell_first(t, split, folder, &r);
}

static kin_items_setting items_of(const kin_trainer *t, kin_split split, bool intervals)
{
    return (kin_items_setting){ .store = t->store, .model = t->model, .tokens = &t->tokens,
                                .backend = t->backend, .split = split, .intervals = intervals,
                                .seed = seed_of(t->config) };
}

/* Judges and keeps the scores of each item. */
static kin_status judge_items(const kin_items_setting *setting, const char *folder,
                              const char *system, kin_items_judged *out)
{
    KIN_TRY(kin_items_judge(setting, out));
    return kin_items_save_scores(out, setting->store, folder, system);
}

static kin_status begin_items(kin_trainer *t, kin_split split)
{
    char folder[KIN_PATH_MAX];
    kin_items_judged untrained = { 0 }, baseline = { 0 };
    kin_results r = empty_results(t->config, t->store, split);
    kin_items_setting setting = items_of(t, split, true);
    KIN_TRY(split_folder(t->folder.path, split, folder));
    kin_status status = judge_items(&setting, folder, "untrained", &untrained);
    setting.model = NULL;
    if (!status) status = judge_items(&setting, folder, r.baseline, &baseline);
    r.untrained = untrained.marks;
    r.bm25 = baseline.marks;
    r.queries = untrained.count;
    kin_items_judged_free(&untrained);
    kin_items_judged_free(&baseline);
    return status ? status : tell_first(t, split, folder, &r);
}

static kin_status begin_all_items(kin_trainer *t)
{
    kin_tell_stage(t->watch, "evaluating the untrained model and %s",
                   kin_goal_baseline(t->material.goal, encoder_of(t->config)));
    for (int i = 0; i < t->split_count; i++) KIN_TRY(begin_items(t, t->splits[i]));
    return KIN_OK;
}

kin_status kin_trainer_begin(kin_trainer *t)
{
    kin_judged untrained[2] = { 0 }, bm25[2] = { 0 };
    if (!t->split_count || kin_config_number(t->config, "eval.baselines") == 0) return KIN_OK;
    if (t->material.goal != KIN_GOAL_RANKING) return begin_all_items(t);
    const bool words = t->model->tokenizer != NULL;      /* numbers have none for BM25 to match */
    kin_tell_stage(t->watch, "evaluating %sthe untrained model", words ? "BM25 and " : "");
    kin_look looks[2];
    for (int i = 0; i < t->split_count; i++)
        looks[i] = look_of(t->config, t->splits[i], t->splits[i] != kin_trainer_last_split(t));
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
    int count;
    const char *const *names = kin_goal_measures(m->goal, &count);
    kin_log_begin(t->log, t->state.step);
    for (int i = 0; i < count; i++) {
        char name[48];
        const bool cut = m->goal == KIN_GOAL_RANKING && i == KIN_MAP;
        snprintf(name, sizeof name, "val/%s%s", names[i], cut ? "@100" : "");
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
    int count;
    const int by = m->goal == KIN_GOAL_RANKING ? (int)kin_config_number(t->config, "eval.best_by")
                                               : kin_goal_headline(m->goal);
    *best = t->state.best_step < 0 || m->mean[by] > t->state.best;
    if (!*best) return KIN_OK;
    t->state.best = m->mean[by];
    t->state.best_step = t->state.step;
    snprintf(results, sizeof results, "| validation, step %ld | %s %.4f |\n|---|---|\n",
             (long)t->state.step, kin_goal_measures(m->goal, &count)[by], m->mean[by]);
    return kin_trainer_export(t, results);
}

/* What a validation finds; warning: "", or why the embeddings have collapsed. */
typedef struct {
    kin_marks marks;
    kin_shape shape;
    kin_spreading spreading;
    char warning[300];
} look_t;

static kin_status look_at_ranking(kin_trainer *t, look_t *l)
{
    const kin_look look = look_of(t->config, KIN_VALIDATION, true);
    kin_judged judged;
    KIN_TRY(kin_evaluate_model(t->store, t->model, &t->tokens, &look, 1, &judged));
    kin_status status = kin_marks_of(&l->marks, &judged, t->backend->pool, 0, false);
    if (!status)
        status = kin_evaluate_shape(t->store, t->model, &t->tokens, &judged, seed_of(t->config),
                                    &l->shape, &l->spreading, l->warning, sizeof l->warning);
    kin_judged_free(&judged);
    return status;
}

static kin_status look_at_items(kin_trainer *t, look_t *l)
{
    kin_items_judged judged;
    const kin_items_setting setting = items_of(t, KIN_VALIDATION, false);
    KIN_TRY(kin_items_judge(&setting, &judged));
    l->marks = judged.marks;
    l->shape = judged.shape;
    memcpy(l->warning, judged.warning, sizeof l->warning);
    kin_items_judged_free(&judged);
    return KIN_OK;
}

kin_status kin_trainer_validate(kin_trainer *t, bool *best)
{
    look_t l;
    const bool ranking = t->material.goal == KIN_GOAL_RANKING;
    KIN_TRY(ranking ? look_at_ranking(t, &l) : look_at_items(t, &l));
    if (*l.warning) kin_tell_warning(t->watch, "step %ld: %s", (long)t->state.step, l.warning);
    kin_tell_scores(t->watch, t->state.step, KIN_VALIDATION, "model", &l.marks);
    KIN_TRY(log_marks(t, &l.marks, &l.shape));
    return keep_if_best(t, &l.marks, best);
}

/* ---- after ---------------------------------------------------------------------------------- */

/* What is judged of one split, and where that goes. */
typedef struct {
    const kin_finished *run;
    kin_look look;
    char folder[KIN_PATH_MAX];
    kin_results *results;
} verdict;

static kin_status judge_untrained(verdict *v, const kin_model *untrained)
{
    const kin_finished *f = v->run;
    kin_judged judged = { 0 };
    kin_status status = kin_evaluate_model(f->store, untrained, f->tokens, &v->look, 1, &judged);
    if (!status)
        status = kin_marks_of(&v->results->untrained, &judged, f->backend->pool, seed_of(f->config),
                              true);
    if (!status) status = kin_judged_save_scores(&judged, v->folder, "untrained");
    kin_judged_free(&judged);
    return status;
}

static kin_items_setting items_setting(const kin_finished *f, kin_split split,
                                       const kin_model *model)
{
    return (kin_items_setting){ .store = f->store, .model = model, .tokens = f->tokens,
                                .backend = f->backend, .split = split, .intervals = true,
                                .seed = seed_of(f->config) };
}

static kin_status judge_untrained_items(verdict *v, const kin_model *untrained)
{
    kin_items_judged judged = { 0 };
    const kin_items_setting setting = items_setting(v->run, v->look.split, untrained);
    const kin_status status = judge_items(&setting, v->folder, "untrained", &judged);
    v->results->untrained = judged.marks;
    kin_items_judged_free(&judged);
    return status;
}

/* Where training did not begin with it. */
static kin_status with_untrained(verdict *v, kin_status (*judges)(verdict *, const kin_model *))
{
    const kin_finished *f = v->run;
    const kin_network *n = f->model->network;
    kin_model untrained = *f->model;
    double hypers[KIN_HYPERS_MAX];
    if (v->results->untrained.present) return KIN_OK;
    kin_config_hypers(f->config, "encoder", hypers);
    if (n->encoder->rows) memcpy(hypers, n->hypers, sizeof hypers);     /* as the store has */
    KIN_TRY(kin_untrained_network(&untrained.network, f->backend, f->config, hypers, n->vocab,
                                  f->tokens->of[KIN_DOCUMENT], f->store));
    kin_status status = kin_start_weights(f->config, untrained.network);
    if (!status) status = judges(v, &untrained);
    kin_network_free(untrained.network);
    return status;
}

static kin_status compare(verdict *v, const kin_judged *model, const kin_judged *bm25)
{
    const uint64_t seed = seed_of(v->run->config);
    kin_pool *pool = v->run->backend->pool;
    KIN_TRY(kin_marks_of(&v->results->bm25, bm25, pool, seed, true));
    KIN_TRY(kin_judged_save_scores(bm25, v->folder, "bm25"));
    return kin_paired_test(&v->results->against_bm25, pool, seed, KIN_FLIPS, model->scores->queries,
                           model->scores->value[KIN_MRR10], bm25->scores->value[KIN_MRR10]);
}

static kin_status judge_baselines(verdict *v, const kin_judged *model)
{
    kin_judged bm25 = { 0 };
    KIN_TRY(with_untrained(v, judge_untrained));
    if (!v->run->model->tokenizer) return KIN_OK;
    KIN_TRY(kin_evaluate_bm25(v->run->store, v->run->backend->pool, &v->look, 1, &bm25));
    const kin_status status = compare(v, model, &bm25);
    kin_judged_free(&bm25);
    return status;
}

static kin_status judge(verdict *v, kin_judged *model)
{
    char warning[300];
    kin_spreading spreading;
    const kin_finished *f = v->run;
    const uint64_t seed = seed_of(f->config);
    KIN_TRY(kin_evaluate_model(f->store, f->model, f->tokens, &v->look, 1, model));
    v->results->queries = model->scores->queries;
    KIN_TRY(kin_marks_of(&v->results->model, model, f->backend->pool, seed, true));
    if (f->baselines) KIN_TRY(judge_baselines(v, model));
    KIN_TRY(kin_evaluate_shape(f->store, f->model, f->tokens, model, seed, &v->results->shape,
                               &spreading, warning, sizeof warning));
    KIN_TRY(save_spreading(v->folder, &spreading));
    if (*warning) kin_tell_warning(f->watch, "%s", warning);
    KIN_TRY(kin_judged_save(model, v->folder));
    return kin_judged_save_scores(model, v->folder, "model");
}

static kin_status finish_ranking(verdict *v)
{
    kin_judged model = { 0 };
    kin_status status = judge(v, &model);
    if (!status) status = kin_further_judge(v->run, &v->look, v->folder, &model, v->results);
    kin_judged_free(&model);
    return status;
}

static kin_status compare_items(verdict *v, const kin_items_judged *model)
{
    kin_items_judged baseline = { 0 };
    const kin_finished *f = v->run;
    const kin_items_setting setting = items_setting(f, v->look.split, NULL);
    KIN_TRY(with_untrained(v, judge_untrained_items));
    kin_status status = judge_items(&setting, v->folder, v->results->baseline, &baseline);
    v->results->bm25 = baseline.marks;
    if (!status)
        status = kin_items_compare(&v->results->against_bm25, f->backend->pool, setting.seed,
                                   model, &baseline);
    kin_items_judged_free(&baseline);
    return status;
}

static kin_status finish_items(verdict *v)
{
    kin_items_judged model = { 0 };
    const kin_finished *f = v->run;
    const kin_items_setting setting = items_setting(f, v->look.split, f->model);
    kin_status status = judge_items(&setting, v->folder, "model", &model);
    if (!status && f->baselines) status = compare_items(v, &model);
    if (!status) status = kin_items_save(&model, f->store, v->folder);
    if (!status) status = save_spreading(v->folder, &model.spreading);
    if (!status && *model.warning) kin_tell_warning(f->watch, "%s", model.warning);
    v->results->model = model.marks;
    v->results->shape = model.shape;
    v->results->queries = model.count;
    kin_items_judged_free(&model);
    return status;
}

kin_status kin_finished_judge(const kin_finished *f, kin_split split, kin_results *r)
{
    char path[KIN_PATH_MAX];
    kin_results before = { 0 };
    verdict v = { .run = f, .look = look_of(f->config, split, false), .results = r };
    KIN_TRY(split_folder(f->run, split, v.folder));
    KIN_TRY(kin_path_join(path, sizeof path, v.folder, "results.json"));
    if (kin_file_exists(path)) KIN_TRY(kin_results_load(&before, path));
    *r = empty_results(f->config, f->store, split);
    r->untrained = before.untrained;
    r->pairs = f->facts->pairs;
    r->step = f->facts->best_step;
    r->train_seconds = f->facts->train_seconds;
    r->mining_seconds = f->facts->mining_seconds;
    r->peak_mb = f->facts->peak_mb;
    const bool ranking = r->goal == KIN_GOAL_RANKING;
    kin_tell_stage(f->watch, "evaluating the model on the %s %s", r->split,
                   ranking ? "queries" : "items");
    KIN_TRY(ranking ? finish_ranking(&v) : finish_items(&v));
    return kin_results_save(r, path);
}
