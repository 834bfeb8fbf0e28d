/* Scorer: another model than the run's, a guide, asked how similar single queries and documents of
 * a store are. It does not change: all of them are embedded when it is first asked. For train/. */
#ifndef KIN_TRAIN_SCORER_H
#define KIN_TRAIN_SCORER_H

#include "data/store.h"
#include "encoders/model.h"
#include "train/run.h"

typedef struct {
    kin_model *model;                /* its own, of texts; NULL: nobody is asked */
    const kin_store *store;
    const int32_t *query_text;       /* a text of the store for each query */
    int64_t queries;
    const kin_watch *watch;

    real *rows[2];                   /* by kin_role: embeddings of queries and documents, or NULL */
    int32_t *host_cell, *cell;       /* room for a block of cells */
    real *score;
} kin_scorer;

/* Opens the model of a run or model folder; whoever asks fills in store, queries and watch before.
 * where: what named the folder. KIN_USAGE of a model that takes no texts. */
kin_status kin_scorer_open(kin_scorer *scorer, kin_backend *backend, const char *where,
                           const char *path);

/* score[i] of query[i] and document[i]: NaN where one of them is -1. */
kin_status kin_scorer_ask(kin_scorer *scorer, int64_t cells, const int32_t *query,
                          const int32_t *document, real *score);

void kin_scorer_free(kin_scorer *scorer);        /* a zeroed one is fine */

#endif
