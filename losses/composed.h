/* Composed: the words of a loss that is made of ops. Its file defines
 *
 *     kin_tensor *compose(tape, setting, rows, columns)       the loss, 1 x 1
 *
 * on rows (B x D) and columns (B x D) as they were given, with setting->hypers in the order of its
 * descriptor, and ends with KIN_LOSS(name, .form = KIN_COMPOSED, .compose = compose, ...), its
 * kin_loss of core/score.h. The ops are those of autograd/op.h; what they cannot say is a new op,
 * not a loop here. */
#ifndef KIN_LOSSES_COMPOSED_H
#define KIN_LOSSES_COMPOSED_H

#include "autograd/op.h"
#include "losses/loss.h"

#define KIN_LOSS KIN_LOSS_DESCRIPTOR

/* sum_ij x_ij^2 */
static inline kin_tensor *squares(kin_tape *tape, kin_tensor *x)
{
    return kin_sum(tape, kin_mul(tape, x, x));
}

/* mean_i cos(a_i, b_i) */
static inline kin_tensor *mean_cosine(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    return kin_mean(tape, kin_row_dots(tape, kin_l2_normalize(tape, a), kin_l2_normalize(tape, b)));
}

/* Another loss at its defaults on the same relation, as a term of this one. */
static inline kin_loss_setting part_of(const kin_loss_setting *whole, const char *name)
{
    kin_loss_setting part;
    if (kin_loss_default(&part, name) != KIN_OK) part.loss = -1;      /* kin_loss_apply refuses */
    part.similarity = whole->similarity;
    part.relation = whole->relation;
    part.panel = whole->panel;
    return part;
}

#endif
