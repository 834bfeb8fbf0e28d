/* BM25: the lexical baseline (Robertson, Zaragoza 2009, "The probabilistic relevance framework:
 * BM25 and beyond"), in the form that Lucene gives it:
 *
 *     score(q, d) = sum over the words w of q (a repeated word counts each time)
 *                   idf(w) tf / (tf + k1 (1 - b + b length(d) / mean length))
 *     idf(w)      = ln(1 + (N - df + 0.5) / (df + 0.5))
 *
 * Words are runs of [a-z] or of [0-9] after ASCII lower-casing; every other byte separates (a
 * letter with an accent too). No stemming, no stop words. */
#ifndef KIN_METRICS_BM25_H
#define KIN_METRICS_BM25_H

#include "metrics/ranking.h"

typedef struct { double k1, b; } kin_bm25_setting;

extern const kin_bm25_setting kin_bm25_defaults;       /* 1.2, 0.75 */

typedef struct kin_bm25 kin_bm25;

/* Indexes documents texts: document i is text which[i], or text i when which is NULL. k1 >= 0 and
 * b in [0, 1], else KIN_USAGE. The texts are not needed afterwards. */
kin_status kin_bm25_new(kin_bm25 **bm25, kin_pool *pool, const kin_texts *texts,
                        const int32_t *which, int64_t documents, const kin_bm25_setting *setting);
void kin_bm25_free(kin_bm25 *bm25);

/* The k best documents of each query, score descending, then index ascending. A document that
 * shares no word with the query is not retrieved, so lists may be short or empty. */
kin_status kin_bm25_search(const kin_bm25 *bm25, kin_pool *pool, const kin_texts *texts,
                           const int32_t *which, int64_t queries, int64_t k, kin_run **run);

/* The scores of single cells: of query text which[i] with document document[i], the same bits as in
 * kin_bm25_search; 0 where they share no word. */
kin_status kin_bm25_cells(const kin_bm25 *bm25, kin_pool *pool, const kin_texts *texts,
                          const int32_t *which, const int32_t *document, int64_t count,
                          float *score);

int64_t kin_bm25_words(const kin_bm25 *bm25);          /* distinct words */
int64_t kin_bm25_postings(const kin_bm25 *bm25);       /* distinct (word, document) */

#endif
