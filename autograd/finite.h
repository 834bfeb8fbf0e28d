/* Finite: looks for NaN and infinity and, after they have shown themselves in a sum, finds where
 * they came from. That walks what the tape recorded, so it may be slow; a healthy step never comes
 * there. A number whose square overflows counts as infinite. */
#ifndef KIN_AUTOGRAD_FINITE_H
#define KIN_AUTOGRAD_FINITE_H

#include "autograd/op.h"

/* Fails the tape (KIN_NUMERICAL): names the first op whose value is not finite, its tensor and
 * the row; the loss's value where none is found. */
void kin_explain_value(kin_tape *tape, double loss);

/* Fails the tape (KIN_NUMERICAL): names the op whose backward pass first made a gradient that is
 * not finite, the tensor and the row, and the parameter that it spoilt. */
void kin_explain_gradient(kin_tape *tape, const kin_tensor *parameter);

#endif
