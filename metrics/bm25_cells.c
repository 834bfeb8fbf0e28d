/* BM25's scores of single queries with single documents. */
#include <stdbool.h>
#include <stdlib.h>
#include "metrics/bm25_index.h"

typedef struct {
    const kin_bm25 *bm25;
    const kin_texts *texts;
    const int32_t *which, *document;
    char *room;                    /* of the longest text, for each thread */
    int64_t size;
    float *score;
} cells;

/* What word w adds to the document's score. */
static float weight_in(const kin_bm25 *bm25, int32_t w, int32_t document)
{
    int64_t low = bm25->start[w], high = bm25->start[w + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (bm25->document[middle] < document) low = middle + 1;
        else high = middle;
    }
    const bool there = low < bm25->start[w + 1] && bm25->document[low] == document;
    return there ? (bm25->factor ? bm25->factor[w] : 1) * bm25->weight[low] : 0;
}

static void score_cell(void *context, int64_t i, int thread)
{
    const cells *c = context;
    const int32_t text = c->which[i];
    char *lower = c->room + thread * c->size;
    kin_bm25_lower(kin_text(c->texts, text), kin_text_size(c->texts, text), lower);
    const char *at = lower, *end = at + kin_text_size(c->texts, text);
    c->score[i] = 0;
    for (const char *word; (word = kin_bm25_word(&at, end));) {
        const int32_t w = kin_names_find(&c->bm25->words, word, at - word);
        if (w >= 0) c->score[i] += weight_in(c->bm25, w, c->document[i]);
    }
}

kin_status kin_bm25_cells(const kin_bm25 *bm25, kin_pool *pool, const kin_texts *texts,
                          const int32_t *which, const int32_t *document, int64_t count,
                          float *score)
{
    cells c = { .bm25 = bm25, .texts = texts, .which = which, .document = document,
                .score = score, .size = kin_bm25_longest(texts, which, 0, count) + 1 };
    c.room = malloc((size_t)(c.size * kin_pool_threads(pool)));
    KIN_REQUIRE(c.room, KIN_MEMORY, "bm25: no memory for %lld scores", (long long)count);
    kin_pool_run(pool, count, score_cell, &c);
    free(c.room);
    return KIN_OK;
}
