/* Results: the scores of a set of queries, and eval/<split>/results.json. */
#ifndef KIN_TRAIN_RESULTS_H
#define KIN_TRAIN_RESULTS_H

#include <stdbool.h>
#include <stdint.h>
#include "metrics/ranking.h"
#include "metrics/statistics.h"

/* One system's averages by kin_measure, with 95 % bootstrap intervals over queries. */
typedef struct {
    bool present;
    double mean[KIN_MEASURES];
    kin_interval interval[KIN_MEASURES];
} kin_marks;

/* The geometry of the embeddings that were judged. */
typedef struct {
    double alignment, positive_cosine;          /* of queries and their relevant documents */
    double uniformity, cosine, deviation, rank; /* of a sample of the corpus */
    bool collapsed;
} kin_shape;

typedef struct {
    char split[16];
    kin_marks model, untrained, bm25;
    kin_paired against_bm25;                    /* model against BM25 by mrr@10 */
    kin_shape shape;
    int64_t queries, documents, pairs;          /* pairs: seen in training */
    int64_t depth;                              /* documents listed for a query */
    int64_t step;                               /* of the weights that were judged */
    double train_seconds, peak_mb;
} kin_results;

kin_status kin_results_save(const kin_results *results, const char *path);
kin_status kin_results_load(kin_results *results, const char *path);

#endif
