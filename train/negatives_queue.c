/* The queue: documents of past steps, with the embeddings that they had then, are columns of the
 * loss as well. They get no gradient. With a momentum tower, whose embeddings move slowly, that is
 * MoCo (He et al. 2020, arXiv:1911.05722); with the trained tower's it is a cross-batch memory
 * (Wang et al. 2020, arXiv:1912.06798), which waits until the embeddings have slowed down. */
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "train/negatives.h"
#include "train/trainer.h"

kin_status kin_queue_open(kin_trainer *t)
{
    kin_queue *q = &t->negatives->queue;
    const size_t numbers = (size_t)(q->size * t->model->network->width);
    if (!q->size) return KIN_OK;
    q->rows = t->backend->alloc(t->backend, numbers * sizeof(real));
    q->document = malloc((size_t)(q->size + KIN_QUEUE_FACTS) * sizeof *q->document);
    q->older = malloc((size_t)q->size * sizeof *q->older);
    q->newest = malloc((size_t)t->store->documents * sizeof *q->newest);
    q->row_text = malloc((size_t)t->size * sizeof *q->row_text);
    q->col_text = malloc((size_t)(t->size * (1 + t->negatives->count) + q->size)
                         * sizeof *q->col_text);
    KIN_REQUIRE(q->rows && q->document && q->older && q->newest && q->row_text && q->col_text,
                KIN_MEMORY, "no memory for a queue of %ld documents", (long)q->size);
    t->backend->zero(t->backend, q->rows, numbers * sizeof(real));
    q->fact = q->document + q->size;
    q->fact[KIN_QUEUE_NEXT] = q->fact[KIN_QUEUE_FILLED] = 0;
    for (int64_t i = 0; i < q->size; i++) q->document[i] = -1;
    return kin_queue_link(t);
}

void kin_queue_free(kin_queue *q, kin_backend *backend)
{
    if (q->rows) backend->release(backend, q->rows);
    free(q->document);
    free(q->older);
    free(q->newest);
    free(q->row_text);
    free(q->col_text);
}

/* ---- which places have a document: a chain from its newest place to its oldest --------------- */

static void link_place(kin_queue *q, int32_t place, int32_t document)
{
    q->document[place] = document;
    q->older[place] = q->newest[document];
    q->newest[document] = place;
}

/* What leaves the queue is the oldest of its chain. */
static void unlink_place(kin_queue *q, int32_t place)
{
    int32_t *to = &q->newest[q->document[place]];
    while (*to != place) to = &q->older[*to];
    *to = -1;
}

kin_status kin_queue_link(kin_trainer *t)
{
    kin_queue *q = &t->negatives->queue;
    if (!q->size) return KIN_OK;
    const int64_t filled = q->fact[KIN_QUEUE_FILLED], next = q->fact[KIN_QUEUE_NEXT];
    KIN_REQUIRE(filled >= 0 && filled <= q->size && next >= 0 && next < q->size, KIN_DATA,
                "a queue of %ld documents cannot hold %ld and go on at %ld", (long)q->size,
                (long)filled, (long)next);
    for (int64_t d = 0; d < t->store->documents; d++) q->newest[d] = -1;
    for (int64_t i = 0; i < filled; i++) {
        const int32_t place = (int32_t)(((filled == q->size ? next : 0) + i) % q->size);
        const int32_t document = q->document[place];
        KIN_REQUIRE(document >= 0 && document < t->store->documents, KIN_DATA,
                    "the queue holds document %ld, but the store has %ld", (long)document,
                    (long)t->store->documents);
        link_place(q, place, document);
    }
    return KIN_OK;
}

/* ---- a step ---------------------------------------------------------------------------------- */

int64_t kin_queue_columns(const kin_trainer *t)
{
    const kin_queue *q = &t->negatives->queue;
    if (!q->size || t->negatives->stand_in) return q->size;
    return t->state.step < q->start ? 0 : q->fact[KIN_QUEUE_FILLED];
}

/* A document of the queue is no negative of the query that it belongs to: equal texts say so. */
static void name_texts(const kin_trainer *t, kin_sides *sides, int64_t before)
{
    kin_queue *q = &t->negatives->queue;
    const int32_t *text = t->store->document_text;
    for (int64_t j = 0; j < before + t->negatives->step.queued; j++) {
        const int32_t document = kin_negatives_document(t, j);
        q->col_text[j] = document < 0 ? -1 : text[document];
    }
    memcpy(q->row_text, q->col_text, (size_t)t->size * sizeof *q->row_text);
    sides->row_text = q->row_text;
    sides->col_text = q->col_text;
}

/* Cells of the queue with what else is relevant to a query; row NULL: only counted. */
static int64_t list_known(const kin_trainer *t, int64_t before, int32_t *row, int32_t *col)
{
    const kin_negatives *n = t->negatives;
    int64_t cells = 0;
    for (int64_t i = 0; i < t->size; i++) {
        const int32_t query = n->query_of[t->batch.pairs[i]];
        for (int64_t k = query < 0 ? 0 : n->known_start[query];
             query >= 0 && k < n->known_start[query + 1]; k++) {
            if (n->known[k] == kin_negatives_document(t, i)) continue;
            for (int32_t at = n->queue.newest[n->known[k]]; at >= 0; at = n->queue.older[at]) {
                if (row) row[cells] = (int32_t)i, col[cells] = (int32_t)(before + at);
                cells++;
            }
        }
    }
    return cells;
}

static kin_status ignore_known(kin_trainer *t, kin_sides *sides, int64_t before)
{
    const int64_t cells = list_known(t, before, NULL, NULL);
    if (!cells) return KIN_OK;
    int32_t *row = kin_keep_host(t->tape, (size_t)cells * sizeof *row);
    int32_t *col = kin_keep_host(t->tape, (size_t)cells * sizeof *col);
    if (!row || !col) return kin_tape_status(t->tape);
    sides->ignored = list_known(t, before, row, col);
    sides->ignored_row = row;
    sides->ignored_col = col;
    return KIN_OK;
}

kin_status kin_queue_join(kin_trainer *t, kin_sides *sides)
{
    kin_negatives *n = t->negatives;
    if (!n || !n->queue.size) return KIN_OK;
    const kin_tensor *columns = n->queue.entering = sides->columns;
    const int64_t before = columns->rows, queued = n->step.queued = kin_queue_columns(t);
    if (!queued) return KIN_OK;
    kin_tensor *rows = kin_tape_input(t->tape, queued, columns->cols, n->queue.rows);
    rows->unit = columns->unit;
    sides->columns = kin_concat_rows(t->tape, sides->columns, rows);
    KIN_TRY(kin_tape_status(t->tape));
    sides->still = queued;
    name_texts(t, sides, before);
    return n->stand_in ? KIN_OK : ignore_known(t, sides, before);
}

void kin_queue_push(kin_trainer *t)
{
    if (!t->negatives || !t->negatives->queue.size) return;
    kin_queue *q = &t->negatives->queue;
    const int64_t width = q->entering->cols;
    int64_t i = t->size > q->size ? t->size - q->size : 0;               /* the last ones stay */
    while (i < t->size) {                                   /* at most twice: the ring has an end */
        const int64_t next = q->fact[KIN_QUEUE_NEXT], room = q->size - next, left = t->size - i;
        const int64_t rows = left < room ? left : room;
        t->backend->copy(t->backend, q->rows + next * width, q->entering->value + i * width,
                         (size_t)(rows * width) * sizeof(real));
        for (int64_t place = next; place < next + rows; place++, i++) {
            if (q->document[place] >= 0) unlink_place(q, (int32_t)place);
            link_place(q, (int32_t)place, kin_negatives_document(t, i));
            q->fact[KIN_QUEUE_FILLED] += q->fact[KIN_QUEUE_FILLED] < q->size;
        }
        q->fact[KIN_QUEUE_NEXT] = (int32_t)((next + rows) % q->size);
    }
}
