/* Results: the scores of a set of queries, and eval/<split>/results.json. */
#ifndef KIN_TRAIN_RESULTS_H
#define KIN_TRAIN_RESULTS_H

#include <stdbool.h>
#include <stdint.h>
#include "data/store.h"
#include "encoders/encoder.h"
#include "metrics/geometry.h"
#include "metrics/ranking.h"
#include "metrics/statistics.h"

/* The measures of a goal, the first `count`: those of kin_measure, kin_label_measure or
 * kin_score_measure. headline: the place of the one that chooses the best model and that systems
 * are compared by. */
const char *const *kin_goal_measures(kin_goal goal, int *count);
int kin_goal_headline(kin_goal goal);

/* What its batches carry for a loss (KIN_PAIRS | ...), and what they are drawn from, in words. */
int kin_goal_carries(kin_goal goal);
const char *kin_goal_data(kin_goal goal);

/* What a model of this encoder is compared with: "bm25", "tf-idf" or, of features, "features"; ""
 * of numbers, in which there is nothing to match. */
const char *kin_goal_baseline(kin_goal goal, const kin_encoder *encoder);

/* One system's averages by the goal's measures, with 95 % bootstrap intervals over queries. */
typedef struct {
    bool present;
    kin_goal goal;
    double mean[KIN_MEASURES];
    kin_interval interval[KIN_MEASURES];
} kin_marks;

/* The geometry of the embeddings that were judged. */
typedef struct {
    double alignment, positive_cosine;          /* of queries and their relevant documents */
    double uniformity, cosine, deviation, rank; /* of a sample of the corpus */
    bool collapsed;
} kin_shape;

/* BM25 and the model fused (train/further.h). */
typedef struct {
    bool present;
    int measure;                                /* that chose the weight, and compares */
    double weight;                              /* of the model's scores; BM25's have the rest */
    char chosen_on[16];                         /* a split, or "": there was none */
    kin_marks rrf, weighted;
    kin_paired against_bm25;                    /* weighted against it */
} kin_hybrid_results;

/* By relevant documents alone that no query of an earlier part has. */
typedef struct {
    bool present;
    int64_t queries, documents, left_out;       /* relevant documents: fresh, and others */
    double weight;                              /* of the model in weighted */
    kin_marks model, bm25, rrf, weighted;
} kin_fresh_results;

typedef struct {
    char split[16];
    kin_goal goal;
    kin_marks model, untrained, bm25;           /* bm25: the goal's baseline, called: */
    char baseline[16];
    kin_paired against_bm25;                    /* model against it by the goal's headline */
    kin_hybrid_results hybrid;
    kin_fresh_results fresh;
    kin_shape shape;
    int64_t queries, documents, pairs;          /* pairs: seen in training */
    int64_t depth;                              /* documents listed for a query */
    int64_t classes;                            /* of items */
    int64_t step;                               /* of the weights that were judged */
    double train_seconds, peak_mb;
    double mining_seconds;                      /* of train_seconds */
} kin_results;

/* How these embeddings are spread: eval/<split>/geometry.json. */
typedef struct {
    kin_cosines positive, random;               /* of the pairs of alignment, of uniformity */
    int values;
    double spectrum[KIN_SPECTRUM];              /* as kin_geometry_cloud has it */
} kin_spreading;

kin_status kin_spreading_save(const kin_spreading *spreading, const char *path);

/* KIN_DATA when it is not such a file. */
kin_status kin_spreading_load(kin_spreading *spreading, const char *path);

kin_status kin_results_save(const kin_results *results, const char *path);
kin_status kin_results_load(kin_results *results, const char *path);

#endif
