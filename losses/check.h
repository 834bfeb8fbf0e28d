/* Check: the derivatives of a loss beside differences of its value, through the same fused paths
 * that training uses, for `kin check`. Meant for kin64. */
#ifndef KIN_LOSSES_CHECK_H
#define KIN_LOSSES_CHECK_H

#include "autograd/gradcheck.h"
#include "losses/loss.h"

/* One comparison; what: "gradient, temperature 0.001, symmetric". */
typedef struct {
    const char *loss, *what, *where;
    double error, bound;
} kin_loss_check_line;

typedef void (*kin_loss_check_report)(void *state, const kin_loss_check_line *line);

/* Pairs and labels, one-way and symmetric, at the default and at both ends of every
 * hyperparameter. A loss that holds something constant in its derivative has no differences to be
 * compared with: it reports nothing here and rests on its known values. */
kin_status kin_loss_check(kin_tape *tape, int loss, kin_loss_check_report report, void *state);

#endif
