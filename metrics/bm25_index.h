/* The inverted index of BM25, inside metrics/. */
#ifndef KIN_METRICS_BM25_INDEX_H
#define KIN_METRICS_BM25_INDEX_H

#include "metrics/bm25.h"
#include "metrics/names.h"

/* Word w is in the documents document[start[w]] .. document[start[w+1] - 1], ascending; weight is
 * what it adds to their scores. */
struct kin_bm25 {
    int64_t documents;
    kin_names words;
    int64_t *start;                /* words + 1 */
    int32_t *document;
    float *weight;
    float *factor;                 /* words: what a query's word counts, or NULL: 1 */
};

/* kin_bm25_new; without a setting the weights are how often the word is in the document. */
kin_status kin_bm25_index(kin_bm25 **bm25, kin_pool *pool, const kin_texts *texts,
                          const int32_t *which, int64_t documents,
                          const kin_bm25_setting *setting);

/* The next word of lower-case text: its first byte, and *at is where it ends; NULL at the end. */
const char *kin_bm25_word(const char **at, const char *end);

void kin_bm25_lower(const char *text, int64_t size, char *lower);

/* Bytes of the longest of the texts which[first] .. which[end-1]. */
int64_t kin_bm25_longest(const kin_texts *texts, const int32_t *which, int64_t first, int64_t end);

#endif
