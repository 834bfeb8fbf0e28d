/* Evaluate: see evaluate.h. */
#include "train/evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/file.h"
#include "encoders/folder.h"
#include "metrics/bm25.h"
#include "metrics/per_query.h"
#include "metrics/trec.h"
#include "train/seen.h"

const char *kin_split_name(kin_split split)
{
    static const char *const names[KIN_SPLITS] = { "train", "validation", "test" };
    return names[split];
}

static bool has_queries(const kin_store *s, kin_split split)
{
    for (int64_t i = 0; i < s->queries; i++)
        if (s->query_split[i] == (uint8_t)split) return true;
    return false;
}

bool kin_split_judged(const kin_store *s, kin_split split)
{
    if (kin_store_goal(s) != KIN_GOAL_RANKING) return has_queries(s, split);
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *r = s->relation + 3 * i;
        if (r[KIN_RELATION_GRADE] > 0
            && s->query_split[r[KIN_RELATION_QUERY]] == (uint8_t)split) return true;
    }
    return false;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

kin_status kin_role_tokens_make(kin_role_tokens *t, const kin_model *m, kin_pool *pool,
                                const kin_store *store)
{
    *t = (kin_role_tokens){ 0 };
    const bool same = m->tokenizer && !strcmp(m->prefix[KIN_QUERY], m->prefix[KIN_DOCUMENT]);
    for (int role = 0; role < 2; role++) {
        t->of[role] = same ? &t->own[0] : &t->own[role];
        if (role && same) break;
        const kin_status status = kin_model_tokens(m, pool, (kin_role)role, &store->texts,
                                                   &t->own[role]);
        if (status) {
            kin_role_tokens_free(t);
            return status;
        }
    }
    return KIN_OK;
}

void kin_role_tokens_free(kin_role_tokens *t)
{
    kin_tokens_free(&t->own[0]);
    kin_tokens_free(&t->own[1]);
    *t = (kin_role_tokens){ 0 };
}

void kin_judged_free(kin_judged *j)
{
    kin_judgements_free(j->judgements);
    kin_run_free(j->run);
    kin_ranking_scores_free(j->scores);
    *j = (kin_judged){ 0 };
}

static void free_all(kin_judged *out, int count)
{
    for (int i = 0; i < count; i++) kin_judged_free(&out[i]);
}

/* ---- the model ------------------------------------------------------------------------------- */

enum { SPLITS_MAX = KIN_SPLITS };

typedef struct {
    const kin_store *store;
    const kin_model *model;
    const kin_role_tokens *tokens;
    kin_backend *backend;
    int count;                             /* splits */
    real *queries[SPLITS_MAX];             /* their embeddings */
    kin_retrieval *retrieval[SPLITS_MAX];
    kin_seen seen[SPLITS_MAX];
    kin_encoding *encoding;
    kin_arena *work;
    real *block;
} pass;

static kin_status alloc_rows(const pass *p, int64_t rows, real **out)
{
    const int64_t width = p->model->network->width;
    *out = p->backend->alloc(p->backend, (size_t)(rows * width) * sizeof(real));
    KIN_REQUIRE(*out, KIN_MEMORY, "no memory for %ld embeddings of %ld numbers", (long)rows,
                (long)width);
    return KIN_OK;
}

static void close_pass(pass *p)
{
    for (int i = 0; i < p->count; i++) {
        kin_retrieval_free(p->retrieval[i]);
        kin_seen_free(&p->seen[i]);
        p->backend->release(p->backend, p->queries[i]);
    }
    p->backend->release(p->backend, p->block);
    kin_encoding_free(p->encoding);
    kin_arena_free(p->work);
}

/* Embeds a split's queries and begins its search. */
static kin_status open_split(pass *p, int i, const kin_judgements *j, const kin_look *look)
{
    const int64_t rows = j->rows;
    const int64_t k = p->store->documents < look->depth ? p->store->documents : look->depth;
    int32_t *which = malloc((size_t)rows * sizeof *which + 1);
    KIN_REQUIRE(which, KIN_MEMORY, "no memory for %ld queries", (long)rows);
    for (int64_t r = 0; r < rows; r++)
        which[r] = p->store->query_text[j->query ? j->query[r] : r];
    kin_status status = alloc_rows(p, rows, &p->queries[i]);
    if (!status)
        status = kin_encoding_run(p->encoding, KIN_QUERY, p->tokens->of[KIN_QUERY], which, 0, rows,
                                  p->queries[i]);
    free(which);
    if (status) return status;
    KIN_TRY(kin_retrieval_new(&p->retrieval[i], p->backend, rows, p->model->network->width,
                              p->queries[i], k));
    if (!look->unseen) return KIN_OK;
    KIN_TRY(kin_seen_make(&p->seen[i], p->store, j, look->split));
    kin_retrieval_skip(p->retrieval[i], p->seen[i].start, p->seen[i].document);
    return KIN_OK;
}

int64_t kin_evaluate_block(int64_t documents, int64_t width)
{
    const int64_t fit = KIN_EVALUATE_MB * (int64_t)1000000 / (width * (int64_t)sizeof(real));
    const int64_t block = fit < KIN_EMBED_ROWS ? KIN_EMBED_ROWS : fit;
    return documents < block ? documents : block / KIN_EMBED_ROWS * KIN_EMBED_ROWS;
}

static kin_status search_corpus(pass *p)
{
    const kin_store *s = p->store;
    const int64_t block = kin_evaluate_block(s->documents, p->model->network->width);
    for (int64_t from = 0; from < s->documents; from += block) {
        const int64_t rows = s->documents - from < block ? s->documents - from : block;
        KIN_TRY(kin_encoding_run(p->encoding, KIN_DOCUMENT, p->tokens->of[KIN_DOCUMENT],
                                 s->document_text + from, 0, rows, p->block));
        for (int i = 0; i < p->count; i++)
            KIN_TRY(kin_retrieval_add(p->retrieval[i], p->work, rows, p->block));
    }
    return KIN_OK;
}

static kin_status run_pass(pass *p, const kin_look *looks, kin_judged *out)
{
    const kin_memory memory = kin_backend_memory(p->backend);
    KIN_TRY(kin_encoding_new(&p->encoding, p->model));
    KIN_TRY(kin_arena_new(&p->work, &memory));
    KIN_TRY(alloc_rows(p, kin_evaluate_block(p->store->documents, p->model->network->width),
                       &p->block));
    for (int i = 0; i < p->count; i++) {
        KIN_TRY(kin_judgements_of_store(&out[i].judgements, p->store, (int)looks[i].split));
        KIN_TRY(open_split(p, i, out[i].judgements, &looks[i]));
    }
    KIN_TRY(search_corpus(p));
    for (int i = 0; i < p->count; i++) {
        kin_retrieval *r = p->retrieval[i];
        p->retrieval[i] = NULL;            /* finish frees it, also on failure */
        KIN_TRY(kin_retrieval_finish(r, &out[i].run));
        KIN_TRY(kin_run_evaluate(&out[i].scores, out[i].run, p->backend->pool,
                                 out[i].judgements));
    }
    return KIN_OK;
}

kin_status kin_evaluate_model(const kin_store *store, const kin_model *model,
                              const kin_role_tokens *tokens, const kin_look *looks, int count,
                              kin_judged *out)
{
    pass p = { .store = store, .model = model, .tokens = tokens, .count = count,
               .backend = model->network->backend };
    memset(out, 0, (size_t)count * sizeof *out);
    const kin_status status = run_pass(&p, looks, out);
    close_pass(&p);
    if (status) free_all(out, count);
    return status;
}

/* ---- BM25 ------------------------------------------------------------------------------------ */

static kin_status judge_bm25(const kin_store *s, const kin_bm25 *bm25, kin_pool *pool,
                             const kin_look *look, kin_judged *out)
{
    KIN_TRY(kin_judgements_of_store(&out->judgements, s, (int)look->split));
    const kin_judgements *j = out->judgements;
    int32_t *which = malloc((size_t)j->rows * sizeof *which + 1);
    KIN_REQUIRE(which, KIN_MEMORY, "no memory for %ld queries", (long)j->rows);
    for (int64_t r = 0; r < j->rows; r++) which[r] = s->query_text[j->query[r]];
    const kin_status status = kin_bm25_search(bm25, pool, &s->texts, which, j->rows,
                                              look->depth, &out->run);
    free(which);
    if (status) return status;
    return kin_run_evaluate(&out->scores, out->run, pool, j);
}

kin_status kin_evaluate_bm25(const kin_store *s, kin_pool *pool, const kin_look *looks,
                             int count, kin_judged *out)
{
    kin_bm25 *bm25;
    memset(out, 0, (size_t)count * sizeof *out);
    KIN_TRY(kin_bm25_new(&bm25, pool, &s->texts, s->document_text, s->documents,
                         &kin_bm25_defaults));
    kin_status status = KIN_OK;
    for (int i = 0; i < count && !status; i++)
        status = judge_bm25(s, bm25, pool, &looks[i], &out[i]);
    kin_bm25_free(bm25);
    if (status) free_all(out, count);
    return status;
}

/* ---- scores and files ------------------------------------------------------------------------ */

kin_status kin_marks_of(kin_marks *s, const kin_judged *judged, kin_pool *pool, uint64_t seed,
                        bool intervals)
{
    const double *columns[KIN_MEASURES];
    *s = (kin_marks){ .present = true };
    for (int m = 0; m < KIN_MEASURES; m++) {
        s->mean[m] = judged->scores->mean[m];
        s->interval[m] = (kin_interval){ s->mean[m], s->mean[m] };
        columns[m] = judged->scores->value[m];
    }
    if (!intervals) return KIN_OK;
    return kin_bootstrap(s->interval, pool, seed, KIN_RESAMPLES, 0.95, judged->scores->queries,
                         columns, KIN_MEASURES);
}

kin_status kin_judged_save_scores(const kin_judged *judged, const char *folder, const char *system)
{
    char path[KIN_PATH_MAX], name[64];
    snprintf(name, sizeof name, "%s.tsv", system);
    KIN_TRY(kin_path_join(path, sizeof path, folder, name));
    return kin_per_query_write(path, judged->scores, judged->judgements);
}

kin_status kin_judged_save(const kin_judged *judged, const char *folder)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(kin_folder_make(folder));
    KIN_TRY(kin_path_join(path, sizeof path, folder, "run.trec"));
    KIN_TRY(kin_trec_write_run(path, judged->run, judged->judgements, "kin"));
    KIN_TRY(kin_path_join(path, sizeof path, folder, "qrels.trec"));
    return kin_trec_write_qrels(path, judged->judgements);
}
