/* Evaluate: how well a model finds the documents of a split's queries. All documents are embedded
 * and searched a block at a time; the 1,000 best of each query are written as run.trec, and every
 * ranking measure is of exactly these lists. */
#ifndef KIN_TRAIN_EVALUATE_H
#define KIN_TRAIN_EVALUATE_H

#include "data/store.h"
#include "encoders/model.h"
#include "metrics/retrieval.h"
#include "train/results.h"

#define KIN_EVALUATE_MB 32                  /* of document embeddings at a time */

/* Documents of a block: as many as fit, within reason. */
int64_t kin_evaluate_block(int64_t documents, int64_t width);

/* Tokens of every text of the store, by kin_role; both point at one when the prefixes agree. */
typedef struct {
    const kin_tokens *of[2];
    kin_tokens own[2];
} kin_role_tokens;

kin_status kin_role_tokens_make(kin_role_tokens *tokens, const kin_model *model, kin_pool *pool,
                                const kin_store *store);
void kin_role_tokens_free(kin_role_tokens *tokens);

/* Whether a split has queries with a relevant document, items, or pairs with scores. */
bool kin_split_judged(const kin_store *store, kin_split split);

const char *kin_split_name(kin_split split);                       /* "validation" */

/* What one system made of one split. */
typedef struct {
    kin_judgements *judgements;
    kin_run *run;
    kin_ranking_scores *scores;
} kin_judged;

void kin_judged_free(kin_judged *judged);                          /* a zeroed one is fine */

/* A split and how many documents are listed for each query: KIN_RUN_DEPTH, or fewer for a quick
 * look, which only map notices. */
typedef struct {
    kin_split split;
    int64_t depth;
    bool unseen;                 /* without the documents that it is paired with (train/seen.h) */
} kin_look;

#define KIN_QUICK_DEPTH 100

/* Judges the model on count splits in one pass over the corpus. out: count. */
kin_status kin_evaluate_model(const kin_store *store, const kin_model *model,
                              const kin_role_tokens *tokens, const kin_look *looks, int count,
                              kin_judged *out);

/* The same for BM25. */
kin_status kin_evaluate_bm25(const kin_store *store, kin_pool *pool, const kin_look *looks,
                             int count, kin_judged *out);

/* Means and, if asked for, bootstrap intervals; without them both ends are the mean. */
kin_status kin_marks_of(kin_marks *marks, const kin_judged *judged, kin_pool *pool, uint64_t seed,
                        bool intervals);

/* Alignment of the judged queries with their documents, uniformity of a sample of the corpus.
 * warning: "" or why the embeddings have collapsed. */
kin_status kin_evaluate_shape(const kin_store *store, const kin_model *model,
                              const kin_role_tokens *tokens, const kin_judged *judged,
                              uint64_t seed, kin_shape *shape, kin_spreading *spreading,
                              char *warning, size_t size);

/* Scores of each query, as folder/SYSTEM.tsv. */
kin_status kin_judged_save_scores(const kin_judged *judged, const char *folder, const char *system);

/* Writes run.trec and qrels.trec into folder. */
kin_status kin_judged_save(const kin_judged *judged, const char *folder);

#endif
