/* Search: a run's documents, from an index file or embedded once, and questions to them. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "encoders/host.h"
#include "metrics/trec.h"
#include "train/corpus.h"
#include "train/open_run.h"
#include "train/progress.h"
#include "train/run.h"
#include "train/run_folder.h"
#include "train/tabbed.h"

struct kin_search {
    kin_backend *backend;
    kin_config *config;
    kin_store *store;
    kin_model *model;
    kin_encoding *encoding;
    kin_arena *work;
    kin_corpus corpus;                   /* an index file, or: */
    real *documents;                     /* of the store, N x D */
    real *query;                         /* 1 x D */
};

void kin_search_close(kin_search *s)
{
    if (!s) return;
    s->backend->release(s->backend, s->documents);
    s->backend->release(s->backend, s->query);
    kin_corpus_close(&s->corpus);
    kin_arena_free(s->work);
    kin_encoding_free(s->encoding);
    kin_model_free(s->model);
    kin_store_close(s->store);
    kin_config_free(s->config);
    free(s);
}

/* Documents may have changed since the training: they are searched as they are now. A run.json that
 * cannot be read says nothing about it. */
static void look_at_store(const kin_search *s, const char *run, const kin_watch *watch)
{
    char path[KIN_PATH_MAX];
    kin_run_facts facts = { .step = 0 };
    if (kin_path_join(path, sizeof path, run, "run.json") != KIN_OK) return;
    if (kin_run_facts_load(&facts, path) != KIN_OK) return;
    if (facts.checksum != s->store->checksum)
        kin_tell_warning(watch, "%s was imported anew after the training: searching what it holds "
                                "now", s->store->path);
}

static kin_status embed_store(kin_search *s, const char *run, const kin_watch *watch)
{
    KIN_TRY(kin_open_run(&s->config, &s->store, run));
    KIN_REQUIRE(kin_store_goal(s->store) == KIN_GOAL_RANKING, KIN_DATA,
                "%s: holds no documents to search", s->store->path);
    look_at_store(s, run, watch);
    kin_tell_stage(watch, "embedding %ld documents", (long)s->store->documents);
    return kin_corpus_embed(s->model, &s->store->texts, s->store->document_text,
                            s->store->documents, &s->documents);
}

/* An index that was asked for must be of this model; one that is only there may be older. */
static kin_status open_index(kin_search *s, const char *run, const char *index,
                             const kin_watch *watch)
{
    char path[KIN_PATH_MAX], model[KIN_SUM_TEXT];
    KIN_TRY(kin_path_join(path, sizeof path, run, "index.kin"));
    if (!index && !kin_file_exists(path)) return KIN_OK;
    KIN_TRY(kin_corpus_open(&s->corpus, s->backend, index ? index : path));
    KIN_TRY(kin_corpus_model(run, model));
    if (!strcmp(model, s->corpus.model)) return KIN_OK;
    KIN_REQUIRE(!index, KIN_DATA, "%s was made with another model than %s has; 'kin index %s' "
                "makes one", index, run, run);
    kin_tell_warning(watch, "%s was made with another model and is not used; 'kin index %s' makes "
                     "it anew", path, run);
    kin_corpus_close(&s->corpus);
    return KIN_OK;
}

static kin_status open_all(kin_search *s, const char *run, const char *index,
                           const kin_watch *watch)
{
    const kin_memory memory = kin_backend_memory(s->backend);
    KIN_TRY(kin_open_model(&s->model, s->backend, run));
    KIN_TRY(kin_encoding_new(&s->encoding, s->model));
    KIN_TRY(kin_arena_new(&s->work, &memory));
    s->query = s->backend->alloc(s->backend, (size_t)s->model->network->width * sizeof(real));
    KIN_REQUIRE(s->query, KIN_MEMORY, "no memory for a query");
    KIN_TRY(open_index(s, run, index, watch));
    return s->corpus.index ? KIN_OK : embed_store(s, run, watch);
}

kin_status kin_search_open(kin_search **out, const char *run, const char *index,
                           kin_backend *backend, const kin_watch *watch)
{
    kin_search *s = *out = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory to search");
    s->backend = backend;
    const kin_status status = open_all(s, run, index, watch);
    if (status) {
        kin_search_close(s);
        *out = NULL;
    }
    return status;
}

int64_t kin_search_documents(const kin_search *s)
{
    return s->corpus.index ? s->corpus.id.count : s->store->documents;
}

static void fill_hit(const kin_search *s, int rank, int32_t document, double score, kin_hit *hit)
{
    const bool stored = !s->corpus.index;
    const kin_texts *ids = stored ? &s->store->document_id : &s->corpus.id;
    const kin_texts *texts = stored ? &s->store->texts : &s->corpus.text;
    const int32_t text = stored ? s->store->document_text[document] : document;
    *hit = (kin_hit){
        .rank = rank, .score = score,
        .id = kin_text(ids, document), .id_bytes = kin_text_size(ids, document),
        .text = kin_text(texts, text), .text_bytes = kin_text_size(texts, text),
    };
}

/* The k best for each of n queries, as places and scores in host memory; -1 where fewer. */
static kin_status find(kin_search *s, int64_t n, const real *query, int64_t k, int32_t *place,
                       real *score)
{
    kin_backend *b = s->backend;
    if (n == 0 || k == 0) return KIN_OK;
    if (s->corpus.index) {
        const kin_index_query q = { .queries = n, .k = k, .x = query };
        return kin_index_search(s->corpus.index, &q, place, score);
    }
    const size_t mark = kin_arena_mark(s->work);
    int32_t *index = KIN_TAKE(s->work, int32_t, n * k);
    real *found = KIN_TAKE(s->work, real, n * k);
    kin_status status = KIN_OK;
    if (!index || !found)
        status = kin_fail(KIN_MEMORY, "no memory for %ld hits", (long)(n * k));
    if (!status)
        status = b->search(b, s->work, n, s->store->documents, s->model->network->width, query,
                           s->documents, k, index, found);
    if (!status) {
        b->download(b, place, index, (size_t)(n * k) * sizeof *place);
        b->download(b, score, found, (size_t)(n * k) * sizeof *score);
        status = kin_backend_check(b);
    }
    kin_arena_rewind(s->work, mark);
    return status;
}

static kin_status find_hits(kin_search *s, int64_t k, kin_hit *hits, int *found)
{
    int32_t *place = malloc((size_t)k * sizeof *place);
    real *score = malloc((size_t)k * sizeof *score);
    kin_status status = KIN_OK;
    if (!place || !score) status = kin_fail(KIN_MEMORY, "no memory for %ld hits", (long)k);
    if (!status) status = find(s, 1, s->query, k, place, score);
    for (int64_t i = 0; i < k && !status && place[i] >= 0; i++)
        fill_hit(s, ++*found, place[i], (double)score[i], &hits[i]);
    free(place);
    free(score);
    return status;
}

kin_status kin_search_query(kin_search *s, const char *query, int k, kin_hit *hits, int *found)
{
    const int64_t start[2] = { 0, (int64_t)strlen(query) };
    const kin_texts texts = { .count = 1, .bytes = query, .start = start };
    const int64_t documents = kin_search_documents(s), n = k < documents ? k : documents;
    kin_tokens tokens;
    *found = 0;
    KIN_TRY(kin_model_tokens(s->model, s->backend->pool, KIN_QUERY, &texts, &tokens));
    const bool empty = tokens.start[1] == 0;
    kin_status status = kin_encoding_run(s->encoding, KIN_QUERY, &tokens, NULL, 0, 1, s->query);
    kin_tokens_free(&tokens);
    if (status || empty || n < 1) return status;     /* a text without tokens is like no document */
    return find_hits(s, n, hits, found);
}

/* ---- a file of queries ---------------------------------------------------------------------- */

/* Each list ends where its query has no more documents; a query without a token has none. */
static void cut_lists(const kin_tokens *tokens, int64_t k, const kin_run *run, int64_t *found,
                      kin_search_report *report)
{
    for (int64_t i = 0; i < run->rows; i++) {
        int64_t n = 0;
        while (n < k && run->document[i * k + n] >= 0) n++;
        const bool empty = tokens->start[i] == tokens->start[i + 1];
        found[i] = empty ? 0 : n;
        report->empty += empty;
    }
}

static kin_status find_lists(kin_search *s, const kin_tokens *tokens, int64_t n, int64_t k,
                             kin_run *run, kin_search_report *report)
{
    const int64_t width = s->model->network->width;
    kin_backend *b = s->backend;
    real *queries = b->alloc(b, (size_t)(n * width) * sizeof *queries + 1);
    real *score = malloc((size_t)(n * k) * sizeof *score + 1);
    int64_t *found = calloc((size_t)n + 1, sizeof *found);
    kin_status status = KIN_OK;
    if (!queries || !score || !found)
        status = kin_fail(KIN_MEMORY, "no memory for %ld queries", (long)n);
    if (!status) status = kin_encoding_run(s->encoding, KIN_QUERY, tokens, NULL, 0, n, queries);
    if (!status) status = find(s, n, queries, k, run->document, score);
    if (!status) {
        for (int64_t i = 0; i < n * k; i++) run->score[i] = (float)score[i];
        cut_lists(tokens, k, run, found, report);
        kin_run_cut(run, k, found);
    }
    b->release(b, queries);
    free(score);
    free(found);
    return status;
}

/* Lists of the queries as text; who is relevant is not known. */
static kin_status write_lists(const kin_search *s, const kin_tabbed *queries, kin_run *run,
                              const char *out)
{
    int32_t *query = malloc((size_t)(run->rows + 1) * sizeof *query);
    KIN_REQUIRE(query, KIN_MEMORY, "no memory for %ld queries", (long)run->rows);
    for (int64_t i = 0; i < run->rows; i++) query[i] = (int32_t)i;
    const kin_judgements names = {
        .rows = run->rows, .query = query, .query_id = queries->id,
        .document_id = s->corpus.index ? s->corpus.id : s->store->document_id,
    };
    kin_status status = kin_run_order(run, s->backend->pool, &names.document_id);
    if (!status) status = kin_trec_write_run(out, run, &names, "kin");
    free(query);
    return status;
}

static kin_status search_lines(kin_search *s, const kin_tabbed *queries, int64_t k, const char *out,
                               kin_search_report *report)
{
    const int64_t n = queries->id.count;
    kin_tokens tokens;
    kin_run *run;
    KIN_TRY(kin_model_tokens(s->model, s->backend->pool, KIN_QUERY, &queries->text, &tokens));
    kin_status status = kin_run_new(&run, n, k);
    if (!status) {
        status = find_lists(s, &tokens, n, k, run, report);
        if (!status) status = write_lists(s, queries, run, out);
        kin_run_free(run);
    }
    kin_tokens_free(&tokens);
    return status;
}

kin_status kin_search_file(kin_search *s, const char *file, int k, const char *out,
                           kin_search_report *report)
{
    const int64_t documents = kin_search_documents(s), most = k < documents ? k : documents;
    kin_tabbed queries;
    *report = (kin_search_report){ .queries = 0 };
    KIN_TRY(kin_tabbed_read(&queries, file, true));
    report->queries = queries.id.count;
    const kin_status status = search_lines(s, &queries, most, out, report);
    kin_tabbed_free(&queries);
    return status;
}
