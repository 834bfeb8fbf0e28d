/* Arrange: a loss setting turned into the one form that the engine knows: rows against columns.
 * Private to losses/. */
#ifndef KIN_LOSSES_ARRANGE_H
#define KIN_LOSSES_ARRANGE_H

#include "autograd/op.h"
#include "losses/loss.h"

typedef struct {
    const kin_loss *loss;
    kin_loss_setting setting;             /* similarity and reduce resolved, arrays rearranged */
    kin_tensor *rows, *columns;
    bool same;                            /* score (i, j) is score (j, i) */
    const int32_t *joined;                /* of each row, the row that it is merged with, or NULL */
} kin_arranged;

/* KIN_USAGE of the tape when shapes, hyperparameters, labels or cells do not fit. given: the scores
 * in place of rows and columns, or NULL. */
kin_status kin_arrange_check(kin_tape *tape, const kin_loss_setting *setting,
                             const kin_tensor *rows, const kin_tensor *columns,
                             const kin_tensor *given);

/* A setting with its similarity and reduce resolved; rows and columns as they are given. */
kin_arranged kin_arrange_begin(const kin_loss_setting *setting, kin_tensor *rows,
                               kin_tensor *columns);

/* Anchors to the rows, views stacked, embeddings made so that their product is the similarity. */
kin_status kin_arrange(kin_tape *tape, kin_arranged *a);

/* All positives of the relation as cells, each row's in one. */
kin_status kin_arrange_positives(kin_tape *tape, kin_arranged *a);

/* Rows in place of a set: the first and the second of every pair of a class; joined says so. */
kin_status kin_arrange_join_pairs(kin_tape *tape, kin_arranged *a);

/* All cells as those of one row. */
kin_status kin_arrange_one_row(kin_tape *tape, kin_arranged *a);

/* Rows and columns change places. */
kin_status kin_arrange_flip(kin_tape *tape, kin_arranged *a);

/* A composed loss: its ops on the rows and columns as they are. */
kin_tensor *kin_composed_apply(kin_tape *tape, const kin_loss *loss,
                               const kin_loss_setting *setting, kin_tensor *rows,
                               kin_tensor *columns, kin_loss_report *report);

/* The weighted sum over setting->dims of the loss of so many coordinates. */
kin_tensor *kin_dims_apply(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns, kin_loss_report *report);

#endif
