/* Candidates of a time of mining: the model's nearest documents, BM25's, or any. */
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "train/machine.h"
#include "train/negatives.h"
#include "train/trainer.h"

enum { BLOCK = 16384 };                          /* queries embedded and searched at a time */

/* ---- the model ------------------------------------------------------------------------------- */

/* All documents by the weights of now. */
static kin_status embed_documents(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const double before = kin_seconds();
    const int64_t documents = t->store->documents;
    KIN_TRY(kin_index_place(n->index, documents, &n->rows));
    KIN_TRY(kin_encoding_run(n->encoding, KIN_DOCUMENT, t->tokens.of[KIN_DOCUMENT],
                             t->store->document_text, 0, documents, n->rows));
    n->last.embedding = kin_seconds() - before;
    const double built = kin_seconds();
    KIN_TRY(kin_index_build(n->index, documents, n->rows));
    n->last.indexing = kin_seconds() - built;
    return KIN_OK;
}

/* The scores of the block's pairs: those whose query is one of `count` from `first` on. */
static kin_status score_positives(kin_trainer *t, kin_mining *m, int64_t first, int64_t count,
                                  const real *q)
{
    kin_backend *b = t->backend;
    const int64_t width = t->model->network->width;
    int32_t *cell = malloc((size_t)m->pairs * 3 * sizeof *cell + 1);
    real *score = malloc((size_t)m->pairs * sizeof *score + 1);
    int32_t *sent = b->alloc(b, (size_t)m->pairs * 2 * sizeof *sent + 1);
    real *dots = b->alloc(b, (size_t)m->pairs * sizeof *dots + 1);
    kin_status status = KIN_OK;
    int64_t cells = 0;
    if (!cell || !score || !sent || !dots)
        status = kin_fail(KIN_MEMORY, "no memory for the scores of %ld pairs", (long)m->pairs);
    int32_t *row = cell, *col = cell + m->pairs, *pair = cell + 2 * m->pairs;
    for (int64_t i = 0; !status && i < m->pairs; i++) {
        const int64_t place = m->place[t->negatives->query_of[m->pair[i]]] - first;
        if (place < 0 || place >= count) continue;
        row[cells] = (int32_t)place;
        col[cells] = t->material.pair[3 * (int64_t)m->pair[i] + KIN_PAIR_DOCUMENT];
        pair[cells++] = (int32_t)i;
    }
    if (!status && cells) {
        b->upload(b, sent, row, (size_t)cells * sizeof *sent);
        b->upload(b, sent + m->pairs, col, (size_t)cells * sizeof *sent);
        b->cell_dots(b, cells, sent, sent + m->pairs, width, q, t->negatives->rows, dots);
        b->download(b, score, dots, (size_t)cells * sizeof *score);
        status = kin_backend_check(b);
        for (int64_t i = 0; i < cells; i++) m->positive[pair[i]] = score[i];
    }
    b->release(b, sent);
    b->release(b, dots);
    free(cell);
    free(score);
    return status;
}

static kin_status search_block(kin_trainer *t, kin_mining *m, int64_t first, int64_t count,
                               const int32_t *which, real *q)
{
    kin_negatives *n = t->negatives;
    KIN_TRY(kin_encoding_run(n->encoding, KIN_QUERY, t->tokens.of[KIN_QUERY], which + first, 0,
                             count, q));
    const kin_index_query query = { .queries = count, .k = m->depth, .x = q };
    KIN_TRY(kin_index_search(n->index, &query, m->found + first * m->depth,
                             m->score + first * m->depth));
    return score_positives(t, m, first, count, q);
}

static kin_status find_by_model(kin_trainer *t, kin_mining *m)
{
    kin_backend *b = t->backend;
    const int64_t block = m->queries < BLOCK ? m->queries : BLOCK;
    KIN_TRY(embed_documents(t));
    const double before = kin_seconds();
    real *q = b->alloc(b, (size_t)(block * t->model->network->width) * sizeof *q + 1);
    int32_t *which = malloc((size_t)m->queries * sizeof *which + 1);
    kin_status status = KIN_OK;
    if (!q || !which) status = kin_fail(KIN_MEMORY, "no memory for %ld queries", (long)m->queries);
    for (int64_t i = 0; !status && i < m->queries; i++)
        which[i] = t->negatives->query_text[m->query[i]];
    for (int64_t first = 0; !status && first < m->queries; first += block) {
        const int64_t count = m->queries - first < block ? m->queries - first : block;
        status = search_block(t, m, first, count, which, q);
    }
    b->release(b, q);
    free(which);
    t->negatives->last.searching = kin_seconds() - before;
    return status;
}

/* ---- BM25 ------------------------------------------------------------------------------------ */

/* What BM25 gives every pair: its text's score with its document. */
static kin_status score_pairs(kin_trainer *t, const kin_bm25 *bm25)
{
    const kin_store *s = t->store;
    kin_negatives *n = t->negatives;
    int32_t *text = malloc((size_t)s->pairs * sizeof *text);
    int32_t *document = malloc((size_t)s->pairs * sizeof *document);
    n->lexical_positive = malloc((size_t)s->pairs * sizeof *n->lexical_positive);
    kin_status status = KIN_OK;
    if (!text || !document || !n->lexical_positive)
        status = kin_fail(KIN_MEMORY, "no memory for the scores of %ld pairs", (long)s->pairs);
    for (int64_t i = 0; !status && i < s->pairs; i++) {
        text[i] = s->pair[3 * i + KIN_PAIR_LEFT];
        document[i] = s->pair[3 * i + KIN_PAIR_DOCUMENT];
    }
    if (!status)
        status = kin_bm25_cells(bm25, t->backend->pool, &s->texts, text, document, s->pairs,
                                n->lexical_positive);
    free(text);
    free(document);
    return status;
}

/* The lists of all queries, once: they do not change. */
static kin_status list_lexical(kin_trainer *t, int64_t depth)
{
    kin_negatives *n = t->negatives;
    const kin_store *s = t->store;
    kin_bm25 *bm25;
    if (n->lexical) return KIN_OK;
    const double before = kin_seconds();
    KIN_TRY(kin_bm25_new(&bm25, t->backend->pool, &s->texts, s->document_text, s->documents,
                         &kin_bm25_defaults));
    n->last.indexing = kin_seconds() - before;
    kin_status status = score_pairs(t, bm25);
    if (!status)
        status = kin_bm25_search(bm25, t->backend->pool, &s->texts, n->query_text, n->queries,
                                 depth, &n->lexical);
    kin_bm25_free(bm25);
    n->last.searching = kin_seconds() - before - n->last.indexing;
    return status;
}

static kin_status find_by_words(kin_trainer *t, kin_mining *m)
{
    kin_negatives *n = t->negatives;
    KIN_TRY(list_lexical(t, m->depth));
    const kin_run *run = n->lexical;
    for (int64_t i = 0; i < m->queries; i++) {
        const int64_t from = run->start[m->query[i]], many = run->start[m->query[i] + 1] - from;
        for (int64_t k = 0; k < m->depth && k < many; k++) {
            m->found[i * m->depth + k] = run->document[from + k];
            m->score[i * m->depth + k] = (real)run->score[from + k];
        }
    }
    for (int64_t i = 0; i < m->pairs; i++)
        m->positive[i] = (real)n->lexical_positive[m->pair[i]];
    return KIN_OK;
}

/* ---- any ------------------------------------------------------------------------------------- */

/* Uniformly, with replacement; a query's draw depends on seed, step and its number alone. */
static void find_any(kin_trainer *t, kin_mining *m)
{
    const uint64_t seed = (uint64_t)kin_config_number(t->config, "run.seed");
    for (int64_t i = 0; i < m->queries; i++)
        kin_random_list(seed, KIN_STREAM_NEGATIVES, (uint32_t)t->state.step,
                        (uint64_t)(m->query[i] * m->depth), m->depth,
                        (uint32_t)t->store->documents, m->found + i * m->depth);
}

kin_status kin_negatives_find(kin_trainer *t, kin_mining *m)
{
    for (int64_t i = 0; i < m->queries * m->depth; i++) {
        m->found[i] = -1;
        m->score[i] = (real)NAN;
    }
    for (int64_t i = 0; i < m->pairs; i++) m->positive[i] = (real)NAN;
    switch (m->source) {
    case KIN_FROM_MODEL: return find_by_model(t, m);
    case KIN_FROM_BM25: return find_by_words(t, m);
    default: find_any(t, m); return KIN_OK;
    }
}
