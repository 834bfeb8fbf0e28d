/* Rows: the engine that runs any loss over tiles of scores. Private to losses/. */
#ifndef KIN_LOSSES_ROWS_ROWS_H
#define KIN_LOSSES_ROWS_ROWS_H

#include "autograd/op.h"
#include "losses/loss.h"

/* Keys, counts and weights of both sides of scores, from the relation; side[].count is set. counts:
 * rows, valid, positives and negatives of the report. Fails the tape when memory is short. */
kin_status kin_rows_relate(kin_tape *tape, const kin_relation *relation, int needs,
                           kin_scores *scores, kin_loss_report *counts);

/* What a run asks for and gives. q: B x D, k: N x D, gradients of the same shapes or NULL. The
 * gradients are to be multiplied by `factor`. */
typedef struct {
    const kin_loss *loss;
    const kin_loss_setting *setting;
    double hypers[KIN_HYPERS_MAX];           /* those in use, learned ones included */
    bool unit;                               /* scores are cosines */
    bool both;                               /* also columns against rows */
    bool slopes, learns;                     /* gradients are wanted; of hyperparameters too */
    int64_t dimension;
    const real *q, *k;
    const real *raw_q, *raw_k;               /* as given, where q and k are their unit rows */
    real *dq, *dk;
    kin_scores scores;                       /* filled in by kin_rows_relate */

    double value, factor, accuracy;
    double gradient[KIN_HYPERS_MAX];         /* d value / d hyperparameter */
} kin_rows_run;

/* The loss of one relation; work space is taken from the tape's arena and given back. */
kin_status kin_rows_compute(kin_tape *tape, kin_rows_run *run);

#endif
