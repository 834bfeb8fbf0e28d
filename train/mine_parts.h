/* What the files of `kin mine` share: mine.c chooses, mine_score.c asks the model, mine_files.c
 * writes. */
#ifndef KIN_TRAIN_MINE_PARTS_H
#define KIN_TRAIN_MINE_PARTS_H

#include "encoders/model.h"
#include "train/evaluate.h"
#include "train/mine.h"
#include "train/scorer.h"

/* A query: its row of the judgements, its positive, what it got of `count`. */
typedef struct {
    int32_t row, positive, got;
    real score, guide;                     /* of the positive; the guide's: NaN without one */
} mine_target;

/* Pairs of a row and a document, and what the model makes of them. */
typedef struct {
    int64_t count;
    int32_t *row, *document;
    real *score;
} mine_pairs;

typedef struct {
    const kin_mine_order *order;
    const kin_store *store;
    const kin_model *model;
    kin_backend *backend;
    const kin_watch *watch;
    kin_role_tokens tokens;
    kin_judged judged;
    int32_t *row_text;                     /* of each row of the judgements */
    kin_scorer guide;                      /* model NULL: no policy asks one */
    kin_policy_round round;
    uint64_t *row_key;                     /* of each row's text */
    mine_pairs relevant, random;           /* every relevant document of every row; one drawn */
    real *opinion;                         /* the guide's scores of all that was found, or NULL */
    mine_target *target;
    int64_t targets;
    kin_candidate *chosen;                 /* targets x count; document -1: none */
    int32_t *known;                        /* room for a row's relevant documents */
    real *score;                           /* room for a list */
    kin_candidate *list;
    kin_mine_report *report;
} mine_work;

/* What the model makes of pairs. */
kin_status kin_mine_pairs_score(mine_work *work, mine_pairs *pairs);

/* What was chosen, to the order's JSONL file and to its tables. */
kin_status kin_mine_lines(const mine_work *work);
kin_status kin_mine_tables(const mine_work *work);

#endif
