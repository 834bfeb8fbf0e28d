/* Batch: made-up batches of every kind that losses take, for checks and tests, so that these need
 * not know any loss by name: what it is given follows from its descriptor alone. Host memory. */
#ifndef KIN_LOSSES_BATCH_H
#define KIN_LOSSES_BATCH_H

#include "losses/loss.h"

enum { KIN_BATCH_BLOCKS = 16 };

typedef struct {
    kin_loss_setting setting;         /* the loss at its defaults, and what follows */
    const char *kind;                 /* "labels, both ways" */
    kin_tensor rows, columns;         /* B x D and N x D; columns.value NULL: the rows themselves */
    bool scores;                      /* rows are B x N scores (or 1 x cells) */
    bool smooth[2];                   /* the loss has a derivative by the rows, by the columns: a
                                         cosine has none at a zero row */
    kin_cells cells;
    kin_tensor target, learned[KIN_HYPERS_MAX];
    real parameter[KIN_HYPERS_MAX];
    void *block[KIN_BATCH_BLOCKS];
    int blocks;
} kin_loss_batch;

/* What kind number n is like; NULL behind the last. The first is plain pairs, one way. */
const char *kin_loss_batch_kind(int n);

/* Whether kind number n is one of the few that are looked at for every hyperparameter. */
bool kin_loss_batch_kind_is_main(int n);

/* A batch of about so many rows and columns: fewer columns where the kind or the loss pairs row i
 * with column i. KIN_USAGE when the loss does not take this kind, as the loss itself says. Numbers
 * are normal, the same for the same seed. The tape is reset. */
kin_status kin_loss_batch_make(kin_loss_batch *batch, kin_tape *tape, int loss, int kind,
                               int64_t rows, int64_t columns, int64_t dimension, uint64_t seed);
void kin_loss_batch_free(kin_loss_batch *batch);

/* Learnable hyperparameters become parameters that start at setting.hypers. */
void kin_loss_batch_learn(kin_loss_batch *batch);

/* What the loss holds constant in its derivative (kin_loss.holds) stays what it is for the numbers
 * that the batch has now, also when these change. */
kin_status kin_loss_batch_hold(kin_loss_batch *batch, kin_tape *tape);

/* The loss of the batch. */
kin_tensor *kin_loss_batch_apply(kin_loss_batch *batch, kin_tape *tape, kin_loss_report *report);

/* Setting number n of those that a loss is tried with: its defaults, every combination of its
 * choices, and both ends of every number; some are the same. what: "temperature 0.001". False
 * behind the last. */
bool kin_loss_batch_hypers(const kin_entry *loss, int n, double *hypers, char *what, size_t room);

#endif
