/* Items: judging a model, or a baseline that learns nothing, on what is not a ranking of documents:
 * items of classes (metrics/labels.h) and pairs with scores (metrics/correlation.h).
 *
 * The baseline of texts is tf-idf (metrics/tfidf.h), that of features the features themselves, by
 * cosine. Items are embedded as queries, the two texts of a pair as query and document. */
#ifndef KIN_TRAIN_ITEMS_H
#define KIN_TRAIN_ITEMS_H

#include "metrics/correlation.h"
#include "metrics/labels.h"
#include "train/evaluate.h"

/* What is judged. */
typedef struct {
    const kin_store *store;
    const kin_model *model;            /* NULL: the baseline */
    const kin_role_tokens *tokens;     /* of the model; unused with features */
    kin_backend *backend;
    kin_split split;
    uint64_t seed;                     /* of intervals and samples */
    bool intervals;                    /* by bootstrap, in marks; else both ends are the mean */
} kin_items_setting;

/* What came of it. count: items or pairs of the split. */
typedef struct {
    kin_goal goal;
    kin_marks marks;
    kin_shape shape;                   /* of a model's embeddings */
    kin_spreading spreading;           /* of these */
    char warning[300];                 /* "", or why they have collapsed */
    int64_t count;
    int32_t *query;                    /* of each, its query in the store */
    int32_t *label;                    /* of items, else NULL */
    kin_label_scores *labels;
    double *right, *cosine;            /* of pairs: what people said, from 0 to 1; what it says */
} kin_items_judged;

kin_status kin_items_judge(const kin_items_setting *setting, kin_items_judged *out);
void kin_items_judged_free(kin_items_judged *judged);              /* a zeroed one is fine */

/* The paired test of two systems judged on the same split, by the goal's first measure. */
kin_status kin_items_compare(kin_paired *out, kin_pool *pool, uint64_t seed,
                             const kin_items_judged *a, const kin_items_judged *b);

/* Writes SYSTEM.tsv into folder: "query<TAB>measure<TAB>...", a line for each item or pair with its
 * scores, 17 digits. The mean of a column is the measure; one that some item lacks is left out. */
kin_status kin_items_save_scores(const kin_items_judged *judged, const kin_store *store,
                                 const char *folder, const char *system);

/* Writes items.tsv or pairs.tsv into folder: what the model says of each item or pair. */
kin_status kin_items_save(const kin_items_judged *judged, const kin_store *store,
                          const char *folder);

/* items_labels.c, items_scores.c: fill the rest of out, whose query (and label) are there. */
kin_status kin_items_judge_labels(const kin_items_setting *setting, kin_items_judged *out);
kin_status kin_items_judge_scores(const kin_items_setting *setting, kin_items_judged *out);

/* Embeddings of queries of the store to `out` (count x width, backend memory). */
kin_status kin_items_embed(const kin_items_setting *setting, kin_encoding *encoding,
                           const int32_t *query, int64_t count, real *out);

/* The shape of embeddings (rows x width, host memory): uniformity and such of a sample of rows,
 * alignment of the rows left[i] and right[i]. */
kin_status kin_items_shape(const kin_items_setting *setting, int64_t rows, const real *x,
                           int64_t pairs, const int32_t *left, const int32_t *right,
                           kin_items_judged *out);

#endif
