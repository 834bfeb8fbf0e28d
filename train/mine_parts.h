/* What the files of `kin mine` share: mine.c chooses and writes, mine_score.c asks the model. */
#ifndef KIN_TRAIN_MINE_PARTS_H
#define KIN_TRAIN_MINE_PARTS_H

#include "encoders/model.h"
#include "train/evaluate.h"
#include "train/mine.h"

/* A query: its row of the judgements, its positive, what it got of `count`. */
typedef struct {
    int32_t row, positive, got;
    float score;                           /* of the positive */
} mine_target;

/* Pairs of a row and a document, and what the model makes of them. */
typedef struct {
    int64_t count;
    int32_t *row, *document;
    float *score;
} mine_pairs;

typedef struct {
    const kin_mine_order *order;
    const kin_store *store;
    const kin_model *model;
    kin_backend *backend;
    const kin_watch *watch;
    kin_role_tokens tokens;
    kin_judged judged;
    kin_policy_round round;
    uint64_t *key, *query_key;             /* of documents, of rows; or NULL */
    mine_pairs relevant, random;           /* every relevant document of every row; one drawn */
    mine_target *target;
    int64_t targets;
    kin_candidate *chosen;                 /* targets x count; document -1: none */
    int32_t *known;                        /* room for a row's relevant documents */
    real *score;                           /* room for a list */
    kin_candidate *list;
    kin_mine_report *report;
} mine_work;

/* Room for pairs; what the model makes of those that are there; free is fine with a zeroed one. */
kin_status kin_mine_pairs_take(mine_pairs *pairs, int64_t room);
kin_status kin_mine_pairs_score(mine_work *work, mine_pairs *pairs);
void kin_mine_pairs_free(mine_pairs *pairs);

#endif
