/* Scorer: another model than the run's, a guide, asked how similar single queries and documents of
 * a store are. It does not change: all of them are embedded when it is first asked. For train/. */
#ifndef KIN_TRAIN_SCORER_H
#define KIN_TRAIN_SCORER_H

#include "data/store.h"
#include "encoders/model.h"
#include "train/run.h"

typedef struct {
    const kin_model *model;          /* of texts */
    const kin_store *store;
    const int32_t *query_text;       /* a text of the store for each query */
    int64_t queries;
    const kin_watch *watch;

    real *rows[2];                   /* by kin_role: embeddings of queries and documents, or NULL */
    int32_t *host_cell, *cell;       /* room for a block of cells */
    real *score;
} kin_scorer;

/* score[i] of query[i] and document[i]: NaN where one of them is -1. */
kin_status kin_scorer_ask(kin_scorer *scorer, int64_t cells, const int32_t *query,
                          const int32_t *document, real *score);

/* All but the model. A zeroed one is fine. */
void kin_scorer_free(kin_scorer *scorer);

#endif
