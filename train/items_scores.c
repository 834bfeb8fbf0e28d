/* Judges a split of pairs with scores: kin_items_judge_scores of items.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/tfidf.h"
#include "train/items.h"

/* Pairs that people scored above this share of the top are alike (Gao, Yao, Chen 2021, SimCSE). */
static const double alike = 0.8;

/* The pairs of the split: texts left and right, and which query each is of. */
typedef struct {
    int64_t count;
    int32_t *left, *right;         /* one block with room for twice as many */
    double *score;
} pairs;

static kin_status list_pairs(const kin_store *s, kin_split split, pairs *p, int32_t *query)
{
    p->left = malloc((size_t)(2 * s->relations + 1) * sizeof *p->left);
    p->score = malloc((size_t)(s->relations + 1) * sizeof *p->score);
    KIN_REQUIRE(p->left && p->score, KIN_MEMORY, "no memory for %ld pairs", (long)s->relations);
    p->right = p->left + s->relations;
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *row = s->relation + 3 * i;
        if (s->query_split[row[KIN_RELATION_QUERY]] != split) continue;
        if (query) query[p->count] = row[KIN_RELATION_QUERY];
        p->left[p->count] = s->query_text[row[KIN_RELATION_QUERY]];
        p->right[p->count] = s->document_text[row[KIN_RELATION_DOCUMENT]];
        p->score[p->count++] = (double)s->relation_score[i];
    }
    return KIN_OK;
}

static void free_pairs(pairs *p)
{
    free(p->left);
    free(p->score);
}

/* ---- by embeddings --------------------------------------------------------------------------- */

static kin_status embed_side(const kin_items_setting *set, kin_encoding *encoding, kin_role role,
                             const int32_t *text, int64_t count, real *stage, real *host)
{
    kin_backend *b = set->backend;
    KIN_TRY(kin_encoding_run(encoding, role, set->tokens->of[role], text, 0, count, stage));
    b->download(b, host, stage, (size_t)(count * set->model->network->width) * sizeof *host);
    return kin_backend_check(b);
}

static kin_status measure_shape(const kin_items_setting *set, const real *x, const pairs *p,
                                kin_items_judged *out)
{
    int32_t *left = malloc((size_t)(2 * p->count) * sizeof *left), *right = left + p->count;
    int64_t n = 0;
    KIN_REQUIRE(left, KIN_MEMORY, "no memory for %ld pairs", (long)p->count);
    for (int64_t i = 0; i < p->count; i++)
        if (p->score[i] > alike) left[n] = (int32_t)i, right[n++] = (int32_t)(p->count + i);
    const kin_status status = kin_items_shape(set, 2 * p->count, x, n, left, right, out);
    free(left);
    return status;
}

static kin_status embed_pairs(const kin_items_setting *set, kin_encoding *encoding, real *stage,
                              real *x, const pairs *p, kin_items_judged *out)
{
    const int64_t width = set->model->network->width;
    real *y = x + p->count * width;
    KIN_TRY(embed_side(set, encoding, KIN_QUERY, p->left, p->count, stage, x));
    KIN_TRY(embed_side(set, encoding, KIN_DOCUMENT, p->right, p->count, stage, y));
    for (int64_t i = 0; i < p->count; i++) {
        double dot = 0;
        for (int64_t j = 0; j < width; j++)
            dot += (double)x[i * width + j] * (double)y[i * width + j];
        out->cosine[i] = dot;
    }
    return measure_shape(set, x, p, out);
}

static kin_status judge_embeddings(const kin_items_setting *set, const pairs *p,
                                   kin_items_judged *out)
{
    kin_backend *b = set->backend;
    const size_t bytes = (size_t)(p->count * set->model->network->width) * sizeof(real);
    kin_encoding *encoding;
    KIN_TRY(kin_encoding_new(&encoding, set->model));
    real *stage = b->alloc(b, bytes), *x = malloc(2 * bytes);
    const kin_status status = stage && x ? embed_pairs(set, encoding, stage, x, p, out)
                                         : kin_fail(KIN_MEMORY, "no memory for %ld pairs",
                                                    (long)p->count);
    b->release(b, stage);
    free(x);
    kin_encoding_free(encoding);
    return status;
}

/* ---- by words -------------------------------------------------------------------------------- */

/* Words are weighed by the training texts, by those of the split where there are none. */
static kin_status judge_words(const kin_items_setting *set, const pairs *p, kin_items_judged *out)
{
    pairs known = { 0 };
    kin_tfidf *tfidf = NULL;
    kin_status status = list_pairs(set->store, KIN_TRAIN, &known, NULL);
    const pairs *from = known.count ? &known : p;
    int32_t *text = malloc((size_t)(2 * from->count) * sizeof *text);
    if (!status && !text) status = kin_fail(KIN_MEMORY, "no memory for %ld pairs",
                                            (long)from->count);
    if (!status) {
        memcpy(text, from->left, (size_t)from->count * sizeof *text);
        memcpy(text + from->count, from->right, (size_t)from->count * sizeof *text);
        status = kin_tfidf_new(&tfidf, set->backend->pool, &set->store->texts, text,
                               2 * from->count);
    }
    if (!status)
        status = kin_tfidf_cosines(tfidf, &set->store->texts, p->left, p->right, p->count,
                                   out->cosine);
    kin_tfidf_free(tfidf);
    free(text);
    free_pairs(&known);
    return status;
}

/* ---- marks ----------------------------------------------------------------------------------- */

static kin_status take_marks(const kin_items_setting *set, kin_items_judged *out)
{
    kin_marks *m = &out->marks;
    *m = (kin_marks){ .present = true, .goal = KIN_GOAL_SCORES };
    KIN_TRY(kin_correlation(m->mean, out->count, out->right, out->cosine));
    for (int i = 0; i < KIN_SCORE_MEASURES; i++)
        m->interval[i] = (kin_interval){ m->mean[i], m->mean[i] };
    if (!set->intervals) return KIN_OK;
    return kin_correlation_bootstrap(m->interval, set->backend->pool, set->seed, KIN_RESAMPLES,
                                     0.95, out->count, out->right, out->cosine);
}

kin_status kin_items_judge_scores(const kin_items_setting *set, kin_items_judged *out)
{
    pairs p = { 0 };
    free(out->query);
    out->query = malloc((size_t)(set->store->relations + 1) * sizeof *out->query);
    KIN_REQUIRE(out->query, KIN_MEMORY, "no memory for %ld pairs", (long)set->store->relations);
    kin_status status = list_pairs(set->store, set->split, &p, out->query);
    out->count = p.count;
    out->cosine = malloc((size_t)(p.count + 1) * sizeof *out->cosine);
    if (!status && !out->cosine) status = kin_fail(KIN_MEMORY, "no memory for the scores");
    if (!status)
        status = set->model ? judge_embeddings(set, &p, out) : judge_words(set, &p, out);
    out->right = p.score;
    p.score = NULL;
    free_pairs(&p);
    return status ? status : take_marks(set, out);
}
