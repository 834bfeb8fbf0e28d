/* Results: see results.h. */
#include "train/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/score.h"
#include "data/json.h"
#include "metrics/correlation.h"
#include "metrics/labels.h"

_Static_assert((int)KIN_LABEL_MEASURES <= (int)KIN_MEASURES &&
                   (int)KIN_SCORE_MEASURES <= (int)KIN_MEASURES,
               "marks have room for the measures of every goal");

static const char *const goal_names[KIN_GOALS] = { "ranking", "labels", "scores" };

const char *const *kin_goal_measures(kin_goal goal, int *count)
{
    *count = goal == KIN_GOAL_LABELS   ? (int)KIN_LABEL_MEASURES
             : goal == KIN_GOAL_SCORES ? (int)KIN_SCORE_MEASURES
                                       : (int)KIN_MEASURES;
    return goal == KIN_GOAL_LABELS   ? kin_label_measure_names
           : goal == KIN_GOAL_SCORES ? kin_score_measure_names
                                     : kin_measure_names;
}

int kin_goal_headline(kin_goal goal)
{
    return goal == KIN_GOAL_LABELS   ? (int)KIN_CENTROID
           : goal == KIN_GOAL_SCORES ? (int)KIN_SPEARMAN
                                     : (int)KIN_MRR10;
}

static const struct { int carries; const char *data; } batches[KIN_GOALS] = {
    [KIN_GOAL_RANKING] = { KIN_PAIRS, "pairs" },
    [KIN_GOAL_LABELS] = { KIN_LABELS | KIN_PROXIES, "items of classes" },
    [KIN_GOAL_SCORES] = { KIN_TARGETS, "pairs with scores" },
};

int kin_goal_carries(kin_goal goal) { return batches[goal].carries; }
const char *kin_goal_data(kin_goal goal) { return batches[goal].data; }

const char *kin_goal_baseline(kin_goal goal, const kin_encoder *encoder)
{
    if (encoder->rows) return "";
    if (goal == KIN_GOAL_RANKING) return "bm25";
    return encoder->forward_features ? "features" : "tf-idf";
}

static void put_scores(kin_json_out *out, const char *key, const kin_marks *s)
{
    int count;
    const char *const *names = kin_goal_measures(s->goal, &count);
    if (!s->present) return;
    kin_json_open(out, key, '{');
    for (int m = 0; m < count; m++) kin_json_put_number(out, names[m], s->mean[m]);
    kin_json_open(out, "interval95", '{');
    for (int m = 0; m < count; m++) {
        kin_json_open(out, names[m], '[');
        kin_json_put_number(out, NULL, s->interval[m].low);
        kin_json_put_number(out, NULL, s->interval[m].high);
        kin_json_close(out);
    }
    kin_json_close(out);
    kin_json_close(out);
}

/* The key of the comparison: "model_against_bm25". */
static void compared_key(const kin_results *r, char key[48])
{
    snprintf(key, 48, "model_against_%s", r->baseline);
}

static void put_paired(kin_json_out *out, const char *key, const char *measure,
                       const kin_paired *p)
{
    kin_json_open(out, key, '{');
    kin_json_put_string(out, "measure", measure);
    kin_json_put_number(out, "difference", p->difference);
    kin_json_put_number(out, "p", p->p);
    kin_json_put_whole(out, "wins", p->wins);
    kin_json_put_whole(out, "losses", p->losses);
    kin_json_put_whole(out, "ties", p->ties);
    kin_json_close(out);
}

static void put_comparison(kin_json_out *out, const kin_results *r)
{
    char key[48];
    int count;
    compared_key(r, key);
    put_paired(out, key, kin_goal_measures(r->goal, &count)[kin_goal_headline(r->goal)],
               &r->against_bm25);
}

static void put_hybrid(kin_json_out *out, const kin_hybrid_results *h)
{
    const char *measure = kin_measure_names[h->measure];
    if (!h->present) return;
    kin_json_open(out, "hybrid", '{');
    kin_json_put_number(out, "weight", h->weight);
    kin_json_put_string(out, "chosen_on", h->chosen_on);
    kin_json_put_string(out, "chosen_by", measure);
    put_scores(out, "rrf", &h->rrf);
    put_scores(out, "weighted", &h->weighted);
    put_paired(out, "weighted_against_bm25", measure, &h->against_bm25);
    kin_json_close(out);
}

static void put_fresh(kin_json_out *out, const kin_fresh_results *f)
{
    if (!f->present) return;
    kin_json_open(out, "fresh", '{');
    kin_json_put_whole(out, "queries", f->queries);
    kin_json_put_whole(out, "relevant", f->documents);
    kin_json_put_whole(out, "left_out", f->left_out);
    kin_json_put_number(out, "weight", f->weight);
    put_scores(out, "model", &f->model);
    put_scores(out, "bm25", &f->bm25);
    put_scores(out, "rrf", &f->rrf);
    put_scores(out, "weighted", &f->weighted);
    kin_json_close(out);
}

static void put_shape(kin_json_out *out, const kin_shape *s)
{
    kin_json_open(out, "geometry", '{');
    kin_json_put_number(out, "alignment", s->alignment);
    kin_json_put_number(out, "positive_cosine", s->positive_cosine);
    kin_json_put_number(out, "uniformity", s->uniformity);
    kin_json_put_number(out, "cosine", s->cosine);
    kin_json_put_number(out, "deviation", s->deviation);
    kin_json_put_number(out, "rank", s->rank);
    kin_json_put_boolean(out, "collapsed", s->collapsed);
    kin_json_close(out);
}

kin_status kin_results_save(const kin_results *r, const char *path)
{
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '{');
    kin_json_put_string(&out, "split", r->split);
    kin_json_put_string(&out, "goal", goal_names[r->goal]);
    kin_json_put_string(&out, "baseline", r->baseline);
    put_scores(&out, "model", &r->model);
    put_scores(&out, "untrained", &r->untrained);
    put_scores(&out, r->baseline, &r->bm25);
    if (r->model.present && r->bm25.present) put_comparison(&out, r);
    put_hybrid(&out, &r->hybrid);
    put_fresh(&out, &r->fresh);
    if (r->model.present) put_shape(&out, &r->shape);
    kin_json_put_whole(&out, "queries", r->queries);
    kin_json_put_whole(&out, "documents", r->documents);
    if (r->goal == KIN_GOAL_RANKING) {
        kin_json_put_whole(&out, "depth", r->depth);
        kin_json_put_string(&out, "ties", "score descending, then document id descending");
    }
    if (r->goal == KIN_GOAL_LABELS) kin_json_put_whole(&out, "classes", r->classes);
    kin_json_put_whole(&out, "step", r->step);
    kin_json_put_number(&out, "train_seconds", r->train_seconds);
    kin_json_put_number(&out, "mining_seconds", r->mining_seconds);
    kin_json_put_whole(&out, "pairs", r->pairs);
    kin_json_put_number(&out, "peak_mb", r->peak_mb);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

/* ---- reading --------------------------------------------------------------------------------- */

static kin_status read_intervals(const kin_json_tree *t, const kin_json *all, kin_marks *s)
{
    int count;
    const char *const *names = kin_goal_measures(s->goal, &count);
    for (int m = 0; m < count; m++) {
        const kin_json *pair;
        KIN_TRY(kin_json_need(t, all, names[m], KIN_JSON_ARRAY, &pair));
        KIN_REQUIRE(pair->count == 2 && pair->first->kind == KIN_JSON_NUMBER
                        && pair->first->next->kind == KIN_JSON_NUMBER,
                    KIN_DATA, "%s: the interval of %s is not two numbers", kin_json_name(t),
                    names[m]);
        s->interval[m].low = pair->first->number;
        s->interval[m].high = pair->first->next->number;
    }
    return KIN_OK;
}

static kin_status read_scores(const kin_json_tree *t, const kin_json *object, const char *key,
                              kin_goal goal, kin_marks *s)
{
    const kin_json *own = kin_json_get(object, key), *intervals;
    int count;
    const char *const *names = kin_goal_measures(goal, &count);
    *s = (kin_marks){ .present = own != NULL, .goal = goal };
    if (!own) return KIN_OK;
    KIN_TRY(kin_json_need(t, object, key, KIN_JSON_OBJECT, &own));
    for (int m = 0; m < count; m++)
        KIN_TRY(kin_json_need_number(t, own, names[m], &s->mean[m]));
    KIN_TRY(kin_json_need(t, own, "interval95", KIN_JSON_OBJECT, &intervals));
    return read_intervals(t, intervals, s);
}

static kin_status read_paired(const kin_json_tree *t, const kin_json *object, const char *key,
                              kin_paired *p)
{
    const int64_t most = (int64_t)1 << 53;
    const kin_json *own;
    KIN_TRY(kin_json_need(t, object, key, KIN_JSON_OBJECT, &own));
    KIN_TRY(kin_json_need_number(t, own, "difference", &p->difference));
    KIN_TRY(kin_json_need_number(t, own, "p", &p->p));
    KIN_TRY(kin_json_need_whole(t, own, "wins", 0, most, &p->wins));
    KIN_TRY(kin_json_need_whole(t, own, "losses", 0, most, &p->losses));
    return kin_json_need_whole(t, own, "ties", 0, most, &p->ties);
}

static kin_status read_hybrid(const kin_json_tree *t, kin_hybrid_results *h)
{
    const kin_json *own = kin_json_get(kin_json_root(t), "hybrid");
    const char *split, *measure;
    if (!own) return KIN_OK;
    KIN_TRY(kin_json_need(t, kin_json_root(t), "hybrid", KIN_JSON_OBJECT, &own));
    KIN_TRY(kin_json_need_number(t, own, "weight", &h->weight));
    KIN_TRY(kin_json_need_string(t, own, "chosen_on", &split));
    KIN_TRY(kin_json_need_string(t, own, "chosen_by", &measure));
    snprintf(h->chosen_on, sizeof h->chosen_on, "%s", split);
    while (h->measure < KIN_MEASURES && strcmp(measure, kin_measure_names[h->measure]))
        h->measure++;
    KIN_REQUIRE(h->measure < KIN_MEASURES, KIN_DATA, "%s: chosen_by is '%.40s', expected a measure",
                kin_json_name(t), measure);
    KIN_TRY(read_scores(t, own, "rrf", KIN_GOAL_RANKING, &h->rrf));
    KIN_TRY(read_scores(t, own, "weighted", KIN_GOAL_RANKING, &h->weighted));
    KIN_TRY(read_paired(t, own, "weighted_against_bm25", &h->against_bm25));
    h->present = true;
    return KIN_OK;
}

static kin_status read_fresh(const kin_json_tree *t, kin_fresh_results *f)
{
    const int64_t most = (int64_t)1 << 53;
    const kin_json *own = kin_json_get(kin_json_root(t), "fresh");
    if (!own) return KIN_OK;
    KIN_TRY(kin_json_need(t, kin_json_root(t), "fresh", KIN_JSON_OBJECT, &own));
    KIN_TRY(kin_json_need_whole(t, own, "queries", 0, most, &f->queries));
    KIN_TRY(kin_json_need_whole(t, own, "relevant", 0, most, &f->documents));
    KIN_TRY(kin_json_need_whole(t, own, "left_out", 0, most, &f->left_out));
    KIN_TRY(kin_json_need_number(t, own, "weight", &f->weight));
    const struct { const char *key; kin_marks *to; } systems[] = {
        { "model", &f->model }, { "bm25", &f->bm25 }, { "rrf", &f->rrf },
        { "weighted", &f->weighted },
    };
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        KIN_TRY(read_scores(t, own, systems[i].key, KIN_GOAL_RANKING, systems[i].to));
    f->present = true;
    return KIN_OK;
}

static kin_status read_shape(const kin_json_tree *t, kin_shape *s)
{
    const kin_json *own;
    KIN_TRY(kin_json_need(t, kin_json_root(t), "geometry", KIN_JSON_OBJECT, &own));
    KIN_TRY(kin_json_need_number(t, own, "alignment", &s->alignment));
    KIN_TRY(kin_json_need_number(t, own, "positive_cosine", &s->positive_cosine));
    KIN_TRY(kin_json_need_number(t, own, "uniformity", &s->uniformity));
    KIN_TRY(kin_json_need_number(t, own, "cosine", &s->cosine));
    KIN_TRY(kin_json_need_number(t, own, "deviation", &s->deviation));
    KIN_TRY(kin_json_need_number(t, own, "rank", &s->rank));
    return kin_json_need_boolean(t, own, "collapsed", &s->collapsed);
}

/* Files that name no goal are of rankings. */
static kin_status read_task(const kin_json_tree *t, kin_results *r)
{
    const kin_json *root = kin_json_root(t);
    const char *name = goal_names[KIN_GOAL_RANKING], *baseline = "bm25";
    if (kin_json_get(root, "goal")) KIN_TRY(kin_json_need_string(t, root, "goal", &name));
    if (kin_json_get(root, "baseline"))
        KIN_TRY(kin_json_need_string(t, root, "baseline", &baseline));
    int goal = 0;
    while (goal < KIN_GOALS && strcmp(name, goal_names[goal])) goal++;
    KIN_REQUIRE(goal < KIN_GOALS, KIN_DATA, "%s: goal is '%.40s', expected ranking, labels or "
                "scores", kin_json_name(t), name);
    r->goal = (kin_goal)goal;
    snprintf(r->baseline, sizeof r->baseline, "%s", baseline);
    return KIN_OK;
}

static kin_status read_results(const kin_json_tree *t, kin_results *r)
{
    const kin_json *root = kin_json_root(t);
    const int64_t most = (int64_t)1 << 53;
    const char *split;
    char key[48];
    KIN_TRY(kin_json_need_string(t, root, "split", &split));
    snprintf(r->split, sizeof r->split, "%s", split);
    KIN_TRY(read_task(t, r));
    KIN_TRY(read_scores(t, root, "model", r->goal, &r->model));
    KIN_TRY(read_scores(t, root, "untrained", r->goal, &r->untrained));
    KIN_TRY(read_scores(t, root, r->baseline, r->goal, &r->bm25));
    compared_key(r, key);
    if (r->model.present && r->bm25.present) KIN_TRY(read_paired(t, root, key, &r->against_bm25));
    KIN_TRY(read_hybrid(t, &r->hybrid));
    KIN_TRY(read_fresh(t, &r->fresh));
    if (r->goal == KIN_GOAL_LABELS)
        KIN_TRY(kin_json_need_whole(t, root, "classes", 0, most, &r->classes));
    if (r->model.present) KIN_TRY(read_shape(t, &r->shape));
    KIN_TRY(kin_json_need_whole(t, root, "queries", 0, most, &r->queries));
    KIN_TRY(kin_json_need_whole(t, root, "documents", 0, most, &r->documents));
    if (r->goal == KIN_GOAL_RANKING)
        KIN_TRY(kin_json_need_whole(t, root, "depth", 0, KIN_RUN_DEPTH, &r->depth));
    KIN_TRY(kin_json_need_whole(t, root, "step", 0, most, &r->step));
    KIN_TRY(kin_json_need_number(t, root, "train_seconds", &r->train_seconds));
    KIN_TRY(kin_json_need_number(t, root, "mining_seconds", &r->mining_seconds));
    KIN_TRY(kin_json_need_whole(t, root, "pairs", 0, most, &r->pairs));
    return kin_json_need_number(t, root, "peak_mb", &r->peak_mb);
}

kin_status kin_results_load(kin_results *r, const char *path)
{
    kin_json_tree *tree;
    *r = (kin_results){ 0 };
    KIN_TRY(kin_json_read(&tree, path));
    const kin_status status = read_results(tree, r);
    kin_json_free(tree);
    return status;
}
