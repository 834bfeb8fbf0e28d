/* Search: a run's documents, embedded once, and questions to them. */
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/file.h"
#include "train/open_run.h"
#include "train/progress.h"
#include "train/run.h"
#include "train/run_folder.h"

struct kin_search {
    kin_backend *backend;
    kin_config *config;
    kin_store *store;
    kin_model *model;
    kin_encoding *encoding;
    kin_arena *work;
    real *documents, *query;             /* N x D and 1 x D */
};

void kin_search_close(kin_search *s)
{
    if (!s) return;
    s->backend->release(s->backend, s->documents);
    s->backend->release(s->backend, s->query);
    kin_arena_free(s->work);
    kin_encoding_free(s->encoding);
    kin_model_free(s->model);
    kin_store_close(s->store);
    kin_config_free(s->config);
    free(s);
}

static kin_status embed_corpus(kin_search *s, const kin_watch *watch)
{
    const int64_t n = s->store->documents, width = s->model->network->width;
    kin_tokens tokens;
    s->documents = s->backend->alloc(s->backend, (size_t)(n * width) * sizeof(real) + 1);
    s->query = s->backend->alloc(s->backend, (size_t)width * sizeof(real));
    KIN_REQUIRE(s->documents && s->query, KIN_MEMORY, "no memory for %ld embeddings", (long)n);
    kin_tell_stage(watch, "embedding %ld documents", (long)n);
    KIN_TRY(kin_model_tokens(s->model, s->backend->pool, KIN_DOCUMENT, &s->store->texts, &tokens));
    const kin_status status = kin_encoding_run(s->encoding, KIN_DOCUMENT, &tokens,
                                               s->store->document_text, 0, n, s->documents);
    kin_tokens_free(&tokens);
    return status;
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

static kin_status open_all(kin_search *s, const char *run, const kin_watch *watch)
{
    const kin_memory memory = kin_backend_memory(s->backend);
    KIN_TRY(kin_open_run(&s->config, &s->store, run));
    look_at_store(s, run, watch);
    KIN_TRY(kin_open_model(&s->model, s->backend, run));
    KIN_TRY(kin_encoding_new(&s->encoding, s->model));
    KIN_TRY(kin_arena_new(&s->work, &memory));
    return embed_corpus(s, watch);
}

kin_status kin_search_open(kin_search **out, const char *run, kin_backend *backend,
                           const kin_watch *watch)
{
    kin_search *s = *out = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory to search");
    s->backend = backend;
    const kin_status status = open_all(s, run, watch);
    if (status) {
        kin_search_close(s);
        *out = NULL;
    }
    return status;
}

int64_t kin_search_documents(const kin_search *s)
{
    return s->store->documents;
}

static void fill_hit(const kin_search *s, int rank, int32_t document, double score, kin_hit *hit)
{
    const int32_t text = s->store->document_text[document];
    *hit = (kin_hit){
        .rank = rank, .score = score,
        .id = kin_text(&s->store->document_id, document),
        .id_bytes = kin_text_size(&s->store->document_id, document),
        .text = kin_text(&s->store->texts, text),
        .text_bytes = kin_text_size(&s->store->texts, text),
    };
}

/* The best k, as places and scores in host memory (k of each, from the arena). */
static kin_status find(kin_search *s, int64_t k, kin_hit *hits)
{
    kin_backend *b = s->backend;
    int32_t *index = KIN_TAKE(s->work, int32_t, k), *places = malloc((size_t)k * sizeof *places);
    real *score = KIN_TAKE(s->work, real, k), *scores = malloc((size_t)k * sizeof *scores);
    kin_status status = KIN_OK;
    if (!index || !places || !score || !scores)
        status = kin_fail(KIN_MEMORY, "no memory for %ld hits", (long)k);
    if (!status)
        status = b->search(b, s->work, 1, s->store->documents, s->model->network->width, s->query,
                           s->documents, k, index, score);
    if (!status) {
        b->download(b, places, index, (size_t)k * sizeof *places);
        b->download(b, scores, score, (size_t)k * sizeof *scores);
        status = kin_backend_check(b);
    }
    for (int64_t i = 0; i < k && !status; i++)
        fill_hit(s, (int)i + 1, places[i], (double)scores[i], &hits[i]);
    free(places);
    free(scores);
    return status;
}

kin_status kin_search_query(kin_search *s, const char *query, int k, kin_hit *hits, int *found)
{
    const int64_t start[2] = { 0, (int64_t)strlen(query) };
    const kin_texts texts = { .count = 1, .bytes = query, .start = start };
    kin_tokens tokens;
    *found = 0;
    KIN_TRY(kin_model_tokens(s->model, s->backend->pool, KIN_QUERY, &texts, &tokens));
    const bool empty = tokens.start[1] == 0;
    kin_status status = kin_encoding_run(s->encoding, KIN_QUERY, &tokens, NULL, 0, 1, s->query);
    kin_tokens_free(&tokens);
    const int64_t n = k < s->store->documents ? k : s->store->documents;
    if (status || empty || n < 1) return status;     /* a text without tokens is like no document */
    kin_arena_reset(s->work);
    KIN_TRY(find(s, n, hits));
    *found = (int)n;
    return KIN_OK;
}
