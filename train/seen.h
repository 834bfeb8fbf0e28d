/* Seen: the documents that each query is paired with in training, which a recommender is not asked
 * for again. */
#ifndef KIN_TRAIN_SEEN_H
#define KIN_TRAIN_SEEN_H

#include "data/store.h"
#include "metrics/ranking.h"

/* Those of row r of the judgements are document[start[r]] .. document[start[r + 1] - 1], rising. */
typedef struct {
    int64_t *start;
    int32_t *document;
} kin_seen;

/* All pairs of the store whose left text is the query's; for the validation queries without the
 * pairs that were held out for them (kin_store_held_out). */
kin_status kin_seen_make(kin_seen *seen, const kin_store *store, const kin_judgements *judgements,
                         kin_split split);
void kin_seen_free(kin_seen *seen);

#endif
