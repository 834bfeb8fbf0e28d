/* Check: the derivatives of a loss beside differences of its value, through the same fused paths
 * that training uses, for `kin check`. Meant for kin64. */
#ifndef KIN_LOSSES_CHECK_H
#define KIN_LOSSES_CHECK_H

#include "autograd/gradcheck.h"
#include "losses/batch.h"

/* One comparison; what: "gradient, temperature 0.001". */
typedef struct {
    const char *loss, *what, *where;
    double error, bound;
} kin_loss_check_line;

typedef void (*kin_loss_check_report)(void *state, const kin_loss_check_line *line);

/* The worst gradient of one batch, with its learnable hyperparameters as parameters; name: of the
 * tensor. A loss that holds something constant (kin_loss.holds) gives its gradient on the path that
 * training takes; the differences are of its value with what it holds held. worst->error is -1
 * where there is nothing to compare: a hyperparameter says to hold what moves with the scores. */
kin_status kin_loss_batch_check(kin_loss_batch *batch, kin_tape *tape, kin_gradcheck *worst,
                                const char **name);

/* Every kind of batch that the loss takes at its defaults; the main kinds for every combination of
 * choices and at both ends of every other hyperparameter. */
kin_status kin_loss_check(kin_tape *tape, int loss, kin_loss_check_report report, void *state);

#endif
