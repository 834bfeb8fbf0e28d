/* What the model makes of pairs of a query and a document, a block at a time. */
#include <stdlib.h>

#include "train/mine_parts.h"

enum { BLOCK = 1024 };

/* Embeddings of a block of pairs and their products, in backend memory. */
typedef struct {
    kin_encoding *encoding;
    real *side[2], *dot;
    int32_t which[BLOCK];
} desk;

static kin_status score_block(mine_work *m, desk *d, mine_pairs *s, int64_t from, int64_t n)
{
    kin_backend *b = m->backend;
    for (int64_t i = 0; i < n; i++) d->which[i] = m->row_text[s->row[from + i]];
    KIN_TRY(kin_encoding_run(d->encoding, KIN_QUERY, m->tokens.of[KIN_QUERY], d->which, 0, n,
                             d->side[0]));
    for (int64_t i = 0; i < n; i++) d->which[i] = m->store->document_text[s->document[from + i]];
    KIN_TRY(kin_encoding_run(d->encoding, KIN_DOCUMENT, m->tokens.of[KIN_DOCUMENT], d->which, 0, n,
                             d->side[1]));
    b->row_dots(b, n, m->model->network->width, d->side[0], d->side[1], d->dot);
    b->download(b, s->score + from, d->dot, (size_t)n * sizeof *d->dot);
    return kin_backend_check(b);
}

kin_status kin_mine_pairs_score(mine_work *m, mine_pairs *s)
{
    kin_backend *b = m->backend;
    desk *d = calloc(1, sizeof *d);
    const size_t bytes = (size_t)(BLOCK * m->model->network->width) * sizeof(real);
    KIN_REQUIRE(d, KIN_MEMORY, "no memory for pairs");
    for (int i = 0; i < 2; i++) d->side[i] = b->alloc(b, bytes);
    d->dot = b->alloc(b, BLOCK * sizeof(real));
    kin_status status = kin_encoding_new(&d->encoding, m->model);
    if (!status && (!d->side[0] || !d->side[1] || !d->dot))
        status = kin_fail(KIN_MEMORY, "no memory for the embeddings of %d pairs", BLOCK);
    for (int64_t at = 0; at < s->count && !status; at += BLOCK)
        status = score_block(m, d, s, at, s->count - at < BLOCK ? s->count - at : BLOCK);
    for (int i = 0; i < 2; i++)
        if (d->side[i]) b->release(b, d->side[i]);
    if (d->dot) b->release(b, d->dot);
    kin_encoding_free(d->encoding);
    free(d);
    return status;
}
