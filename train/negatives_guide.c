/* The guide: another encoder, which does not change, asked how similar queries and documents are.
 * Its embeddings of all documents and queries are made when it is first asked. */
#include <math.h>
#include <stdlib.h>

#include "train/negatives.h"
#include "train/open_run.h"
#include "train/trainer.h"

enum { CELLS = 1 << 20 };                        /* scores formed at a time */

kin_status kin_guide_open(kin_trainer *t)
{
    kin_guide *g = &t->negatives->guide;
    const char *path = kin_config_text(t->config, "negatives.guide");
    if (!*path) return KIN_OK;
    KIN_TRY(kin_open_model(&g->model, t->backend, path));
    KIN_REQUIRE(g->model->tokenizer, KIN_USAGE, "negatives.guide: %s takes no texts", path);
    return KIN_OK;
}

void kin_guide_free(kin_guide *g, kin_backend *backend)
{
    for (int role = 0; role < 2; role++)
        if (g->rows[role]) backend->release(backend, g->rows[role]);
    if (g->cell) backend->release(backend, g->cell);
    if (g->score) backend->release(backend, g->score);
    free(g->host_cell);
    kin_model_free(g->model);
    *g = (kin_guide){ 0 };
}

static kin_status embed_role(kin_trainer *t, kin_role role, const int32_t *which, int64_t count)
{
    kin_guide *g = &t->negatives->guide;
    const int64_t width = g->model->network->width;
    kin_encoding *encoding;
    kin_tokens tokens;
    g->rows[role] = t->backend->alloc(t->backend, (size_t)(count * width) * sizeof(real));
    KIN_REQUIRE(g->rows[role], KIN_MEMORY, "no memory for %ld embeddings of the guide",
                (long)count);
    KIN_TRY(kin_encoding_new(&encoding, g->model));
    kin_status status = kin_model_tokens(g->model, t->backend->pool, role, &t->store->texts,
                                         &tokens);
    if (!status) {
        status = kin_encoding_run(encoding, role, &tokens, which, 0, count, g->rows[role]);
        kin_tokens_free(&tokens);
    }
    kin_encoding_free(encoding);
    return status;
}

static kin_status embed_all(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    kin_guide *g = &n->guide;
    kin_tell_stage(t->watch, "embedding %ld documents and %ld queries with the guide",
                   (long)t->store->documents, (long)n->queries);
    KIN_TRY(embed_role(t, KIN_QUERY, n->query_text, n->queries));
    KIN_TRY(embed_role(t, KIN_DOCUMENT, t->store->document_text, t->store->documents));
    g->cell = t->backend->alloc(t->backend, 2 * CELLS * sizeof *g->cell);
    g->score = t->backend->alloc(t->backend, CELLS * sizeof *g->score);
    g->host_cell = malloc(2 * CELLS * sizeof *g->host_cell);
    KIN_REQUIRE(g->cell && g->score && g->host_cell, KIN_MEMORY, "no memory for the guide");
    return KIN_OK;
}

/* At most CELLS of them. */
static kin_status score_block(kin_trainer *t, int64_t cells, const int32_t *query,
                              const int32_t *document, real *score)
{
    kin_guide *g = &t->negatives->guide;
    kin_backend *b = t->backend;
    for (int64_t i = 0; i < cells; i++) {
        const bool there = query[i] >= 0 && document[i] >= 0;
        g->host_cell[i] = there ? query[i] : 0;
        g->host_cell[cells + i] = there ? document[i] : 0;
    }
    b->upload(b, g->cell, g->host_cell, (size_t)(2 * cells) * sizeof *g->cell);
    b->cell_dots(b, cells, g->cell, g->cell + cells, g->model->network->width,
                 g->rows[KIN_QUERY], g->rows[KIN_DOCUMENT], g->score);
    b->download(b, score, g->score, (size_t)cells * sizeof *score);
    KIN_TRY(kin_backend_check(b));
    for (int64_t i = 0; i < cells; i++)
        if (query[i] < 0 || document[i] < 0) score[i] = (real)NAN;
    return KIN_OK;
}

kin_status kin_guide_scores(kin_trainer *t, int64_t cells, const int32_t *query,
                            const int32_t *document, real *score)
{
    if (!t->negatives->guide.cell) KIN_TRY(embed_all(t));
    for (int64_t from = 0; from < cells; from += CELLS) {
        const int64_t count = cells - from < CELLS ? cells - from : CELLS;
        KIN_TRY(score_block(t, count, query + from, document + from, score + from));
    }
    return KIN_OK;
}
