#include "train/scorer.h"

#include <math.h>
#include <stdlib.h>

#include "train/evaluate.h"
#include "train/open_run.h"
#include "train/progress.h"

enum { CELLS = 1 << 20 };                        /* scores formed at a time */

static kin_backend *backend_of(const kin_scorer *s)
{
    return s->model->network->backend;
}

kin_status kin_scorer_open(kin_scorer *s, kin_backend *backend, const char *where,
                           const char *path)
{
    KIN_TRY(kin_open_model(&s->model, backend, path));
    KIN_REQUIRE(s->model->tokenizer, KIN_USAGE, "%s: %s takes no texts", where, path);
    return KIN_OK;
}

void kin_scorer_free(kin_scorer *s)
{
    for (int role = 0; role < 2; role++)
        if (s->rows[role]) backend_of(s)->release(backend_of(s), s->rows[role]);
    if (s->cell) backend_of(s)->release(backend_of(s), s->cell);
    if (s->score) backend_of(s)->release(backend_of(s), s->score);
    free(s->host_cell);
    kin_model_free(s->model);
    *s = (kin_scorer){ .model = NULL };
}

static kin_status embed(kin_scorer *s, kin_role role, const kin_role_tokens *tokens,
                        const int32_t *which, int64_t count)
{
    kin_encoding *encoding;
    kin_backend *b = backend_of(s);
    s->rows[role] = b->alloc(b, (size_t)(count * s->model->network->width) * sizeof(real) + 1);
    KIN_REQUIRE(s->rows[role], KIN_MEMORY, "no memory for %ld embeddings", (long)count);
    KIN_TRY(kin_encoding_new(&encoding, s->model));
    const kin_status status = kin_encoding_run(encoding, role, tokens->of[role], which, 0, count,
                                               s->rows[role]);
    kin_encoding_free(encoding);
    return status;
}

static kin_status embed_all(kin_scorer *s)
{
    kin_role_tokens tokens;
    kin_tell_stage(s->watch, "embedding %ld documents and %ld queries with the guide",
                   (long)s->store->documents, (long)s->queries);
    KIN_TRY(kin_role_tokens_make(&tokens, s->model, backend_of(s)->pool, s->store));
    kin_status status = embed(s, KIN_QUERY, &tokens, s->query_text, s->queries);
    if (!status)
        status = embed(s, KIN_DOCUMENT, &tokens, s->store->document_text, s->store->documents);
    kin_role_tokens_free(&tokens);
    return status;
}

static kin_status prepare(kin_scorer *s)
{
    kin_backend *b = backend_of(s);
    KIN_TRY(embed_all(s));
    s->score = b->alloc(b, CELLS * sizeof *s->score);
    s->host_cell = malloc(2 * CELLS * sizeof *s->host_cell);
    s->cell = b->alloc(b, 2 * CELLS * sizeof *s->cell);
    KIN_REQUIRE(s->cell && s->score && s->host_cell, KIN_MEMORY, "no memory for %d scores", CELLS);
    return KIN_OK;
}

/* At most CELLS of them. */
static kin_status score_block(kin_scorer *s, int64_t cells, const int32_t *query,
                              const int32_t *document, real *score)
{
    kin_backend *b = backend_of(s);
    for (int64_t i = 0; i < cells; i++) {
        const bool there = query[i] >= 0 && document[i] >= 0;
        s->host_cell[i] = there ? query[i] : 0;
        s->host_cell[cells + i] = there ? document[i] : 0;
    }
    b->upload(b, s->cell, s->host_cell, (size_t)(2 * cells) * sizeof *s->cell);
    b->cell_dots(b, cells, s->cell, s->cell + cells, s->model->network->width,
                 s->rows[KIN_QUERY], s->rows[KIN_DOCUMENT], s->score);
    b->download(b, score, s->score, (size_t)cells * sizeof *score);
    KIN_TRY(kin_backend_check(b));
    for (int64_t i = 0; i < cells; i++)
        if (query[i] < 0 || document[i] < 0) score[i] = (real)NAN;
    return KIN_OK;
}

kin_status kin_scorer_ask(kin_scorer *s, int64_t cells, const int32_t *query,
                          const int32_t *document, real *score)
{
    if (!s->cell) KIN_TRY(prepare(s));
    for (int64_t from = 0; from < cells; from += CELLS) {
        const int64_t count = cells - from < CELLS ? cells - from : CELLS;
        KIN_TRY(score_block(s, count, query + from, document + from, score + from));
    }
    return KIN_OK;
}
