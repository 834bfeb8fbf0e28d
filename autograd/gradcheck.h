/* Gradient check: the gradients that backward gives beside the slopes that forward shows. Signed,
 * entry by entry, for any function of the tape. It is meant for kin64: in float the slopes are good
 * for three digits only.
 *
 * Slopes are central differences extrapolated to step 0 (Ridders 1982, "Accurate computation of
 * F'(x) and F'(x)F''(x)"): steps shrink until the estimate no longer improves, so that flat and
 * sharp functions alike come out to 1e-10 and better. */
#ifndef KIN_AUTOGRAD_GRADCHECK_H
#define KIN_AUTOGRAD_GRADCHECK_H

#include "autograd/op.h"

/* What every gradient check must stay below, in double. */
#define KIN_GRADIENT_BOUND 1e-7

/* Records a function of the parameters and returns its 1 x 1 value. It is called many times, the
 * first time for the gradients and then for slopes; the tape was reset with the same seed and step,
 * training. */
typedef kin_tensor *(*kin_function)(kin_tape *tape, void *context);

/* The worst entry. error = |gradient - slope| / scale; scale is the largest slope of the parameter,
 * but at least 1e-4 of the largest of all and 1e-6 of max(1, |value|). */
typedef struct {
    double error;
    double gradient, slope, scale;
    int param;                  /* place in params */
    int64_t row, col;
    int64_t entries;            /* that were compared */
} kin_gradcheck;

/* Compares every entry of every parameter. Afterwards their values are as before and the tape is
 * reset, not for training. step: the first and largest
 * difference, 0: 0.05; where gradient and slope differ, 1/40 of it and less is tried too, so that a
 * kink of the function nearby does no harm. */
kin_status kin_gradient_check(kin_tape *tape, kin_function function, void *context,
                              kin_tensor *const *params, int count, double step,
                              kin_gradcheck *worst);

/* All examples of an op, each under sum_ij r_ij y_ij with fixed r: the worst entry of all. */
kin_status kin_gradient_check_op(kin_tape *tape, const kin_op *op, kin_gradcheck *worst);

#endif
