/* The columns of a step: the negatives of its pairs, each document once. A document that is a
 * column of the batch already is not added again: it is a negative of its row as it stands. One
 * that is relevant to another query of the batch would be pushed away from it, so it is left out.
 * A document that is added is a negative of every row. */
#include "train/negatives.h"
#include "train/trainer.h"

/* What the stamp of a document says in this step, beyond an older one's. */
enum { RELEVANT = 1, THERE = 2, STAMPS = 3 };

/* Marks older than this step's are below `stamps`; they begin anew before they would run over. */
static void begin(kin_negatives *n, int64_t documents)
{
    n->stamps += STAMPS;
    if (n->stamps < INT32_MAX - STAMPS) return;
    for (int64_t d = 0; d < documents; d++) n->stamp[d] = 0;
    n->stamps = STAMPS;
}

static void mark_relevant(kin_negatives *n, int32_t query)
{
    for (int64_t i = n->known_start[query]; i < n->known_start[query + 1]; i++)
        n->stamp[n->known[i]] = n->stamps + RELEVANT;
}

static void add(kin_negatives *n, int32_t document)
{
    int32_t *stamp = &n->stamp[document];
    if (*stamp == n->stamps + RELEVANT) {
        n->step.clashing++;
        return;
    }
    n->step.own++;
    if (*stamp == n->stamps + THERE) return;
    *stamp = n->stamps + THERE;
    n->column[n->step.columns++] = document;
}

/* Documents from all over the corpus: as many as a step may have. */
static void stand_in(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const int64_t most = n->source ? n->count * t->size : 0, documents = t->store->documents;
    n->step = (kin_negatives_step){ .columns = most, .own = most };
    for (int64_t i = 0; i < most; i++) n->column[i] = (int32_t)(i * documents / most);
}

int32_t kin_negatives_document(const kin_trainer *t, int64_t column)
{
    const kin_negatives *n = t->negatives;
    const int64_t behind = column - t->size;
    if (behind < 0)
        return t->material.pair[3 * (int64_t)t->batch.pairs[column] + KIN_PAIR_DOCUMENT];
    if (n->queue.size && behind >= n->step.columns)
        return n->queue.document[behind - n->step.columns];
    return n->column[behind];
}

void kin_negatives_pick(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const int32_t *pairs = t->batch.pairs;
    if (!n) return;
    if (n->stand_in) {
        stand_in(t);
        return;
    }
    n->step = (kin_negatives_step){ .columns = 0 };
    begin(n, t->store->documents);
    for (int64_t i = 0; i < t->size; i++)
        if (n->query_of[pairs[i]] >= 0) mark_relevant(n, n->query_of[pairs[i]]);
    for (int64_t i = 0; i < t->size; i++)
        n->stamp[kin_negatives_document(t, i)] = n->stamps + THERE;
    for (int64_t i = 0; i < t->size; i++)
        for (int64_t k = 0; k < n->count; k++) {
            const int32_t document = n->document[pairs[i] * n->count + k];
            if (document >= 0) add(n, document);
        }
}
