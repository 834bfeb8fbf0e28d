/* tf-idf: texts as vectors of their words, compared by cosine (Salton, Buckley 1988,
 * "Term-weighting approaches in automatic text retrieval"): the baseline of a classifier of texts.
 *
 *     weight of a word in a text = count ln((1 + texts) / (1 + texts with it)) + count,
 *     then the text's vector is made of length 1
 *
 * Words are BM25's. A word that none of the indexed texts has is left out. */
#ifndef KIN_METRICS_TFIDF_H
#define KIN_METRICS_TFIDF_H

#include "core/pool.h"
#include "data/texts.h"
#include "metrics/ranking.h"

typedef struct kin_tfidf kin_tfidf;

/* Indexes documents texts: which[i], or text i when which is NULL. */
kin_status kin_tfidf_new(kin_tfidf **tfidf, kin_pool *pool, const kin_texts *texts,
                         const int32_t *which, int64_t documents);
void kin_tfidf_free(kin_tfidf *tfidf);                 /* NULL is fine */

/* The k indexed texts most like each query, as kin_bm25_search lists them; those that share no word
 * with it are left out. The scores are the cosines times the length of the query's vector. */
kin_status kin_tfidf_search(const kin_tfidf *tfidf, kin_pool *pool, const kin_texts *texts,
                            const int32_t *which, int64_t queries, int64_t k, kin_run **run);

/* nearest[q]: the class whose mean vector has the largest cosine with query q, the first of equal
 * ones; -1 when no class shares a word with it. label: of each indexed text, 0 .. labels - 1. */
kin_status kin_tfidf_classify(const kin_tfidf *tfidf, kin_pool *pool, const kin_texts *texts,
                              const int32_t *which, int64_t queries, const int32_t *label,
                              int64_t labels, int32_t *nearest);

/* cosine[i] of texts left[i] and right[i]; 0 when one of them has no indexed word. */
kin_status kin_tfidf_cosines(const kin_tfidf *tfidf, const kin_texts *texts, const int32_t *left,
                             const int32_t *right, int64_t pairs, double *cosine);

#endif
