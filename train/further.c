/* Further: see further.h. */
#include "train/further.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "metrics/fusion.h"
#include "metrics/trec.h"
#include "train/progress.h"

enum { WEIGHTS = 20 };                 /* steps from 0 to 1 */

/* Both systems on the split and, where there are any, on the validation queries. */
typedef struct {
    const kin_finished *run;
    const char *folder;
    int64_t depth;
    const kin_judged *model;
    kin_judged bm25[2], chosen;        /* chosen: the model on the validation queries, or empty */
    kin_judgements *fresh;             /* or NULL */
    kin_results *results;
} work;

static uint64_t seed_of(const work *w)
{
    return (uint64_t)kin_config_number(w->run->config, "run.seed");
}

/* ---- fusing ---------------------------------------------------------------------------------- */

/* What both systems made of some queries, and what is relevant to these. */
typedef struct {
    const kin_run *model, *bm25;
    const kin_judgements *by;
} both;

/* weight below 0: by reciprocal rank. */
static kin_status fuse(const work *w, const both *b, double weight, int64_t depth,
                       kin_judged *out)
{
    const kin_fusion by = { .run = { b->model, b->bm25 }, .depth = depth,
                            .documents = w->run->store->documents, .listed = w->depth,
                            .by_score = weight >= 0, .weight = weight < 0 ? 0 : weight };
    kin_pool *pool = w->run->backend->pool;
    KIN_TRY(kin_run_fuse(&out->run, pool, &by));
    return kin_run_evaluate(&out->scores, out->run, pool, b->by);
}

static void free_fused(kin_judged *j)
{
    kin_run_free(j->run);
    kin_ranking_scores_free(j->scores);
    *j = (kin_judged){ 0 };
}

/* The best for these queries; a half where none has a relevant document. */
static kin_status choose_weight(const work *w, const both *b, double *chosen)
{
    double best = -1;
    *chosen = 0.5;
    for (int i = 0; i <= WEIGHTS; i++) {
        kin_judged fused = { 0 };
        const double weight = (double)i / WEIGHTS;
        const kin_status status = fuse(w, b, weight, KIN_QUICK_DEPTH, &fused);
        const double value = status ? -1 : fused.scores->mean[w->results->hybrid.measure];
        free_fused(&fused);
        if (status) return status;
        const bool nearer = fabs(weight - 0.5) < fabs(*chosen - 0.5);
        if (value < best || (value == best && !nearer)) continue;
        best = value;
        *chosen = weight;
    }
    return KIN_OK;
}

/* ---- one system ------------------------------------------------------------------------------ */

static kin_status mark_fresh(const work *w, const kin_run *run, kin_marks *marks)
{
    kin_judged judged = { 0 };
    if (!w->fresh) return KIN_OK;
    KIN_TRY(kin_ranking_judge(&judged.scores, run, w->fresh));
    w->results->fresh.queries = judged.scores->queries;
    const kin_status status = kin_marks_of(marks, &judged, w->run->backend->pool, seed_of(w), true);
    kin_ranking_scores_free(judged.scores);
    return status;
}

static kin_status save_fused(const work *w, const kin_judged *fused, const char *system)
{
    char name[64], path[KIN_PATH_MAX];
    const kin_judged judged = { w->model->judgements, fused->run, fused->scores };
    KIN_TRY(kin_judged_save_scores(&judged, w->folder, system));
    snprintf(name, sizeof name, "%s.trec", system);
    KIN_TRY(kin_path_join(path, sizeof path, w->folder, name));
    return kin_trec_write_run(path, fused->run, w->model->judgements, system);
}

/* Against BM25 where paired is not NULL. */
static kin_status judge_fused(const work *w, double weight, const char *system, kin_marks *marks,
                              kin_paired *paired)
{
    kin_judged fused = { 0 };
    kin_pool *pool = w->run->backend->pool;
    const both b = { w->model->run, w->bm25[0].run, w->model->judgements };
    kin_status status = fuse(w, &b, weight, w->depth, &fused);
    if (!status) status = kin_marks_of(marks, &fused, pool, seed_of(w), true);
    if (!status) status = save_fused(w, &fused, system);
    const int m = w->results->hybrid.measure;
    if (!status && paired)
        status = kin_paired_test(paired, pool, seed_of(w), KIN_FLIPS, fused.scores->queries,
                                 fused.scores->value[m], w->bm25[0].scores->value[m]);
    free_fused(&fused);
    return status;
}

static kin_status fuse_fresh(const work *w, double weight, kin_marks *marks)
{
    kin_judged fused = { 0 };
    const both b = { w->model->run, w->bm25[0].run, w->fresh };
    kin_status status = fuse(w, &b, weight, w->depth, &fused);
    if (!status) status = kin_marks_of(marks, &fused, w->run->backend->pool, seed_of(w), true);
    free_fused(&fused);
    return status;
}

/* ---- hybrid ---------------------------------------------------------------------------------- */

static bool any_relevant(const kin_judgements *j)
{
    for (int64_t i = 0; i < j->start[j->rows]; i++)
        if (j->grade[i] > 0) return true;
    return false;
}

/* The weight for documents that nobody trained on is chosen by such documents. */
static kin_status judge_fresh_hybrid(const work *w, const both *chosen_on)
{
    int64_t left_out;
    kin_judgements *fresh;
    kin_fresh_results *f = &w->results->fresh;
    f->weight = w->results->hybrid.weight;
    KIN_TRY(kin_fresh_judgements(&fresh, w->run->store, KIN_VALIDATION, &left_out));
    const both b = { chosen_on->model, chosen_on->bm25, fresh };
    kin_status status = KIN_OK;
    if (b.model && any_relevant(fresh)) status = choose_weight(w, &b, &f->weight);
    kin_judgements_free(fresh);
    if (!status) status = fuse_fresh(w, -1, &f->rrf);
    return status ? status : fuse_fresh(w, f->weight, &f->weighted);
}

/* The validation queries choose the weight, also where they are what is judged. */
static kin_status judge_hybrid(work *w, kin_split split)
{
    kin_hybrid_results *h = &w->results->hybrid;
    const bool itself = split == KIN_VALIDATION;
    const kin_judged *model = itself ? w->model : &w->chosen;
    const both b = { model->run, w->bm25[itself ? 0 : 1].run, model->judgements };
    *h = (kin_hybrid_results){ .present = true, .weight = 0.5 };
    h->measure = (int)kin_config_number(w->run->config, "eval.best_by");
    if (b.model) {
        snprintf(h->chosen_on, sizeof h->chosen_on, "%s", kin_split_name(KIN_VALIDATION));
        KIN_TRY(choose_weight(w, &b, &h->weight));
    }
    KIN_TRY(judge_fused(w, -1, "rrf", &h->rrf, NULL));
    KIN_TRY(judge_fused(w, h->weight, "weighted", &h->weighted, &h->against_bm25));
    return w->fresh ? judge_fresh_hybrid(w, &b) : KIN_OK;
}

/* ---- fresh documents ------------------------------------------------------------------------- */

/* Documents that are relevant to a query of an earlier part. */
static void mark_earlier(const kin_store *s, kin_split split, bool *earlier)
{
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *r = s->relation + 3 * i;
        if (r[KIN_RELATION_GRADE] > 0 && s->query_split[r[KIN_RELATION_QUERY]] < (uint8_t)split)
            earlier[r[KIN_RELATION_DOCUMENT]] = true;
    }
}

/* (row, document, grade) of what is fresh; rows as all has them. */
static int64_t take_fresh(const kin_judgements *all, const bool *earlier, int32_t *triple,
                          int64_t *left_out)
{
    int64_t n = 0;
    for (int64_t r = 0; r < all->rows; r++)
        for (int64_t i = all->start[r]; i < all->start[r + 1]; i++) {
            const bool old = earlier[all->document[i]];
            *left_out += old && all->grade[i] > 0;
            if (old) continue;
            triple[3 * n] = (int32_t)r;
            triple[3 * n + 1] = all->document[i];
            triple[3 * n++ + 2] = all->grade[i];
        }
    return n;
}

kin_status kin_fresh_judgements(kin_judgements **fresh, const kin_store *store, kin_split split,
                                int64_t *left_out)
{
    kin_judgements *all;
    *fresh = NULL;
    *left_out = 0;
    KIN_TRY(kin_judgements_of_store(&all, store, (int)split));
    bool *earlier = calloc((size_t)store->documents + 1, sizeof *earlier);
    int32_t *triple = malloc(((size_t)all->start[all->rows] + 1) * 3 * sizeof *triple);
    kin_status status = KIN_OK;
    if (earlier && triple) {
        mark_earlier(store, split, earlier);
        const int64_t n = take_fresh(all, earlier, triple, left_out);
        status = kin_judgements_new(fresh, all->rows, all->query, all->query_id, all->document_id,
                                    n, triple);
    } else {
        status = kin_fail(KIN_MEMORY, "no memory for %lld judgements",
                          (long long)all->start[all->rows]);
    }
    free(earlier);
    free(triple);
    kin_judgements_free(all);
    return status;
}

/* Nothing where no relevant document is fresh. */
static kin_status begin_fresh(work *w, kin_split split)
{
    kin_fresh_results *f = &w->results->fresh;
    KIN_TRY(kin_fresh_judgements(&w->fresh, w->run->store, split, &f->left_out));
    for (int64_t i = 0; i < w->fresh->start[w->fresh->rows]; i++)
        f->documents += w->fresh->grade[i] > 0;
    f->present = any_relevant(w->fresh);
    if (f->present) return mark_fresh(w, w->model->run, &f->model);
    kin_judgements_free(w->fresh);
    w->fresh = NULL;
    kin_tell_warning(w->run->watch, "eval.fresh: every relevant document is relevant to a query of "
                     "an earlier part too");
    return KIN_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static kin_status evaluate(work *w, const kin_look *look)
{
    const kin_finished *f = w->run;
    const kin_look looks[2] = { *look, { KIN_VALIDATION, look->depth, look->unseen } };
    const bool chooses = f->hybrid && look->split != KIN_VALIDATION
                         && kin_split_judged(f->store, KIN_VALIDATION);
    if (!f->model->tokenizer) return KIN_OK;
    KIN_TRY(kin_evaluate_bm25(f->store, f->backend->pool, looks, chooses ? 2 : 1, w->bm25));
    if (!chooses) return KIN_OK;
    return kin_evaluate_model(f->store, f->model, f->tokens, &looks[1], 1, &w->chosen);
}

static kin_status judge(work *w, const kin_look *look)
{
    const kin_finished *f = w->run;
    KIN_REQUIRE(!f->hybrid || f->model->tokenizer, KIN_USAGE,
                "eval.hybrid: numbers have no words for BM25");
    KIN_REQUIRE(!f->hybrid || !look->unseen, KIN_USAGE, "eval.hybrid: BM25 ranks every document, "
                "and eval.seen is 'remove'");
    kin_tell_stage(f->watch, "evaluating %s%s%s", f->hybrid ? "BM25 and the model together" : "",
                   f->hybrid && f->fresh ? ", and " : "", f->fresh ? "fresh documents" : "");
    KIN_TRY(evaluate(w, look));
    if (f->fresh) KIN_TRY(begin_fresh(w, look->split));
    if (w->bm25[0].run) KIN_TRY(mark_fresh(w, w->bm25[0].run, &w->results->fresh.bm25));
    return f->hybrid ? judge_hybrid(w, look->split) : KIN_OK;
}

kin_status kin_further_judge(const kin_finished *f, const kin_look *look, const char *folder,
                             const kin_judged *judged, kin_results *results)
{
    work w = { .run = f, .folder = folder, .depth = look->depth, .model = judged,
               .results = results };
    if (!f->hybrid && !f->fresh) return KIN_OK;
    const kin_status status = judge(&w, look);
    kin_judged_free(&w.bm25[0]);
    kin_judged_free(&w.bm25[1]);
    kin_judged_free(&w.chosen);
    kin_judgements_free(w.fresh);
    return status;
}
