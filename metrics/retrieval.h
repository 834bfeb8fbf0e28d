/* Retrieval: from embeddings or BM25 to judged rankings. The corpus passes in blocks, and what is
 * held is the k best documents of each query so far, never queries x documents. */
#ifndef KIN_METRICS_RETRIEVAL_H
#define KIN_METRICS_RETRIEVAL_H

#include "core/backend.h"
#include "data/store.h"
#include "metrics/ranking.h"

/* The queries of one split (KIN_TRAIN, KIN_VALIDATION, KIN_TEST) and all that the store says about
 * them. Row r is query judgements->query[r] of the store, ascending: embed the queries in this
 * order. The store must outlive the judgements. */
kin_status kin_judgements_of_store(kin_judgements **judgements, const kin_store *store, int split);

/* A search under way. */
typedef struct kin_retrieval kin_retrieval;

/* queries (rows x cols) is the backend's memory and borrowed; k documents are kept for each. */
kin_status kin_retrieval_new(kin_retrieval **retrieval, kin_backend *backend, int64_t rows,
                             int64_t cols, const real *queries, int64_t k);

/* Documents that are never listed: those of row r are document[start[r]] .. document[start[r + 1] -
 * 1], rising. Borrowed; before the first add. */
void kin_retrieval_skip(kin_retrieval *retrieval, const int64_t *start, const int32_t *document);

/* The next documents of the corpus (documents x cols, the backend's memory): the first document of
 * the first block has index 0. Work space comes from the arena and is given back. */
kin_status kin_retrieval_add(kin_retrieval *retrieval, kin_arena *work, int64_t documents,
                             const real *block);

/* The lists: by score descending, then index ascending. Frees the retrieval, also on failure. */
kin_status kin_retrieval_finish(kin_retrieval *retrieval, kin_run **run);
void kin_retrieval_free(kin_retrieval *retrieval);         /* to give up early; NULL is fine */

/* All documents at once: new, add, finish. */
kin_status kin_retrieve(kin_run **run, kin_backend *backend, kin_arena *work, int64_t rows,
                        int64_t documents, int64_t cols, const real *q, const real *d, int64_t k);

/* What a trainer calls: orders the run by trec_eval's rule and judges it. */
kin_status kin_run_evaluate(kin_ranking_scores **scores, kin_run *run, kin_pool *pool,
                            const kin_judgements *judgements);

#endif
