/* Results: see results.h. */
#include "train/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/json.h"

static void put_scores(kin_json_out *out, const char *key, const kin_marks *s)
{
    if (!s->present) return;
    kin_json_open(out, key, '{');
    for (int m = 0; m < KIN_MEASURES; m++)
        kin_json_put_number(out, kin_measure_names[m], s->mean[m]);
    kin_json_open(out, "interval95", '{');
    for (int m = 0; m < KIN_MEASURES; m++) {
        kin_json_open(out, kin_measure_names[m], '[');
        kin_json_put_number(out, NULL, s->interval[m].low);
        kin_json_put_number(out, NULL, s->interval[m].high);
        kin_json_close(out);
    }
    kin_json_close(out);
    kin_json_close(out);
}

static void put_comparison(kin_json_out *out, const kin_paired *p)
{
    kin_json_open(out, "model_against_bm25", '{');
    kin_json_put_string(out, "measure", kin_measure_names[KIN_MRR10]);
    kin_json_put_number(out, "difference", p->difference);
    kin_json_put_number(out, "p", p->p);
    kin_json_put_whole(out, "wins", p->wins);
    kin_json_put_whole(out, "losses", p->losses);
    kin_json_put_whole(out, "ties", p->ties);
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
    put_scores(&out, "model", &r->model);
    put_scores(&out, "untrained", &r->untrained);
    put_scores(&out, "bm25", &r->bm25);
    if (r->model.present && r->bm25.present) put_comparison(&out, &r->against_bm25);
    if (r->model.present) put_shape(&out, &r->shape);
    kin_json_put_whole(&out, "queries", r->queries);
    kin_json_put_whole(&out, "documents", r->documents);
    kin_json_put_whole(&out, "depth", r->depth);
    kin_json_put_string(&out, "ties", "score descending, then document id descending");
    kin_json_put_whole(&out, "step", r->step);
    kin_json_put_number(&out, "train_seconds", r->train_seconds);
    kin_json_put_whole(&out, "pairs", r->pairs);
    kin_json_put_number(&out, "peak_mb", r->peak_mb);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

/* ---- reading --------------------------------------------------------------------------------- */

static kin_status read_intervals(const kin_json_tree *t, const kin_json *all, kin_marks *s)
{
    for (int m = 0; m < KIN_MEASURES; m++) {
        const kin_json *pair;
        KIN_TRY(kin_json_need(t, all, kin_measure_names[m], KIN_JSON_ARRAY, &pair));
        KIN_REQUIRE(pair->count == 2 && pair->first->kind == KIN_JSON_NUMBER
                        && pair->first->next->kind == KIN_JSON_NUMBER,
                    KIN_DATA, "%s: the interval of %s is not two numbers", kin_json_name(t),
                    kin_measure_names[m]);
        s->interval[m].low = pair->first->number;
        s->interval[m].high = pair->first->next->number;
    }
    return KIN_OK;
}

static kin_status read_scores(const kin_json_tree *t, const char *key, kin_marks *s)
{
    const kin_json *own = kin_json_get(kin_json_root(t), key), *intervals;
    *s = (kin_marks){ .present = own != NULL };
    if (!own) return KIN_OK;
    KIN_TRY(kin_json_need(t, kin_json_root(t), key, KIN_JSON_OBJECT, &own));
    for (int m = 0; m < KIN_MEASURES; m++)
        KIN_TRY(kin_json_need_number(t, own, kin_measure_names[m], &s->mean[m]));
    KIN_TRY(kin_json_need(t, own, "interval95", KIN_JSON_OBJECT, &intervals));
    return read_intervals(t, intervals, s);
}

static kin_status read_comparison(const kin_json_tree *t, kin_paired *p)
{
    const int64_t most = (int64_t)1 << 53;
    const kin_json *own;
    KIN_TRY(kin_json_need(t, kin_json_root(t), "model_against_bm25", KIN_JSON_OBJECT, &own));
    KIN_TRY(kin_json_need_number(t, own, "difference", &p->difference));
    KIN_TRY(kin_json_need_number(t, own, "p", &p->p));
    KIN_TRY(kin_json_need_whole(t, own, "wins", 0, most, &p->wins));
    KIN_TRY(kin_json_need_whole(t, own, "losses", 0, most, &p->losses));
    return kin_json_need_whole(t, own, "ties", 0, most, &p->ties);
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

static kin_status read_results(const kin_json_tree *t, kin_results *r)
{
    const kin_json *root = kin_json_root(t);
    const int64_t most = (int64_t)1 << 53;
    const char *split;
    KIN_TRY(kin_json_need_string(t, root, "split", &split));
    snprintf(r->split, sizeof r->split, "%s", split);
    KIN_TRY(read_scores(t, "model", &r->model));
    KIN_TRY(read_scores(t, "untrained", &r->untrained));
    KIN_TRY(read_scores(t, "bm25", &r->bm25));
    if (r->model.present && r->bm25.present) KIN_TRY(read_comparison(t, &r->against_bm25));
    if (r->model.present) KIN_TRY(read_shape(t, &r->shape));
    KIN_TRY(kin_json_need_whole(t, root, "queries", 0, most, &r->queries));
    KIN_TRY(kin_json_need_whole(t, root, "documents", 0, most, &r->documents));
    KIN_TRY(kin_json_need_whole(t, root, "depth", 0, KIN_RUN_DEPTH, &r->depth));
    KIN_TRY(kin_json_need_whole(t, root, "step", 0, most, &r->step));
    KIN_TRY(kin_json_need_number(t, root, "train_seconds", &r->train_seconds));
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
